"""PFL: the supply fails at one operation of the flash (telink-ota 7.6). By hand it is in test_pfl."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import add_passcode, get_time, set_time
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.links import LinkLost
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.supply import Place
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.telink.dialects import Result

from lockbench_conformance.ota import (
    enter,
    expect_old,
    expect_running,
    expect_upgrade,
    given_up,
    running,
    transferring,
    whole,
)
from lockbench_conformance.test_pfl import cut, send_until_cut
from lockbench_conformance.words import codes

NEW, NEXT = "6.4.34", "6.4.35"
SUPPLY = ("dfu", "hands", "supply", "clock")  # what a cut at an operation needs
ROWS = 40  # at least so many rows has an image of the cases; an image of 84 bytes has 6
SIZE = 16 * ROWS + 4

rows = st.integers(0, ROWS - 1)
tears = st.sampled_from(("none", "torn", "done"))
seeds = st.integers(0, 0xFFFF)
moments = st.one_of(
    st.tuples(st.just("row"), rows),
    st.tuples(st.sampled_from(("new mark", "old mark")), st.just(0)),
    st.tuples(st.just("erase"), st.integers(0, 1)),  # in the first start of the new firmware
)


async def upgrade_until_trouble(
    bench: LockBench, values: Sequence[bytes], version: str | None = None
) -> Result | None:
    """An upgrade in which trouble waits; the result that is told, None when none is.

    Then the power is back. With a version, that is what must run.
    """
    await enter(bench)
    async with transferring(bench) as transfer:
        await send_until_cut(transfer, values)
        told = await transfer.verdict()
        await asyncio.sleep(RESTART_SECONDS)
    expect(bench.supply.came(), True, "did the lock come to the operation at which the trouble waits")
    bench.hands.restore_power()
    await asyncio.sleep(RESTART_SECONDS)
    if version is not None:
        await expect_running(bench, version)
    return told


async def in_bank(bench: LockBench, *, second: bool) -> str:
    """Let the lock run from its other bank, if `second`; the version that runs."""
    if second:
        await expect_upgrade(bench, "6.4.30")
        return "6.4.30"
    return bench.firmware.version


async def expect_stable(bench: LockBench, *versions: str) -> str:
    """The one of these that runs, the same after every start."""
    version = await running(bench)
    expect(version in versions, True, f"is {version} one of {', '.join(versions)}")
    for _ in range(2):
        await cut(bench, 1)
        await expect_running(bench, version)
    return version


@case(
    "PFL/1",
    clause="telink-ota 7.6, 12 I1 and I5",
    needs=SUPPLY,
    links=("bare",),
    examples=6,
    moment=moments,
    leaves=tears,
    seed=seeds,
    second=st.booleans(),
)
async def test_a_cut_at_any_operation_bricks_nothing(
    bench: LockBench,
    moment: tuple[Place, int],
    leaves: str,
    seed: int,
    second: bool,  # noqa: FBT001 - drawn
) -> None:
    """A cut at any operation of the flash leaves the old or the new firmware whole, and upgrades succeed."""
    old = await in_bank(bench, second=second)
    bench.supply.cut(*moment, leaves=leaves, seed=seed)
    await upgrade_until_trouble(bench, whole(bench.firmware.image(NEW, SIZE)))
    place = moment[0]
    early = place == "row" or (place, leaves) == ("new mark", "none")
    late = place == "erase" or (place, leaves) == ("old mark", "done")
    await expect_stable(bench, *(() if late else (old,)), *(() if early else (NEW,)))
    await expect_upgrade(bench, NEXT, residue=True)


@case(
    "PFL/2",
    clause="telink-ota 7.5, 7.6 C7",
    needs=SUPPLY,
    links=("bare",),
    examples=2,
    cuts=st.permutations(
        [(place, leaves) for place in ("new mark", "old mark") for leaves in ("none", "done")]
    ),
)
async def test_a_lock_is_never_without_a_mark(bench: LockBench, cuts: list[tuple[Place, str]]) -> None:
    """A cut between the two marks, whichever is written first, leaves one to run, the same at every start."""
    old = bench.firmware.version
    for number, (place, leaves) in enumerate(cuts):
        new = f"6.5.{number}"
        bench.supply.cut(place, leaves=leaves)
        await upgrade_until_trouble(bench, whole(bench.firmware.image(new, SIZE)))
        old = await expect_stable(bench, old, new)
    await expect_upgrade(bench, NEXT)


@case(
    "PFL/3",
    clause="telink-ota 7.1, 7.6 C6 to C8",
    needs=SUPPLY,
    links=("bare",),
    examples=6,
    place=st.sampled_from(("new mark", "old mark")),
    bits=st.integers(0, 15),
    second=st.booleans(),
)
async def test_a_torn_mark_decides_once(
    bench: LockBench,
    place: Place,
    bits: int,
    second: bool,  # noqa: FBT001 - drawn
) -> None:
    """A mark byte torn in any bits is a mark only when it reads 4B, and so at every start."""
    old = await in_bank(bench, second=second)
    bench.supply.cut(place, leaves=f"bits:{bits:x}")
    await upgrade_until_trouble(bench, whole(bench.firmware.image(NEW, SIZE)))
    if place == "new mark" and bits < 15:
        await expect_stable(bench, old)
    elif place == "old mark" and bits:
        await expect_stable(bench, NEW)
    else:
        await expect_stable(bench, old, NEW)  # two marks: the bank that is asked first
    await expect_upgrade(bench, NEXT)


@case(
    "PFL/4",
    clause="telink-ota 7.4, 7.6 C0 and C10",
    needs=SUPPLY,
    links=("bare",),
    examples=4,
    nth=st.integers(0, 1),
    leaves=tears,
    seed=seeds,
    size=st.integers(5000, 6000),
)
async def test_a_torn_erase_is_done_again(
    bench: LockBench, nth: int, leaves: str, seed: int, size: int
) -> None:
    """After a cut in the erase of a sector the next upgrade, over the same cells, succeeds at once."""
    bench.supply.cut("erase", nth, leaves=leaves, seed=seed)
    await upgrade_until_trouble(bench, whole(bench.firmware.image(NEW, SIZE)), NEW)
    await expect_upgrade(bench, NEXT, size)


@case(
    "PFL/5",
    clause="telink-ota 7.4",
    needs=SUPPLY,
    links=("bare",),
    examples=2,
    nth=st.integers(0, 1),
    size=st.integers(7000, 8192),
)
async def test_a_sector_is_not_blank_because_its_head_is(bench: LockBench, nth: int, size: int) -> None:
    """A sector that was erased in its first half only is erased again before the next upgrade writes it."""
    bench.supply.cut("erase", nth, leaves="half")
    await upgrade_until_trouble(bench, whole(bench.firmware.image(NEW, SIZE)), NEW)
    await expect_upgrade(bench, NEXT, size)


@case(
    "PFL/6",
    clause="telink-ota 7.6 C2",
    needs=SUPPLY,
    links=("bare",),
    examples=4,
    row=rows,
    seed=seeds,
)
async def test_a_torn_row_is_never_run(bench: LockBench, row: int, seed: int) -> None:
    """A cut inside the write of a row leaves the old firmware, and the row is in no later image."""
    bench.supply.cut("row", row, leaves="torn", seed=seed)
    values = whole(bench.firmware.image(NEW, SIZE))
    told = await upgrade_until_trouble(bench, values, bench.firmware.version)
    expect(told, None, "the result that the lock tells")
    await expect_old(bench)


@case("PFL/8", clause="telink-ota 7.6 C9", needs=SUPPLY, links=("bare", "air"), examples=1)
async def test_a_cut_after_the_marks_leaves_the_new_firmware(bench: LockBench) -> None:
    """If the power goes after both marks, before the restart, the new firmware runs."""
    bench.supply.cut("old mark", leaves="done")
    told = await upgrade_until_trouble(bench, whole(bench.firmware.image(NEW, SIZE)), NEW)
    known = Result.SUCCESS if bench.firmware.dialect.result_head else None
    expect(told, known, "the result that the lock tells")
    await expect_upgrade(bench, NEXT)


@case(
    "PFL/9",
    clause="telink-ota 7.5, 7.6 C10",
    needs=SUPPLY,
    links=("bare",),
    examples=4,
    cuts=st.lists(st.tuples(st.integers(0, 1), tears, seeds), min_size=1, max_size=3),
)
async def test_a_cut_in_the_first_start_starts_the_new_again(
    bench: LockBench, cuts: list[tuple[int, str, int]]
) -> None:
    """However often the power goes in the first starts of the new firmware, it runs in the end."""
    (nth, leaves, seed), *more = cuts
    bench.supply.cut("erase", nth, leaves=leaves, seed=seed)
    await enter(bench)
    async with transferring(bench) as transfer:
        await send_until_cut(transfer, whole(bench.firmware.image(NEW, SIZE)))
        await asyncio.sleep(RESTART_SECONDS)
    expect(bench.supply.came(), True, "did the new firmware come to erase the old")
    for nth, leaves, seed in more:
        bench.supply.cut("erase", nth, leaves=leaves, seed=seed)
        bench.hands.restore_power()
        await asyncio.sleep(RESTART_SECONDS)
    bench.supply.calm()
    bench.hands.restore_power()
    await expect_stable(bench, NEW)
    await expect_upgrade(bench, NEXT, residue=True)


@case(
    "PFL/10",
    clause="telink-ota 4.2, 7.6 C4",
    needs=SUPPLY,
    links=("bare",),
    examples=4,
    sent=st.integers(1, ROWS),
    leaves=tears,
    seed=seeds,
)
async def test_a_cut_in_the_failure_erase_leaves_the_old(
    bench: LockBench, sent: int, leaves: str, seed: int
) -> None:
    """If the power goes while a failed image is erased, the old firmware runs, and an upgrade succeeds."""
    bench.supply.cut("erase", leaves=leaves, seed=seed)
    start, *values = whole(bench.firmware.image(NEW, SIZE))
    await upgrade_until_trouble(bench, [start, *values[:sent], values[-1]], bench.firmware.version)
    await expect_old(bench, residue=True)


@case(
    "PFL/13",
    clause="telink-ota 4.2",
    needs=SUPPLY,
    links=("bare",),
    examples=4,
    row=st.integers(0, ROWS - 2),
    commit=st.booleans(),
)
async def test_a_weak_supply_is_noticed_where_it_is_looked_for(
    bench: LockBench,
    row: int,
    commit: bool,  # noqa: FBT001 - drawn
) -> None:
    """A row that was not written is told; a new mark that was not is a brick, unless it is read back."""
    place: Place = "new mark" if commit else "row"
    bench.supply.weaken(place, 0 if commit else row)
    values = whole(bench.firmware.image(NEW, SIZE))
    if not commit:
        told = await upgrade_until_trouble(bench, values, bench.firmware.version)
        known = Result.FLASH if bench.firmware.dialect.result_head else None
        expect(told, known, "the result that the lock tells")
        await expect_old(bench)
    elif bench.firmware.commit_readback:
        await upgrade_until_trouble(bench, values, bench.firmware.version)
        await expect_old(bench)
    else:  # the old mark is cleared all the same
        await upgrade_until_trouble(bench, values)
        await cut(bench, 1)
        expect(await bench.sight(), None, "what is heard of a lock without any mark")


@case(
    "PFL/16",
    clause="plug-in errors 10000, 17; ttlock-ble 5.5",
    needs=("dfu", "hands", "clock", "passcodes", "clock lost with power"),
    links=("bare",),
    examples=4,
    code=codes,
    sent=st.integers(1, ROWS),
    pause=st.floats(0, 3600),
)
async def test_after_a_cut_periods_wait_for_the_time(
    bench: LockBench, code: str, sent: int, pause: float
) -> None:
    """A cut in a transfer takes the time: codes with a period are refused until the clock is set."""
    window = tuple(date5(bench.local().replace(hour=hour)) for hour in (0, 23))
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code, (window[0], window[1])))
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send(whole(bench.firmware.image(NEW, SIZE))[:sent])
        await cut(bench, pause)
        await given_up(bench)
    expect(bench.hands.enter_code(code), False, "does the code open without a clock")
    async with bench.session() as client:
        await client.run(set_time(bench.keys, bench.local()))
    expect(bench.hands.enter_code(code), True, "does the code open once the clock is set")
    await expect_old(bench)


@case(
    "PFL/17",
    clause="telink-ota 7.6 C2; policy: a watchdog is a cut that spares the clock",
    needs=SUPPLY,
    links=("bare",),
    examples=4,
    sent=st.integers(1, ROWS + 1),
)
async def test_a_watchdog_in_mid_transfer_leaves_the_old(bench: LockBench, sent: int) -> None:
    """If the processor restarts in a transfer, the old firmware runs, the clock goes on, upgrades succeed."""
    await enter(bench)
    values = whole(bench.firmware.image(NEW, SIZE))
    async with transferring(bench) as transfer:
        await transfer.send(values[:sent])
        await transfer.connection.read(bench.firmware.dialect.characteristic)
        bench.supply.reset()
        await send_until_cut(transfer, values[sent:])
        await given_up(bench)
        expect(transfer.told, [], "the results told")
    async with bench.session() as client:
        late = (bench.local() - await client.run(get_time())).total_seconds()
    expect(abs(late) <= 1, True, f"does the clock go right, which is {late:g} s late")
    await expect_old(bench)


@case(
    "PFL/18",
    clause="telink-ota 12 I9",
    needs=SUPPLY,
    links=("bare",),
    examples=2,
    ends=st.lists(st.booleans(), min_size=3, max_size=10),
)
async def test_no_upgrade_wears_a_sector_more_than_it_must(bench: LockBench, ends: list[bool]) -> None:
    """Upgrade after upgrade, those that fail among them, erases no sector more than twice."""
    for number, fails in enumerate((True, *ends)):
        before = bench.supply.erases()
        *values, closing = whole(bench.firmware.image(f"6.5.{number}", SIZE))
        await enter(bench)
        async with transferring(bench) as transfer:
            try:
                await transfer.send([*values[: len(values) - fails], closing])
                await asyncio.sleep(RESTART_SECONDS)
            except LinkLost:
                pass  # the lock parts with a client after its verdict
        worn = max(count - before.get(sector, 0) for sector, count in bench.supply.erases().items())
        expect(worn <= 2, True, f"is {worn} at most two erases of a sector in one upgrade")
    await expect_upgrade(bench, NEXT)
