"""Power cuts as work of a known size, for whoever measures how fast they are simulated."""

from __future__ import annotations

from collections.abc import Callable

from lockbench_harness.faults.plan import Made
from lockbench_harness.sweep.plans import cut_work, scenario_for
from lockbench_harness.sweep.tally import tally

__all__ = ["power_cuts"]

_TEARS = ("none", "torn", "done")
_PARTS = 32  # of the story; the one in its middle costs about what the mean does


def power_cuts(size: int = 128 * 1024) -> tuple[int, Callable[[], None]]:
    """Cuts in the middle of an upgrade of `size` bytes over a stale bank, without real retries.

    Gives their number and what simulates them all once; the upgrade is recorded already.
    """
    scenario = scenario_for(Made(size, "6.4.34", 2))
    [cuts, _] = cut_work(scenario, _TEARS, scenario.board.banks[:1], ("stale",))
    part = cuts.split(_PARTS)[_PARTS // 2]

    def run() -> None:
        tally(part, confirm_every=0)

    run()
    return len(part.operations()) * len(_TEARS), run
