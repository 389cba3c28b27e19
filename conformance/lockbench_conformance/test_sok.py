"""SOK: the whole lock for a long while, against a model of credentials, clock and log."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.configuration import FREEZE, put
from lockbench_harness.client.enrolment import (
    CARD,
    FINGERPRINT,
    change_window,
    clear,
    delete,
    enter_adding,
    restore,
    search,
)
from lockbench_harness.client.operations import (
    PERMANENT,
    Exchange,
    Keys,
    Operation,
    add_passcode,
    clear_passcodes,
    delete_passcode,
    features,
    get_time,
    list_passcodes,
    lock,
    login_admin,
    modify_passcode,
    read_log,
    status,
    unlock,
)
from lockbench_harness.machines import Machine, initialize, precondition, rule
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.dates import date5, date6
from lockbench_protocol.lock.features import Feature, bits
from lockbench_protocol.lock.status import Status

from lockbench_conformance.model import LAST_MINUTE, LOST, LockModel, Window, event, holds
from lockbench_conformance.words import refused

# west to east; Berlin and New York have summer time, and the dates are around its changes
ZONES = (
    "Pacific/Honolulu", "America/New_York", "UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Shanghai",
    "Pacific/Kiritimati",
)  # fmt: skip
DAYS = (
    datetime(2026, 3, 8, 6, tzinfo=UTC),
    datetime(2026, 3, 29, 0, tzinfo=UTC),
    datetime(2026, 10, 25, 0, tzinfo=UTC),
    datetime(2026, 11, 1, 5, tzinfo=UTC),
    datetime(2028, 2, 28, 22, tzinfo=UTC),
)
T = TypeVar("T")

SCANS = 8  # of a finger; more than any lock of ours wants
A_MOMENT = 1.0  # seconds: longer than pushes are held back
WRITTEN = (PasscodeType.PERMANENT, PasscodeType.COUNT, PasscodeType.PERIOD)
CODES = ("1111", "2222", "12345", "654321", "123456123")
NUMBERS = {
    CARD: (bytes.fromhex("00001267"), bytes.fromhex("fedcba98"), bytes.fromhex("0123456789abcdef")),
    FINGERPRINT: (bytes.fromhex("000000000001"), bytes.fromhex("aabbccddeeff")),
}
SHORTEST, LONGEST = -3 * 60, 3 * 60  # minutes from now at which windows begin and end

minutes = st.integers(SHORTEST, LONGEST)
window_minutes = st.none() | st.tuples(minutes, minutes).map(lambda pair: (min(pair), max(pair)))
edges = st.sampled_from(("first", "last", "before", "after"))
kinds = st.sampled_from((CARD, FINGERPRINT))
which = st.integers(0, 7)


@case(
    "SOK/3",
    clause="ttlock-ble 5; catalogue PWD/9, CLK/7, CLK/8, LOG/1, LOG/3",
    needs=("passcodes", "hands", "clock", "log", "fresh"),
    links=("bare",),
    examples=4,
)
class TestWholeLock(Machine):
    """Whatever was accepted opens in its window and never outside, in every zone, and the log tells it."""

    steps = 25
    bench: LockBench

    async def begin(self) -> None:
        bench = self.bench
        self.model = LockModel(bench.credentials.admin_passcode, bench.local())
        self.zone = ZoneInfo("UTC")
        self.instant = DAYS[0]  # at 0 s
        self.records = 0
        self.features = bits((await self.ask(features()))[1])

    @initialize(zone=st.sampled_from(ZONES), day=st.sampled_from(DAYS), hours=st.integers(-30, 30))
    async def hang_up_in(self, zone: str, day: datetime, hours: int) -> None:
        self.zone = ZoneInfo(zone)
        self.instant = day + timedelta(hours=hours)
        await self.sync()

    # what the rules use

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def phone(self, minutes_on: int = 0) -> datetime:
        """The local time that the phone shows, now or so many minutes of real time later."""
        instant = self.instant + timedelta(seconds=int(self.now()), minutes=minutes_on)
        return instant.astimezone(self.zone).replace(tzinfo=None)

    def window(self, drawn: tuple[int, int] | None) -> Window:
        """As an app computes it: both ends in the zone's own time at that moment."""
        return PERMANENT if drawn is None else (date5(self.phone(drawn[0])), date5(self.phone(drawn[1])))

    async def ask(self, operation: Operation[T]) -> T:
        async with self.bench.session() as client:
            return await client.run(operation)

    async def sync(self) -> None:
        local = self.phone()
        await self.ask(calibrate(self.bench.keys, local))
        self.model.set_clock(local, self.now())

    def has(self, kind: int) -> bool:
        return (Feature.CARD if kind == CARD else Feature.FINGERPRINT) in self.features

    # the app

    @rule()
    async def set_the_clock(self) -> None:
        await self.sync()

    @rule(minutes_on=st.integers(1, 36 * 60))
    async def carry_the_phone_on(self, minutes_on: int) -> None:
        """Time passes for the phone alone, as when the lock's clock stood still; it is set at once."""
        self.instant += timedelta(minutes=minutes_on)
        await self.sync()

    @rule(kind=st.sampled_from(WRITTEN), code=st.sampled_from(CODES), drawn=window_minutes)
    async def add_code(self, kind: PasscodeType, code: str, drawn: tuple[int, int] | None) -> None:
        window = self.window(drawn)
        operation = add_passcode(self.bench.keys, code, window, kind)
        if code in self.model.codes:
            with refused(Status.PASSCODE_EXISTS):
                await self.ask(operation)
        elif window[1] < window[0] and kind is not PasscodeType.PERMANENT:  # the hour that comes twice
            with refused(Status.INVALID_PARAMETER):
                await self.ask(operation)
        else:
            await self.ask(operation)
            self.model.add(kind, code, window, self.now())

    @precondition(lambda self: self.model.codes)
    @rule(at=which, new=st.sampled_from(CODES), drawn=window_minutes, keeps=st.booleans())
    async def change_code(self, at: int, new: str, drawn: tuple[int, int] | None, keeps: bool) -> None:  # noqa: FBT001 - drawn
        code = self.code(at)
        window = None if keeps else self.window(drawn)
        operation = modify_passcode(self.bench.keys, code, new, window)
        if new != code and new in self.model.codes:
            with refused(Status.PASSCODE_EXISTS):
                await self.ask(operation)
        elif window is not None and window[1] < window[0]:
            with refused(Status.INVALID_PARAMETER):
                await self.ask(operation)
        else:
            await self.ask(operation)
            self.model.change(code, new, window, self.now())

    @precondition(lambda self: self.model.codes)
    @rule(at=which)
    async def delete_code(self, at: int) -> None:
        code = self.code(at)
        await self.ask(delete_passcode(self.bench.keys, code))
        self.model.delete(code, self.now())

    @rule()
    async def clear_codes(self) -> None:
        await self.ask(clear_passcodes(self.bench.keys))
        self.model.clear(self.now())

    def code(self, at: int) -> str:
        known = sorted(self.model.codes)
        return known[at % len(known)]

    @rule(admin=st.booleans(), opens=st.booleans())
    async def move_the_bolt(self, admin: bool, opens: bool) -> None:  # noqa: FBT001 - drawn
        self.records += 1
        keys = replace(self.bench.keys, window=(bytes(5), LAST_MINUTE))  # SES/10 looks at windows of keys
        operation = (unlock if opens else lock)(keys, self.records, admin=admin)
        if self.model.frozen and not admin:
            with refused(Status.FROZEN):
                await self.ask(operation)
        elif self.model.bolted and opens and not admin:
            with refused(Status.DOUBLE_LOCKED):
                await self.ask(operation)
        else:
            moved = await self.ask(operation)
            expect(moved.record_id, self.records, "the record id in the answer")
            self.model.move(unlocked=opens)
            kind = LogType.BLE_UNLOCK if opens else LogType.BLE_LOCK
            self.model.write(kind, self.now(), uid=0, record_id=self.records)

    @precondition(lambda self: Feature.FREEZE in self.features)
    @rule(on=st.booleans())
    async def freeze(self, on: bool) -> None:  # noqa: FBT001 - drawn
        await self.ask(put(self.bench.keys, FREEZE, int(on)))
        self.model.frozen = on

    @rule(kind=kinds, at=which, drawn=window_minutes)
    async def learn(self, kind: int, at: int, drawn: tuple[int, int] | None) -> None:
        """The app waits while somebody presents a card or a finger, then sends the dates."""
        if not self.has(kind):
            return
        number = NUMBERS[kind][at % len(NUMBERS[kind])]
        window = self.window(drawn)
        async with self.bench.session() as client:
            scans = await client.run(enter_adding(self.bench.keys, kind)) or 1
            expect(1 <= scans <= SCANS, True, f"are {scans} scans possible")
            for _ in range(scans):
                self.present_to(kind, number)
                done = self.now()
                await asyncio.sleep(A_MOMENT)
            await client.run(change_window(self.bench.keys, kind, number, window))
        self.model.enroll(kind, number, window, done)

    @rule(kind=kinds, at=which, drawn=window_minutes)
    async def restore(self, kind: int, at: int, drawn: tuple[int, int] | None) -> None:
        if self.has(kind):
            number = NUMBERS[kind][at % len(NUMBERS[kind])]
            window = self.window(drawn)
            await self.ask(restore(self.bench.keys, kind, number, window))
            self.model.enroll(kind, number, window, self.now())

    @rule(kind=kinds, at=which, everything=st.booleans())
    async def forget(self, kind: int, at: int, everything: bool) -> None:  # noqa: FBT001 - drawn
        if not self.has(kind):
            return
        number = NUMBERS[kind][at % len(NUMBERS[kind])]
        if everything:
            await self.ask(clear(self.bench.keys, kind))
            self.model.forget_all(kind, self.now())
        elif number in self.model.numbers(kind):
            await self.ask(delete(self.bench.keys, kind, number))
            self.model.forget(kind, number, self.now())
        else:
            with refused(Status.CARD_UNKNOWN if kind == CARD else Status.FINGERPRINT_UNKNOWN):
                await self.ask(delete(self.bench.keys, kind, number))

    # at the door

    @rule(code=st.sampled_from(CODES))
    async def type_a_code(self, code: str) -> None:
        self.press(code)

    @rule()
    async def type_the_administrators_code(self) -> None:
        self.press(self.model.admin_passcode)

    @precondition(lambda self: self.model.codes)
    @rule(at=which, edge=edges)
    async def type_at_the_edge(self, at: int, edge: str) -> None:
        """The clock is set so that a code's window begins or ends just now."""
        code = self.code(at)
        first, last = self.model.codes[code].window
        moment = {
            "before": _moment(first) - timedelta(seconds=1),
            "first": _moment(first),
            "last": _moment(last) + timedelta(seconds=59),
            "after": _moment(last) + timedelta(seconds=60),
        }[edge]
        if not 2000 <= moment.year <= 2099:
            return
        await self.ask(calibrate(self.bench.keys, moment))
        self.model.set_clock(moment, self.now())
        expect(holds((first, last), moment), edge in ("first", "last"), f"is {moment} in the window")
        self.press(code)

    def press(self, code: str) -> None:
        wanted = self.model.type_code(code, self.now())
        shown = self.model.local(self.now())
        expect(self.bench.hands.enter_code(code), wanted, f"does {code} open at {shown} in {self.zone}")

    @rule(kind=kinds, at=which)
    async def present(self, kind: int, at: int) -> None:
        if self.has(kind):
            number = NUMBERS[kind][at % len(NUMBERS[kind])]
            wanted = self.model.present(kind, number, self.now())
            shown = self.model.local(self.now())
            expect(self.present_to(kind, number), wanted, f"does {number.hex()} open at {shown}")

    def present_to(self, kind: int, number: bytes) -> bool:
        hands = self.bench.hands
        return hands.present_card(number) if kind == CARD else hands.present_finger(number)

    @rule(opens=st.booleans(), inside=st.booleans())
    async def turn(self, opens: bool, inside: bool) -> None:  # noqa: FBT001 - drawn
        """The thumb-turn writes no record, the mechanical key does."""
        if inside:
            self.bench.hands.turn_thumb(unlocked=opens)
        else:
            self.bench.hands.turn_key(unlocked=opens)
            self.model.write(LogType.KEY_UNLOCK if opens else LogType.KEY_LOCK, self.now())
        self.model.move(unlocked=opens)

    @rule(on=st.booleans())
    async def throw_the_privacy_bolt(self, on: bool) -> None:  # noqa: FBT001 - drawn
        self.bench.hands.throw_privacy_bolt(on)
        self.model.bolted = on

    @rule(seconds=st.sampled_from((1, 59, 61, 100)))
    async def wait(self, seconds: int) -> None:
        await asyncio.sleep(seconds)

    @rule(seconds=st.integers(0, 60))
    async def change_the_battery(self, seconds: int) -> None:
        """Power goes and returns; some locks lose their time."""
        self.bench.hands.cut_power()
        await asyncio.sleep(seconds)
        self.bench.hands.restore_power()
        if await self.ask(get_time()) < LOST + timedelta(minutes=1):  # no window of ours begins so early
            self.model.lose_clock(self.now())
        await self._compare()

    @rule(new=st.booleans())
    async def read_the_log(self, new: bool) -> None:  # noqa: FBT001 - drawn
        model = self.model
        records = [event(record) for record in await self.ask(read_log(new=new))]
        expect(records, model.log[model.read if new else 0 :], "the records of the log")
        model.read = len(model.log) if new else model.read

    @rule()
    async def compare_all(self) -> None:
        await self._compare()

    async def _compare(self) -> None:
        """Every list of the lock."""
        keys, model = self.bench.keys, self.model
        expect(model.fits(await self.ask(list_passcodes(keys))), [], "where the list of passcodes differs")
        for kind in filter(self.has, (CARD, FINGERPRINT)):
            rows = await self.ask(search(keys, kind))
            seen = {row.number: (row.start, row.end) for row in rows}
            expect(seen, model.numbers(kind), "the cards" if kind == CARD else "the fingerprints")
        expect(await self.ask(get_time()), model.local(self.now()), "the time that the lock shows")
        records = [event(record) for record in await self.ask(read_log(new=False))]
        expect(records, model.log, "the whole log")

    async def check(self) -> None:
        expect(self.bench.hands.is_open(), self.model.is_open, "is the bolt open")
        expect((await self.ask(status())).unlocked, self.model.is_open, "does the lock say that it is open")


def calibrate(keys: Keys, local: datetime) -> Operation[None]:
    """As the administrator: a frozen lock lets no user in."""
    yield from login_admin(keys)
    yield Exchange(0x43, {"date": date6(local)})


def _moment(date: bytes) -> datetime:
    return datetime(2000 + date[0], *date[1:])  # noqa: DTZ001 - a lock's time has no zone
