"""Locks with wrong passcodes: in the store, at the keypad, in time (ttlock-ble 5.8, 5.9, 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

from lockbench_protocol.lock.commands.passcode import PasscodeOp, PasscodeType
from lockbench_protocol.lock.dates import PERMANENT_END, PERMANENT_START
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.handlers import Handler
from lockbench_emulator.lock.keypad import Keypad
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.lock.memory import Memory, Passcode
from lockbench_emulator.lock.refused import Refused
from lockbench_emulator.lock.schedule import NEVER_ENDS, passcode_opens
from lockbench_emulator.lock.store import Store
from lockbench_emulator.mutants.row import Mutant, faulty, handling, misled
from lockbench_emulator.parts import Parts

ZONE = timedelta(hours=8)  # where the site stands
LOST_BY_A_TRY = 30_000  # ms


def _on(op: PasscodeOp, change: Callable[[Lock, Any], None]) -> type[Lock]:
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


def _drop_zeros(_lock: Lock, args: Any) -> None:
    args.code = args.code.lstrip("0").rjust(4, "0")


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


# the keypad


class _Copy(Keypad):
    """It looks into a copy from which nothing is ever deleted."""

    def __init__(self, lock: Lock) -> None:
        super().__init__(lock)
        self.copy: dict[str, Passcode] = {}

    def refresh(self) -> None:
        self.copy.update(self.lock.memory.passcodes)

    def find(self, code: str) -> Passcode | None:
        self.refresh()
        return super().find(code) or self.copy.get(code)

    def valid(self, passcode: Passcode, now: float) -> bool:
        self.lock.memory.passcodes.setdefault(passcode.code, passcode)
        return super().valid(passcode, now)


class _DeletedOpens(_on(PasscodeOp.DELETE, lambda lock, _args: lock.keypad.refresh())):  # type: ignore[misc]  # a class made by a function; its keypad is a _Copy
    keypad_class = _Copy


class _Zeros(Keypad):
    def find(self, code: str) -> Passcode | None:
        return super().find(code.lstrip("0").rjust(4, "0"))


class _ZerosDropped(_on(PasscodeOp.ADD, _drop_zeros)):  # type: ignore[misc]  # a class made by a function
    keypad_class = _Zeros


class _Timeless(Keypad):
    """Its subclasses change the window that is compared."""

    def window(self, passcode: Passcode) -> Passcode:
        return passcode

    def valid(self, passcode: Passcode, now: float) -> bool:
        return super().valid(self.window(passcode), now)


class _NoEndKeypad(_Timeless):
    def window(self, passcode: Passcode) -> Passcode:
        return replace(passcode, end=None)


class _NoEnd(Lock):
    keypad_class = _NoEndKeypad


class _NoStartKeypad(_Timeless):
    def window(self, passcode: Passcode) -> Passcode:
        return replace(passcode, start=bytes(5))


class _NoStart(Lock):
    keypad_class = _NoStartKeypad


class _ShortKeypad(Keypad):
    def valid(self, passcode: Passcode, now: float) -> bool:
        return super().valid(passcode, now) and self.lock.date5(now) != passcode.end


class _Short(Lock):
    keypad_class = _ShortKeypad


class _UtcKeypad(Keypad):
    def valid(self, passcode: Passcode, now: float) -> bool:
        lock = self.lock
        return passcode_opens(passcode, lock.clock.local(now) - ZONE, lock.profile.passcodes.count_uses)


class _Utc(Lock):
    keypad_class = _UtcKeypad


class _TimeIgnoredKeypad(Keypad):
    def valid(self, passcode: Passcode, now: float) -> bool:
        return not self.lock.clock.valid or super().valid(passcode, now)


class _TimeIgnored(Lock):
    keypad_class = _TimeIgnoredKeypad


class _SundayFirstKeypad(_Timeless):
    def window(self, passcode: Passcode) -> Passcode:
        if passcode.cycle is None:
            return passcode
        return replace(passcode, cycle=(passcode.cycle >> 1 | passcode.cycle << 6) & 0x7F)


class _SundayFirst(Lock):
    keypad_class = _SundayFirstKeypad


class _DeafWhileConnectedKeypad(Keypad):
    def enter(self, code: str, now: float) -> None:
        if not self.lock.online:
            super().enter(code, now)


class _DeafWhileConnected(Lock):
    keypad_class = _DeafWhileConnectedKeypad


class _ShrinkingKeypad(Keypad):
    def locked_out(self, now: float) -> bool:
        locked = super().locked_out(now)
        if locked:
            self.lock.memory.keypad_locked_until -= LOST_BY_A_TRY
        return locked


class _Shrinking(Lock):
    keypad_class = _ShrinkingKeypad


class _KnownPassesKeypad(Keypad):
    def enter(self, code: str, now: float) -> None:
        if self.find(code) is not None:
            self.lock.memory.keypad_locked_until = 0
        super().enter(code, now)


class _KnownPasses(Lock):
    keypad_class = _KnownPassesKeypad


class _UsesUncounted(Memory):
    def use(self, code: str) -> None:
        pass


class _CounterInRam(Memory):
    def reopen(self, store: Store) -> None:
        super().reopen(store)
        self.wrong_codes, self.keypad_locked_until = (), 0


PASSCODES = (
    Mutant(
        "any-length-taken",
        "codes of any length are stored",
        ("PWD/2",),
        keys={"passcodes.shortest": 0, "passcodes.longest": 255},
    ),
    faulty("zeros-dropped", "leading zeros of a code do not count", "PWD/4", _ZerosDropped),
    faulty(
        "long-code-cut", "a code keeps its first eight digits", "PWD/1", _on(PasscodeOp.ADD, _cut_to_eight)
    ),
    Mutant(
        "missing-digits-taken",
        "codes with digits that the keypad lacks are stored",
        ("PWD/5",),
        keys={"model.keypad": "0123456789"},
        profile="cyclic",
    ),
    faulty(
        "week-begins-on-sunday",
        "the days of a cyclic code are counted from Sunday",
        "PWD/20",
        _SundayFirst,
        profile="cyclic",
    ),
    faulty(
        "keypad-deaf-while-connected",
        "the keypad is dead while a phone is connected",
        "SEC/11",
        _DeafWhileConnected,
    ),
    faulty(
        "code-not-stored",
        "a code is added with success and not stored",
        "PWD/1 PWD/12 PWD/13 PLG/1 PLG/2",
        _instead_of(PasscodeOp.ADD, _nothing),
    ),
    faulty(
        "duplicate-overwrites",
        "a code that is there already is overwritten",
        "PWD/6 PWD/26 PWD/27",
        _on(PasscodeOp.ADD, _forget_same),
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
    faulty("period-end-ignored", "a code opens after its period", "PWD/9", _NoEnd),
    faulty("period-start-ignored", "a code opens before its period", "PWD/9 CLK/8", _NoStart),
    faulty("last-minute-lost", "a period ends when its last minute begins", "PWD/9", _Short),
    faulty("period-in-utc", "a period in local time is compared with UTC", "CLK/7 PWD/9", _Utc),
    faulty(
        "lost-time-opens-all",
        "any code opens after a power loss took the time",
        "CLK/5",
        _TimeIgnored,
        profile="padlock",
    ),
    faulty(
        "reversed-period-swapped",
        "a period that ends before it begins is turned round and stored",
        "PWD/10",
        _on(PasscodeOp.ADD, _swap_reversed),
    ),
    faulty(
        "permanent-rewritten",
        "a code for ever is stored with another end",
        "PWD/11",
        _on(PasscodeOp.ADD, _end_with_the_century),
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
        _on(PasscodeOp.MODIFY, _without_window),
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
        _on(PasscodeOp.MODIFY, _add_unknown),
    ),
    faulty(
        "unknown-code-deleted",
        "a code that is not there is deleted with success",
        "PWD/16 PWD/17",
        _instead_of(PasscodeOp.DELETE, _delete_quietly),
    ),
    faulty("deleted-code-opens", "the keypad still knows a deleted code", "PWD/17", _DeletedOpens),
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
        _on(PasscodeOp.CLEAR, _clear_all),
    ),
    Mutant(
        "one-time-code-twice",
        "the use of a one-time code is not counted",
        ("PWD/19", "CLK/10"),
        Parts(memory=_UsesUncounted),
    ),
    Mutant(
        "no-lockout",
        "wrong codes never lock the keypad",
        ("PWD/21", "PWD/22", "PWD/23", "SEC/2"),
        keys={"passcodes.lockout": "none"},
    ),
    Mutant(
        "lockout-too-soon",
        "three wrong codes lock the keypad",
        ("PWD/21",),
        keys={"passcodes.lockout": "dding3"},
    ),
    Mutant(
        "lockout-lost-with-power", "a power cut ends a lock-out", ("PWD/22",), Parts(memory=_CounterInRam)
    ),
    faulty(
        "tries-shorten-lockout", "each try during a lock-out takes half a minute off it", "PWD/23", _Shrinking
    ),
    faulty(
        "right-code-ends-lockout", "the right code opens during a lock-out", "PWD/21 PWD/23", _KnownPasses
    ),
)
