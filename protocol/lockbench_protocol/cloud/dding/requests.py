"""What callers of the dding SaaS send: a model a call, its fields under one name each (dding V1.6 4-8).

Spellings are undone before a model sees a request (`endpoints.canonical`). Times end in their unit's type:
Seconds here, always. Limits are ours: ids 64 characters, phones 32, other texts 1024, integers 64 bit.
"""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, ValidationInfo

DIGITS: dict[str, object] = {"digits": True}
"""The validation context under which decimal text counts as an integer: query strings, lenient bodies."""


def _decimal(value: object, info: ValidationInfo) -> object:
    if isinstance(value, str) and info.context == DIGITS and re.fullmatch(r"-?[0-9]{1,19}", value):
        return int(value)
    return value


def _plain(value: object) -> object:
    if isinstance(value, bool | float):
        raise ValueError("no integer")
    return value


_DECIMAL = BeforeValidator(_decimal)
Int = Annotated[int, Field(strict=True, ge=-(2**63), le=2**63 - 1), _DECIMAL]
Natural = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1), _DECIMAL]
Seconds = Annotated[int, Field(strict=True, ge=0, le=2**63 - 1, description="s since 1970"), _DECIMAL]
Flag = Annotated[Literal[0, 1], BeforeValidator(_plain), _DECIMAL]
SpState = Annotated[Literal[1, 2], BeforeValidator(_plain), _DECIMAL]
InstallState = Annotated[Literal[3, 4, 5], BeforeValidator(_plain), _DECIMAL]
HomeType = Annotated[Literal[1, 2], BeforeValidator(_plain), _DECIMAL]

Id = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")
]
Text = Annotated[str, StringConstraints(strict=True, max_length=1024, pattern=r"^[^\x00]*$")]
Phone = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=32, pattern=r"^\+?[0-9][0-9 -]*$")
]
Code = Annotated[str, StringConstraints(strict=True, pattern=r"^[0-9]{6}$")]
Secret = Annotated[str, StringConstraints(strict=True, min_length=1, max_length=1024, pattern=r"^[^\x00]+$")]


def _later(meaning: str) -> object:
    """A field that later versions have; under V1.6 it is an unknown key, and ignored."""
    return Field(None, description=meaning, json_schema_extra={"since": "later"})


class Request(BaseModel):
    """The parameters of one call without its token; unknown ones are ignored."""

    model_config = ConfigDict(frozen=True)


class TokenRequest(Request):
    client_id: Secret
    client_secret: Secret


class HomeRequest(Request):
    home_id: Id


class HomesRequest(Request):
    home_id: list[Id]


class AddHomeRequest(HomeRequest):
    """The table of 5.1.2 is lost; only home_id is certain to be required."""

    location: Text | None = None
    home_name: Text | None = None
    description: Text | None = None
    home_type: HomeType | None = _later("1 scattered flats, 2 one building")  # type: ignore[assignment]  # a Field
    country: Text | None = _later("country")  # type: ignore[assignment]  # a Field
    province: Text | None = _later("province")  # type: ignore[assignment]  # a Field
    city: Text | None = _later("city")  # type: ignore[assignment]  # a Field
    zone: Text | None = _later("district")  # type: ignore[assignment]  # a Field
    block: Text | None = _later("estate")  # type: ignore[assignment]  # a Field


class UpdateHomeRequest(HomeRequest):
    """What is absent stays as it is."""

    sp_state: SpState | None = None
    location: Text | None = None
    home_name: Text | None = None
    description: Text | None = None
    install_state: InstallState | None = _later("3 assigned, 4 not, 5 done")  # type: ignore[assignment]  # a Field


class AddRoomRequest(HomeRequest):
    room_id: Id
    room_name: Text
    room_description: Text


class UpdateRoomRequest(HomeRequest):
    room_id: Id
    room_name: Text | None = None
    room_description: Text | None = None


class RoomRequest(Request):
    home_id: Id | None = None
    room_id: Id


class CentreRequest(Request):
    home_id: Id | None = None
    uuid: Id | None = None


class LockRequest(Request):
    """uuid decides; else room_id, with home_id when room_id is not the caller's only one."""

    home_id: Id | None = None
    room_id: Id | None = None
    uuid: Id | None = None


class Window(Request):
    """When a password is valid; both absent: always."""

    permission_begin: Seconds | None = None
    permission_end: Seconds | None = None


class AddPasswordRequest(LockRequest, Window):
    phonenumber: Phone
    is_default: Flag
    password: Code
    name: Text | None = None
    description: Text | None = None
    is_send_location: bool | None = _later("the address goes into the message")  # type: ignore[assignment]  # a Field


class PasswordRequest(LockRequest):
    password_id: Int


class UpdatePasswordRequest(PasswordRequest, Window):
    phonenumber: Phone
    password: Code
    name: Text | None = None
    description: Text | None = None


class Period(LockRequest):
    """Both ends belong to it."""

    start_time: Seconds | None = None
    end_time: Seconds | None = None


class Page(Request):
    offset: Natural = 0
    count: Natural = 50


class EventsRequest(Period, Page):
    pass


class CountOperationsRequest(Period):
    operator: Text | None = None
    op_id: Text | None = None


class OperationsRequest(CountOperationsRequest, Page):
    pass


class OrderRequest(HomeRequest):
    date: Seconds
    time: Seconds  # 100 all day, 101 morning, 102 afternoon, 103 evening, or a moment
    name: Text
    phone: Phone
    note: Text | None = None


class UpdateOrderRequest(HomeRequest):
    date: Seconds | None = None
    time: Seconds | None = None
    name: Text | None = None
    phone: Phone | None = None
    note: Text | None = None
