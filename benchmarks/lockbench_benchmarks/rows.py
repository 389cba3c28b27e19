"""The rows of the codec: ours against each peer, with the goal where there is one. Losing rows stay in."""

from __future__ import annotations

from collections.abc import Iterator

from lockbench_benchmarks.codec import GOALS, WORKS
from lockbench_benchmarks.interleave import SECONDS
from lockbench_benchmarks.peers import PEERS, installed
from lockbench_benchmarks.row import OURS, Row, Work, rows_of


def works(*, with_goal: bool = False) -> Iterator[Work]:
    """The works with every peer that is installed, or with those alone that have a goal."""
    peers = installed()
    for work in WORKS:
        more = {name: doing[work.name] for name, doing in peers.items() if work.name in doing}
        contenders = {
            name: run
            for name, run in {**work.contenders, **more}.items()
            if name == OURS or not with_goal or (work.name, name) in GOALS
        }
        yield Work(work.name, work.count, contenders)


def rows(seconds: float = SECONDS, *, with_goal: bool = False) -> Iterator[Row]:
    return rows_of(works(with_goal=with_goal), GOALS, seconds)


def missing() -> list[str]:
    """The peers that are not installed."""
    return [name for name in PEERS if name not in installed()]
