"""Locks with a wrong clock or a wrong log (ttlock-ble 5.5, 5.14, 5.17)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.commands.log import SINCE_LAST_READ, LogType
from lockbench_protocol.lock.dates import read_date
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.clock import LockClock
from lockbench_emulator.lock.handlers import Handler
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.lock.memory import Memory
from lockbench_emulator.lock.refused import Refused
from lockbench_emulator.lock.store import Store
from lockbench_emulator.mutants.row import Mutant, faulty, handling, misled
from lockbench_emulator.parts import Parts

HOUR = timedelta(hours=1)
# nights on which the clocks of Berlin change, by standard time
SPRING, AUTUMN = datetime(2026, 3, 29, 2), datetime(2026, 10, 25, 2)  # noqa: DTZ001 - a lock's clock has no zone


class _Deaf(LockClock):
    def set(self, local: datetime, now: float) -> None:
        pass


class _Minutes(LockClock):
    def set(self, local: datetime, now: float) -> None:
        super().set(local.replace(second=0), now)


class _SummerTime(LockClock):
    """It knows when summer time begins and ends, and moves by itself."""

    def local(self, now: float) -> datetime:
        shown = super().local(now)
        if self._local < SPRING <= shown:
            return shown + HOUR
        return shown - HOUR if self._local < AUTUMN <= shown else shown


def _first_of_march(_lock: Lock, request: Any, _now: float) -> None:
    try:
        read_date(request.date)
    except RemoteError:
        request.date = request.date[:1] + bytes((3, 1)) + request.date[3:]


def _uses_anew(lock: Lock, request: Any, now: float) -> None:
    if read_date(request.date) < lock.clock.local(now):
        for code, passcode in list(lock.memory.passcodes.items()):
            lock.memory.passcodes[code] = replace(passcode, uses=0)


def _tells_zero(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        try:
            return sound(lock, request, now)
        except Refused:
            return {"date": lock.date6(now)}

    return handle


class _Unrecorded(Lock):
    def write_log(self, kind: LogType, tail: dict[str, object] | None, now: float) -> None:
        if kind is not LogType.WRONG_PASSCODE:
            super().write_log(kind, tail, now)


class _Timeless(Lock):
    def write_log(self, kind: LogType, tail: dict[str, object] | None, now: float) -> None:
        clock, self.clock = self.clock, LockClock(datetime(2099, 1, 1), now)  # noqa: DTZ001 - no zone
        super().write_log(kind, tail, now)
        self.clock = clock


class _NarrowCards(Lock):
    def write_log(self, kind: LogType, tail: dict[str, object] | None, now: float) -> None:
        card = tail and tail.get("card")
        super().write_log(kind, {"card": card[:4]} if isinstance(card, bytes) else tail, now)


class _RelockRecorded(Lock):
    def _relock(self, now: float) -> None:
        super()._relock(now)
        self.write_log(LogType.KEYPAD_LOCK, None, now)


class _RelockPushed(Lock):
    def _relock(self, now: float) -> None:
        super()._relock(now)
        self.push_status()


class _NeverRelocks(Lock):
    def move_bolt(self, *, unlocked: bool, now: float) -> None:
        super().move_bolt(unlocked=unlocked, now=now)
        self.relock_at = None


def _bookmark_stays(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        before = lock.memory.bookmark
        reply = sound(lock, request, now)
        if reply["page"] is None or reply["page"]["next"] == lock.memory.last_sequence:
            lock.memory.bookmark = before
        return reply

    return handle


def _bookmark_ahead(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        reply = sound(lock, request, now)
        if request.cursor == SINCE_LAST_READ:
            lock.memory.bookmark = lock.memory.last_sequence
        return reply

    return handle


def _skipping(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        reply = sound(lock, request, now)
        if reply["page"]:
            reply["page"]["next"] += 1
        return reply

    return handle


def _newest_first(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        reply = sound(lock, request, now)
        if reply["page"]:
            reply["page"]["records"].reverse()
        return reply

    return handle


def _read_and_gone(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        for sequence in [known for known in lock.memory.log if known <= request.cursor]:
            del lock.memory.log[sequence]
        return sound(lock, request, now)

    return handle


def _empty_refused(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        reply = sound(lock, request, now)
        if reply["page"] is None:
            raise Refused(Status.RECORD_UNKNOWN)
        return reply

    return handle


class _FullStaysFull(Memory):
    def write_log(self, body: bytes) -> int:
        if len(self.log) < self._log_capacity:
            return super().write_log(body)
        return self.last_sequence


class _LogInRam(Memory):
    def reopen(self, store: Store) -> None:
        super().reopen(store)
        self.log.clear()


class _LastCodeInRam(Memory):
    """The newest passcode is in RAM until the next one comes."""

    def reopen(self, store: Store) -> None:
        super().reopen(store)
        if self.passcodes:
            del self.passcodes[list(self.passcodes)[-1]]


RECORDS = (
    Mutant(
        "clock-deaf",
        "a time that is set is answered and not taken",
        ("CLK/1", "CLK/2", "CLK/7", "CLK/11"),
        Parts(clock=_Deaf),
    ),
    Mutant(
        "seconds-dropped", "a time is set without its seconds", ("CLK/1", "COD/20"), Parts(clock=_Minutes)
    ),
    Mutant(
        "clock-slow",
        "the clock loses two seconds in a hundred",
        ("CLK/1",),
        keys={"clock.drift_ppm": -20_000.0},
    ),
    Mutant(
        "clock-of-a-bad-quartz",
        "the clock gains three and a half minutes in a month",
        ("CLK/4",),
        keys={"clock.drift_ppm": 80.0},
    ),
    faulty(
        "no-clock-tells-time",
        "a lock without a clock tells a time",
        "CLK/6",
        handling(0x34, by=_tells_zero),
        profile="noclock",
    ),
    Mutant(
        "summer-time-by-itself",
        "the clock moves by itself when summer time begins or ends",
        ("CLK/8",),
        Parts(clock=_SummerTime),
    ),
    faulty("no-such-day", "30 February is taken for 1 March", "CLK/9", misled(0x43, by=_first_of_march)),
    faulty(
        "clock-back-uses-anew",
        "a used one-time code opens again when the clock was set back",
        "CLK/10",
        misled(0x43, by=_uses_anew),
    ),
    faulty("wrong-codes-unrecorded", "a wrong code leaves no record", "LOG/1 LOG/5 LOG/11", _Unrecorded),
    faulty(
        "auto-lock-recorded", "the bolt that falls by itself writes a record", "LOG/2 ADV/4", _RelockRecorded
    ),
    faulty("auto-lock-pushed", "the bolt that falls by itself is pushed", "ADV/4", _RelockPushed),
    faulty("no-auto-lock", "the bolt never falls by itself", "LOG/2 ADV/4 DFU/22", _NeverRelocks),
    faulty(
        "bookmark-stays",
        "records that were read stay new",
        "LOG/3 ADV/5 SOK/1",
        handling(0x25, by=_bookmark_stays),
    ),
    faulty("read-and-gone", "a record that was read is deleted", "LOG/4", handling(0x25, by=_read_and_gone)),
    faulty(
        "newest-first",
        "a page of the log begins with its newest record",
        "LOG/4",
        handling(0x25, by=_newest_first),
    ),
    faulty(
        "cursor-skips",
        "the record after the end of a page is left out",
        "LOG/5",
        handling(0x25, by=_skipping),
    ),
    Mutant("full-log-stays", "a full log takes no more records", ("LOG/6",), Parts(memory=_FullStaysFull)),
    faulty(
        "bookmark-ahead",
        "the first page of new records makes all of them old",
        "LOG/7",
        handling(0x25, by=_bookmark_ahead),
    ),
    faulty(
        "empty-log-refused",
        "reading an empty log is an error",
        "LOG/9 LOG/3",
        handling(0x25, by=_empty_refused),
    ),
    faulty("records-of-2099", "each record has the same time", "LOG/10", _Timeless),
    faulty("narrow-cards", "a record holds four bytes of a card's number", "LOG/12", _NarrowCards),
    Mutant("log-in-ram", "the log is lost with the power", ("LOG/13", "PFL/11"), Parts(memory=_LogInRam)),
    Mutant(
        "last-code-in-ram",
        "the newest passcode is lost with the power",
        ("PFL/11", "DFU/30"),
        Parts(memory=_LastCodeInRam),
    ),
)
