"""Power cuts: the short way is the long way, no verdict is remembered, the spec holds (telink-ota 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.boot.flash import SECTOR, Flash
from lockbench_emulator.boot.mutants import MUTANTS
from lockbench_harness.faults.image import SpoilTrailer
from lockbench_harness.faults.plan import STARTS, Made, Plan, Scenario
from lockbench_harness.faults.power import Cut
from lockbench_harness.sweep import Outcome, Verdict, simulate
from lockbench_harness.sweep.deep import (
    brown_out_of_the_new_mark,
    byte_in_between,
    erase_values,
    marginal_marks,
    mark_subsets,
    operation_of,
    representatives,
    second_cuts,
)
from lockbench_harness.sweep.fit import attempts_to_fit
from lockbench_harness.sweep.judge import Ending, judge
from lockbench_harness.sweep.kill import killers
from lockbench_harness.sweep.outcome import Stage
from lockbench_harness.sweep.plans import Cuts, cut_work, scenario_for
from lockbench_harness.sweep.retry import real_attempts
from lockbench_harness.sweep.scene import scene_of
from lockbench_harness.sweep.shrink import shrink
from lockbench_harness.sweep.story import play, record
from lockbench_harness.sweep.tally import tally
from lockbench_protocol import LocalError
from lockbench_protocol.telink.dialects import Result

SMALL = scenario_for(Made(4100, "6.4.34", 2))  # two sectors, the second begun with the check value
EIGHT = scenario_for(Made(8196, "6.4.34", 2))
LOWER, UPPER = SMALL.board.banks
TEARS = ("none", "torn", "done")
STYLES = (*TEARS, "half", "prefix", "weak", "bit", "random")
WAYS = [  # dialect, client, PDU length
    ("tt", "ttlock", 0),
    ("g1", "pvvx", 0),
    ("g1m", "telink-ios", 0),
    ("g2", "telink-firmware", 16),
    ("g2", "telink-firmware", 240),
]


def told(outcome: Outcome) -> tuple[object, ...]:
    """All that does not depend on how the simulation was run."""
    return outcome.verdict, outcome.stage, outcome.result, outcome.believed, outcome.bank, set(outcome.broken)


def the_long_way(plan: Plan) -> Outcome:
    """The whole story, the supply cut by a hook."""
    story = play(plan)
    rig, board = story.rig, plan.scenario.board
    recopied = board.overwrites and rig.flash.erases[board.banks[0]] > 1
    broken = tuple(sorted(rig.broken))
    ending = Ending(
        rig.flash,
        rig.bank,
        story.ran,
        story.sent,
        story.believed,
        rig.last_stage if not rig.cuts else stage_of(plan),
        rig.result if not rig.cuts else result_at(plan),
        broken,
        rig.cuts,
        recopied,
    )
    return judge(rig.scene, ending, 0)


def stage_of(plan: Plan) -> Stage:
    moments = record(replace(plan, faults=plan.faults[:-1])).moments
    return moments[last_cut(plan).operation].stage


def result_at(plan: Plan) -> Result | None:
    moments = record(replace(plan, faults=plan.faults[:-1])).moments
    return moments[last_cut(plan).operation].result


def last_cut(plan: Plan) -> Cut:
    cut = plan.faults[-1]
    assert isinstance(cut, Cut)
    return cut


@given(
    st.sampled_from(WAYS),
    st.sampled_from([LOWER, UPPER]),
    st.sampled_from(STARTS),
    st.booleans(),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(STYLES),
)
def test_a_simulation_from_its_cut_is_the_whole_story_with_that_cut(
    way: tuple[str, str, int], bank: int, start: str, fails: bool, where: float, tear: str
) -> None:
    dialect, client, length = way
    scenario = replace(
        SMALL, dialect_name=dialect, client_name=client, pdu_length=length, bank=bank, start=start
    )
    base = Plan(scenario, (SpoilTrailer(),) if fails else ())
    number = int(where * len(record(base).moments))
    plan = replace(base, faults=(*base.faults, Cut(number, tear)))
    assert told(simulate(plan)) == told(the_long_way(plan))


@given(
    st.sampled_from([LOWER, UPPER]),
    st.floats(0, 1, exclude_max=True),
    st.floats(0, 1, exclude_max=True),
    st.sampled_from(STYLES),
)
@settings(max_examples=15)
def test_a_second_cut_is_simulated_from_there_too(bank: int, first: float, second: float, tear: str) -> None:
    base = Plan(replace(SMALL, bank=bank))
    once = replace(base, faults=(Cut(int(first * len(record(base).moments)), tear),), retry=True)
    moments = record(once).moments
    at = last_cut(once).operation + 1
    number = at + int(second * (len(moments) - at))
    plan = replace(once, faults=(*once.faults, Cut(number, tear)))
    short, long = simulate(plan), the_long_way(plan)
    if len(moments) > number:
        assert told(short) == told(long)


def residue(seed: int, sectors: int) -> list[bytes]:
    """Dirt in some sectors, mostly where no probe looks, mostly a few bytes."""
    chance = Random(seed)  # noqa: S311 - the dirt of a test
    cells = [b"\xff" * SECTOR] * sectors
    for _ in range(chance.randrange(1, 4)):
        number = chance.randrange(3)
        at = chance.choice([0, 4, 8, 0x200, 0x404, 0x804, 0xFA4, SECTOR - 4, chance.randrange(SECTOR - 16)])
        dirt = chance.randbytes(chance.choice([1, 4, 12]))
        sector = cells[number]
        cells[number] = (sector[:at] + dirt + sector[at + len(dirt) :])[:SECTOR]
    return cells


@given(st.sampled_from(WAYS), st.integers(0, 10**6), st.booleans(), st.booleans())
def test_fitting_cells_says_what_real_upgrades_do(
    way: tuple[str, str, int], seed: int, cleaned: bool, reboots: bool
) -> None:
    dialect, client, length = way
    keys: tuple[tuple[str, str | bool], ...] = (("clean_failed_row", cleaned),)
    if dialect == "g2" and reboots:
        keys = (*keys, ("after_failure", "reboot"))
    scenario = replace(SMALL, dialect_name=dialect, client_name=client, pdu_length=length, keys=keys)
    scene = scene_of(scenario)
    cells = residue(seed, scene.board.limit // SECTOR)
    flash = scene.flash()
    flash.load(UPPER, b"".join(cells))
    fits = attempts_to_fit(
        flash.sectors(UPPER, UPPER + scene.board.limit),
        scene.staged(scenario.other),
        scene.board,
        scene.dialect,
        scene.next_client.pdu_length,
    )
    assert real_attempts(scene, flash, LOWER, scenario.other) == fits


def outcomes(work: list[Cuts]) -> Iterator[tuple[Scenario, int, str, Outcome]]:
    for cuts in work:
        for number in cuts.operations():
            for tear in cuts.tears:
                yield cuts.base.scenario, number, tear, simulate(cuts.plan(number, tear))


def test_every_cut_of_an_8_kib_upgrade_ends_as_the_spec_lists() -> None:
    """telink-ota 7.6: no brick, no mixture, nothing stuck; success seen but old in the listed places only."""
    seen: dict[int, Counter[tuple[str, str, str]]] = {LOWER: Counter(), UPPER: Counter()}
    total = tally_of(cut_work(EIGHT, TEARS, (LOWER, UPPER), STARTS))
    assert total.keys() == {Verdict.OLD, Verdict.NEW, Verdict.RECOVERABLE, Verdict.SUCCESS_OLD}
    assert total.total() == 29_100
    for scenario, _, tear, outcome in outcomes(cut_work(SMALL, TEARS, (LOWER, UPPER), ("clean",))):
        if outcome.verdict is Verdict.SUCCESS_OLD and outcome.stage is not None:
            seen[scenario.bank][outcome.stage.value, tear, outcome.verdict.value] += 1
    assert {(stage, tear) for stage, tear, _ in seen[LOWER]} == {
        ("new mark", "none"),
        ("new mark", "torn"),
        ("new mark", "done"),
        ("old mark", "none"),
    }
    assert {(stage, tear) for stage, tear, _ in seen[UPPER]} == {("new mark", "none"), ("new mark", "torn")}


def tally_of(work: list[Cuts]) -> Counter[Verdict]:
    """All verdicts; no invariant may be broken and every chosen real retry must agree."""
    verdicts: Counter[Verdict] = Counter()
    for cuts in work:
        counted = tally(cuts, confirm_every=400)
        assert not counted.broken
        verdicts += counted.verdicts
    return verdicts


@pytest.mark.parametrize("way", WAYS[1:4], ids=lambda way: way[0])
def test_no_dialect_bricks_at_a_cut(way: tuple[str, str, int]) -> None:
    dialect, client, length = way
    scenario = replace(SMALL, dialect_name=dialect, client_name=client, pdu_length=length)
    total = tally_of(cut_work(scenario, TEARS, (LOWER, UPPER), STARTS))
    assert not {Verdict.BRICK, Verdict.STUCK} & total.keys()


def test_a_torn_failure_erase_sticks_where_a_failure_neither_reboots_nor_cleans_the_failed_row() -> None:
    """What the assumed defaults of G2 lead to: dirt in the first PDU of a bank that only a restart wipes."""
    scenario = replace(SMALL, dialect_name="g2", client_name="telink-firmware", pdu_length=240)
    work = cut_work(scenario, TEARS, (LOWER,), STARTS)
    stuck = [
        (plan.scenario.start, outcome.stage)
        for cuts in work
        for plan, outcome in tally(cuts, confirm_every=1).bad
        if outcome.verdict is Verdict.STUCK
    ]
    assert set(stuck) == {("hidden", Stage.FAILURE_ERASE)}
    for key in (("after_failure", "reboot"), ("clean_failed_row", True)):
        healed = cut_work(replace(scenario, keys=(key,)), TEARS, (LOWER,), STARTS)
        assert not {Verdict.BRICK, Verdict.STUCK} & tally_of(healed).keys()


@pytest.mark.parametrize("board", ["b85", "b91", "8232", "tl721x"])
def test_no_board_bricks_at_a_cut(board: str) -> None:
    image = Made(4100, "6.4.34", 2, mark_offset=0x20 if board in ("b91", "tl721x") else 0x08)
    scenario = scenario_for(image, board_name=board)
    total = tally_of(cut_work(scenario, TEARS, scenario.board.banks, ("clean", "stale")))
    assert not {Verdict.BRICK, Verdict.STUCK} & total.keys()


# Deeper where it hurts


@pytest.mark.parametrize(
    ("bank", "stage", "expected"),
    [
        (LOWER, Stage.NEW_MARK, {Verdict.SUCCESS_OLD: 16}),
        (LOWER, Stage.OLD_MARK, {Verdict.SUCCESS_OLD: 1, Verdict.NEW: 15}),
        (UPPER, Stage.NEW_MARK, {Verdict.SUCCESS_OLD: 15, Verdict.NEW: 1}),
        (UPPER, Stage.OLD_MARK, {Verdict.NEW: 16}),
    ],
)
def test_all_subsets_of_the_bits_of_a_mark_write(
    bank: int, stage: Stage, expected: dict[Verdict, int]
) -> None:
    plans = mark_subsets(replace(SMALL, bank=bank), stage)
    assert Counter(simulate(plan).verdict for plan in plans) == expected


def test_of_the_16384_subsets_of_a_mark_word_1023_loop_with_the_old_image_in_bank_0() -> None:
    """telink-ota 7.6, C8."""
    seen = {}
    for bank in (LOWER, UPPER):
        scenario = replace(SMALL, bank=bank, keys=(("invalidate", 4),))
        seen[bank] = Counter(
            (outcome.verdict, outcome.why)
            for outcome in map(simulate, mark_subsets(scenario, Stage.OLD_MARK))
        )
    loop = "the firmware finds its own mark word damaged and restarts for ever"
    assert seen[UPPER] == {(Verdict.NEW, ""): 16384}
    assert seen[LOWER] == {
        (Verdict.BRICK, loop): 1023,
        (Verdict.NEW, ""): 15360,
        (Verdict.SUCCESS_OLD, ""): 1,
    }


def test_of_the_256_values_of_a_mark_byte_in_an_erase_only_4b_bricks_and_only_in_the_lower_bank() -> None:
    bricks = {
        bank: [
            (plan.faults, outcome.why)
            for plan in erase_values(replace(SMALL, bank=bank), Stage.NEW_WIPE)
            if (outcome := simulate(plan)).verdict is Verdict.BRICK
        ]
        for bank in (LOWER, UPPER)
    }
    assert bricks[UPPER] == []
    [((cut,), why)] = bricks[LOWER]
    assert isinstance(cut, Cut)
    assert cut.tear == "byte:8=4b"
    assert why == "the boot ROM compares one byte only, and that of the torn bank 0x0 reads 4b"


def test_no_second_cut_in_the_boot_and_the_retry_that_follow_bricks() -> None:
    """One representative of each verdict, stage and bank; telink-ota 7.6."""
    firsts = representatives(cut_work(SMALL, TEARS, (LOWER, UPPER), STARTS))
    assert {plan.scenario.bank for plan in firsts} == {LOWER, UPPER}
    total = tally_of(second_cuts(firsts, TEARS))
    assert not {Verdict.BRICK, Verdict.STUCK} & total.keys()
    assert total.total() > 12_000


@pytest.mark.parametrize("bank", [LOWER, UPPER])
def test_a_brown_out_of_the_new_mark_bricks_unless_the_commit_reads_it_back(bank: int) -> None:
    found = {}
    for readback in (False, True):
        scenario = replace(SMALL, bank=bank, keys=(("commit_readback", readback),))
        found[readback] = simulate(brown_out_of_the_new_mark(scenario)).verdict
    assert found == {False: Verdict.BRICK, True: Verdict.SUCCESS_OLD}


def test_a_marginal_mark_cell_bricks_on_the_second_start_where_the_spec_says() -> None:
    """telink-ota 7.1: C8 with the old image below, C6 with the old image above."""
    bricks = set()
    for bank in (LOWER, UPPER):
        for plan in marginal_marks(replace(SMALL, bank=bank)):
            outcome = simulate(plan)
            if outcome.verdict is Verdict.BRICK:
                bricks.add((bank, record(Plan(plan.scenario)).moments[cut_in(plan).operation].stage))
    assert bricks == {(LOWER, Stage.OLD_MARK), (UPPER, Stage.NEW_MARK)}


def cut_in(plan: Plan) -> Cut:
    return next(fault for fault in plan.faults if isinstance(fault, Cut))


BIG = replace(  # in long PDUs: they take a tenth of the flash operations
    scenario_for(Made(0x20008 + 1000, "6.4.34", 2)),
    dialect_name="g2",
    client_name="telink-firmware",
    pdu_length=240,
)


def test_a_mark_byte_where_the_rom_looks_between_the_banks_bricks_at_the_commit_with_no_cut() -> None:
    """telink-ota 7.2, the old image in bank 0."""
    found = simulate(Plan(byte_in_between(BIG, 0x4B)))
    assert found.verdict is Verdict.BRICK
    assert found.why == "the boot ROM takes a byte at 0x20008, inside an image, for a mark"
    assert simulate(Plan(byte_in_between(BIG, 0xFF))).verdict is Verdict.NEW


def test_a_mark_byte_between_the_banks_bricks_at_every_cut_from_its_row_to_the_new_mark() -> None:
    """telink-ota 7.2, the new image in bank 0."""
    scenario = byte_in_between(replace(BIG, bank=UPPER), 0x4B)
    base = Plan(scenario)
    row = operation_of(base, Stage.DATA, containing=0x20008)
    mark = operation_of(base, Stage.NEW_MARK)
    bricks = [
        (number, tear)
        for number in (*range(0, row, 50), *range(row - 2, mark + 3))
        for tear in ("none", "done")
        if simulate(Plan(scenario, (Cut(number, tear),))).verdict is Verdict.BRICK
    ]
    assert bricks[0] == (row, "done")
    assert bricks[-1] == (mark, "none")
    assert len(bricks) == 2 * (mark - row)


def test_sixteen_values_between_the_banks_can_tear_to_a_mark_byte() -> None:
    dangerous = []
    for value in range(256):
        scenario = byte_in_between(replace(BIG, bank=UPPER), value)
        if value & ~0x4B == 0 or value in (0xFF, 0x4F, 0x80):
            row = operation_of(Plan(scenario), Stage.DATA, containing=0x20008)
            at = 0x20008 - record(Plan(scenario)).moments[row].operation.address
            reachable = [cells for cells in range(256) if cells & value == value]
            bricks = [
                cells
                for cells in reachable
                if simulate(Plan(scenario, (Cut(row, f"byte:{at}={cells:02x}"),))).verdict is Verdict.BRICK
            ]
            assert bricks == ([0x4B] if value & ~0x4B == 0 else [])
            dangerous += [value] if bricks else []
        record.cache_clear()
    assert len(dangerous) == 16


def residue_under_a_row_of_ff(cleaned: bool) -> tuple[Flash, Scenario]:
    """telink-ota 7.4: no probe sees +4, and the row of the image leaves +0 FF."""
    from lockbench_harness.faults.image import Put, Sign
    from lockbench_harness.sweep.story import spoiled

    row = spoiled(Made(8196, "7.0.1", 4), (Put(SECTOR, b"\xff" * 4 + b"\x55" * 12), Sign()))
    scenario = replace(EIGHT, other=row, keys=(("clean_failed_row", cleaned),))
    flash = scene_of(scenario).flash()
    flash.load(UPPER + SECTOR + 4, b"\x00")
    return flash, scenario


@pytest.mark.parametrize(("cleaned", "verdict"), [(False, Verdict.STUCK), (True, Verdict.RECOVERABLE)])
def test_residue_that_only_clean_failed_row_heals_is_stuck_without_it(
    cleaned: bool, verdict: Verdict
) -> None:
    flash, scenario = residue_under_a_row_of_ff(cleaned)
    ending = Ending(flash, LOWER, scenario.old, scenario.new, False, None, None, (), 0)
    outcome = judge(scene_of(scenario), ending, 0, confirm=True)
    assert outcome.verdict is verdict
    assert outcome.retries == (2 if cleaned else 0)


@pytest.mark.parametrize("tear", TEARS)
def test_a_wipe_that_goes_too_far_bricks_the_upper_image_unless_an_upgrade_is_completed(tear: str) -> None:
    """telink-ota 7.4: dirt in the last sector below the bank that runs."""
    found = {}
    for clamp in (True, False):
        scenario = replace(SMALL, bank=UPPER, start="tail", keys=(("wipe_clamp", clamp),))
        number = operation_of(Plan(scenario), Stage.DATA)
        found[clamp] = simulate(Plan(scenario, (Cut(number, tear),))).verdict
        assert simulate(Plan(scenario)).verdict is Verdict.NEW
    assert found == {True: Verdict.OLD, False: Verdict.BRICK}


# The board that overwrites (telink-ota 7.7)


@pytest.mark.parametrize(("loop_end", "operations"), [(4096, 17), (8192, 34)])
def test_a_copy_over_bank_0_bricks_in_the_operations_of_the_copying_code(
    loop_end: int, operations: int
) -> None:
    image = Made(131072, "6.4.34", 2)
    scenario = replace(scenario_for(image, board_name="overwrite"), keys=(("board.copy_loop_end", loop_end),))
    stages = [moment.stage for moment in record(Plan(scenario)).moments]
    first = stages.index(Stage.COPY)
    assert stages.count(Stage.COPY) == 545
    bricks, others = set(), Counter[Verdict]()
    for number in (*range(first, first + 40), *range(first + 40, first + 545, 9)):
        for tear in TEARS:
            verdict = simulate(Plan(scenario, (Cut(number, tear),))).verdict
            if verdict is Verdict.BRICK:
                bricks.add(number - first)
            elif number < first + 544:
                others[verdict] += 1
    assert bricks == set(range(operations))
    assert others.keys() == {Verdict.RECOVERABLE}
    last = [simulate(Plan(scenario, (Cut(first + 544, tear),))).verdict for tear in TEARS]
    assert last == [Verdict.RECOVERABLE, Verdict.NEW, Verdict.NEW]


def test_before_the_copy_the_board_that_overwrites_is_as_safe_as_others() -> None:
    scenario = scenario_for(Made(8196, "6.4.34", 2), board_name="overwrite")
    first = [moment.stage for moment in record(Plan(scenario)).moments].index(Stage.COPY)
    seen = Counter(
        simulate(Plan(scenario, (Cut(number, tear),))).verdict for number in range(first) for tear in TEARS
    )
    assert seen == {Verdict.OLD: 3 * (first - 1), Verdict.SUCCESS_OLD: 2, Verdict.NEW: 1}


# Mutants


@pytest.mark.parametrize("bank", [LOWER, UPPER])
@pytest.mark.parametrize("at", [3, 100, 255])
def test_no_verdict_is_remembered(bank: int, at: int) -> None:
    """A wild write at operation k, deep in the data, shows from there to the new mark and nowhere else."""
    scenario = replace(SMALL, bank=bank, mutant=f"clears-running-mark:{at}")
    mark = operation_of(Plan(scenario), Stage.NEW_MARK)
    bricks = [
        (number, tear)
        for number in range(len(record(Plan(scenario)).moments))
        for tear in TEARS
        if simulate(Plan(scenario, (Cut(number, tear),))).verdict is Verdict.BRICK
    ]
    assert bricks[0] == (at, "done")
    assert bricks[-1] == (mark, "torn")
    assert len(bricks) == 3 * (mark - at)


@pytest.mark.parametrize("bank", [LOWER, UPPER])
def test_the_reverse_commit_order_bricks_exactly_where_the_spec_says(bank: int) -> None:
    scenario = replace(SMALL, bank=bank, mutant="old-mark-first")
    found = {
        stage: Counter(simulate(plan).verdict is Verdict.BRICK for plan in mark_subsets(scenario, stage))
        for stage in (Stage.OLD_MARK, Stage.NEW_MARK)
    }
    assert found == {stage: {True: 15, False: 1} for stage in found}
    first = operation_of(Plan(scenario), Stage.OLD_MARK)
    bricks = {
        (number - first, tear)
        for number in range(len(record(Plan(scenario)).moments))
        for tear in TEARS
        if simulate(Plan(scenario, (Cut(number, tear),))).verdict is Verdict.BRICK
    }
    assert bricks == {(0, "torn"), (0, "done"), (1, "none"), (1, "torn")}


def test_a_mark_written_with_row_0_is_seen_only_with_the_new_image_below() -> None:
    found = {}
    for bank in (LOWER, UPPER):
        scenario = replace(SMALL, bank=bank, mutant="mark-with-row-0")
        [cuts] = cut_work(scenario, ("done",), (bank,), ("clean",))[:1]
        counted = tally(cuts, confirm_every=0)
        found[bank] = counted.verdicts[Verdict.BRICK] > 0
        assert counted.broken["I3"] > 0
    assert found == {LOWER: False, UPPER: True}


EQUIVALENT = {"commits-whole-word"}  # the row has programmed the other three bytes already


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_killed_in_a_bank_or_named_equivalent(name: str) -> None:
    killed = [bank for bank in (LOWER, UPPER) if next(killers(name, bank, starts=("clean", "tail")), None)]
    assert bool(killed) == (name not in EQUIVALENT)


def test_nothing_kills_the_sound_server() -> None:
    assert list(killers("", UPPER, starts=("clean",))) == []


def test_a_bricking_plan_shrinks_to_one_cut_of_a_small_upgrade() -> None:
    scenario = replace(EIGHT, start="stale", mutant="old-mark-first")
    cut = Cut(operation_of(Plan(scenario), Stage.OLD_MARK), "torn")
    plan = shrink(Plan(scenario, (cut,), retry=True))
    assert simulate(plan).verdict is Verdict.BRICK
    assert plan.scenario.start == "clean"
    assert isinstance(plan.scenario.new, Made)
    assert plan.scenario.new.size < 2000
    assert not plan.retry
    [left] = plan.faults
    assert isinstance(left, Cut)
    assert left.tear == "done"


def test_a_cut_at_an_operation_that_never_comes_is_refused() -> None:
    with pytest.raises(LocalError, match="operation 9999 never comes"):
        simulate(Plan(SMALL, (Cut(9999),)))
