"""docs/opcodes.md is made of the code: opcode, layouts, level, refusals, cases. A stale one fails here.

`python tests/test_opcodes.py` writes it anew.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from pathlib import Path
from typing import Any

import construct
import lockbench_conformance
from lockbench_emulator.lock import handlers
from lockbench_emulator.lock.lock import MALFORMED
from lockbench_emulator.lock.session import IN_SETTING, REFUSALS
from lockbench_emulator.profiles import LockProfile, load_profile
from lockbench_harness import client
from lockbench_harness.cases import Case, load
from lockbench_protocol.lock.commands import COMMANDS, Command
from lockbench_protocol.lock.status import Status

PAGE = Path(__file__).parents[1] / "docs" / "opcodes.md"
ANY = (Status.CRC, Status.FAILED, Status.PROCESSING)  # of the frame, before a command is looked at
HEAD = """# The commands of a lock

Made of the code by `python tests/test_opcodes.py`; a test fails when it is stale. Sections are of ttlock-ble.

* request: the plaintext. reply: what follows `[opcode] 01`. `u8`, `u16`, `u32` are big-endian; `text` has its
  length before it; `...` is the rest; `?` and what stands in brackets may be missing; `a | b` is one of both.
* level: who may give it. `0` anyone; `P` while pairing; `U` after 55, `A` after 41 and 30.
* refusals: the codes that stand in what answers it, beside {any} of the frame, its version and an upgrade.
* cases: those that send it, on the way or as the subject.

