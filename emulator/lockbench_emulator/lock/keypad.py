"""The keypad: which codes it knows, whether one is valid now, and the lock-out after wrong ones."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockbench_protocol.lock.commands.log import LogType

from lockbench_emulator.lock.schedule import for_ever, passcode_opens, used_up

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock
    from lockbench_emulator.lock.memory import Passcode

MS = 1000


@dataclass(frozen=True, slots=True)
class Lockout:
    """After `wrong` wrong codes within `within` seconds the keypad is dead for `seconds`."""

    wrong: int
    within: float
    seconds: float


LOCKOUTS: dict[str, Lockout | None] = {
    "ga374": Lockout(5, 300.0, 90.0),
    "dding3": Lockout(3, 300.0, 90.0),
    "none": None,
}


class Keypad:
    """What a code that is typed and confirmed does. The wrong ones are counted in the lock's memory."""

    def __init__(self, lock: Lock) -> None:
        self.lock = lock

    def enter(self, code: str, now: float) -> None:
        lock, memory = self.lock, self.lock.memory
        if self.locked_out(now):
            lock.happened("keypad", result="locked out")
            return
        passcode = self.find(code)
        if memory.admin is not None and code == memory.admin_passcode != "":
            self._open(code, code, now)
        elif code == memory.erase_code != "":
            memory.passcodes.clear()
            lock.write_log(LogType.PASSCODES_CLEARED, {"delete_date": lock.date5(now), "code": code}, now)
            lock.happened("keypad", result="erased")
        elif memory.frozen or memory.privacy:
            lock.happened("keypad", result="refused")
        elif passcode is not None and self.valid(passcode, now):
            memory.use(passcode.code)
            self._open(passcode.original, code, now)
        else:
            self._wrong(code, now)

    def locked_out(self, now: float) -> bool:
        return now * MS < self.lock.memory.keypad_locked_until

    def find(self, code: str) -> Passcode | None:
        return self.lock.memory.passcodes.get(code)

    def valid(self, passcode: Passcode, now: float) -> bool:
        """A lock that does not know the time takes only codes that are for ever."""
        lock = self.lock
        uses = lock.profile.passcodes.count_uses
        if lock.clock.valid or not lock.profile.clock.periods_need_it:
            return passcode_opens(passcode, lock.clock.local(now), uses)
        return for_ever(passcode) and not used_up(passcode, uses)

    def _open(self, original: str, code: str, now: float) -> None:
        lock = self.lock
        lock.memory.wrong_codes = ()
        lock.move_bolt(unlocked=True, now=now)
        lock.write_log(LogType.KEYPAD_UNLOCK, {"original": original, "code": code}, now)
        lock.happened("keypad", result="open")

    def _wrong(self, code: str, now: float) -> None:
        lock, memory = self.lock, self.lock.memory
        lock.write_log(LogType.WRONG_PASSCODE, {"code": code}, now)
        lock.happened("keypad", result="wrong")
        rule = LOCKOUTS[lock.profile.passcodes.lockout]
        if rule is None:
            return
        at = round(now * MS)
        recent = (*(before for before in memory.wrong_codes if at - before < rule.within * MS), at)
        memory.wrong_codes = recent
        if len(recent) >= rule.wrong:
            memory.wrong_codes = ()
            memory.keypad_locked_until = at + round(rule.seconds * MS)
            lock.happened("keypad", result="locked", seconds=int(rule.seconds))
