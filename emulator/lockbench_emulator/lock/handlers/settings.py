"""Auto-lock (ttlock-ble 5.14)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.commands.settings import QUERY
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.refused import Refused

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock


def auto_lock(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    policy = lock.profile.settings
    reply: dict[str, Any] = {"battery": lock.battery, "op": request.op, "range": None, "door_sensor": None}
    if request.op == QUERY:
        return reply | {
            "range": {
                "current": lock.memory.auto_lock,
                "min": policy.auto_lock_min,
                "max": policy.auto_lock_max,
            }
        }
    if request.seconds and not policy.auto_lock_min <= request.seconds <= policy.auto_lock_max:
        raise Refused(Status.INVALID_PARAMETER)
    lock.memory.auto_lock = request.seconds
    return reply


HANDLERS = {0x36: auto_lock}
