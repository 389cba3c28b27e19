"""The one-file page: readable without script, no outside resource, hostile text shown as text."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from lockbench_harness.report.words import visible

if TYPE_CHECKING:
    from lockbench_harness.report import Report

LONGEST_INPUTS = 4000  # characters


def render(report: Report) -> str:
    import jinja2

    from lockbench_harness.report import TOLD, counts, expected

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("lockbench_harness", "report"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["visible"] = visible
    environment.filters["inputs"] = _inputs
    return environment.get_template("page.html.j2").render(
        report=report,
        told=[verdict.value for verdict in TOLD],
        counts=counts(report.rows),
        expected=expected(report.rows),
        examples=sum(row.examples for row in report.rows),
        open_rows=[row for verdict in TOLD[:3] for row in report.rows if row.verdict is verdict],
    )


def _inputs(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False, indent=1)
    return text if len(text) <= LONGEST_INPUTS else f"{text[:LONGEST_INPUTS]} …"
