from __future__ import annotations

import pytest
from lockbench_benchmarks import gate, interleave
from lockbench_benchmarks.codec import GOALS, HAND, WORKS
from lockbench_benchmarks.peers import PEERS
from lockbench_benchmarks.row import OURS, Row, machine
from lockbench_benchmarks.rows import missing, rows, works
from lockbench_harness.cli.bench import SUBJECTS


def row(ratio: float, goal: float | None = 1.0) -> Row:
    return Row("work", "peer", ratio, goal, 1.0, ratio)


def test_contenders_take_turns_and_the_faster_one_is_found_so() -> None:
    turns: list[str] = []

    def run(name: str, size: int) -> None:
        if turns[-1:] != [name]:
            turns.append(name)
        sum(range(size))

    best = interleave.measure({"one": lambda: run("one", 2000), "two": lambda: run("two", 60000)}, 0.01)
    assert turns == ["one", "two"] * (len(turns) // 2)
    assert len(turns) >= 2 * interleave.FEWEST
    assert best["two"] > 5 * best["one"]


def test_a_run_has_a_row_for_each_work_and_peer_and_losing_rows_stay_in(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(interleave, "FEWEST", 1)
    found = [(each.name, each.against) for each in rows(0)]
    assert found == [(work.name, name) for work in works() for name in work.contenders if name != OURS]
    assert {(work.name, HAND) for work in WORKS} <= set(found)


def test_every_goal_is_of_a_work_and_a_contender_that_there_are() -> None:
    names = {work.name: {*work.contenders, *PEERS} for work in WORKS}
    assert all(against in names[name] for name, against in GOALS)
    goals = {(work.name, name) for work in works(with_goal=True) for name in work.contenders if name != OURS}
    assert goals == {line for line in GOALS if line[1] not in missing()}


def test_a_table_says_on_what_it_was_measured() -> None:
    assert machine().keys() == {"python", "machine", "cipher"}
    assert "backend" in machine()["cipher"]


@pytest.mark.parametrize(
    ("ratios", "runs", "passes"),
    [
        ([0.81], 1, True),
        ([0.5, 0.79, 0.8], 3, True),
        ([0.5, 0.79, 0.7], 3, False),
    ],
)
def test_the_gate_takes_the_best_of_three_runs_and_stops_at_the_first_good_one(
    ratios: list[float], runs: int, *, passes: bool
) -> None:
    left = list(ratios)
    low = gate.failures(lambda: [row(left.pop(0))])
    assert len(ratios) - len(left) == runs
    assert (not low) is passes


def test_the_gate_runs_again_only_what_was_slow_and_names_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = {"fast": 0, "slow": 0}

    def run(name: str, ratio: float) -> list[Row]:
        runs[name] += 1
        return [row(ratio)]

    subjects = {"fast": lambda: run("fast", 0.9), "slow": lambda: run("slow", 0.5)}
    monkeypatch.setattr(gate, "SUBJECTS", subjects)
    assert gate.main() == 1
    assert runs == {"fast": 1, "slow": 3}
    assert capsys.readouterr().out == (
        "fast: every line holds\nslow: too slow\n  work against peer: 0.50, the goal is 1\n"
    )


def test_the_gate_holds_every_subject_that_has_a_goal() -> None:
    assert gate.SUBJECTS.keys() <= SUBJECTS.keys()


def test_a_line_without_a_goal_is_printed_and_never_fails() -> None:
    assert row(0.1, None).met
    assert gate.failures(lambda: [row(0.1, None)]) == []


def test_a_clock_that_stands_still_is_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = iter([0, 50_000, 50_000, 50_000, 60_000, 100_000])
    monkeypatch.setattr("time.thread_time_ns", lambda: next(shown))
    assert interleave._least(lambda: None, 3) == 40_000
