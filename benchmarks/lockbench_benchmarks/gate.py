"""`python -m lockbench_benchmarks.gate`: fails when the bench has become slow. Every line that has a goal.

A line fails when the best of three runs stays under 0.8 of its goal: noise slows one run, a mistake slows
all three. A subject without a low line is not run again.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from functools import partial

from lockbench_benchmarks import air, fleet, lock, rows, start, sweep
from lockbench_benchmarks.row import Row

RUNS = 3
SHARE = 0.8  # of a goal
SECONDS = 0.5  # of processor time for one work; enough, because the best of many calls counts

SUBJECTS: dict[str, Callable[[], Iterable[Row]]] = {
    "codec": partial(rows.rows, SECONDS, with_goal=True),
    "lock": partial(lock.rows, SECONDS),
    "air": partial(air.rows, SECONDS),
    "sweep": partial(sweep.rows, SECONDS, starts=sweep.STARTS[:1]),
    "start": partial(start.rows, 1.0),
    "fleet": partial(fleet.rows, sizes=fleet.SIZES[-1:]),
}


def failures(run: Callable[[], Iterable[Row]]) -> list[Row]:
    """The lines under their share of the goal in each of three runs; a run without any is the last."""
    best: dict[tuple[str, str], Row] = {}
    low: list[Row] = []
    for _ in range(RUNS):
        for row in run():
            line = row.name, row.against
            if line not in best or row.ratio > best[line].ratio:
                best[line] = row
        low = [row for row in best.values() if row.goal is not None and row.ratio < SHARE * row.goal]
        if not low:
            break
    return low


def verdicts() -> Iterator[tuple[str, list[Row]]]:
    """Each subject with its lines that fail."""
    for subject, run in SUBJECTS.items():
        yield subject, failures(run)


def main() -> int:
    failed = False
    for subject, low in verdicts():
        sys.stdout.write(f"{subject}: {'too slow' if low else 'every line holds'}\n")
        for row in low:
            sys.stdout.write(
                f"  {row.name} against {row.against}: {row.ratio:.2f}, the goal is {row.goal:g}\n"
            )
        sys.stdout.flush()
        failed = failed or bool(low)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
