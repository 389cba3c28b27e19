"""CLK: the clock, and what depends on it."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import (
    Operation,
    add_passcode,
    get_time,
    list_passcodes,
    lock_time,
    login_admin,
    login_user,
    read_log,
    set_time,
    unlock,
    unlock_calibrating,
)
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.verdicts import warn
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.dates import date5, date6, read_date
from lockbench_protocol.lock.status import Status

from lockbench_conformance.app import App
from lockbench_conformance.ota import NEW
from lockbench_conformance.words import codes, moments, refused

T = TypeVar("T")

ZONES = ("Pacific/Honolulu", "UTC", "Asia/Kolkata", "Asia/Shanghai", "Pacific/Kiritimati", "Europe/Berlin")
MONTH = 30 * 86400.0  # seconds
QUARTZ_PPM = 50  # what a watch crystal is off at most
INSTANT = datetime(2026, 7, 1, 12, 0, 0, tzinfo=ZoneInfo("UTC"))


@case(
    "CLK/1",
    clause="ttlock-ble 5.5",
    needs=("clock",),
    links=("bare", "air"),
    moment=moments,
    wait=st.integers(0, 600),
)
async def test_the_time_that_was_set_goes_on(bench: LockBench, moment: datetime, wait: int) -> None:
    """A lock shows the time that was set, and goes on from there, within a second."""
    moment = moment.replace(microsecond=0)
    async with bench.session() as client:
        await client.run(set_time(bench.keys, moment))
        shown = await client.run(get_time())
    expect(abs((shown - moment).total_seconds()) <= 1, True, f"is {shown} the time {moment} that was set")
    await asyncio.sleep(wait)
    async with bench.session() as client:
        gone = (await client.run(get_time()) - shown).total_seconds()
    expect(abs(gone - wait) <= 2, True, f"are {gone} seconds what passed in {wait}")


@case(
    "CLK/2",
    clause="setLockTime: serverTime; ttlock-ble 5.5",
    needs=("clock",),
    examples=4,
    minutes=st.integers(-720, 840),
    ahead=st.integers(-(10**6), 10**6).filter(lambda seconds: abs(seconds) > 5),
)
async def test_the_server_knows_the_time_better_than_the_phone(
    bench: LockBench, minutes: int, ahead: int
) -> None:
    """A client sets the server's time when it has it, else its phone's, moved once into the lock's zone."""
    zone = timedelta(minutes=minutes)
    phone = datetime(2027, 3, 4, 5, 6, 7)  # noqa: DTZ001 - UTC
    server = phone + timedelta(seconds=ahead)
    async with bench.session() as client:
        for told, known in ((phone, None), (server, server)):
            await client.run(set_time(bench.keys, lock_time(zone, phone, known)))
            error = (await client.run(get_time()) - (told + zone)).total_seconds()
            expect(abs(error) <= 1, True, f"is the lock, {error:g} s off, at the time that it should be told")


@case("CLK/3", clause="ttlock-ble 5.1, 6", needs=("clock", "logins"))
async def test_who_may_set_the_clock(bench: LockBench) -> None:
    """Without a login the clock cannot be set: 18; after 55 and 30, or 41 and 30, it can."""
    moment = datetime(2027, 3, 4, 5, 6, 7)  # noqa: DTZ001 - a lock's time has no zone
    async with bench.session() as client:
        with refused(Status.NOT_LOGGED_IN):
            await client.ask_values(0x43, {"date": date6(moment)})
        for login in (login_user, login_admin):
            await client.run(login(bench.keys))
            await client.ask_values(0x43, {"date": date6(moment)})


@case(
    "CLK/4",
    clause="policy: a quartz is right to 50 ppm",
    needs=("clock", "hands", "passcodes"),
    links=("bare",),
    examples=1,
    budget=MONTH + 3600,
    code=codes,
)
async def test_a_month_of_drift(bench: LockBench, code: str) -> None:
    """In 30 days a clock drifts by 50 ppm at most, windows drift with it, and setting it mends both."""
    await asyncio.sleep(MONTH)
    async with bench.session() as client:
        shown = await client.run(get_time())
        drift = (shown - bench.local()).total_seconds()
        expect(abs(drift) <= MONTH * QUARTZ_PPM / 10**6 + 1, True, f"is a drift of {drift:g} s a quartz's")
        start = shown.replace(second=0) + timedelta(minutes=2)
        await client.run(add_passcode(bench.keys, code, (date5(start), date5(start + timedelta(hours=1)))))
    await asyncio.sleep((start - shown).total_seconds() - 3)
    expect(bench.hands.enter_code(code), False, "does the code open before its window by the lock's clock")
    await asyncio.sleep(5)
    expect(bench.hands.enter_code(code), True, "does the code open in its window by the lock's clock")
    async with bench.session() as client:
        await client.run(set_time(bench.keys, bench.local()))
        error = (await client.run(get_time()) - bench.local()).total_seconds()
    expect(abs(error) <= 1, True, f"is the clock, {error:g} s off, right once it was set")


