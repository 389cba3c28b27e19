from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator

import pytest
from click.testing import CliRunner, Result
from lockbench_benchmarks import rows as bench
from lockbench_harness.cli.bench import command


def run(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.fixture(autouse=True)
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that took no time."""

    def rows() -> Iterator[bench.Row]:
        yield bench.Row("frame encode", "interpreted construct", 31.0, 20, 900.0, 27900.0)
        yield bench.Row("frame decode", "ttlock-ble", 0.6, None, 1000.0, 600.0)
        yield bench.Row("AES frame encode", "ttlock-ble", 1.5, 2, 4000.0, 6000.0)

    monkeypatch.setattr(bench, "rows", rows)
    monkeypatch.setattr(bench, "missing", lambda: ["scapy"])


def test_json_is_one_object_with_name_against_ratio_and_goal() -> None:
    found = json.loads(run("codec", "--json").stdout)
    assert {"python", "machine", "cipher", "missing", "rows"} == found.keys()
    assert found["rows"][1] == {
        "name": "frame decode",
        "against": "ttlock-ble",
        "ratio": 0.6,
        "goal": None,
        "ns": 1000.0,
        "against_ns": 600.0,
    }


def test_the_table_keeps_the_losing_rows_and_marks_a_missed_goal() -> None:
    out = run("codec").stdout
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines() if "|" in line]
    assert rows[0] == ["work", "ns", "against", "its ns", "ratio", "goal"]
    assert rows[3] == ["frame decode", "1000", "ttlock-ble", "600", "0.60", ""]
    assert rows[4][-2:] == ["1.50", "2, missed"]
    assert out.endswith("Not installed, so not in the table: scapy.\n")


def test_an_unknown_subject_is_wrong_use() -> None:
    assert run("clouds").exit_code == 2


def test_its_help_loads_no_benchmark() -> None:
    program = (
        "import sys; from lockbench_harness.cli.bench import command;"
        "command(['--help'], standalone_mode=False); print('lockbench_benchmarks' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)  # noqa: S603 - our own program
    assert out.stdout.endswith("False\n")
