"""What callers of the AIOT cloud send and get, and the table of its endpoints ("AIOT OTA").

The verb is not printed: POST, and GET with a query where older public clients ask so. A request carries its
caller in headers, whose names know no case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from pydantic.alias_generators import to_camel

PREFIXES = ("", "/3rd/v1.0", "/v2.0")
"""Under each of these, real clouds serve the same paths."""
BASE = "/open/"

Seconds = Annotated[int, Field(ge=0, description="s")]
Millis = Annotated[int, Field(ge=0, description="ms since 1970")]
Percent = Annotated[int, Field(strict=True, ge=0, le=100, description="percent")]
Text = Annotated[
    str, StringConstraints(strict=True, min_length=1, max_length=64, pattern=r"^[^\x00-\x1f\x7f]+$")
]


@dataclass(frozen=True, slots=True)
class Header:
    name: str
    required: bool
    meaning: str


APP_ID, APP_KEY, OPEN_ID, TOKEN = "Appid", "Appkey", "Openid", "Access-Token"
HEADERS = (
    Header(APP_ID, required=True, meaning="the application"),
    Header(APP_KEY, required=True, meaning="its key, in clear"),
    Header(OPEN_ID, required=False, meaning="the user; absent: the payload's, else the token's"),
    Header(TOKEN, required=True, meaning="what the user granted the application"),
)


class Request(BaseModel):
    """The payload of one call; unknown fields are ignored."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    open_id: Text | None = None


class DeviceRequest(Request):
    did: Text


class Shown(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True)


class Offer(Shown):
    """The newer firmware of a device."""

    firmware_version: str
    file_size: str  # bytes, as decimal text
    update_log: str
    release_date: str  # YYYY-MM-DD by our reading: no format is printed


class Upgradable(Shown):
    did: str
    name: str
    device_model: str
    firmware_version: str  # that runs
    upgrade_firmware: Offer


class Upgrade(Shown):
    """A line of the history that the page promises and no table defines; its fields are ours."""

    firmware_version: str
    start: Millis
    end: Millis
    upgrade_result: str  # "0" failed, "1" done
    cause: str


class Reply(Shown):
    """A success. `message` and `requestId` are not printed; real clouds add them."""

    code: int = 0
    message: str = ""
    request_id: str = ""

    def body(self) -> dict[str, object]:
        return self.model_dump(by_alias=True)


class QueryReply(Reply):
    result: list[Upgradable]


class StartReply(Reply):
    result: str  # not explained in print: the number of the task


@dataclass(frozen=True, slots=True)
class Endpoint:
    name: str  # of its handler
    path: str
    methods: tuple[str, ...]
    request: type[Request]
    reply: type[Reply]
    codes: tuple[int, ...]  # refusals it may give; with 304 and 306, which come before it
    writes: bool


_GRANT = (109, 302, 305, 429, 500, 2002, 2004, 2005, 2009, 2010)
_DEVICE = (*_GRANT, 601, 604, 717)
_GET_TOO = ("POST", "GET")
_POST = ("POST",)

ENDPOINTS: tuple[Endpoint, ...] = (
    Endpoint(
        "query", "/open/ota/query/firmware", _GET_TOO, Request, QueryReply, (*_GRANT, 905), writes=False
    ),
    Endpoint(
        "query_selected",
        "/open/ota/query/firmware/selected",
        _GET_TOO,
        DeviceRequest,
        QueryReply,
        (*_DEVICE, 904),
        writes=False,
    ),
    Endpoint(
        "upgrade", "/open/ota/upgrade/firmware", _POST, Request, StartReply, (*_GRANT, 906, 908), writes=True
    ),
    Endpoint(
        "upgrade_selected",
        "/open/ota/upgrade/firmware/selected",
        _POST,
        DeviceRequest,
        StartReply,
        (*_DEVICE, 602, 901, 902, 904, 906, 908, 909, 910, 912),
        writes=True,
    ),
)
