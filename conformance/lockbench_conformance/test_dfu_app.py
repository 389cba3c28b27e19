"""DFU: an upgrade as the app makes it, and as people and phones around it disturb it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import (
    add_passcode,
    auto_lock,
    get_time,
    list_passcodes,
    unlock,
)
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.links import Connection, NotFound
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.status import Status
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.ota import EndForm, end

from lockbench_conformance.app import (
    DONE,
    FETCHING,
    OK,
    UPGRADE,
    UPGRADING,
    App,
    check_story,
    during,
    expect_code,
    upgrading_app,
)
from lockbench_conformance.ota import (
    NEW,
    START,
    TappedLink,
    enter,
    expect_running,
    expect_upgrade,
    pdus,
    transferring,
)
from lockbench_conformance.words import OF_THE_CLIENT, refused

PRELUDE = 2  # VERSION and START, before the data PDUs
SIZE = 600  # bytes of a firmware file
COUNT = 38  # data PDUs of it; END is the write after them

percents = st.sampled_from((0, 1, 25, 50, 75, 99, 100))


def write_at(percent: int) -> int:
    """The number of the write that comes when so much of the data is sent."""
    return PRELUDE + COUNT * percent // 100


async def expect_done(app: App) -> None:
    """The upgrade without any trouble."""
    result = await app.upgrade()
    expect_code(result, OK)
    check_story(app, result)


@case(
    "DFU/15", clause="plug-in error 11016", needs=UPGRADE, links=("bare", "air"), examples=2, percent=percents
)
async def test_a_lost_link_fails_and_the_next_try_succeeds(bench: LockBench, percent: int) -> None:
    """If the link is lost during the transfer, it is 11016, the old firmware runs, and a new try succeeds."""

    async def lose(number: int, value: bytes, connection: Connection) -> Sequence[bytes]:
        if number == write_at(percent):
            await connection.disconnect()
        return (value,)

    app, _ = await upgrading_app(bench, NEW, SIZE, link=TappedLink(bench, lose))
    result = await app.upgrade()
    expect_code(result, 11016)
    check_story(app, result)
    await expect_done(app)
    await expect_running(bench, NEW)


@case(
    "DFU/16",
    clause="policy: a weak link ends in success or in an error, in bounded time",
    needs=UPGRADE,
    links=("bare",),
    examples=8,
    bursts=st.lists(st.tuples(st.integers(0, 60), st.integers(1, 5)), max_size=3),
    tries=st.lists(st.booleans(), max_size=3),
)
async def test_a_weak_link_ends_cleanly(
    bench: LockBench, bursts: list[tuple[int, int]], tries: list[bool]
) -> None:
    """Over a link that loses bursts of writes and half the connections, the call ends within two minutes."""
    lost = {number for first, length in bursts for number in range(first, first + length)}

    async def weaken(number: int, value: bytes, _: Connection) -> Sequence[bytes]:
        return () if number in lost else (value,)

    class Weak(TappedLink):
        async def connect(self, address: str, *, timeout: float = 10.0, mtu: int = 23) -> Connection:  # noqa: ASYNC109 - the interface of links
            if tries and not tries.pop(0):
                await asyncio.sleep(timeout)
                raise NotFound(f"{address} did not take the connection")
            return await super().connect(address, timeout=timeout, mtu=mtu)

    app, _ = await upgrading_app(bench, NEW, SIZE, link=Weak(bench, weaken))
    async with asyncio.timeout(120):
        result = await app.upgrade()
    check_story(app, result)
    expect_code(result, OK, 10002, 11016, 11018)
    await asyncio.sleep(bench.firmware.idle_seconds + RESTART_SECONDS)
    done = result["errorCode"] in (OK, 11018)
    await expect_running(bench, NEW if done else bench.firmware.version)
    if not done:
        lost.clear()
        tries.clear()
        await expect_done(app)


@case(
    "DFU/20",
    clause="plug-in errors 5, 36; enterDfuMode type 2",
    needs=("dfu", "clock"),
    links=("bare", "air"),
    examples=2,
    sent=st.integers(1, 60),
)
async def test_a_command_does_not_disturb_the_transfer(bench: LockBench, sent: int) -> None:
    """A command in mid-transfer is refused as the lock is busy, and the transfer goes on."""
    characteristic = bench.firmware.dialect.characteristic
    data = pdus(bench.firmware.image(NEW))
    told: list[bytes] = []
    await enter(bench)
    async with bench.session() as client:
        assert client.connection is not None
        await client.connection.subscribe(characteristic, told.append)
        for value in (START, *data[:sent]):
            await client.connection.write(characteristic, value)
        with refused(Status.IN_SETTING_MODE, Status.PROCESSING, Status.FAILED):
            await client.run(unlock(bench.keys, 1))
        for value in (*data[sent:], end(len(data) - 1, EndForm.CRC)):
            await client.connection.write(characteristic, value)
        await asyncio.sleep(1)
    expect([bench.firmware.dialect.result(value) for value in told], [Result.SUCCESS], "the results told")
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, NEW)


@case(
    "DFU/21",
    clause="policy: the keypad does not disturb an upgrade",
    needs=("dfu", "passcodes", "hands", "clock"),
    links=("bare",),
    examples=6,
    at=st.lists(st.integers(0, 63), min_size=1, max_size=3, unique=True),
    hand=st.sampled_from(("right code", "wrong code", "card", "finger", "key")),
)
async def test_hands_at_the_door_do_not_disturb_it(bench: LockBench, at: list[int], hand: str) -> None:
    """Keypad, card, finger and key during a transfer leave it unharmed, and the code opens afterwards."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, "24631356"))
    hands: dict[str, Callable[[], object]] = {
        "right code": lambda: bench.hands.enter_code("24631356"),
        "wrong code": lambda: bench.hands.enter_code("11111111"),
        "card": lambda: bench.hands.present_card(b"card"),
        "finger": lambda: bench.hands.present_finger(b"finger"),
        "key": lambda: bench.hands.turn_key(unlocked=True),
    }
    data = pdus(bench.firmware.image(NEW))
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START])
        for number, value in enumerate(data):
            if number in at:
                hands[hand]()
            await transfer.send([value])
        await transfer.send([end(len(data) - 1, EndForm.CRC)])
        await transfer.expect_verdict(Result.SUCCESS)
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, NEW)
    expect(bench.hands.enter_code("24631356"), True, "does the code open after the upgrade")


