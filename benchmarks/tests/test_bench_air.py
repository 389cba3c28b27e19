"""`make bench`: the works of the air, a group of its own each. What they did is checked too."""

from __future__ import annotations

import pytest
from lockbench_benchmarks import air, interleave
from lockbench_benchmarks.row import OURS
from pytest_benchmark.fixture import BenchmarkFixture

SCENES = {
    f"{air.WRITE}, {air.WRITES} in a round": {OURS: air.our_writes, air.BARE: air.bare_writes},
    air.SCENARIO: {OURS: air.our_scenario, air.BARE: air.bare_scenario},
}


@pytest.mark.parametrize("hushed", [False, True], ids=["loud", "quiet"])
@pytest.mark.parametrize("contender", [OURS, air.BARE])
@pytest.mark.parametrize("group", SCENES)
def test_bench(benchmark: BenchmarkFixture, group: str, contender: str, hushed: bool) -> None:
    benchmark.group = f"{group}, quiet()" if hushed else group
    with air.staged(SCENES[group][contender], hushed=hushed) as run:
        benchmark(run)


def test_every_goal_of_the_air_is_of_a_row_that_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interleave, "FEWEST", 1)
    found = {(row.name, row.against): row.goal for row in air.rows(0)}
    assert found.items() >= air.GOALS.items()
