"""docs/plugin.md and docs/schema/ are made of the plug-in's contract. A stale one fails here.

`python tests/test_plugin_page.py` writes them anew.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from lockbench_harness.cases import load
from lockbench_protocol.errors import error_codes
from lockbench_protocol.plugin import EDITIONS, Field, Method, Version, contract
from lockbench_protocol.plugin_schema import schema

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "plugin.md"
SCHEMAS = DOCS / "schema"
HEAD = """# The plug-in's contract

Made of `protocol/lockbench_protocol/plugin.toml` by `python tests/test_plugin_page.py`; a test fails when it
is stale. Versions are of the online edition unless another is named; offline {offline}.
`docs/schema/` has the same as JSON Schema, a file for each version with which something comes or goes. The
last column names the cases that show a row; `lockbench conform ID` runs one. The codes stand in
[codes.md](codes.md), each with what provokes it.
"""


def versions() -> list[Version]:
    offline = [Version(number, "offline") for number in contract().offline if number < "3"]
    return [*map(Version, contract().versions), *offline]


def page() -> str:
    rows = contract()
    offline = ", ".join(f"{key} is worth {value}" for key, value in rows.offline.items())
    parts = [HEAD.format(offline=offline), *map(_method, rows.methods.values())]
    parts += [
        "\n## Promises\n\nWhat the documents say beyond methods and fields.\n",
        *_table(("promise", "cases"), ((row.says, " ".join(row.cases)) for row in rows.promises)),
        "\n## Readings\n\nWhat the documents leave open, and how it is read here.\n",
        *_table(("key", "reading"), ((f"`{key}`", text) for key, text in rows.readings.items())),
        "\n## Codes by version\n",
        "A version tells what a later or an earlier code means by the first of these that it has.\n",
        *_table(
            ("code", "from", "gone in", "otherwise"),
            (
                (row.number, row.since or "", row.until or "", ", ".join(map(str, row.instead)))
                for row in error_codes().values()
                if row.since or row.until
            ),
        ),
    ]
    return "\n".join(parts) + "\n"


def _method(row: Method) -> str:
    order = ", ".join(row.positional)
    lines = [
        f"\n## {row.name}\n\n{row.says}",
        f"Online from {row.online}, offline from {row.offline}; settles within {row.seconds:g} s."
        + (f" In 2.x: `{row.name}({order})`." if order else ""),
        f"Cases: {' '.join(row.cases)}",
    ]
    for title, name in (("Option", row.option), ("Result", row.result)):
        if name:
            lines += [f"\n{title} `{name}`:\n", *_fields(name)]
    for name in ("DfuPackageInfo",) if row.option == "EnterDfuMode" else ():
        lines += [f"\n`{name}`:\n", *_fields(name)]
    return "\n".join(lines)


def _fields(name: str) -> Iterable[str]:
    return _table(("name", "type", "versions", "", "cases"), map(_row, contract().objects[name]))


def _row(field: Field) -> tuple[str, ...]:
    kind = (
        field.type
        + (" (printed boolean)" if field.printed else "")
        + ("" if field.required else ", optional")
    )
    spans = [
        word
        for word in (
            field.since and f"from {field.since}",
            field.until and f"gone in {field.until}",
            field.deprecated and f"deprecated in {field.deprecated}",
        )
        if word
    ]
    return f"`{field.name}`", kind, ", ".join(spans) or "all", field.says, " ".join(field.cases)


def _table(head: tuple[str, ...], rows: Iterable[tuple[object, ...]]) -> list[str]:
    return [_line(head), "|---" * len(head) + "|", *map(_line, rows)]


def _line(cells: Iterable[object]) -> str:
    return "| " + " | ".join(map(str, cells)) + " |"


def schemas() -> dict[str, str]:
    """File name -> text."""
    return {
        f"plugin-{str(version).replace(' ', '-')}.json": json.dumps(schema(version), indent=1) + "\n"
        for version in versions()
    }


def test_the_page_of_the_plugin_is_what_the_contract_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: run python tests/test_plugin_page.py"


def test_the_schema_files_are_what_the_contract_says() -> None:
    found = {file.name: file.read_text(encoding="utf-8") for file in SCHEMAS.glob("plugin-*.json")}
    assert found == schemas(), "stale: run python tests/test_plugin_page.py"


def test_every_row_of_the_contract_names_cases_that_exist() -> None:
    known = {case.id for case in load("lockbench_conformance")}
    rows: list[Any] = [
        *contract().methods.values(),
        *(field for each in contract().objects.values() for field in each),
    ]
    assert {
        name: sorted(set(row.cases) - known) for row in rows if set(row.cases) - known for name in [row.name]
    } == {}
    assert all(row.cases for row in rows)


def test_there_is_a_schema_for_both_editions() -> None:
    assert {version.edition for version in versions()} == set(EDITIONS)


if __name__ == "__main__":
    SCHEMAS.mkdir(exist_ok=True)
    for name, text in schemas().items():
        (SCHEMAS / name).write_text(text, encoding="utf-8")
    PAGE.write_text(page(), encoding="utf-8")
