"""A row in plain words, for a terminal and for JUnit; and what hostile text looks like in plain text."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator

from lockbench_harness.report.row import Detail, Row
from lockbench_harness.verdicts import Verdict

# Control characters, surrogates, and format characters such as those that reverse the reading direction.
_HIDDEN = frozenset({"Cc", "Cs", "Cf", "Co", "Cn"})


def visible(text: str) -> str:
    """`text` with every character that could act instead of show written as its escape; newlines stay."""
    return "".join(char if char == "\n" or _shows(char) else _escape(char) for char in text)


def _shows(char: str) -> bool:
    return (char.isascii() and char.isprintable()) or unicodedata.category(char) not in _HIDDEN


def _escape(char: str) -> str:
    return char.encode("unicode_escape", "surrogatepass").decode()


def tell(row: Row) -> Iterator[str]:
    """The lines that say what went wrong, and how to repeat it."""
    yield visible(f"{row.id} {row.verdict}: {row.requirement}")
    yield from tell_detail(row.detail)
    for words in row.warnings:
        yield visible(f"  warning: {words}")
    if row.inputs is not None:
        yield visible(f"  inputs: {json.dumps(row.inputs, ensure_ascii=False)}")
    if row.expected_failure:
        yield visible(f"  expected of this target: {row.expected_failure}")
    if row.verdict in {Verdict.FAIL, Verdict.BROKEN, Verdict.WARN}:
        yield visible(f"  repeat: {row.reproduce}")


def tell_detail(detail: Detail | None) -> Iterator[str]:
    if detail is None:
        return
    for line in detail.words.split("\n"):
        yield visible(f"  {line}")
    for name, text in (("expected", detail.expected), ("seen", detail.seen)):
        if text:
            yield visible(f"  {name}: {text}")
    if detail.where:
        yield f"  at {detail.where}"
    for frame in detail.frames:
        yield f"    {frame}"