| opcode | name | section | level | feature | request | reply | refusals | cases |
|---|---|---|---|---|---|---|---|---|
"""
# Layouts --------------------------------------------------------------------------------------------------


def layout(schema: Any, name: str = "") -> str:
    """One line of text for a construct schema; `name` is that of the field it stands in."""
    if isinstance(schema, construct.Renamed):
        return layout(schema.subcon, schema.name)
    if schema is construct.Pass or schema is construct.Terminated:
        return ""
    if isinstance(schema, construct.Struct):
        return ", ".join(filter(None, map(layout, schema.subcons)))
    if isinstance(schema, construct.Switch):
        return _switch(schema, name)
    if isinstance(schema, construct.IfThenElse):
        return f"[{layout(schema.thensubcon, name)}]"
    if isinstance(schema, construct.Select):
        parts = [layout(part, name) or "-" for part in schema.subcons]
        return f"{parts[0]}?" if parts[1:] == ["-"] else " | ".join(parts)
    return f"{_type(schema)} {name}".strip()


def _switch(schema: Any, name: str) -> str:
    """Keys with the same layout together."""
    grouped: dict[str, list[str]] = {}
    for key, part in schema.cases.items():
        grouped.setdefault(layout(part, name) or "-", []).append(str(int(key)))
    return "; ".join(f"{' '.join(keys)}: {text}" for text, keys in grouped.items())


def _type(schema: Any) -> str:
    if isinstance(schema, construct.FormatField | construct.BytesInteger):
        return f"u{8 * schema.length}"
    if isinstance(schema, construct.Bytes):
        return f"{schema.length} bytes"
    if isinstance(schema, construct.BitsInteger):
        return f"{schema.length} bits"
    if isinstance(schema, construct.Array):
        return f"{schema.count} x ({layout(schema.subcon)})"
    if isinstance(schema, construct.GreedyRange):
        return f"({layout(schema.subcon)})..."
    if isinstance(schema, construct.Prefixed):
        return f"{_type(schema.lengthfield)}-long ({layout(schema.subcon)})"
    if isinstance(schema, construct.StringEncoded):
        return "text"
    if schema is construct.GreedyBytes:
        return "..."
    if isinstance(getattr(schema, "subcon", None), construct.Construct):
        return layout(schema.subcon)
    return ""


# Who uses what --------------------------------------------------------------------------------------------

Place = tuple[str, str]  # module, name at its top level


class Definitions:
    """What stands at the top of some modules, and what each of it refers to, also by way of others."""

    def __init__(self, *packages: Any) -> None:
        self.bodies: dict[Place, ast.AST] = {}
        self._imported: dict[Place, Place] = {}
        for package in packages:
            for module in _modules(package):
                self._read(module)

    def _read(self, module: str) -> None:
        text = Path(str(importlib.import_module(module).__file__)).read_bytes()
        lines, tree = text.splitlines(), ast.parse(text)
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant):
                node.hexadecimal = lines[node.lineno - 1][node.col_offset :].startswith(b"0x")  # type: ignore[attr-defined]  # ours
            if isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    self._imported[module, alias.asname or alias.name] = node.module, alias.name
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.bodies[module, node.name] = node
            elif isinstance(node, ast.Assign):
                for target in node.targets:
                    if isinstance(target, ast.Name):
                        self.bodies[module, target.id] = node
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                self.bodies[module, node.target.id] = node

    def reach(self, start: Place) -> Iterator[tuple[str, ast.AST]]:
        """Every node of the definition and of all that it refers to, with its module."""
        waiting, seen = [start], {start}
        while waiting:
            place = waiting.pop()
            body = self.bodies.get(place)
            for node in ast.walk(body) if body is not None else ():
                yield place[0], node
                for found in self._named(place[0], node):
                    if found not in seen:
                        seen.add(found)
                        waiting.append(found)

    def _named(self, module: str, node: ast.AST) -> Iterator[Place]:
        if isinstance(node, ast.Name):
            yield self._imported.get((module, node.id), (module, node.id))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            whole = self._imported.get((module, node.value.id))
            if whole is not None:
                yield f"{whole[0]}.{whole[1]}", node.attr


def _modules(package: Any) -> list[str]:
    found = pkgutil.iter_modules(package.__path__, f"{package.__name__}.")
    return [each.name for each in found if not each.ispkg]


# Opcodes stand as numbers in the calls that send them, in lists of such, and behind a few names.
NAMED = {"CARD": 0x05, "FINGERPRINT": 0x06, "PASSAGE": 0x66, "PROBE": 0x01}


def sent(definitions: Definitions, start: Place) -> set[int]:
    found = set()
    for _, node in definitions.reach(start):
        if isinstance(node, ast.Constant) and type(node.value) is int and _is_opcode(node):
            found.add(node.value)
        elif isinstance(node, ast.Name) and node.id in NAMED:
            found.add(NAMED[node.id])
    return found & set(COMMANDS)


def _is_opcode(node: ast.Constant) -> bool:
    return getattr(node, "opcode", False)


def cases_by_opcode() -> dict[int, list[str]]:
    definitions = Definitions(client, lockbench_conformance)
    mark_opcodes(definitions)
    found: dict[int, list[str]] = {opcode: [] for opcode in COMMANDS}
    for case in load("lockbench_conformance"):
        for opcode in sent(definitions, (case.home, _name_of(case))):
            found[opcode].append(case.id)
    return found


def _name_of(case: Case) -> str:
    return (case.body or case.machine).__name__  # type: ignore[union-attr]  # it has one of the two


CALLS = {"Exchange", "ask", "ask_values", "frame", "_move", "COMMANDS", "request", "send"}


def mark_opcodes(definitions: Definitions) -> None:
    """Numbers in hex: the first argument of a sending call, a key of a table, a part of a list."""
    for body in definitions.bodies.values():
        for node in ast.walk(body):
            if isinstance(node, ast.Call) and node.args and _called(node) in CALLS:
                _mark(node.args[0])
            elif isinstance(node, ast.Subscript) and getattr(node.value, "id", "") == "COMMANDS":
                _mark(node.slice)
            elif isinstance(node, ast.Dict):
                for key in node.keys:
                    _mark(key)
            elif isinstance(node, ast.Tuple | ast.List) and len(node.elts) > 1:
                for part in node.elts:
                    _mark(part)


def _called(node: ast.Call) -> str:
    return getattr(node.func, "id", "") or getattr(node.func, "attr", "")


def _mark(node: ast.AST | None) -> None:
    if isinstance(node, ast.Constant) and getattr(node, "hexadecimal", False):
        node.opcode = True  # type: ignore[attr-defined]  # ours
    elif isinstance(node, ast.Tuple):
        for part in node.elts:
            _mark(part)


# Refusals -------------------------------------------------------------------------------------------------


@cache
def _policies() -> dict[str, int]:
    """Keys of a profile whose values are codes of refusals."""
    profile = load_profile("default")
    tables = [getattr(profile, table.name) for table in fields(LockProfile) if table.name != "name"]
    return {
        key.name: getattr(table, key.name)
        for table in tables
        if is_dataclass(table)
        for key in fields(table)
        if key.name in ("admin_clash", "reversed_window", "random_mismatch", "wrong_sum")
    }


def refusals(command: Command) -> set[int]:
    """What its handler raises, the login refuses, and its layout and its operations can be wrong in."""
    found = {int(status) for status in REFUSALS[command.level].values()}
    found.add(int(IN_SETTING.get(command.opcode, Status.IN_SETTING_MODE) or Status.IN_SETTING_MODE))
    if command.opcode in IN_SETTING and IN_SETTING[command.opcode] is None:
        found.discard(int(Status.IN_SETTING_MODE))
    if command.ops or command.feature is not None:
        found.add(int(Status.INVALID_COMMAND))
    if layout(command.request) not in ("", "... vendor"):
        found.add(int(MALFORMED.get(command.opcode, Status.PAYLOAD_LENGTH)))
    handler = handlers.HANDLERS.get(command.opcode)
    if handler is None:
        return {int(Status.INVALID_COMMAND)}
    definitions = _handler_definitions()
    for _, node in definitions.reach((handler.__module__, handler.__qualname__.partition(".")[0])):
        if isinstance(node, ast.Attribute):
            if getattr(node.value, "id", "") == "Status":
                found.add(int(Status[node.attr]))
            elif node.attr in _policies():
                found.add(_policies()[node.attr])
            elif node.attr == "unknown":  # of a kind of credential
                found.add(int(Status.CARD_UNKNOWN if command.opcode == 0x05 else Status.FINGERPRINT_UNKNOWN))
    if command.opcode in (0x05, 0x06):
        found.discard(int(Status.FINGERPRINT_UNKNOWN if command.opcode == 0x05 else Status.CARD_UNKNOWN))
    return found - set(map(int, ANY))


@cache
def _handler_definitions() -> Definitions:
    return Definitions(handlers)


# The page -------------------------------------------------------------------------------------------------


def page() -> str:
    cases = cases_by_opcode()
    rows = [
        row(command, cases[command.opcode])
        for command in sorted(COMMANDS.values(), key=lambda one: one.opcode)
    ]
    return HEAD.format(any=", ".join(str(int(status)) for status in ANY)) + "".join(
        f"{line}\n" for line in rows
    )


def row(command: Command, cases: list[str]) -> str:
    cells = (
        f"`{command.opcode:02X}`",
        command.name,
        command.section,
        command.level.value,
        "" if command.feature is None else f"{command.feature.name.lower()} ({int(command.feature)})",
        layout(command.request) or "-",
        layout(command.reply) or "-",
        " ".join(map(str, sorted(refusals(command)))),
        _ranges(cases),
    )
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _ranges(ids: list[str]) -> str:
    """SES 1-3 5, PWD 2."""
    groups: dict[str, list[int]] = {}
    for each in ids:
        group, _, number = each.partition("/")
        groups.setdefault(group, []).append(int(number))
    return ", ".join(f"{group} {' '.join(_runs(numbers))}" for group, numbers in groups.items())


def _runs(numbers: list[int]) -> Iterator[str]:
    first = last = numbers[0]
    for number in [*numbers[1:], -1]:
        if number == last + 1:
            last = number
            continue
        yield str(first) if first == last else f"{first}-{last}"
        first = last = number


def test_the_page_of_the_commands_is_what_the_code_says() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: run python tests/test_opcodes.py"


def test_every_command_with_a_handler_that_a_case_can_send_is_sent_by_one() -> None:
    """Hands and accessories that no capability word tells of are tested beside the client instead."""
    lacking = {opcode for opcode, ids in cases_by_opcode().items() if not ids}
    assert lacking <= BESIDE_THE_CLIENT


# Commands for which the catalogue has no row: harness/tests/test_harness_client_*.py give them to the lock,
# test_harness_wire_clients.py sends 45 as two clients do.
BESIDE_THE_CLIENT = {
    0x45, 0x04, 0x31, 0x32, 0x33, 0x44, 0x70, 0x37, 0x62, 0x59, 0x67, 0x80, 0x66, 0x73, 0x74, 0x76,
    0x12, 0x13, 0x64, 0xF2, 0xF3, 0xF4, 0xF5, 0xF6, 0x63,
}  # fmt: skip


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page(), encoding="utf-8")
