"""The text of one emitted module: functions, the constants they name, and what both emitters ask of a schema.

Here nothing reads or writes bytes. What the emitters do not know raises `NotCompilable`.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from typing import Any

from construct import (
    Array,
    BitsInteger,
    Bytes,
    BytesInteger,
    Const,
    Construct,
    FormatField,
    GreedyBytes,
    GreedyRange,
    Pass,
    Prefixed,
    Renamed,
    Struct,
    Transformed,
    this,
)
from construct.core import Padded, StringEncoded
from construct.expr import BinExpr, Path
from construct.lib import bytes2bits

from lockbench_protocol.schema.signals import NotCompilable, Unusual

Tree = dict[str, "str | Tree"]
"""The fields of a Struct by name: the text of an expression each, or the fields of an inner Struct."""

_OPERATORS = {
    operator.eq: "==",
    operator.ne: "!=",
    operator.lt: "<",
    operator.le: "<=",
    operator.gt: ">",
    operator.ge: ">=",
    operator.and_: "&",
    operator.or_: "|",
}
_FORMATS = "BHLQbhlq"


class Source:
    """One emitted module. `constants` become its globals."""

    def __init__(self) -> None:
        self.constants: dict[str, object] = {"Unusual": Unusual, "ask": ask}
        self.functions: list[str] = []
        self.tables: list[str] = []  # dispatch tables; they name functions, so they come last
        self._made: dict[tuple[str, int], str] = {}
        self._numbers = count()
        self._kept: list[Construct] = []  # an id is unique only while its object lives

    def fresh(self, hint: str) -> str:
        return f"{hint}{next(self._numbers)}"

    def constant(self, value: object, hint: str) -> str:
        if type(value) is int or value is None:
            return repr(value)
        name = self.fresh(hint)
        self.constants[name] = value
        return name

    def function(self, kind: str, node: Construct, emit: Callable[[str], str]) -> str:
        """The name of the function that handles `node`; `emit` gives its text, once."""
        key = kind, id(node)
        if key not in self._made:
            self._kept.append(node)
            self._made[key] = name = self.fresh(kind)
            self.functions.append(emit(name))
        return self._made[key]

    def table(self, rows: dict[object, str]) -> str:
        """A dict from a key to the name of a function."""
        name = self.fresh("table")
        inside = ", ".join(
            f"{self.constant(plain(key), 'key')}: {function}" for key, function in rows.items()
        )
        self.tables.append(f"{name} = {{{inside}}}")
        return name

    def text(self) -> str:
        return "\n\n".join([*self.functions, *self.tables])

    def run(self) -> dict[str, Any]:
        """The globals of the module after its text ran."""
        names = dict(self.constants)
        exec(compile(self.text(), "<compiled schema>", "exec"), names)  # noqa: S102 - our own text, made of schemas
        return names


class Lines:
    """The lines of one function, indented."""

    def __init__(self, depth: int = 1) -> None:
        self._lines: list[str] = []
        self._depth = depth

    def add(self, line: str) -> None:
        self._lines.append("    " * self._depth + line)

    @contextmanager
    def block(self, head: str) -> Iterator[None]:
        self.add(head)
        self._depth += 1
        yield
        self._depth -= 1

    def __str__(self) -> str:
        return "\n".join(self._lines)


def ask(condition: Callable[[Any], object], row: object) -> object:
    """A condition that is a Python function. Our row has less in it than construct's context."""
    try:
        return condition(row)
    except Exception as error:
        raise Unusual from error


def plain(key: object) -> object:
    return int(key) if isinstance(key, int) else key


def bare(node: Construct) -> Construct:
    """The construct without its name. A parse hook would not be called, so it refuses."""
    while isinstance(node, Renamed):
        if node.parsed is not None:
            raise NotCompilable(f"{node.name} has a parse hook")
        node = node.subcon
    if node.parsed is not None:
        raise NotCompilable("a parse hook")
    return node


def is_pass(node: Construct) -> bool:
    return bare(node) is Pass


@dataclass(frozen=True, slots=True)
class Leaf:
    """A field of fixed size. `code` is of `struct`, or empty for an integer that `struct` does not have."""

    code: str
    size: int
    order: str  # ">", "<", or "" where one byte or a string has none

    @property
    def byteorder(self) -> str:
        return "little" if self.order == "<" else "big"


