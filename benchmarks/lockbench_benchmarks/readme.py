"""`python -m lockbench_benchmarks.readme [SUBJECT]...`: writes the tables of this folder's README from a run.

It is the README of the checkout that this module is in. Each subject keeps its table until it is run again.
"""

from __future__ import annotations

import importlib
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from lockbench_harness.cli.bench import SUBJECTS, table

from lockbench_benchmarks.row import machine

README = Path(__file__).parents[1] / "README.md"


def block(subject: str) -> re.Pattern[str]:
    """What stands between the marks of a subject."""
    mark = f"<!-- {subject} -->"
    return re.compile(rf"(?<={re.escape(mark)}\n).*?(?={re.escape(f'<!-- end of {subject} -->')})", re.DOTALL)


def measured(subject: str) -> str:
    """The table of a subject, and on what it was measured."""
    module = importlib.import_module(SUBJECTS[subject])
    absent = f"\nNot installed: {', '.join(module.missing())}.\n" if module.missing() else ""
    lines = "\n".join(table(module.rows()))
    return f"\n{'; '.join(machine().values())}\n\n{lines}\n{absent}\n"


def write(subjects: Sequence[str]) -> None:
    for subject in subjects:
        made = measured(subject).replace("\\", r"\\")
        README.write_text(block(subject).sub(made, README.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    write(sys.argv[1:] or list(SUBJECTS))
