"""The one-file page: readable without script, no outside resource, hostile text shown as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lockbench_harness.pages import template
from lockbench_harness.report import TOLD, Report, counts, expected
from lockbench_harness.verdicts import Verdict

if TYPE_CHECKING:
    from lockbench_harness.inputs import Json

OPEN = (Verdict.FAIL, Verdict.BROKEN, Verdict.WARN)
LONGEST_INPUTS = 4000  # characters


def render(report: Report) -> str:
    return template("lockbench_harness.report", "page.html.j2").render(
        report=report,
        told=[verdict.value for verdict in TOLD],
        counts=counts(report.rows),
        expected=expected(report.rows),
        inputs=_inputs,
        examples=sum(row.examples for row in report.rows),
        open_rows=[row for verdict in OPEN for row in report.rows if row.verdict is verdict],
    )


def _inputs(value: Json) -> str:
    """Values one a line; the steps of a machine as calls."""
    if isinstance(value, list):
        lines = [
            f"{name}({_arguments(values)})"
            for step in value
            if isinstance(step, dict)
            for name, values in step.items()
        ]
    elif isinstance(value, dict):
        lines = [f"{name} = {_plain(item)}" for name, item in value.items()]
    else:
        lines = []
    text = "\n".join(lines)
    return text if len(text) <= LONGEST_INPUTS else f"{text[:LONGEST_INPUTS]} …"


def _arguments(values: Json) -> str:
    return (
        ", ".join(f"{name}={_plain(item)}" for name, item in values.items())
        if isinstance(values, dict)
        else ""
    )


def _plain(value: Json) -> str:
    return json.dumps(value, ensure_ascii=False)
