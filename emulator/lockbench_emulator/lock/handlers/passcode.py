"""Keypad passcodes by app (ttlock-ble 5.8, 5.9, 8)."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.commands.passcode import (
    OLD_RECORD,
    RECORD,
    YEARS,
    PasscodeOp,
    PasscodeType,
)
from lockbench_protocol.lock.commands.row import LAST_PAGE
from lockbench_protocol.lock.dates import PERMANENT_END
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.status import Status
from lockbench_protocol.schema import codec

from lockbench_emulator.lock.handlers.pairing import code_of
from lockbench_emulator.lock.memory import Passcode
from lockbench_emulator.lock.pages import fitting
from lockbench_emulator.lock.refused import Refused

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock

DIGITS = "0123456789"
BLANK_DIGIT = 0xFF
_MOST = 16  # records that one reply could hold


def _check_new(lock: Lock, code: str) -> None:
    policy = lock.profile.passcodes
    if not policy.shortest <= len(code) <= policy.longest or not set(code) <= set(lock.profile.model.keypad):
        raise Refused(Status.PASSCODE_LENGTH)
    if code in lock.memory.passcodes:
        raise Refused(Status.PASSCODE_EXISTS)
    if code in (lock.memory.admin_passcode, lock.memory.erase_code):
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
    if code != args.code:
        del lock.memory.passcodes[args.code]
    lock.memory.passcodes[code] = changed
    lock.write_log(LogType.PASSCODE_MODIFIED, {"old": args.code, "new": code}, now)


def recover(lock: Lock, args: Any, now: float) -> None:
    """Back from the cloud into an empty lock; cyclic ones too, where the model has them."""
    cyclic = args.type == PasscodeType.CYCLIC
    if args.type not in PasscodeType.__members__.values() or (
        cyclic and Feature.CYCLIC_PASSCODE not in lock.profile.features
    ):
        raise Refused(Status.INVALID_COMMAND)
    _check_new(lock, args.code)
    _check_window(lock, args.start, args.end)
    original = args.original or args.code
    _store(lock, Passcode(args.type, args.code, original, args.start, args.end, cycle=args.cycle))
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
    passcodes = list(lock.memory.passcodes.values())[request.seq : request.seq + _MOST]
    records = [_record(passcode) for passcode in passcodes]
    count = fitting([len(codec(RECORD).build(record)) for record in records], lock.profile.passcodes.page)
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
        "end": passcode.end or PERMANENT_END if windowed else None,  # one that was recovered has none
        "cycle": passcode.cycle,
    }


def old_listing(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    """04, the older list: no start dates."""
    passcodes = list(lock.memory.passcodes.values())[request.seq :]
    records = [
        {
            "type": passcode.type,
            "code": passcode.code,
            "original": passcode.original,
            "count": passcode.uses if passcode.type == PasscodeType.COUNT else None,
            "end": passcode.end if passcode.type == PasscodeType.PERIOD else None,
        }
        for passcode in passcodes
    ]
    count = fitting([len(codec(OLD_RECORD).build(record)) for record in records], lock.profile.passcodes.page)
    if not count:
        return {"page": None}
    following = LAST_PAGE if count == len(records) else request.seq + count
    return {"page": {"next": following, "records": records[:count]}}


def init_pairs(lock: Lock, request: Any, _now: float) -> None:
    """31: whatever the client drew; not all of them draw permutations of the ten digits (5.10)."""
    lock.memory.pairs = COMMANDS[0x31].build_request(request)


def current_pair(lock: Lock, _request: Any, now: float) -> dict[str, Any]:
    """32: the pair of this year; the last one that there is when the years are over."""
    if not lock.memory.pairs:
        raise Refused(Status.RECORD_UNKNOWN)
    stored = COMMANDS[0x31].parse_request(lock.memory.pairs)
    years = lock.clock.local(now).year % 100 - stored.year
    return {"battery": lock.battery, "pair": stored.pairs[max(0, min(years, YEARS - 1))], "deleted": bytes(5)}


def reset_count(lock: Lock, _request: Any, _now: float) -> dict[str, int]:
    """33: the uses of all count codes start anew."""
    passcodes = lock.memory.passcodes
    for code, passcode in list(passcodes.items()):
        if passcode.uses:
            passcodes[code] = replace(passcode, uses=0)
    return {"battery": lock.battery}


def erase_code(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    """44: typed at the keypad, it deletes all passcodes."""
    digits = list(request.digits)
    while digits and digits[-1] == BLANK_DIGIT:
        digits.pop()
    code = code_of(lock, digits)
    if code == lock.memory.admin_passcode:
        raise Refused(Status.ADMIN_EQUALS_ERASE)
    lock.memory.erase_code = code
    return {"battery": lock.battery}


HANDLERS = {
    0x03: manage,
    0x07: listing,
    0x04: old_listing,
    0x31: init_pairs,
    0x32: current_pair,
    0x33: reset_count,
    0x44: erase_code,
}