def leaf_of(node: Construct) -> Leaf | None:
    """The leaf that `node` is; None when it is something else."""
    if isinstance(node, FormatField):
        order, code = node.fmtstr
        if order not in "<>" or code not in _FORMATS:
            return None
        return Leaf(code, node.length, "" if node.length == 1 else order)
    if isinstance(node, Bytes) and type(node.length) is int and node.length >= 0:
        return Leaf(f"{node.length}s", node.length, "")
    if isinstance(node, BytesInteger) and type(node.length) is int and not callable(node.swapped):
        return None if node.signed else Leaf("", node.length, "<" if node.swapped else ">")
    return None


def padding_of(node: Construct) -> int | None:
    """The size of a `Padding`."""
    if isinstance(node, Padded) and is_pass(node.subcon) and type(node.length) is int:
        return int(node.length)
    return None


def bits_of(node: Construct) -> list[tuple[str, int]] | None:
    """Names and widths of a BitStruct of unsigned integers, the highest bits first."""
    if not isinstance(node, Transformed) or node.decodefunc is not bytes2bits:
        return None
    inner = bare(node.subcon)
    fields = [(sub.name, bare(sub)) for sub in inner.subcons] if isinstance(inner, Struct) else []
    if not all(name and _is_bits(field) for name, field in fields):
        return None
    widths = [(name, field.length) for name, field in fields]
    return widths if sum(width for _, width in widths) == 8 * node.decodeamount else None


def _is_bits(node: Construct) -> bool:
    return (
        isinstance(node, BitsInteger)
        and type(node.length) is int
        and node.length > 0
        and not node.signed
        and node.swapped is False
    )


def smallest(node: Construct) -> int:
    """How many bytes `node` takes at least."""
    node = bare(node)
    leaf = leaf_of(node)
    if leaf is not None:
        return leaf.size
    if isinstance(node, Struct):
        return sum(map(smallest, node.subcons))
    if isinstance(node, Prefixed):
        return smallest(node.lengthfield)
    if isinstance(node, Const | StringEncoded):
        return smallest(node.subcon)
    if isinstance(node, Transformed | Padded):
        return int(node.sizeof())
    if isinstance(node, Array) and type(node.count) is int:
        return int(node.count) * smallest(node.subcon)
    return 0


def refuses_none(node: Construct) -> bool:
    """Whether construct surely cannot build `node` of None."""
    node = bare(node)
    if isinstance(node, Prefixed):
        return refuses_none(node.subcon)
    if isinstance(node, Struct):
        return any(sub.name and not sub.flagbuildnone for sub in node.subcons)
    known = (FormatField, Bytes, BytesInteger, StringEncoded, GreedyRange, Array)
    return node is GreedyBytes or isinstance(node, known)


def field_path(expression: object) -> list[str]:
    """The names in `this.a.b`."""
    names: list[str] = []
    while isinstance(expression, Path):
        parts = vars(expression)
        if parts["_Path__parent"] is None:
            if parts["_Path__name"] == vars(this)["_Path__name"]:
                return names[::-1]
            break
        names.append(str(parts["_Path__field"]))
        expression = parts["_Path__parent"]
    raise NotCompilable(f"{expression!r} is no path of this")


def find(tree: Tree, names: list[str]) -> str:
    """The expression at `names`; a field that is not there yet refuses."""
    found: str | Tree = tree
    for name in names:
        if not isinstance(found, dict) or name not in found:
            raise NotCompilable(f"this.{'.'.join(names)} is no earlier field")
        found = found[name]
    if not isinstance(found, str):
        raise NotCompilable(f"this.{'.'.join(names)} is a structure")
    return found


def condition(source: Source, expression: Any, tree: Tree, row: Callable[[], str]) -> str:
    """The text of a condition or key. `row` gives the text of the fields so far, for a Python function."""
    if isinstance(expression, Path):
        return find(tree, field_path(expression))
    if isinstance(expression, BinExpr) and expression.op in _OPERATORS:
        left = condition(source, expression.lhs, tree, row)
        right = condition(source, expression.rhs, tree, row)
        return f"({left} {_OPERATORS[expression.op]} {right})"
    if callable(expression):
        return f"ask({source.constant(expression, 'condition')}, {row()})"
    return source.constant(plain(expression), "value")