@case(
    "CLK/5", clause="plug-in errors 10000, 17", needs=("clock", "hands", "clock lost with power"), code=codes
)
async def test_a_lost_clock_closes_period_codes(bench: LockBench, code: str) -> None:
    """When a power loss took the time, codes do not open until the clock is set again."""
    window = (date5(bench.local()), date5(bench.local() + timedelta(days=1)))
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code, window))
    bench.hands.cut_power()
    await asyncio.sleep(10)
    bench.hands.restore_power()
    expect(bench.hands.enter_code(code), False, "does the code open without a clock")
    async with bench.session() as client:
        expect((await client.run(get_time())).year, 2000, "the year that the lock shows")
        await client.run(set_time(bench.keys, bench.local()))
    expect(bench.hands.enter_code(code), True, "does the code open once the clock is set")


@case("CLK/6", clause="feature bit 20", needs=("no_clock",))
async def test_a_lock_without_a_clock_says_so(bench: LockBench) -> None:
    """A model without a clock refuses to tell or take the time: 19 or 27."""
    async with bench.session() as client:
        with refused(Status.FAILED, Status.INVALID_COMMAND):
            await client.run(get_time())
        await client.run(login_user(bench.keys))
        with refused(Status.FAILED, Status.INVALID_COMMAND):
            await client.ask_values(0x43, {"date": date6(datetime(2027, 1, 1))})  # noqa: DTZ001 - likewise


@case(
    "CLK/7",
    clause="ttlock-ble 5.5, 7.1 timezoneRawOffset",
    needs=("clock", "hands", "passcodes"),
    links=("bare", "air"),
    code=codes,
    zone=st.sampled_from(ZONES),
    hours=st.integers(1, 5),
)
async def test_one_instant_in_every_zone(bench: LockBench, code: str, zone: str, hours: int) -> None:
    """A code that is valid for some hours of local time opens in them, whatever the zone of the lock."""
    local = INSTANT.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    window = (date5(local), date5(local + timedelta(hours=hours)))
    async with bench.session() as client:
        await client.run(set_time(bench.keys, local))
        await client.run(add_passcode(bench.keys, code, window))
    expect(bench.hands.enter_code(code), True, "does the code open at the start")
    await asyncio.sleep((hours - 1) * 600 + 61)
    expect(bench.hands.enter_code(code), True, "does the code open inside")


@case(
    "CLK/8",
    clause="policy: the lock keeps the local time that it was told",
    needs=("clock", "hands", "passcodes"),
    links=("bare",),
    code=codes,
    autumn=st.booleans(),
)
async def test_summer_time_moves_only_when_the_app_says_so(bench: LockBench, code: str, autumn: bool) -> None:  # noqa: FBT001 - drawn
    """A lock knows no summer time: across a change its windows go by the clock that it was given last."""
    zone = ZoneInfo("Europe/Berlin")
    change = (
        datetime(2026, 10, 25, 1, 0, tzinfo=ZoneInfo("UTC"))
        if autumn
        else datetime(2026, 3, 29, 1, 0, tzinfo=ZoneInfo("UTC"))
    )
    before = (change - timedelta(minutes=10)).astimezone(zone).replace(tzinfo=None)
    start = before + timedelta(minutes=20)
    async with bench.session() as client:
        await client.run(set_time(bench.keys, before))
        await client.run(add_passcode(bench.keys, code, (date5(start), date5(start + timedelta(minutes=5)))))
    await asyncio.sleep(15 * 60)
    expect(bench.hands.enter_code(code), False, "does the code open before its window")
    await asyncio.sleep(6 * 60)
    expect(bench.hands.enter_code(code), True, "does the code open in its window by the old clock")
    async with bench.session() as client:
        await client.run(
            set_time(bench.keys, (change + timedelta(minutes=11)).astimezone(zone).replace(tzinfo=None))
        )
    expect(bench.hands.enter_code(code), False, "does the code open once the app has set the new time")


@case(
    "CLK/9",
    clause="ttlock-ble 5.5",
    needs=("clock",),
    day=st.sampled_from([(2028, 2, 29), (2096, 2, 29), (2099, 12, 31)]),
)
async def test_leap_days_and_the_last_year(bench: LockBench, day: tuple[int, int, int]) -> None:
    """29 February and the end of 2099 are days like others; what no calendar has is refused."""
    moment = datetime(*day, 23, 59, 0)  # noqa: DTZ001 - a lock's time has no zone
    async with bench.session() as client:
        await client.run(set_time(bench.keys, moment))
        expect((await client.run(get_time())).date(), moment.date(), "the date that the lock shows")
        with refused(Status.INVALID_PARAMETER, Status.PAYLOAD_LENGTH, Status.FAILED):
            await client.ask_values(0x43, {"date": bytes((27, 2, 30, 0, 0, 0))})


