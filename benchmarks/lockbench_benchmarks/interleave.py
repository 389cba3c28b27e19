"""Ratios that a busy machine cannot bend: contenders take turns, and only processor time counts.

A round gives every contender one slot, so that what disturbs one disturbs all. The least time of any call is
a contender's result, and a ratio is that of two results of the same run.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Mapping

SECONDS = 2.0  # of processor time for one work
FEWEST = 5  # rounds
SLOT = 1_000_000  # nanoseconds
STUCK = 1000  # nanoseconds: no call is so short, but a clock may stand still during one


def measure(contenders: Mapping[str, Callable[[], object]], seconds: float = SECONDS) -> dict[str, float]:
    """Nanoseconds that one call of each contender takes at best, in `seconds`, and 5 rounds at least.

    A call should take 20 microseconds or more: the clock is read around each.
    """
    best = {name: _least(run, 1) for name, run in contenders.items()}
    collecting = gc.isenabled()
    gc.disable()
    try:
        end, rounds = time.thread_time() + seconds, 0
        while rounds < FEWEST or time.thread_time() < end:
            for name, run in contenders.items():
                best[name] = min(best[name], _least(run, max(1, SLOT // best[name])))
            rounds += 1
    finally:
        if collecting:
            gc.enable()
    return {name: float(least) for name, least in best.items()}


def _least(run: Callable[[], object], times: int) -> int:
    """The shortest of some calls, after one that warms the caches."""
    run()
    least = []
    for _ in range(times):
        before = time.thread_time_ns()
        run()
        least.append(time.thread_time_ns() - before)
    return min((each for each in least if each > STUCK), default=SLOT)
