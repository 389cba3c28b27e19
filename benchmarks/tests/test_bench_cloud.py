"""The cloud and the bare handler are asked the same, and each gives a row."""

from __future__ import annotations

import threading

from lockbench_benchmarks import cloud


def test_a_read_and_a_write_are_measured_and_no_thread_stays() -> None:
    before = threading.active_count()
    rows = list(cloud.rows(0.0))
    assert [(row.name, row.against, row.goal) for row in rows] == [
        (cloud.READ, cloud.BARE, 0.4),
        (cloud.WRITE, cloud.BARE, 0.25),
    ]
    assert all(row.ours > row.theirs > 0 for row in rows)
    assert threading.active_count() == before
