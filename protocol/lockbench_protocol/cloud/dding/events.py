"""What the dding SaaS tells its callers' addresses: events, their details, the signature (dding V1.6 9).

The signature and the service callback are additions of later versions. A detail is nested as printed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict


class Detail(BaseModel):
    model_config = ConfigDict(frozen=True)


class BatteryDetail(Detail):
    battery_level: int  # percent


class LocalCode(Detail):
    id: int
    password: str


class LocalId(Detail):
    id: int


class SyncDetail(Detail):
    passwords: list[LocalCode]


class LocalDetail(Detail):
    password: LocalCode


class LocalGoneDetail(Detail):
    password: LocalId


class OpenDetail(Detail):
    """V1.6 prints none; the keys of get_lock_events, as later versions send them."""

    eventid: int
    source: int
    sourceid: int
    source_name: str


class CentreDetail(Detail):
    subdevices: list[str]  # uuids


class FreshBatteryDetail(Detail):
    battery: int  # percent


class SubmitDetail(Detail):
    sp_state: int
    origin_state: int
    to_state: int
    public_auth: bool


class ReplaceDetail(Detail):
    old_uuid: str


@dataclass(frozen=True, slots=True)
class Event:
    name: str
    device: Literal["lock", "gateway", "home", "any"]
    section: str  # "" where V1.6 does not know it
    detail: type[Detail] | None = None
    spellings: tuple[str, ...] = ()  # under which it is met as well


# fmt: off
EVENTS: tuple[Event, ...] = (
    Event("batteryAlarm", "lock", "9.2.1", BatteryDetail),
    Event("clearBattryAlarm", "lock", "9.2.1", BatteryDetail, ("clearBatteryAlarm",)),
    Event("brokenAlarm", "lock", "9.2.2"),
    Event("wrongPwdAlarm", "lock", "9.2.3"),
    Event("pwdSync", "lock", "9.2.4", SyncDetail),
    Event("pwdAddLocal", "lock", "9.2.5", LocalDetail),
    Event("pwdDelLocal", "lock", "9.2.5", LocalGoneDetail),
    Event("pwdUpdateLocal", "lock", "9.2.5", LocalDetail),
    Event("lockerOpenAlarm", "lock", "9.2.6", OpenDetail),
    Event("centerOfflineAlarm", "gateway", "9.2.7", CentreDetail),  # the detail: later versions
    Event("clearCenterOfflineAlarm", "gateway", "9.2.7"),
    Event("lockOfflineAlarm", "lock", "9.2.8"),
    Event("clearLockOfflineAlarm", "lock", "9.2.8"),
    Event("batteryAsync", "lock", "", FreshBatteryDetail),
    Event("installerSubmit", "home", "", SubmitDetail),
    Event("deviceInstall", "any", ""),
    Event("deviceUninstall", "any", ""),
    Event("deviceReplace", "any", "", ReplaceDetail),
)
# fmt: on

SERVICES = {  # operation of a password: the service of its callback, later versions
    1: "Password_Add_Service",
    2: "Password_Delete_Service",
    3: "Password_Update_Service",
    4: "Password_Frozen_Service",
    5: "Password_Unfrozen_Service",
}
SERVICE_DONE = 1000
"""result.ErrNo of a service callback that tells of success."""
SERVICE_FAILED = 5101


class Callback(BaseModel):
    """The body that an address gets (9.1)."""

    model_config = ConfigDict(frozen=True)

    event: str
    time: int  # ms since 1970
    uuid: str
    home_id: str
    room_id: str | None = None  # inner locks only
    nickname: str
    detail: dict[str, object] | None = None
    sign: str | None = None  # later versions


def signature(url: str, body: Mapping[str, object]) -> str:
    """The `sign` of a body that goes to `url`: 32 lower-case hex digits. It holds no secret (later versions).

    md5 over the address and the top-level pairs in the order of their keys, `sign` left out; null is empty,
    objects and arrays are compact JSON in their own order.
    """
    pairs = (f"{key}={_text(body[key])}" for key in sorted(body) if key != "sign")
    return hashlib.md5((url + "&".join(pairs)).encode(), usedforsecurity=False).hexdigest()


def _text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
