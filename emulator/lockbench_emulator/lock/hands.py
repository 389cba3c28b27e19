"""What a person at the door does: touch the keypad, enter a code."""

from __future__ import annotations

from dataclasses import dataclass

from lockbench_protocol.lock.commands.log import LogType

from lockbench_emulator.gatt import Effect
from lockbench_emulator.lock.lock import Lock


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


def touch(lock: Lock, now: float) -> list[Effect]:
    """Wake the keypad: the touched flag shows in the advertisement for a while."""
    lock.awake_until = now + lock.profile.advertising.awake_seconds
    return lock.take()


def enter_code(lock: Lock, code: str, now: float) -> list[Effect]:
    """Type a code and confirm it. Opens, or is logged as wrong; during a lock-out nothing is heard."""
    touch(lock, now)
    memory = lock.memory
    if now < memory.keypad_locked_until:
        lock.happened("keypad", result="locked out")
        return lock.take()
    passcode = memory.passcodes.get(code)
    if memory.admin is not None and code == memory.admin_passcode != "":
        _open(lock, code, code, now)
    elif passcode is not None and passcode.opens(lock.date5(now), lock.profile.passcodes.count_uses):
        memory.use(code)
        _open(lock, passcode.original, code, now)
    else:
        _wrong(lock, code, now)
    return lock.take()


def _open(lock: Lock, original: str, code: str, now: float) -> None:
    lock.memory.wrong_codes = ()
    lock.move_bolt(unlocked=True, now=now)
    lock.write_log(LogType.KEYPAD_UNLOCK, {"original": original, "code": code}, now)
    lock.happened("keypad", result="open")


def _wrong(lock: Lock, code: str, now: float) -> None:
    lock.write_log(LogType.WRONG_PASSCODE, {"code": code}, now)
    lock.happened("keypad", result="wrong")
    rule = LOCKOUTS[lock.profile.passcodes.lockout]
    if rule is None:
        return
    recent = (*(at for at in lock.memory.wrong_codes if now - at < rule.within), now)
    lock.memory.wrong_codes = recent
    if len(recent) >= rule.wrong:
        lock.memory.wrong_codes = ()
        lock.memory.keypad_locked_until = now + rule.seconds
        lock.happened("keypad", result="locked", seconds=int(rule.seconds))
