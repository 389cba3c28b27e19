"""When a credential is valid: its period, and its cyclic periods (ttlock-ble 5.8, 5.13, 5.16)."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from lockbench_protocol.lock.commands.cards import Cycle
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.commands.settings import PassageType
from lockbench_protocol.lock.dates import PERMANENT_END, PERMANENT_START, date5

from lockbench_emulator.lock.memory import Dated, Passage, Passcode, Period

NEVER_ENDS = PERMANENT_END[:1] + b"\xff" * 4
NO_PERIOD = bytes(10)  # dates that were all zero: always


def passcode_opens(passcode: Passcode, local: datetime, count_uses: int) -> bool:
    """Inside its window, both minutes included, not used up, and in its cycle."""
    if used_up(passcode, count_uses):
        return False
    now = date5(local)
    if not passcode.start <= now <= (passcode.end or NEVER_ENDS):
        return False
    return passcode.cycle is None or cycle_opens(passcode.cycle, passcode.start, local)


def used_up(passcode: Passcode, count_uses: int) -> bool:
    return passcode.type == PasscodeType.COUNT and passcode.uses >= count_uses


def for_ever(passcode: Passcode) -> bool:
    """Written with the permanent dates, or wider ones, and without a cycle."""
    return (
        passcode.start <= PERMANENT_START
        and (passcode.end is None or passcode.end >= PERMANENT_END)
        and passcode.cycle is None
    )


def cycle_opens(cycle: int, start: bytes, local: datetime) -> bool:
    """A recovered cyclic code (type 4): on the days of its mask, from the hour of its start to midnight.

    Bit 0 is Monday. The coding of the cycle type is not public: an assumption.
    """
    return bool(cycle >> local.weekday() & 1) and bytes((local.hour, local.minute)) >= start[3:5]


def dated_opens(dated: Dated, periods: Iterable[Period], local: datetime) -> bool:
    """A card, fingerprint or fob: inside its dates and in one of its cyclic periods, if it has any."""
    now = date5(local)
    if dated.start + dated.end != NO_PERIOD and not dated.start <= now <= dated.end:
        return False
    rows = tuple(periods)
    return not rows or any(_period_holds(row, local) for row in rows)


def dated_for_ever(dated: Dated, periods: Iterable[Period]) -> bool:
    """Without dates, or with the permanent ones or wider, and without a cyclic period."""
    wide = dated.start <= PERMANENT_START and dated.end >= PERMANENT_END
    return (dated.start + dated.end == NO_PERIOD or wide) and not tuple(periods)


def _period_holds(row: Period, local: datetime) -> bool:
    days = {
        Cycle.WEEK: local.isoweekday() == row.day,
        Cycle.DAY: True,
        Cycle.MONTH: local.day == row.day,
    }
    return days.get(Cycle(row.cycle), False) and row.from_ <= bytes((local.hour, local.minute)) <= row.to


def passage_holds(rows: Iterable[Passage], local: datetime) -> bool:
    """Is the lock in one of its passage times?"""
    now = bytes((local.hour, local.minute))
    return any(
        (local.isoweekday() if row.type == PassageType.WEEKLY else local.day) == row.day
        and row.from_ <= now < row.to
        and (row.type == PassageType.WEEKLY or row.month in (0, local.month))
        for row in rows
    )
