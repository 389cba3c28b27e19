"""The rows of a run: ours against each peer, with the goal where there is one. Losing rows stay in."""

from __future__ import annotations

import platform
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lockbench_benchmarks.codec import GOALS, OURS, WORKS, Work
from lockbench_benchmarks.interleave import SECONDS, measure
from lockbench_benchmarks.peers import PEERS, installed


@dataclass(frozen=True, slots=True)
class Row:
    """`ratio`: how many times as much ours does in the same time. `ns` and `against_ns`: one operation."""

    name: str
    against: str
    ratio: float
    goal: float | None
    ns: float
    against_ns: float

    @property
    def met(self) -> bool:
        return self.goal is None or self.ratio >= self.goal


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
    """One row for each work and peer, as they are measured."""
    for work in works(with_goal=with_goal):
        best = {name: ns / work.count for name, ns in measure(work.contenders, seconds).items()}
        for against, ns in best.items():
            if against != OURS:
                goal = GOALS.get((work.name, against))
                yield Row(work.name, against, ns / best[OURS], goal, best[OURS], ns)


def missing() -> list[str]:
    """The peers that are not installed."""
    return [name for name in PEERS if name not in installed()]


def machine() -> dict[str, str]:
    """What a reader must know to compare two tables."""
    import Crypto
    from Crypto.Util import _raw_api

    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}",
        "machine": f"{_processor()}, {sys.platform} {platform.machine()}",
        "cipher": f"pycryptodome {Crypto.__version__}, {getattr(_raw_api, 'backend', 'unknown')} backend",
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return platform.processor() or "unknown processor"
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else "unknown processor"
