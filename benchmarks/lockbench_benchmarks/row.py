"""What all benchmarks give: works and their contenders, rows of a run, and on what it ran."""

from __future__ import annotations

import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lockbench_benchmarks.interleave import SECONDS, measure

OURS = "lockbench"
Goals = dict[tuple[str, str], float | None]  # (work, against): the least ratio; None is printed only
NS = 1_000_000_000


@dataclass(frozen=True, slots=True)
class Work:
    """One operation, `count` times in each call of a contender; ours is among them."""

    name: str
    count: int
    contenders: dict[str, Callable[[], object]]


@dataclass(frozen=True, slots=True)
class Row:
    """`ours` and `theirs` are what one operation costs; `ratio`: how much better ours is."""

    name: str
    against: str
    ratio: float
    goal: float | None
    ours: float
    theirs: float
    unit: str = "ns"

    @property
    def met(self) -> bool:
        return self.goal is None or self.ratio >= self.goal


def rows_of(works: Iterable[Work], goals: Goals, seconds: float = SECONDS) -> Iterator[Row]:
    """One row for each work and peer, as they are measured."""
    for work in works:
        best = {name: ns / work.count for name, ns in measure(work.contenders, seconds).items()}
        for against, ns in best.items():
            if against != OURS:
                yield Row(
                    work.name, against, ns / best[OURS], goals.get((work.name, against)), best[OURS], ns
                )


def within(name: str, against: str, ours: float, limit: float, unit: str = "ns", *, goal: bool = True) -> Row:
    """A row against a limit instead of a peer, such as "10,000 a second"."""
    return Row(name, against, limit / ours, 1.0 if goal else None, ours, limit, unit)


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
