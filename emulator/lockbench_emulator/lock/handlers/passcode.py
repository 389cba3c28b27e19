"""Keypad passcodes by app (ttlock-ble 5.8, 5.9, 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.commands.passcode import LAST_PAGE, RECORD, PasscodeOp, PasscodeType
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.memory import Passcode
from lockbench_emulator.lock.pages import fitting
from lockbench_emulator.lock.refused import Refused

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock


def _check_new(lock: Lock, code: str) -> None:
    policy = lock.profile.passcodes
    if not policy.shortest <= len(code) <= policy.longest or not code.isdecimal():
        raise Refused(Status.PASSCODE_LENGTH)
    if code in lock.memory.passcodes:
        raise Refused(Status.PASSCODE_EXISTS)
    if code == lock.memory.admin_passcode:
        raise Refused(policy.admin_clash)


def _check_window(lock: Lock, start: bytes, end: bytes | None) -> None:
    if end is not None and end < start:
        raise Refused(lock.profile.passcodes.reversed_window)


def _known(lock: Lock, code: str) -> Passcode:
    passcode = lock.memory.passcodes.get(code)
    if passcode is None:
        raise Refused(Status.PASSCODE_UNKNOWN)
    return passcode


def _store(lock: Lock, passcode: Passcode) -> None:
    if len(lock.memory.passcodes) >= lock.profile.passcodes.capacity:
        raise Refused(Status.OUT_OF_MEMORY)
    lock.memory.passcodes[passcode.code] = passcode


def clear(lock: Lock, _args: Any, now: float) -> None:
    lock.memory.passcodes.clear()
    lock.write_log(LogType.PASSCODES_CLEARED, {"delete_date": lock.date5(now), "code": None}, now)


def add(lock: Lock, args: Any, now: float) -> None:
    if args.type not in (PasscodeType.PERMANENT, PasscodeType.COUNT, PasscodeType.PERIOD):
        raise Refused(Status.INVALID_COMMAND)  # no layout is known for cyclic ones
    _check_new(lock, args.code)
    _check_window(lock, args.start, args.end)
    _store(lock, Passcode(args.type, args.code, args.code, args.start, args.end))
    lock.write_log(LogType.PASSCODE_ADDED, {"code": args.code, "start": args.start, "end": args.end}, now)


def delete(lock: Lock, args: Any, now: float) -> None:
    """Matched by code alone: the type is what the app had left over."""
    passcode = _known(lock, args.code)
    del lock.memory.passcodes[args.code]
    lock.write_log(LogType.PASSCODE_DELETED, {"old": passcode.original, "new": args.code}, now)


def modify(lock: Lock, args: Any, now: float) -> None:
    """An empty new code keeps the code; without a window the window stays. All or nothing."""
    old = _known(lock, args.code)
    code = args.new or args.code
    if code != args.code:
        _check_new(lock, code)
    start, end = old.start, old.end
    if args.window is not None:
        start, end = args.window.start, args.window.end
        _check_window(lock, start, end)
    changed = replace(old, code=code, start=start, end=end)
    lock.memory.passcodes = {
        (code if key == args.code else key): (changed if key == args.code else value)
        for key, value in lock.memory.passcodes.items()
    }
    lock.write_log(LogType.PASSCODE_MODIFIED, {"old": args.code, "new": code}, now)


def recover(lock: Lock, args: Any, now: float) -> None:
    if args.type not in (PasscodeType.PERMANENT, PasscodeType.COUNT, PasscodeType.PERIOD):
        raise Refused(Status.INVALID_COMMAND)
    _check_new(lock, args.code)
    _check_window(lock, args.start, args.end)
    _store(lock, Passcode(args.type, args.code, args.original or args.code, args.start, args.end))
    lock.write_log(LogType.PASSCODE_ADDED, {"code": args.code, "start": args.start, "end": args.end}, now)


_OPS = {
    PasscodeOp.CLEAR: clear,
    PasscodeOp.ADD: add,
    PasscodeOp.DELETE: delete,
    PasscodeOp.MODIFY: modify,
    PasscodeOp.RECOVER: recover,
}


def manage(lock: Lock, request: Any, now: float) -> dict[str, int]:
    _OPS[request.op](lock, request.args, now)
    return {"battery": lock.battery, "op": request.op}


def listing(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    """`seq` and `next` count the records that are already read; the list ends with a page of total 0."""
    passcodes = list(lock.memory.passcodes.values())[request.seq :]
    records = [_record(passcode) for passcode in passcodes]
    count = fitting([len(RECORD.build(record)) for record in records], lock.profile.passcodes.page)
    if not count:
        return {"page": None}
    return {"page": {"next": min(request.seq + count, LAST_PAGE - 1), "records": records[:count]}}


def _record(passcode: Passcode) -> dict[str, Any]:
    windowed = passcode.type in (PasscodeType.COUNT, PasscodeType.PERIOD)
    return {
        "type": passcode.type,
        "code": passcode.code,
        "original": passcode.original,
        "start": passcode.start,
        "end": passcode.end if windowed else None,
        "cycle": None,
    }


HANDLERS = {0x03: manage, 0x07: listing}
