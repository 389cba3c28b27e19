"""What happens at the door itself: keypad, card, finger, key, thumb-turn, door, tampering.

Each function is an event of the lock, like those of the air: it returns its effects, and what it changed is
in the flash when it returns.
"""

from __future__ import annotations

from types import SimpleNamespace

from lockbench_protocol.lock.commands.cards import AddStatus
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.commands.settings import SwitchItem
from lockbench_protocol.lock.dates import PERMANENT_END, PERMANENT_START

from lockbench_emulator.gatt import Effect
from lockbench_emulator.lock.handlers import passcode
from lockbench_emulator.lock.handlers.credentials import CARDS, FINGERS, Kind, enroll, table, tail
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.lock.memory import Dated, Period
from lockbench_emulator.lock.refused import Refused
from lockbench_emulator.lock.schedule import dated_for_ever, dated_opens

CYCLIC_USER = {0x05: 2, 0x06: 1}  # opcode of a kind -> user type of 70
FOB_USER = 3


def touch(lock: Lock, now: float) -> list[Effect]:
    """Wake the keypad: the touched flag shows in the advertisement for a while."""
    lock.awake_until = now + lock.profile.advertising.awake_seconds
    return lock.finish()


def enter_code(lock: Lock, code: str, now: float) -> list[Effect]:
    """Type a code and confirm it. Opens, or is logged as wrong; during a lock-out nothing is heard."""
    lock.awake_until = now + lock.profile.advertising.awake_seconds
    lock.keypad.enter(code, now)
    return lock.finish()


def present_card(lock: Lock, number: bytes, now: float) -> list[Effect]:
    """Hold a card to the reader: it opens, or is learnt when the lock waits for one."""
    return _present(lock, CARDS, number, now, LogType.CARD_UNLOCK, LogType.WRONG_CARD)


def present_finger(lock: Lock, number: bytes, now: float) -> list[Effect]:
    """Put a finger on the sensor; learning one takes several scans."""
    return _present(lock, FINGERS, number, now, LogType.FINGERPRINT_UNLOCK, LogType.WRONG_FINGERPRINT)


def _present(
    lock: Lock, kind: Kind, number: bytes, now: float, opened: LogType, wrong: LogType
) -> list[Effect]:
    lock.awake_until = now + lock.profile.advertising.awake_seconds
    if lock.enrolling == kind.opcode:
        _learn(lock, kind, number, now)
        return lock.finish()
    memory, known = lock.memory, table(lock, kind)
    periods = memory.periods.get(bytes((CYCLIC_USER[kind.opcode],)) + number, ())
    dated = known.get(number)
    blocked = memory.frozen or memory.privacy
    if dated is not None and not blocked and _holds(lock, dated, periods, now):
        lock.move_bolt(unlocked=True, now=now)
        lock.write_log(opened, tail(kind, number), now)
    else:
        lock.write_log(wrong, tail(kind, number), now)
    return lock.finish()


def _holds(lock: Lock, dated: Dated, periods: tuple[Period, ...], now: float) -> bool:
    """A lock that does not know the time takes only what is for ever."""
    if lock.clock.valid or not lock.profile.clock.periods_need_it:
        return dated_opens(dated, periods, lock.clock.local(now))
    return dated_for_ever(dated, periods)


def _learn(lock: Lock, kind: Kind, number: bytes, now: float) -> None:
    """One scan of a credential that the app asked for; each is pushed to the app."""
    lock.scans += 1
    total = lock.profile.credentials.finger_scans if kind is FINGERS else 1
    if lock.scans < total:
        lock.push_added(kind.opcode, AddStatus.PROGRESS, {"done": lock.scans, "total": total})
        return
    lock.enrolling = None
    try:
        enroll(lock, kind, Dated(number, PERMANENT_START, PERMANENT_END), now)
    except Refused as refused:
        lock.push_refusal(kind.opcode, refused.status)
        return
    lock.push_added(kind.opcode, AddStatus.DONE, {"number": number})


def press_fob(lock: Lock, mac: bytes, key: int, now: float) -> list[Effect]:
    """A paired key fob opens with key 1 and locks with key 2."""
    dated = lock.memory.fobs.get(mac)
    periods = lock.memory.periods.get(bytes((FOB_USER,)) + mac, ())
    if dated is not None and not lock.memory.frozen and _holds(lock, dated, periods, now):
        lock.move_bolt(unlocked=key == 1, now=now)
        lock.write_log(LogType.FOB, {"mac": mac, "key_id": key, "accessory_battery": 100}, now)
    return lock.finish()


def turn_key(lock: Lock, *, unlocked: bool, now: float) -> list[Effect]:
    """The mechanical key from outside."""
    lock.move_bolt(unlocked=unlocked, now=now)
    lock.write_log(LogType.KEY_UNLOCK if unlocked else LogType.KEY_LOCK, None, now)
    return lock.finish()


def turn_thumb(lock: Lock, *, unlocked: bool, now: float) -> list[Effect]:
    """The thumb-turn inside: real locks write no record of it."""
    lock.move_bolt(unlocked=unlocked, now=now)
    return lock.finish()


def throw_privacy_bolt(lock: Lock, *, on: bool) -> list[Effect]:
    """The bolt inside, which keeps users out and lets administrators in (ttlock-ble 4, code 30)."""
    lock.memory.privacy = on
    return lock.finish()


def obstruct(lock: Lock, *, on: bool) -> list[Effect]:
    """Something stands in the way of the bolt, or of the arm of a parking lock (ttlock-ble 4, code 33)."""
    lock.obstructed = on
    return lock.finish()


def move_door(lock: Lock, *, closed: bool, now: float) -> list[Effect]:
    """What the door sensor sees."""
    lock.door_closed = closed
    lock.write_log(LogType.DOOR_CLOSED if closed else LogType.DOOR_OPENED, {"accessory_battery": None}, now)
    return lock.finish()


def tamper(lock: Lock, now: float) -> list[Effect]:
    """Somebody breaks the lock: an alarm, if that switch is on."""
    alarm = bool(lock.memory.switches & SwitchItem.TAMPER_ALERT)
    lock.write_log(LogType.TAMPER, None, now)
    lock.happened("tamper", alarm=alarm)
    return lock.finish()


def lock_by_keypad(lock: Lock, now: float) -> list[Effect]:
    """The lock key of the keypad."""
    lock.move_bolt(unlocked=False, now=now)
    lock.write_log(LogType.KEYPAD_LOCK, None, now)
    return lock.finish()


# The keypad's own menu, for whoever knows the administrator's code; refusals are those of the app


def make_code(code: str, lock: Lock, now: float) -> list[Effect]:
    """Make a code that is valid for ever. Raises Refused."""
    always = SimpleNamespace(type=PasscodeType.PERIOD, code=code, start=PERMANENT_START, end=PERMANENT_END)
    passcode.add(lock, always, now)
    return lock.finish()


def change_code(code: str, new: str, lock: Lock, now: float) -> list[Effect]:
    """Give a code other digits; its window stays. Raises Refused."""
    passcode.modify(lock, SimpleNamespace(code=code, new=new, window=None), now)
    return lock.finish()


def drop_code(code: str, lock: Lock, now: float) -> list[Effect]:
    """Raises Refused when there is none."""
    passcode.delete(lock, SimpleNamespace(code=code), now)
    return lock.finish()