@case(
    "CLK/10",
    clause="policy: a clock set back changes no past",
    needs=("clock", "hands", "passcodes", "log"),
    code=codes,
    back=st.integers(1, 10**6),
)
async def test_setting_the_clock_back(bench: LockBench, code: str, back: int) -> None:
    """After the clock was set back the log keeps its order, and a one-time code that was used stays used."""
    async with bench.session() as client:
        await client.run(
            add_passcode(bench.keys, code, (bytes(5), b"\x63\x0c\x1f\x17\x3b"), PasscodeType.COUNT)
        )
    expect(bench.hands.enter_code(code), True, "does the one-time code open")
    async with bench.session() as client:
        await client.run(set_time(bench.keys, bench.local() - timedelta(seconds=back)))
        await client.run(unlock(bench.keys, 7))
    expect(bench.hands.enter_code(code), False, "does the used code open")
    async with bench.session() as client:
        records = await client.run(read_log(new=False))
        expect(len(await client.run(list_passcodes(bench.keys))), 1, "the number of listed codes")
    expect(
        [record.tail.get("record_id") for record in records if record.type == 1],
        [7],
        "the record after the change",
    )
    if read_date(records[-1].date) > bench.local():
        warn("the newest record has a later time than the clock")


def counted(operation: Operation[T], opcode: int, told: list[int]) -> Operation[T]:
    """The operation, which tells each request with this opcode."""
    try:
        exchange = next(operation)
        while True:
            if exchange.opcode == opcode:
                told.append(opcode)
            exchange = operation.send((yield exchange))
    except StopIteration as done:
        result: T = done.value
        return result


@case(
    "CLK/11",
    clause="plug-in documents: unlock calibrates the time; ttlock-ble 5.4, 5.5",
    needs=("clock", "log"),
    links=("bare", "air"),
    examples=4,
    first=st.booleans(),
    late=st.integers(60, 10**6),
)
async def test_unlocking_sets_the_clock_once(bench: LockBench, first: bool, late: int) -> None:  # noqa: FBT001 - drawn
    """Unlocking sets the clock when asked to, once, before or after; otherwise it leaves it alone."""
    wrong = bench.local() - timedelta(seconds=late)
    told: list[int] = []
    async with bench.session() as client:
        await client.run(set_time(bench.keys, wrong))
        await client.run(counted(unlock(bench.keys, 1), 0x43, told))
        expect((told, await off(client, bench) < -30), ([], True), "settings, and whether the clock is late")
        await client.run(read_log(new=True))
        calibrating = unlock_calibrating(bench.keys, 2, bench.local(), first=first)
        moved = await client.run(counted(calibrating, 0x43, told))
        expect(told, [0x43], "the settings of the clock")
        expect(abs(await off(client, bench)) <= 1, True, "is the clock right")
        right = abs((read_date(moved.date) - bench.local()).total_seconds()) <= 2
        expect(right, first, "is the time in the answer right")
        records = await client.run(read_log(new=True))
    expect([record.date for record in records], [moved.date], "the times of the records")


async def off(client: LockClient, bench: LockBench) -> float:
    """Seconds by which the lock's clock is fast."""
    return (await client.run(get_time()) - bench.local()).total_seconds()


@case(
    "CLK/12",
    clause="enterDfuMode: the time is not calibrated",
    needs=("dfu", "plugin", "cloud faults", "clock", "passcodes", "log", "hands"),
    links=("bare",),
    examples=4,
    code=codes,
    late=st.integers(60, 10**6),
    fails=st.booleans(),
)
async def test_an_upgrade_leaves_all_as_it_was(bench: LockBench, code: str, late: int, fails: bool) -> None:  # noqa: FBT001 - drawn
    """An upgrade, also one that fails, changes neither clock nor keys, passcodes and log."""
    image = bytearray(bench.firmware.image(NEW, 600))
    image[300] ^= fails
    cloud = await bench.cloud()
    cloud.hands.publish(NEW, bytes(image))
    async with bench.session() as client:
        await client.run(set_time(bench.keys, bench.local() - timedelta(seconds=late)))
        await client.run(add_passcode(bench.keys, code))
        before = await kept(client, bench)
    result = await App(bench, cloud).upgrade()
    expect(
        result["errorCode"] == 0, not fails, f"does the upgrade succeed, which ends in {result['errorCode']}"
    )
    await asyncio.sleep(bench.firmware.idle_seconds + RESTART_SECONDS)
    async with bench.session() as client:
        expect(abs(await off(client, bench) + late) <= 1, True, "is the clock as wrong as before")
        expect(await kept(client, bench), before, "passcodes and log")
        for admin in (True, False):
            await client.run(unlock(bench.keys, 1, admin=admin))
    expect(bench.hands.enter_code(code), True, "does the code open")


async def kept(client: LockClient, bench: LockBench) -> tuple[object, ...]:
    return await client.run(list_passcodes(bench.keys)), await client.run(read_log(new=False))
