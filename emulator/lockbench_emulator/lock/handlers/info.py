"""Features, device information, status, clock (ttlock-ble 5.5 to 5.7, 5.18)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.commands.info import InfoType
from lockbench_protocol.lock.dates import read_date
from lockbench_protocol.lock.features import Feature, words
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.handlers.pairing import check_vendor
from lockbench_emulator.lock.refused import Refused

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock

DOORS = {None: 0, True: 1, False: 2}  # the meaning of the values is not public (15.13)

# The modem of a lock that has one: numbers of the ranges for tests (ITU-T E.212, 3GPP TS 23.003)
NB = {
    InfoType.NB_OPERATOR: b"00101",
    InfoType.NB_IMEI: b"001010123456789",
    InfoType.NB_CARD: b"89001010000000000000",
    InfoType.NB_RSSI: b"\xa1",  # -95 dBm
}


def features(lock: Lock, _request: Any, _now: float) -> dict[str, Any]:
    return {"battery": lock.battery, "words": words(lock.profile.features)}


def device_info(lock: Lock, request: Any, now: float) -> dict[str, bytes]:
    model = lock.profile.model
    values = {
        InfoType.MODEL: model.name.encode(),
        InfoType.HARDWARE: model.hardware.encode(),
        InfoType.FIRMWARE: lock.firmware.encode(),
        InfoType.MANUFACTURE_DATE: model.manufacture_date.encode(),
        InfoType.MAC: lock.address.encode(),
        InfoType.CLOCK: lock.date5(now),
    }
    if Feature.NB in lock.profile.features:
        values |= NB
    if request.type not in values:
        raise Refused(Status.INVALID_COMMAND)
    return {"value": values[request.type] + bytes.fromhex(lock.profile.session.info_tail)}


def status(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    check_vendor(lock, request.vendor)
    shown = {"live": lock.memory.unlocked, "locked": False, "unlocked": True}
    state = shown[lock.profile.quirks.status_byte]
    return {"battery": lock.battery, "state": int(state), "door": DOORS[lock.door_closed]}


def _needs_clock(lock: Lock) -> None:
    if Feature.NO_CLOCK in lock.profile.features:
        raise Refused(Status.INVALID_COMMAND)


def set_time(lock: Lock, request: Any, now: float) -> dict[str, int]:
    _needs_clock(lock)
    if lock.profile.quirks.set_time_fails:
        raise Refused(Status.FAILED)
    try:
        lock.clock.set(read_date(request.date), now)
    except RemoteError:
        raise Refused(Status.INVALID_PARAMETER) from None
    return {"battery": lock.battery}


def get_time(lock: Lock, _request: Any, now: float) -> dict[str, bytes]:
    _needs_clock(lock)
    return {"date": lock.date6(now)}


HANDLERS = {0x01: features, 0x90: device_info, 0x14: status, 0x43: set_time, 0x34: get_time}