@case(
    "DFU/22",
    clause="policy: the bolt is safe during an upgrade",
    needs=("dfu", "hands", "clock", "auto_lock"),
    links=("bare",),
    examples=4,
    sent=st.integers(0, 63),
    seconds=st.integers(5, 20),
)
async def test_the_auto_lock_works_during_a_transfer(bench: LockBench, sent: int, seconds: int) -> None:
    """The bolt that is due to fall during a transfer falls, and the transfer goes on."""
    data = pdus(bench.firmware.image(NEW))
    async with bench.session() as client:
        await client.run(auto_lock(bench.keys, seconds))
        await client.run(unlock(bench.keys, 1))
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *data[:sent]])
        for _ in range(seconds + 1):
            await asyncio.sleep(1)
            await transfer.send([bytes(1)])  # too short to mean anything, but the link is not idle
        expect(bench.hands.is_open(), False, "is the bolt open after the auto-lock time")
        await transfer.send([*data[sent:], end(len(data) - 1, EndForm.CRC)])
        await transfer.expect_verdict(Result.SUCCESS)
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, NEW)


@case(
    "DFU/23",
    no_mutant="the radio of the bench gives a lock one link, whatever it advertises",
    clause="ttlock-ble 1: one central; telink-ota 9.1",
    needs=("dfu", "second central", "clock"),
    links=("bare", "air"),
    examples=1,
)
async def test_a_second_phone_is_kept_out(bench: LockBench) -> None:
    """During a transfer a second phone gets no link, and the transfer goes on."""
    data = pdus(bench.firmware.image(NEW))
    second = await bench.second()
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *data[:20]])
        try:
            await second.connect(bench.address, timeout=3.0)
        except NotFound:
            taken = False
        else:
            taken = True
        expect(taken, False, "does the lock take a second phone")
        await transfer.send([*data[20:], end(len(data) - 1, EndForm.CRC)])
        await transfer.expect_verdict(Result.SUCCESS)
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, NEW)


