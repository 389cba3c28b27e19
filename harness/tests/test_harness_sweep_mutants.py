"""Faulty bootloaders: each shows where its fault lies, and nowhere else (telink-ota 7.6, 12)."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace

import pytest
from click.testing import CliRunner
from lockbench_emulator.boot.mutants import MUTANTS
from lockbench_harness.cli import cli
from lockbench_harness.faults.plan import Made, Plan
from lockbench_harness.faults.power import Cut
from lockbench_harness.sweep import Verdict, simulate
from lockbench_harness.sweep.deep import (
    mark_subsets,
    operation_of,
)
from lockbench_harness.sweep.kill import killed, killers
from lockbench_harness.sweep.outcome import Stage
from lockbench_harness.sweep.plans import cut_work, scenario_for
from lockbench_harness.sweep.shrink import shrink
from lockbench_harness.sweep.story import record
from lockbench_harness.sweep.tally import tally

SMALL = scenario_for(Made(4100, "6.4.34", 2))  # two sectors, the second begun with the check value
EIGHT = scenario_for(Made(8196, "6.4.34", 2))
LOWER, UPPER = SMALL.board.banks
TEARS = ("none", "torn", "done")


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


@pytest.mark.parametrize("name", MUTANTS)
def test_every_mutant_is_killed_in_a_bank_or_named_equivalent(name: str) -> None:
    assert killed(name).expected


def test_the_report_says_in_which_parity_a_mutant_is_killed() -> None:
    names = ("mark-with-row-0", "foreign-numbers")
    done = CliRunner().invoke(cli, ["dfu", "mutants", *names, "--jobs", "1", "--json"])
    assert done.exit_code == 0, done.output
    rows = {row["name"]: row for row in json.loads(done.output)["mutants"]}
    assert list(rows) == list(names)
    for row in rows.values():
        assert row["by"].keys() == {"lower", "upper"}
        assert any(row["by"].values())
    assert "never killed" not in CliRunner().invoke(cli, ["dfu", "mutants", names[1], "--jobs", "1"]).output
    assert CliRunner().invoke(cli, ["dfu", "mutants", "zombie"]).exit_code == 2


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
