"""`make bench`: each work of the codec, a group of its own, the fastest contender first."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lockbench_benchmarks.codec import WORKS, Work
from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize(
    ("work", "contender"),
    [pytest.param(work, name, id=f"{work.name}-{name}") for work in WORKS for name in work.contenders],
)
def test_bench(benchmark: BenchmarkFixture, work: Work, contender: str) -> None:
    run: Callable[[], object] = work.contenders[contender]
    benchmark.group = f"{work.name}, {work.count} in a round"
    benchmark.extra_info["count"] = work.count
    first = next(iter(work.contenders.values()))
    assert benchmark(run) == first()
