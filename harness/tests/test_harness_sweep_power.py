"""Power cuts: the short way is the long way, no verdict is remembered, the spec holds (telink-ota 7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.boot.flash import SECTOR
from lockbench_harness.faults.image import SpoilTrailer
from lockbench_harness.faults.plan import STARTS, Made, Plan, Scenario
from lockbench_harness.faults.power import Cut
from lockbench_harness.sweep import Outcome, Verdict, simulate
from lockbench_harness.sweep.fit import attempts_to_fit
from lockbench_harness.sweep.judge import Ending, judge
from lockbench_harness.sweep.outcome import Stage
from lockbench_harness.sweep.plans import Cuts, cut_work, scenario_for
from lockbench_harness.sweep.retry import real_attempts
from lockbench_harness.sweep.scene import scene_of
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


@pytest.mark.parametrize("board", ["b85", "b91", "8232", "tc321x", "tl721x"])
def test_no_board_bricks_at_a_cut(board: str) -> None:
    image = Made(4100, "6.4.34", 2, mark_offset=0x20 if board in ("b91", "tl721x") else 0x08)
    scenario = scenario_for(image, board_name=board)
    total = tally_of(cut_work(scenario, TEARS, scenario.board.banks, ("clean", "stale")))
    assert not {Verdict.BRICK, Verdict.STUCK} & total.keys()


def test_a_cut_at_an_operation_that_never_comes_is_refused() -> None:
    with pytest.raises(LocalError, match="operation 9999 never comes"):
        simulate(Plan(SMALL, (Cut(9999),)))
