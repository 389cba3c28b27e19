"""JUnit XML: one suite a group, one testcase a case. What XML cannot carry is written as visible escapes."""

from __future__ import annotations

from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

from lockbench_harness.report.row import Row
from lockbench_harness.report.words import tell, visible
from lockbench_harness.verdicts import Verdict

if TYPE_CHECKING:
    from lockbench_harness.report import Group, Report


def render(report: Report) -> bytes:
    root = ET.Element("testsuites", name="lockbench")
    for group in report.groups:
        root.append(_suite(group, report))
    ET.indent(root)
    document: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return document + b"\n"


def _suite(group: Group, report: Report) -> ET.Element:
    counts = group.counts
    suite = ET.Element(
        "testsuite",
        name=f"{group.name} {group.title}",
        tests=str(len(group.rows)),
        failures=str(counts[Verdict.FAIL] - group.expected),
        errors=str(counts[Verdict.BROKEN]),
        skipped=str(counts[Verdict.UNSUPPORTED] + group.expected),
        time=f"{sum(row.seconds for row in group.rows):.3f}",
    )
    properties = ET.SubElement(suite, "properties")
    for name, value in (
        ("target", report.target.name),
        ("profile", report.target.profile),
        ("seed", str(report.plan.seed)),
        ("effort", report.plan.effort),
        *(("note", note) for note in report.notes),
    ):
        ET.SubElement(properties, "property", name=name, value=visible(value))
    suite.extend(_case(row) for row in group.rows)
    return suite


def _case(row: Row) -> ET.Element:
    case = ET.Element(
        "testcase",
        classname=f"lockbench.{row.group}",
        name=f"{row.id} {visible(row.requirement)}",
        time=f"{row.seconds:.3f}",
    )
    text = "\n".join(tell(row))
    if row.verdict is Verdict.UNSUPPORTED or row.expected_failure:
        ET.SubElement(case, "skipped", message=visible(row.expected_failure or _words(row)))
    elif row.verdict is Verdict.FAIL:
        ET.SubElement(case, "failure", message=visible(_words(row))).text = text
    elif row.verdict is Verdict.BROKEN:
        ET.SubElement(case, "error", message=visible(_words(row))).text = text
    elif row.verdict is Verdict.WARN:
        ET.SubElement(case, "system-out").text = text
    return case


def _words(row: Row) -> str:
    return row.detail.words.partition("\n")[0] if row.detail else ""
