"""`make bench`: each work of the codec, a group of its own, the fastest contender first."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from lockbench_benchmarks.codec import CONSTRUCT, HAND
from lockbench_benchmarks.row import OURS, Work
from lockbench_benchmarks.rows import works
from pytest_benchmark.fixture import BenchmarkFixture

EXACT = (OURS, CONSTRUCT, HAND)  # the peers give objects of their own


@pytest.mark.parametrize(
    ("work", "contender"),
    [pytest.param(work, name, id=f"{work.name}-{name}") for work in works() for name in work.contenders],
)
def test_bench(benchmark: BenchmarkFixture, work: Work, contender: str) -> None:
    run: Callable[[], object] = work.contenders[contender]
    benchmark.group = f"{work.name}, {work.count} in a round"
    benchmark.extra_info["count"] = work.count
    result = benchmark(run)
    if contender in EXACT:
        assert result == work.contenders[OURS]()
