"""Where a plain sweep does not look: what must come of each dark corner (telink-ota 7)."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from lockbench_emulator.boot.flash import SECTOR, Flash
from lockbench_harness.faults.image import Put, Sign
from lockbench_harness.faults.plan import STARTS, Made, Plan, Scenario
from lockbench_harness.faults.power import Cut
from lockbench_harness.sweep import Verdict, simulate
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
from lockbench_harness.sweep.judge import Ending, judge
from lockbench_harness.sweep.outcome import Stage
from lockbench_harness.sweep.plans import Cuts, cut_work, scenario_for
from lockbench_harness.sweep.scene import scene_of
from lockbench_harness.sweep.story import record, spoiled
from lockbench_harness.sweep.tally import tally

SMALL = scenario_for(Made(4100, "6.4.34", 2))  # two sectors, the second begun with the check value
EIGHT = scenario_for(Made(8196, "6.4.34", 2))
LOWER, UPPER = SMALL.board.banks
TEARS = ("none", "torn", "done")


def tally_of(work: list[Cuts]) -> Counter[Verdict]:
    """All verdicts; no invariant may be broken and every chosen real retry must agree."""
    verdicts: Counter[Verdict] = Counter()
    for cuts in work:
        counted = tally(cuts, confirm_every=400)
        assert not counted.broken
        verdicts += counted.verdicts
    return verdicts


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
    firsts = representatives(cut_work(EIGHT, TEARS, (LOWER, UPPER), STARTS))
    assert {plan.scenario.bank for plan in firsts} == {LOWER, UPPER}
    total = tally_of(second_cuts(firsts, TEARS))
    assert not {Verdict.BRICK, Verdict.STUCK} & total.keys()
    assert total.total() > 26_000


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
    scenario_for(Made(200 * 1024, "6.4.34", 2)),
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


def test_a_rom_that_looks_at_the_staged_image_saves_two_of_the_17_operations() -> None:
    """By telink-ota 7.3, where the lowest mark wins; 7.7 says that nothing would brick."""
    scenario = replace(
        scenario_for(Made(8196, "6.4.34", 2), board_name="overwrite"),
        keys=(("board.rom_candidates", (0, 0x20000, 0x40000)),),
    )
    first = [moment.stage for moment in record(Plan(scenario)).moments].index(Stage.COPY)
    bricks = {
        number
        for number in range(20)
        if simulate(Plan(scenario, (Cut(first + number, "torn"),))).verdict is Verdict.BRICK
    }
    assert bricks == set(range(2, 17))


def test_before_the_copy_the_board_that_overwrites_is_as_safe_as_others() -> None:
    scenario = scenario_for(Made(8196, "6.4.34", 2), board_name="overwrite")
    first = [moment.stage for moment in record(Plan(scenario)).moments].index(Stage.COPY)
    seen = Counter(
        simulate(Plan(scenario, (Cut(number, tear),))).verdict for number in range(first) for tear in TEARS
    )
    assert seen == {Verdict.OLD: 3 * (first - 1), Verdict.SUCCESS_OLD: 2, Verdict.NEW: 1}
