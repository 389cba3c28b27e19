"""The benchmark of the sweep simulates cuts, each to its verdict."""

from __future__ import annotations

import pytest
from lockbench_benchmarks import sweep
from lockbench_harness.sweep.tally import tally
from pytest_benchmark.fixture import BenchmarkFixture


@pytest.mark.parametrize("start", sweep.STARTS)
def test_bench(benchmark: BenchmarkFixture, start: str) -> None:
    size = sweep.SIZE if benchmark.enabled else 16 << 10
    some = sweep.cuts(start, size)
    benchmark.group = f"power cuts of {size >> 10} KiB, {len(some.operations()) * len(some.tears)} in a round"
    found = benchmark(lambda: tally(some, confirm_every=0))
    assert found.simulations == len(some.operations()) * len(some.tears)
    assert not found.broken
