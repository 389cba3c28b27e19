"""Locks whose keypad opens for the wrong code, at the wrong time, or too often (ttlock-ble 5.8, 8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from lockbench_protocol.lock.commands.passcode import PasscodeOp

from lockbench_emulator.lock.keypad import Keypad
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.lock.memory import Memory, Passcode
from lockbench_emulator.lock.schedule import passcode_opens
from lockbench_emulator.lock.store import Store
from lockbench_emulator.mutants.passcodes import on
from lockbench_emulator.mutants.row import Mutant, faulty
from lockbench_emulator.parts import Parts

ZONE = timedelta(hours=8)  # where the site stands
LOST_BY_A_TRY = 30_000  # ms


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


class _DeletedOpens(on(PasscodeOp.DELETE, lambda lock, _args: lock.keypad.refresh())):  # type: ignore[misc]  # a class made by a function; its keypad is a _Copy
    keypad_class = _Copy


def _drop_zeros(_lock: Lock, args: Any) -> None:
    args.code = args.code.lstrip("0").rjust(4, "0")


class _Zeros(Keypad):
    def find(self, code: str) -> Passcode | None:
        return super().find(code.lstrip("0").rjust(4, "0"))


class _ZerosDropped(on(PasscodeOp.ADD, _drop_zeros)):  # type: ignore[misc]  # a class made by a function
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


KEYPADS = (
    faulty("zeros-dropped", "leading zeros of a code do not count", "PWD/4", _ZerosDropped),
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
    faulty("deleted-code-opens", "the keypad still knows a deleted code", "PWD/17", _DeletedOpens),
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
