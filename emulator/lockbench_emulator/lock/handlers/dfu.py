"""The door to the bootloader (ttlock-ble 5.20)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.handlers.pairing import check_vendor
from lockbench_emulator.lock.refused import Refused

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock


def enter_dfu(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    check_vendor(lock, request.vendor)
    if lock.battery < lock.profile.dfu.battery_limit:
        raise Refused(Status.OUT_OF_BATTERY)
    lock.enters_dfu = True
    return {"battery": lock.battery}


HANDLERS = {0x02: enter_dfu}
