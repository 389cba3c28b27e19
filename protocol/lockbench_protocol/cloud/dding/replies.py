"""What the dding SaaS answers beside ErrNo and ErrMsg: a model a call (dding V1.6 4-8).

A field that was not set is left out; one that is None is null. Seconds and Millis never mix.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Seconds = Annotated[int, Field(description="s since 1970")]
Millis = Annotated[int, Field(description="ms since 1970")]

ADMIN_ID = 999
"""The id of a lock's administrator password."""
FIRST_ID = 1001
"""The id of a lock's first other password; ids are never used again."""


class SpState(IntEnum):
    NOT_INSTALLED = 1
    MANAGEABLE = 2


class InstallState(IntEnum):
    ASSIGNED = 3
    NOT_ASSIGNED = 4
    FINISHED = 5


class Line(IntEnum):
    ONLINE = 1
    OFFLINE = 2


class Operation(IntEnum):
    ADD = 1
    DELETE = 2
    UPDATE = 3
    FREEZE = 4
    UNFREEZE = 5


class Stage(IntEnum):
    RUNNING = 1
    FAILED = 2
    DONE = 3


class PermissionState(IntEnum):
    NORMAL = 1
    OUTSIDE = 2


class PermissionStatus(IntEnum):
    PERMANENT = 1
    LIMITED = 2


class PasswordState(IntEnum):
    """Later versions; only ACTIVE opens."""

    INITIAL = 1
    ACTIVE = 2
    WILL_BE_ACTIVE = 3
    EXPIRED = 4
    FROZEN = 5


class OrderStage(IntEnum):
    ACTIVE = 1
    CONFIRMED = 2


DeviceKind = Literal["gateway", "home_lock", "room_lock"]


class Reply(BaseModel):
    """A success without further words."""

    model_config = ConfigDict(frozen=True)

    def body(self) -> dict[str, object]:
        return self.model_dump(mode="json", exclude_unset=True)


class TokenReply(Reply):
    access_token: str
    expires_time: Seconds  # the moment the token ends, no lifetime


class AddHomeReply(Reply):
    home_id: str  # an echo; a later client wants it


class ServiceReply(Reply):
    serviceid: str = ""  # digits; V1.6 has it in del_home only


class HomeState(Reply):
    sp_state: SpState
    install_state: InstallState


class HomeStateReply(Reply):
    result: HomeState


class HomeStatesReply(Reply):
    result: dict[str, HomeState]


class Device(Reply):
    type: DeviceKind
    sn: str
    uuid: str
    room_id: str  # gateway and home_lock: the home's id


class LiveDevice(Device):
    """5.7 adds the state and does not print its keys: those of 6.1 and 6.2."""

    onoff_line: Line
    onoff_time: Seconds
    power: int = -1  # locks


class HomeDeviceReply(Reply):
    result: list[Device]


class HomeDevicesReply(Reply):
    result: dict[str, list[LiveDevice]]


class RoomReply(Reply):
    room_id: str


class Versions(Reply):
    kernel_version: str = "0.0.3.0"
    zigbee_version: str = "1.0.0.2"
    media_version: str = "0.0.1.1"
    hardware_version: str = "0.0.3.0"
    app_version: str = "0.1.4.12"


class CentreReply(Reply):
    mac: str
    sn: str
    bind_time: Seconds
    onoff_line: Line
    onoff_time: Seconds
    uuid: str
    name: str
    model: str
    brand: str
    versions: Versions


class LockReply(CentreReply):
    power: int  # percent, -1 unknown
    power_refreshtime: Seconds


class Permission(Reply):
    begin: Seconds
    end: Seconds
    status: PermissionStatus


class Password(Reply):
    id: int
    time: Millis
    is_default: Literal[0, 1]
    operation: Operation
    operation_stage: Stage
    permission_state: PermissionState
    name: str = ""
    send_to: str
    permission: Permission
    pwd_state: PasswordState  # later versions; harmless to earlier clients
    description: str = ""  # later versions: why the operation failed


class PasswordsReply(Reply):
    passwords: dict[str, Password]  # by id


class PlaintextReply(Reply):
    password: str


class DynamicReply(Reply):
    password: str
    invalid_time: Seconds


class AddPasswordReply(Reply):
    id: int
    serviceid: str = ""  # later versions


class LockEvent(Reply):
    time: Millis
    eventid: Literal[1]  # the door was opened
    source: Literal[2]  # by password
    sourceid: int
    source_name: str


class EventsReply(Reply):
    lock_events: list[LockEvent]


class CountReply(Reply):
    count: int


class Person(Reply):
    id: str
    name: str


class Thing(Person):
    type: str


class LoggedOperation(Reply):
    """operator + [holder's] + target + [recipient] (7.1)."""

    op_id: str
    operator: Person
    target: Thing
    holder: Thing | None = None
    recipient: Person | None = None
    timestamp: Millis
    result: int | None = None  # 0 when the device did it


class OperationsReply(Reply):
    op_list: list[LoggedOperation]


class Demander(Reply):
    name: str | None
    phone: str | None
    expect_date: Seconds | None
    expect_time: int | None  # 100..103, or s since 1970
    note: str | None


class Installer(Reply):
    name: str | None
    phone: str | None
    confirm_date: Seconds | None
    confirm_time: int | None
    note: str | None


class Order(Reply):
    home_id: str
    description: str | None
    stage: OrderStage
    demander: Demander
    installer: Installer
    ctime: Seconds
    mtime: Seconds


class OrdersReply(Reply):
    result: dict[str, Order]
