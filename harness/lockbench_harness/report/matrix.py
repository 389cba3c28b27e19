"""Several targets beside each other: one page and one JSON object, a row a case and a column a target."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lockbench_harness.cases import order
from lockbench_harness.pages import template
from lockbench_harness.report import Report, counts, folder
from lockbench_harness.report.row import Row

FORMAT = 1


@dataclass(frozen=True, slots=True)
class Matrix:
    columns: Sequence[tuple[str, Report]]  # the folder of each report, beside the page

    @property
    def exit_code(self) -> int:
        """The gravest of the reports: 3 before 1 before 0."""
        return max(report.exit_code for _, report in self.columns)

    @property
    def rows(self) -> list[tuple[str, str, list[Row | None]]]:
        """Id, requirement, and the row of each target; None where the case was not asked of it."""
        found = [{row.id: row for row in report.rows} for _, report in self.columns]
        ids = sorted({name for rows in found for name in rows}, key=order)
        said = {name: row.requirement for rows in found for name, row in rows.items()}
        return [(name, said[name], [rows.get(name) for rows in found]) for name in ids]

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "targets": [
                {
                    "name": report.target.name,
                    "report": f"{where}/{folder.JSON}",
                    "counts": counts(report.rows),
                }
                for where, report in self.columns
            ],
            "cases": {
                name: [row.verdict.value if row else None for row in verdicts]
                for name, _, verdicts in self.rows
            },
        }

    def save(self, out: Path) -> None:
        """Write matrix.html and matrix.json."""
        folder.write(
            out / folder.MATRIX_JSON, json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n"
        )
        page = template("lockbench_harness.report", "matrix.html.j2")
        folder.write(out / folder.MATRIX_HTML, page.render(matrix=self))
