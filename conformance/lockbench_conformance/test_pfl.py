"""PFL: the battery is pulled during an upgrade, by hand. Every single cut of the flash is the sweep's."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from contextlib import suppress

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import add_passcode, list_passcodes, read_log
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.links import LinkLost
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.status import Status
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.ota import EndForm, end

from lockbench_conformance.app import App, expect_code, upgrading_app
from lockbench_conformance.ota import (
    NEW,
    START,
    Transfer,
    enter,
    expect_old,
    expect_running,
    expect_upgrade,
    given_up,
    pdus,
    running,
    transferring,
    whole,
)
from lockbench_conformance.words import codes, refused

POWER = ("dfu", "hands", "clock")  # what a cut during an upgrade needs

sizes = st.integers(84, 2048)  # bytes of a firmware file
writes = st.integers(0, 130)  # which write of a transfer; taken modulo their number
pauses = st.floats(0, 5)  # seconds without power


async def cut(bench: LockBench, pause: float) -> None:
    bench.hands.cut_power()
    await asyncio.sleep(pause)
    bench.hands.restore_power()


async def send_until_cut(transfer: Transfer, values: Iterable[bytes]) -> None:
    """The writes of an app that learns of the cut late."""
    try:
        await transfer.send(values)
    except LinkLost:
        return


@case(
    "PFL/7",
    clause="telink-ota 7.6 C3",
    needs=POWER,
    links=("bare", "air"),
    examples=1,
    size=sizes,
    pause=pauses,
)
async def test_a_cut_before_end_leaves_the_old_firmware(bench: LockBench, size: int, pause: float) -> None:
    """If the power goes when all is sent but END, the old firmware runs, and an upgrade then succeeds."""
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send(whole(bench.firmware.image(NEW, size))[:-1])
        await transfer.connection.read(bench.firmware.dialect.characteristic)
        await cut(bench, pause)
        await given_up(bench)
        expect(transfer.told, [], "the results told")
    await expect_old(bench)


@case(
    "PFL/11",
    clause="telink-ota 7.6 C2 to C9, 12 I8",
    needs=(*POWER, "passcodes", "log", "supply"),
    links=("bare",),
    examples=6,
    size=sizes,
    stored=st.lists(codes, min_size=2, max_size=4, unique=True),
    moment=st.one_of(writes, st.floats(0, 4)),
    torn=st.tuples(st.integers(0, 2), st.sampled_from(("none", "torn", "done")), st.integers(0, 0xFFFF)),
)
async def test_a_cut_touches_nothing_but_firmware(
    bench: LockBench, size: int, stored: list[str], moment: float, torn: tuple[int, str, int]
) -> None:
    """A cut in an upgrade leaves keys, passcodes and log alone; one in a write of them, old or new."""
    *stored, late = stored
    async with bench.session() as client:
        for code in stored:
            await client.run(add_passcode(bench.keys, code))
        before = (await client.run(list_passcodes(bench.keys)), await client.run(read_log(new=False)))
    values = whole(bench.firmware.image(NEW, size))
    sent = moment % len(values) if isinstance(moment, int) else len(values)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send(values[:sent])
        await transfer.connection.read(bench.firmware.dialect.characteristic)
        if not isinstance(moment, int):
            await transfer.expect_verdict(Result.SUCCESS)
            await asyncio.sleep(moment)
        await cut(bench, 1)
        await asyncio.sleep(RESTART_SECONDS)
    version = await running(bench)
    expect(version in (bench.firmware.version, NEW), True, f"is {version} the old or the new version")
    if isinstance(moment, int):
        expect(version, bench.firmware.version, "the version that runs after a cut in mid-transfer")
    async with bench.session() as client:
        after = (await client.run(list_passcodes(bench.keys)), await client.run(read_log(new=False)))
    expect(after, before, "passcodes and log")
    await expect_upgrade(bench, "6.4.99")
    await expect_one_or_the_other(bench, late, torn)


async def expect_one_or_the_other(bench: LockBench, code: str, torn: tuple[int, str, int]) -> None:
    """The supply fails while the lock remembers a code: it has it then, or all is as before."""
    nth, leaves, seed = torn
    async with bench.session() as client:
        before = await client.run(list_passcodes(bench.keys))
    bench.supply.cut("lock data", nth, leaves=leaves, seed=seed)
    with suppress(RemoteError):
        async with bench.session() as client:
            await client.run(add_passcode(bench.keys, code))
    bench.supply.calm()
    bench.hands.restore_power()
    async with bench.session() as client:
        after = await client.run(list_passcodes(bench.keys))
    expect(after[: len(before)], before, "the passcodes that were stored before")
    expect(
        [found.code for found in after[len(before) :]] in ([], [code]), True, "is the new one whole or absent"
    )


@case(
    "PFL/12",
    clause="telink-ota 7.6, 12 I1 and I5",
    needs=POWER,
    links=("bare", "air"),
    examples=2,
    size=sizes,
    cuts=st.lists(st.tuples(writes, pauses), min_size=2, max_size=3),
)
async def test_cut_after_cut_bricks_nothing(
    bench: LockBench, size: int, cuts: list[tuple[int, float]]
) -> None:
    """Two or three cuts, each in another try of an upgrade, leave a lock that runs and can be upgraded."""
    values = whole(bench.firmware.image(NEW, size))
    for at, pause in cuts:
        await enter(bench)
        async with transferring(bench) as transfer:
            sent = at % len(values)
            await transfer.send(values[:sent])
            await transfer.connection.read(bench.firmware.dialect.characteristic)
            await cut(bench, pause)
            await send_until_cut(transfer, values[sent:])
            await asyncio.sleep(RESTART_SECONDS)
        await expect_running(bench, bench.firmware.version)
    await expect_old(bench)


@case(
    "PFL/14",
    clause="plug-in error 10",
    needs=(*POWER, "plugin", "cloud faults"),
    links=("bare",),
    examples=4,
    percent=st.integers(0, 10) | st.integers(50, 100),
)
async def test_a_low_battery_starts_no_upgrade(bench: LockBench, percent: int) -> None:
    """With a battery nearly empty an upgrade is refused with 10 before it begins; half full it is not."""
    app, cloud = await upgrading_app(bench, NEW)
    bench.hands.set_battery(percent)
    if percent >= 50:
        expect_code(await app.upgrade(), 0)
        return
    with refused(Status.OUT_OF_BATTERY):
        await enter(bench)
    expect_code(await app.upgrade(), 10)
    await expect_running(bench, bench.firmware.version)
    bench.hands.set_battery(100)
    expect_code(await App(bench, cloud).upgrade(), 0)


@case(
    "PFL/15",
    clause="policy: a battery that fades ends in old or new firmware",
    needs=POWER,
    links=("bare",),
    examples=6,
    size=sizes,
    at=writes,
    percent=st.integers(0, 15),
)
async def test_a_fading_battery_ends_cleanly(bench: LockBench, size: int, at: int, percent: int) -> None:
    """When the battery falls during a transfer, the upgrade succeeds or fails as a whole, and says so."""
    values = whole(bench.firmware.image(NEW, size))
    sent = at % len(values)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send(values[:sent])
        bench.hands.set_battery(percent)
        await send_until_cut(transfer, values[sent:])
        verdict = await transfer.verdict()
    await given_up(bench)
    await expect_running(bench, NEW if verdict is Result.SUCCESS else bench.firmware.version)
    bench.hands.set_battery(100)
    await expect_upgrade(bench, "6.4.99")


@case(
    "PFL/19",
    clause="telink-ota 7.6; policy: a cut over a weak link",
    needs=POWER,
    links=("bare",),
    examples=8,
    size=sizes,
    at=writes,
    lost=st.sets(writes, max_size=3).map(sorted),
    pause=pauses,
)
async def test_a_cut_over_a_weak_link_bricks_nothing(
    bench: LockBench, size: int, at: int, lost: list[int], pause: float
) -> None:
    """A cut in a transfer that has lost PDUs leaves the old firmware, and an upgrade then succeeds."""
    data = pdus(bench.firmware.image(NEW, size))
    weak = [value for number, value in enumerate(data) if number not in lost]
    at %= len(data)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *weak[:at]])
        await cut(bench, pause)
        await send_until_cut(transfer, [*weak[at:], end(len(data) - 1, EndForm.CRC)])
        await given_up(bench)
    await expect_old(bench)
