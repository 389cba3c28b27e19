"""Opening and closing by app (ttlock-ble 5.4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.handlers.login import sum_is_right
from lockbench_emulator.lock.refused import Refused
from lockbench_emulator.lock.session import ADMINS

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock


def _move(lock: Lock, request: Any, now: float, *, unlocked: bool) -> dict[str, Any]:
    policy, right = lock.profile.session, sum_is_right(lock, request.sum)
    if policy.one_shot:
        lock.session.ps = 0
    if not right:
        raise Refused(policy.wrong_sum)
    if unlocked and lock.session.login not in ADMINS:
        if lock.memory.frozen:
            raise Refused(Status.FROZEN)
        if lock.memory.privacy:
            raise Refused(Status.DOUBLE_LOCKED)
    if not unlocked and lock.obstructed:
        raise Refused(Status.OBSTRUCTED)
    lock.move_bolt(unlocked=unlocked, now=now)
    uid, date = lock.session.uid, lock.date6(now)
    kind = LogType.BLE_UNLOCK if unlocked else LogType.BLE_LOCK
    lock.write_log(kind, {"uid": uid, "record_id": request.time}, now)
    lock.push_status()
    lock.push_record(uid, request.time, date)
    return {"battery": lock.battery, "uid": uid, "unique_id": request.time, "date": date}


def unlock(lock: Lock, request: Any, now: float) -> dict[str, Any]:
    return _move(lock, request, now, unlocked=True)


def close(lock: Lock, request: Any, now: float) -> dict[str, Any]:
    return _move(lock, request, now, unlocked=False)


def dead_lock(lock: Lock, request: Any, now: float) -> dict[str, Any]:
    """69: closed so that only administrators can open."""
    reply = _move(lock, request, now, unlocked=False)
    lock.memory.privacy = True
    return reply


HANDLERS = {0x47: unlock, 0x58: close, 0x69: dead_lock}
