"""How many power cuts of a 128 KiB upgrade one core simulates in a second, without the real retries."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

from lockbench_harness.faults.plan import Made
from lockbench_harness.sweep.plans import Cuts, cut_work, scenario_for
from lockbench_harness.sweep.tally import tally

from lockbench_benchmarks.interleave import SECONDS, measure
from lockbench_benchmarks.row import NS, Row, within

GOAL_RATE = 15_000  # simulations a second and core
AGAINST = "15,000 a second"
SIZE = 128 << 10
TEARS = ("none", "torn", "done")  # the default of `lockbench dfu sweep`
STARTS = ("clean", "stale", "full", "hidden")
PARTS = 40  # one of them is a round


def cuts(start: str, size: int = SIZE) -> Cuts:
    """Some cuts in the middle of an upgrade that succeeds."""
    scenario = scenario_for(Made(size, "1.2.3", 1))
    whole = cut_work(scenario, TEARS, scenario.board.banks[:1], (start,))[0]
    return whole.split(PARTS)[PARTS // 2]


def rows(seconds: float = SECONDS, starts: Sequence[str] = STARTS) -> Iterator[Row]:
    """One row for each state in which the other bank may be."""
    for start in starts:
        some = cuts(start)
        count = tally(some, confirm_every=0).simulations  # records the story, once
        (ns,) = measure({start: partial(tally, some, confirm_every=0)}, seconds).values()
        yield within(f"power cut, other bank {start}", AGAINST, ns / count, NS / GOAL_RATE)


def missing() -> list[str]:
    """No peer is known."""
    return []
