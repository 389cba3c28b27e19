"""What callers of the TTLock open platform send: a model a call (ttlock-cloud).

Requests come as text in query and form; one type for each unit. Unknown parameters are ignored.
"""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AliasChoices, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel


def _decimal(value: object) -> object:
    """Forms carry numbers as decimal text; JSON-minded callers pass numbers."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}", value):
        return int(value)
    return None if isinstance(value, str) else value


Number = Annotated[int, Field(ge=-(2**53), le=2**53, strict=True), BeforeValidator(_decimal)]
Millis = Annotated[Number, Field(ge=0)]  # ms since 1970
Seconds = Annotated[Number, Field(ge=0)]
Text = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]
Blob = Annotated[str, StringConstraints(min_length=1, max_length=16384, pattern=r"^[A-Za-z0-9+/=]+$")]


class Parameters(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, frozen=True)


class Request(Parameters):
    """The parameters of one call of an app."""

    client_id: Text = Field(validation_alias=AliasChoices("clientId", "client_id"))


class TokenRequest(Request):
    client_secret: Text = Field(validation_alias=AliasChoices("clientSecret", "client_secret"))
    grant_type: Text = Field("password", alias="grant_type")
    username: Text | None = None
    password: Text | None = None
    refresh_token: Text | None = Field(None, alias="refresh_token")
    verify_code: Text | None = None  # for a new device; not in the documents


class RegisterRequest(Request):
    client_secret: Text = Field(validation_alias=AliasChoices("clientSecret", "client_secret"))
    username: Text
    password: Text
    date: Millis


class SignedRequest(Request):
    access_token: Text
    date: Millis


class LockRequest(SignedRequest):
    lock_id: Number


class GatewaysRequest(SignedRequest):
    page_no: Annotated[Number, Field(ge=1)]
    page_size: Annotated[Number, Field(ge=1, le=1000)]


class LocksRequest(GatewaysRequest):
    lock_alias: Text | None = None  # a part of the alias
    group_id: Number | None = None
    type: Number | None = None  # 1 lock, 2 lift, 3 power saver


class KeysRequest(GatewaysRequest):
    lock_alias: Text | None = None
    group_id: Number | None = None


class GatewayRequest(SignedRequest):
    gateway_id: Number


class PasscodesRequest(LockRequest):
    search_str: Text | None = None  # a part of the name, or the whole code
    page_no: Annotated[Number, Field(ge=1)]
    page_size: Annotated[Number, Field(ge=1, le=200)]
    order_by: Annotated[Number, Field(ge=0, le=2)] = 1  # 0 by name, 1 newest first, 2 by name downwards


class RecordsRequest(LockRequest):
    start_date: Millis = 0  # 0: open
    end_date: Millis = 0
    page_no: Annotated[Number, Field(ge=1)] = 1
    page_size: Annotated[Number, Field(ge=1, le=100)] = 20


class InitializeRequest(SignedRequest):
    lock_data: Blob
    lock_alias: Text | None = None
    group_id: Number | None = None
    nb_init_success: Number | None = None


class LockDataRequest(LockRequest):
    lock_data: Blob


class RecheckRequest(LockDataRequest):
    """Three generations of parameters exist; the older ones come beside lockData."""

    firmware_info: Text | None = None
    model_num: Text | None = None
    hardware_revision: Text | None = None
    firmware_revision: Text | None = None
    special_value: Number | None = None


class PasscodeRequest(LockRequest):
    keyboard_pwd: Text
    keyboard_pwd_name: Text | None = None
    keyboard_pwd_type: Number = 3
    start_date: Millis | None = None
    end_date: Millis | None = None
    add_type: Number = 1


class DeletePasscodeRequest(LockRequest):
    keyboard_pwd_id: Number
    delete_type: Number = 1  # 1 over Bluetooth already, 2 by a gateway, 3 NB


class DeleteCodeRequest(LockRequest):
    keyboard_pwd: Text
    delete_type: Number = 1


class ChangePasscodeRequest(LockRequest):
    keyboard_pwd_id: Number
    keyboard_pwd_name: Text | None = None
    new_keyboard_pwd: Text | None = None
    start_date: Millis | None = None
    end_date: Millis | None = None
    change_type: Number = 1


class GetPasscodeRequest(LockRequest):
    keyboard_pwd_type: Number
    keyboard_pwd_version: Number = 4
    keyboard_pwd_name: Text | None = None
    start_date: Millis
    end_date: Millis | None = None


Json = Annotated[str, StringConstraints(min_length=1, max_length=65536)]


class UploadRequest(LockRequest):
    records: Json  # a JSON array


class UploadPasscodesRequest(LockRequest):
    keyboard_pwd_list: Json


class OnPremiseRequest(Parameters):
    """No app, no user: a secret that is issued by hand."""

    secret: Text
    lock_data: Blob
    account: Text | None = None
