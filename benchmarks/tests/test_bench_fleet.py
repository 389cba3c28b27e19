"""The fleet is on the air when it is measured, and its process tells what it cost."""

from __future__ import annotations

from lockbench_benchmarks import fleet


def test_a_few_locks_are_measured_in_a_process_of_their_own() -> None:
    rows = {row.name: row for row in fleet.rows([3])}
    assert rows.keys() == {"3 locks, memory", "3 idle locks, a second", "3 locks, connect to one"}
    assert rows["3 locks, memory"].unit == "MB"
    assert 20 < rows["3 locks, memory"].ours < fleet.MEGABYTES
    assert rows["3 idle locks, a second"].ratio > 1
    assert all(row.ours > 0 for row in rows.values())
