"""A lock between two runs of the bench: its flash, its clock, and where its bolts stand."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from lockbench_emulator.boot.flash import Snapshot
from lockbench_emulator.lock.keypad import LOCKOUTS, MS

if TYPE_CHECKING:
    from lockbench_emulator.device import LockDevice
    from lockbench_emulator.lock.memory import Memory


@dataclass(frozen=True, slots=True)
class Kept:
    """`at` is the moment of the bench (seconds) at which the rest was true; `lives` counts the runs."""

    address: str
    flash: Snapshot
    at: float
    local: datetime
    knows_time: bool
    battery: int
    powered: bool
    unlocked: bool
    privacy: bool
    lives: int

    @classmethod
    def of(cls, device: LockDevice, now: float) -> Kept:
        return cls(
            address=device.address,
            flash=device.flash.snapshot(),
            at=now,
            local=device.clock.local(now),
            knows_time=device.clock.valid,
            battery=device.battery,
            powered=device.alive,
            unlocked=device.memory.unlocked,
            privacy=device.memory.privacy,
            lives=device.lives,
        )

    def set_clock(self, device: LockDevice, gap: float) -> None:
        """The clock went on for `gap` seconds while nobody ran the bench."""
        device.clock.set(self.local + timedelta(seconds=int(gap)), 0.0)
        device.clock.valid = self.knows_time

    def set_keypad(self, memory: Memory, gap: float, lockout: str) -> None:
        """Times of the keypad are those of a bench that began anew at 0."""
        passed = round((self.at + gap) * MS)
        memory.keypad_locked_until = max(0, memory.keypad_locked_until - passed)
        rule = LOCKOUTS[lockout]
        window = 0 if rule is None else rule.within * MS
        memory.wrong_codes = tuple(0 for at in memory.wrong_codes if passed - at < window)
