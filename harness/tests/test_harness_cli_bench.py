from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from lockbench_benchmarks import lock, page
from lockbench_benchmarks import rows as bench
from lockbench_benchmarks.row import Row, within
from lockbench_harness.cli import cli
from lockbench_harness.cli.bench import amount


def run(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["bench", *arguments])


@pytest.fixture(autouse=True)
def _measured(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that took no time."""

    def rows() -> Iterator[Row]:
        yield Row("frame encode", "interpreted construct", 31.0, 20, 900.0, 27900.0)
        yield Row("frame decode", "ttlock-ble", 0.6, None, 1000.0, 600.0)
        yield Row("AES frame encode", "ttlock-ble", 1.5, 2, 4000.0, 6000.0)

    monkeypatch.setattr(bench, "rows", rows)
    monkeypatch.setattr(bench, "missing", lambda: ["scapy"])
    monkeypatch.setattr(lock, "rows", lambda: iter([within("14 status", "10,000 a second", 4e4, 1e5)]))


def cells(out: str) -> list[list[str]]:
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in out.splitlines() if "|" in line]


def test_json_is_one_object_with_name_against_ratio_and_goal() -> None:
    found = json.loads(run("codec", "--json").stdout)
    assert {"python", "machine", "cipher", "missing", "rows"} == found.keys()
    assert found["rows"][1] == {
        "name": "frame decode",
        "against": "ttlock-ble",
        "ratio": 0.6,
        "goal": None,
        "ours": 1000.0,
        "theirs": 600.0,
        "unit": "ns",
    }


def test_the_table_keeps_the_losing_rows_and_marks_a_missed_goal() -> None:
    out = run("codec").stdout
    rows = cells(out)
    assert rows[0] == ["work", "ours", "against", "theirs", "ratio", "goal"]
    assert rows[3] == ["frame decode", "1000 ns", "ttlock-ble", "600 ns", "0.60", ""]
    assert rows[4][-2:] == ["1.50", "2, missed"]
    assert out.endswith("Not installed, so not in the table: scapy.\n")


def test_several_subjects_are_one_table() -> None:
    names = [row[0] for row in cells(run("lock", "codec").stdout)[2:]]
    assert names == ["14 status", "frame encode", "frame decode", "AES frame encode"]


def test_an_earlier_run_stands_beside(tmp_path: Path) -> None:
    earlier = tmp_path / "earlier.json"
    earlier.write_text(run("codec", "--json").stdout.replace("31.0", "40.0"))
    rows = cells(run("codec", "lock", "--compare", str(earlier)).stdout)
    assert [row[-1] for row in rows] == ["before", "---", "40.00", "0.60", "1.50", ""]
    found = json.loads(run("codec", "--json", "--compare", str(earlier)).stdout)
    assert [row["before"] for row in found["rows"]] == [40.0, 0.6, 1.5]


@pytest.mark.parametrize("text", [None, "", "{}", '{"rows": [1]}', "[]", '{"rows": [{"name": "x"}]}'])
def test_a_file_that_is_no_earlier_run_is_bad_input(tmp_path: Path, text: str | None) -> None:
    file = tmp_path / "earlier.json"
    if text is not None:
        file.write_text(text)
    result = run("codec", "--compare", str(file))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr.count("\n") == 1
    assert str(file) in result.stderr


def test_the_page_has_a_plot_and_the_table_and_needs_no_network(tmp_path: Path) -> None:
    pytest.importorskip("plotly")
    out = tmp_path / "bench.html"
    assert run("codec", "--json", "--out", str(out)).exit_code == 0
    text = out.read_text("utf-8")
    assert "Plotly.newPlot" in text
    assert "<script src" not in text
    assert '<tr class="missed"><td>AES frame encode</td><td class="n">4000 ns</td>' in text


def test_a_page_that_cannot_be_is_told_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page, "find_spec", lambda _name: None)
    result = run("codec", "--out", str(tmp_path / "bench.html"))
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "lockbench: the page needs plotly: pip install plotly\n"
    monkeypatch.setattr(page, "find_spec", lambda _name: object())
    assert run("codec", "--out", str(tmp_path / "no" / "bench.html")).exit_code == 2


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (894.2, "ns", "894 ns"),
        (9999.4, "ns", "9999 ns"),
        (12345.0, "ns", "12.3 us"),
        (2.26e7, "ns", "22.6 ms"),
        (3e10, "ns", "30 s"),
        (144.2, "MB", "144 MB"),
        (52.44, "MB", "52.4 MB"),
    ],
)
def test_an_amount_has_three_digits_or_so(value: float, unit: str, text: str) -> None:
    assert amount(value, unit) == text


def test_an_unknown_subject_is_wrong_use() -> None:
    assert run("weather").exit_code == 2


def test_its_help_loads_no_benchmark() -> None:
    program = (
        "import sys; from lockbench_harness.cli.bench import command;"
        "command(['--help'], standalone_mode=False); print('lockbench_benchmarks' in sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)  # noqa: S603 - our own program
    assert out.stdout.endswith("False\n")
