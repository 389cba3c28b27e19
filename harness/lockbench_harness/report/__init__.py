"""The report of a run: rows in catalogue order, counts, and the files that are made of them.

Two runs of the same seed give the same report, but for the seconds.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockbench_harness.cases import GROUPS
from lockbench_harness.clock import Time
from lockbench_harness.report import folder
from lockbench_harness.report.row import Row
from lockbench_harness.verdicts import Verdict

if TYPE_CHECKING:
    from lockbench_harness.plan import Plan
    from lockbench_harness.targets import Target

FORMAT = 1
# In the order in which they are told, gravest first.
TOLD = (Verdict.BROKEN, Verdict.FAIL, Verdict.WARN, Verdict.UNSUPPORTED, Verdict.PASS)


@dataclass(frozen=True, slots=True)
class Group:
    name: str  # "PWD"
    title: str
    rows: tuple[Row, ...]

    @property
    def counts(self) -> dict[str, int]:
        return counts(self.rows)

    @property
    def expected(self) -> int:
        """How many of the failures are known of the target."""
        return expected(self.rows)


@dataclass(frozen=True, slots=True)
class Report:
    plan: Plan
    target: Target
    rows: tuple[Row, ...]  # in catalogue order
    troubles: tuple[str, ...] = ()  # of the bench, beyond any one case
    interrupted: bool = False

    @property
    def exit_code(self) -> int:
        """0 all hold, 1 a case failed, 3 the bench broke, or judged nothing."""
        if self.troubles or not self.rows or any(row.verdict is Verdict.BROKEN for row in self.rows):
            return 3
        return 1 if any(row.counts_as_failure for row in self.rows) else 0

    @property
    def groups(self) -> tuple[Group, ...]:
        split = ((name, tuple(row for row in self.rows if row.group == name)) for name in GROUPS)
        return tuple(Group(name, GROUPS[name], rows) for name, rows in split if rows)

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know before the numbers."""
        from lockbench_harness.plan import EFFORTS, OUTSIDE_EXAMPLES

        notes = []
        if self.interrupted:
            notes.append("The run was interrupted: this report is partial.")
        if not self.rows:
            notes.append("No case was judged.")
        if self.target.time is not Time.VIRTUAL:
            pace = f"The target runs in {self.target.time} time"
            notes.append(f"{pace}: at most {OUTSIDE_EXAMPLES} examples a case, not shrunk.")
        elif self.plan.effort != "quick":
            notes.append(
                f"Effort {self.plan.effort}: {EFFORTS[self.plan.effort]} times the examples of quick."
            )
        if self.target.mask:
            notes.append("The secrets of the target are masked.")
        return (*notes, *(self.target.mask.text(trouble) for trouble in self.troubles))

    def to_json(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            "lockbench": version("lockbench"),
            "target": self.target.name,
            "profile": self.target.profile,
            "time": self.target.time,
            "seed": self.plan.seed,
            "effort": self.plan.effort,
            "strict": self.plan.strict,
            "interrupted": self.interrupted,
            "notes": list(self.notes),
            "counts": counts(self.rows),
            "expected_failures": expected(self.rows),
            "groups": {group.name: group.counts for group in self.groups},
            "cases": [row.to_json() for row in self.rows],
        }

    def save(self, out: Path) -> None:
        """Write report.html, report.json, junit.xml and trace.ndjson."""
        from lockbench_harness.report import html, junit

        folder.finish(out, [row.id for row in self.rows])
        folder.write(out / folder.JSON, json.dumps(self.to_json(), indent=2, ensure_ascii=False) + "\n")
        folder.write(out / folder.HTML, html.render(self))
        (out / folder.JUNIT).write_bytes(junit.render(self))


def counts(rows: Iterable[Row]) -> dict[str, int]:
    found = Counter(row.verdict.value for row in rows)
    return {verdict.value: found[verdict.value] for verdict in TOLD}


def expected(rows: Iterable[Row]) -> int:
    return sum(bool(row.expected_failure) for row in rows)