@case(
    "DFU/24",
    no_mutant=OF_THE_CLIENT,
    clause="plug-in error 11013",
    needs=(*UPGRADE, "passcodes"),
    links=("bare",),
    examples=4,
    percent=percents,
)
async def test_a_second_start_is_refused(bench: LockBench, percent: int) -> None:
    """A second call during an upgrade is refused with 11013, and the upgrade is not disturbed."""
    app, cloud = await upgrading_app(bench, NEW, SIZE)
    other = App(bench, cloud)
    other.plugin = app.plugin
    begun = asyncio.Event()

    def watch(step: dict[str, str | int]) -> None:
        app.steps.append(step)
        if (step["type"], int(step["progress"]) >= percent) == (UPGRADING, True):
            begun.set()

    upgrading = asyncio.create_task(app.upgrade(callback=watch))
    await during(upgrading, begun)
    expect_code(await other.upgrade(), 11013)
    expect_code(await other.add(), 11013)
    expect((other.steps, other.ends), ([], []), "what the callbacks of the refused calls were told")
    result = await upgrading
    expect_code(result, OK)
    check_story(app, result)


@case(
    "DFU/25",
    clause="plug-in error 11016; telink-ota 4.2",
    needs=UPGRADE,
    links=("bare", "air"),
    examples=2,
    percent=percents,
    pause=st.floats(0, 60),
)
async def test_an_app_that_is_killed_may_start_again(bench: LockBench, percent: int, pause: float) -> None:
    """When the app is killed in mid-transfer, a fresh one upgrades the lock later, without any reset."""
    killed = asyncio.Event()

    async def kill(number: int, value: bytes, connection: Connection) -> Sequence[bytes]:
        if number == write_at(percent):
            killed.set()
            await connection.disconnect()
            await asyncio.sleep(3600)
        return (value,)

    app, cloud = await upgrading_app(bench, NEW, SIZE, link=TappedLink(bench, kill))
    upgrading = asyncio.create_task(app.upgrade())
    await during(upgrading, killed)
    upgrading.cancel()
    await asyncio.wait({upgrading})
    await asyncio.sleep(pause)
    await expect_done(App(bench, cloud))
    await expect_running(bench, NEW)


@case(
    "DFU/27",
    no_mutant=OF_THE_CLIENT,
    clause="enterDfuMode: callback, progress",
    needs=UPGRADE,
    links=("bare", "air"),
    examples=3,
    size=st.integers(84, 2400),
)
async def test_the_progress_is_whole_and_complete(bench: LockBench, size: int) -> None:
    """Progress is a whole number from 0 to 100 that never falls, and reaches 100 before type 3."""
    app, _ = await upgrading_app(bench, NEW, size)
    result = await app.upgrade()
    expect_code(result, OK)
    check_story(app, result)
    progress = [step["progress"] for step in app.steps if step["type"] == UPGRADING]
    expect((progress[0], progress[-1]), (0, 100), "the first and the last progress of type 2")
    expect(len(set(progress)), len(progress), "the number of reports, each of a change")
    expect((app.steps[-1]["type"], result["type"]), (FETCHING, DONE), "the last two types")


@case(
    "DFU/30",
    clause="policy: upgrades in a row",
    needs=("dfu", "clock", "passcodes"),
    links=("bare",),
    examples=1,
)
async def test_upgrades_in_a_row_leave_nothing_behind(bench: LockBench) -> None:
    """Upgrade after upgrade succeeds, in either bank, and keys, codes and times stay as they are."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, "24631356"))
        before = await client.run(list_passcodes(bench.keys))
    for number in range(10):
        await expect_upgrade(bench, f"6.5.{number}", size=400 + 300 * number)
    async with bench.session() as client:
        expect(await client.run(list_passcodes(bench.keys)), before, "the list of passcodes")
        late = (bench.local() - await client.run(get_time())).total_seconds()
        expect(abs(late) <= 1, True, f"does the clock go right, which is {late:g} s late")
