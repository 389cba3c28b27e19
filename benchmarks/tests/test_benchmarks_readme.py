"""The README's tables have the shape of what a run prints; their numbers are nobody's promise."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from lockbench_benchmarks import lock, readme
from lockbench_benchmarks.row import Row, within
from lockbench_harness.cli.bench import SUBJECTS


@pytest.mark.parametrize("subject", SUBJECTS)
def test_each_subject_has_its_table_with_machine_python_and_backend(subject: str) -> None:
    (found,) = readme.block(subject).findall(readme.README.read_text("utf-8"))
    first, *rows = [line for line in found.splitlines() if line]
    assert [word in first for word in ("Python", "pycryptodome", "backend")] == [True] * 3
    cells = [[cell.strip() for cell in row.split("|")[1:-1]] for row in rows if row.startswith("|")]
    assert cells[0] == ["work", "ours", "against", "theirs", "ratio", "goal"]
    assert len(cells) > 2
    assert all(len(row) == 6 and float(row[4]) > 0 for row in cells[2:])


def test_one_table_is_written_and_the_rest_of_the_page_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = tmp_path / "README.md"
    page.write_text("before\n<!-- lock -->\nold\n<!-- end of lock -->\nafter\n<!-- air -->\n")

    def rows() -> Iterator[Row]:
        yield within(r"14 \status", "10,000 a second", 4e4, 1e5)

    monkeypatch.setattr(readme, "README", page)
    monkeypatch.setattr(lock, "rows", rows)
    readme.write(["lock"])
    text = page.read_text()
    assert text.startswith("before\n<!-- lock -->\n\nCPython")
    assert r"| 14 \status " in text
    assert "old" not in text
    assert text.endswith("<!-- end of lock -->\nafter\n<!-- air -->\n")
