"""`python -m lockbench_benchmarks.gate`: fails when the codec has become slow.

A line fails when the best of three runs stays under 0.8 of its goal: noise slows one run, a mistake slows
all three.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable

from lockbench_benchmarks.row import Row
from lockbench_benchmarks.rows import rows

RUNS = 3
SHARE = 0.8  # of a goal


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


def main() -> int:
    low = failures(lambda: rows(with_goal=True))
    for row in low:
        sys.stdout.write(f"{row.name} against {row.against}: {row.ratio:.2f}, the goal is {row.goal}\n")
    if not low:
        sys.stdout.write("every line of the codec holds\n")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
