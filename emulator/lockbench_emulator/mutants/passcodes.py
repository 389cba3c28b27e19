"""Locks that store, change, delete or list passcodes wrongly (ttlock-ble 5.8, 5.9, 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from lockbench_protocol.lock.commands.passcode import PasscodeOp, PasscodeType
from lockbench_protocol.lock.dates import PERMANENT_END, PERMANENT_START
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.handlers import Handler
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.lock.memory import Passcode
from lockbench_emulator.lock.refused import Refused
from lockbench_emulator.lock.schedule import NEVER_ENDS
from lockbench_emulator.mutants.row import Mutant, faulty, handling, misled


class _Featureless(Lock):
    """It obeys commands for what it does not have."""

    def __init__(self, *parts: Any, **more: Any) -> None:
        super().__init__(*parts, **more)
        self._features = frozenset((None, *Feature))


def on(op: PasscodeOp, change: Callable[[Lock, Any], None]) -> type[Lock]:
    """A lock where this comes before an operation of 03; its function gets the arguments."""

    def prepare(lock: Lock, request: Any, _now: float) -> None:
        if request.op == op:
            change(lock, request.args)

    return misled(0x03, by=prepare)


def _instead_of(op: PasscodeOp, act: Callable[[Lock, Any], None]) -> type[Lock]:
    """A lock that does this in the place of an operation of 03, and answers as if it had done that."""

    def wrap(sound: Handler) -> Handler:
        def handle(lock: Lock, request: Any, now: float) -> Any:
            if request.op != op:
                return sound(lock, request, now)
            act(lock, request.args)
            return {"battery": lock.battery, "op": op}

        return handle

    return handling(0x03, by=wrap)


# adding


def _store(lock: Lock, args: Any) -> None:
    passcodes = lock.memory.passcodes
    passcodes[args.code] = Passcode(args.type, args.code, args.code, args.start, args.end)


def _forget_same(lock: Lock, args: Any) -> None:
    lock.memory.passcodes.pop(args.code, None)


def _swap_reversed(_lock: Lock, args: Any) -> None:
    if args.end is not None and args.end < args.start:
        args.start, args.end = args.end, args.start


def _end_with_the_century(_lock: Lock, args: Any) -> None:
    if args.end == PERMANENT_END:
        args.end = NEVER_ENDS


def _cut_to_eight(_lock: Lock, args: Any) -> None:
    args.code = args.code[:8]


# changing and deleting


def _add_changed(lock: Lock, args: Any) -> None:
    old = lock.memory.passcodes.get(args.code)
    if old is not None and args.new:
        lock.memory.passcodes[args.new] = replace(old, code=args.new)


def _add_unknown(lock: Lock, args: Any) -> None:
    if args.code not in lock.memory.passcodes:
        lock.memory.passcodes[args.code] = Passcode(
            PasscodeType.PERMANENT, args.code, args.code, PERMANENT_START, PERMANENT_END
        )


def _without_window(_lock: Lock, args: Any) -> None:
    args.window = None


def _delete_quietly(lock: Lock, args: Any) -> None:
    lock.memory.passcodes.pop(args.code, None)


def _nothing(_lock: Lock, _args: Any) -> None:
    pass


def _clear_all(lock: Lock, _args: Any) -> None:
    lock.memory.admin_passcode = ""


def _forgets_oldest(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        try:
            return sound(lock, request, now)
        except Refused as refused:
            if refused.status == Status.OUT_OF_MEMORY:
                del lock.memory.passcodes[next(iter(lock.memory.passcodes))]
            raise

    return handle


def _all_periods(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        reply = sound(lock, request, now)
        for record in reply["page"]["records"] if reply["page"] else ():
            record["type"] = PasscodeType.PERIOD
            record["end"] = record["end"] or PERMANENT_END
        return reply

    return handle


PASSCODES = (
    Mutant(
        "any-length-taken",
        "codes of any length are stored",
        ("PWD/2",),
        keys={"passcodes.shortest": 0, "passcodes.longest": 255},
    ),
    faulty(
        "long-code-cut", "a code keeps its first eight digits", "PWD/1", on(PasscodeOp.ADD, _cut_to_eight)
    ),
    Mutant(
        "missing-digits-taken",
        "codes with digits that the keypad lacks are stored",
        ("PWD/5",),
        keys={"model.keypad": "0123456789"},
        profile="cyclic",
    ),
    faulty(
        "code-not-stored",
        "a code is added with success and not stored",
        "PWD/1 PWD/12 PWD/13 PLG/1 PLG/2 PWD/27",
        _instead_of(PasscodeOp.ADD, _nothing),
    ),
    faulty(
        "duplicate-overwrites",
        "a code that is there already is overwritten",
        "PWD/6 PWD/26",
        on(PasscodeOp.ADD, _forget_same),
    ),
    faulty(
        "admin-code-taken",
        "the administrator's code is stored as a user's",
        "PWD/7",
        _instead_of(PasscodeOp.ADD, _store),
    ),
    faulty(
        "full-store-forgets",
        "a code that does not fit is refused, and has pushed out the oldest one",
        "PWD/8",
        handling(0x03, by=_forgets_oldest),
        keys={"passcodes.capacity": 5},
    ),
    faulty(
        "reversed-period-swapped",
        "a period that ends before it begins is turned round and stored",
        "PWD/10",
        on(PasscodeOp.ADD, _swap_reversed),
    ),
    faulty(
        "permanent-rewritten",
        "a code for ever is stored with another end",
        "PWD/11",
        on(PasscodeOp.ADD, _end_with_the_century),
    ),
    faulty(
        "all-listed-as-periods",
        "the list calls each code one with a period",
        "PWD/13",
        handling(0x07, by=_all_periods),
    ),
    faulty(
        "change-keeps-dates",
        "a change of code and dates leaves the dates",
        "PWD/14",
        on(PasscodeOp.MODIFY, _without_window),
    ),
    faulty(
        "old-code-stays",
        "a code that was changed opens beside the new one",
        "PWD/14 PWD/15",
        _instead_of(PasscodeOp.MODIFY, _add_changed),
    ),
    faulty(
        "unknown-code-changed",
        "a change of a code that is not there adds one",
        "PWD/16",
        on(PasscodeOp.MODIFY, _add_unknown),
    ),
    faulty(
        "unknown-code-deleted",
        "a code that is not there is deleted with success",
        "PWD/16 PWD/17",
        _instead_of(PasscodeOp.DELETE, _delete_quietly),
    ),
    faulty(
        "keypad-out-of-thin-air",
        "a lock without a keypad answers as if it had one",
        "PWD/25",
        _Featureless,
        profile="parking",
    ),
    faulty(
        "clear-keeps-codes",
        "a clear is answered and not done",
        "PWD/18",
        _instead_of(PasscodeOp.CLEAR, _nothing),
    ),
    faulty(
        "clear-takes-admin-code",
        "a clear deletes the administrator's code too",
        "PWD/18",
        on(PasscodeOp.CLEAR, _clear_all),
    ),
)
