"""Emits the parse function of a schema.

A function reads `d` from `i` to `n`. The outermost one returns the object, and leaves anything unusual to
`slow`; an inner one returns (value, place after it), or None where construct would surely fail.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Mapping
from typing import Any

from construct import (
    Array,
    Checksum,
    Const,
    Construct,
    Container,
    GreedyBytes,
    GreedyRange,
    IfThenElse,
    ListContainer,
    Prefixed,
    RawCopy,
    Select,
    Struct,
    Switch,
    Terminated,
)
from construct.core import StringEncoded

from lockbench_protocol.schema.hashing import emit_walk, first_state, tails_of, take_tail
from lockbench_protocol.schema.place import Place
from lockbench_protocol.schema.signals import NotCompilable
from lockbench_protocol.schema.source import (
    Leaf,
    Source,
    Tree,
    bare,
    bits_of,
    condition,
    field_path,
    find,
    is_pass,
    leaf_of,
    padding_of,
    plain,
    smallest,
)


def emit_parse(
    source: Source, schema: Construct, view: Mapping[str, tuple[str, ...]] | None, record: Any
) -> None:
    """The function `parse`. Its names `C`, `L`, `R`, `slow` and `unpack_from` are constants of the source."""
    source.constants |= {"C": Container, "L": ListContainer, "R": record, "unpack_from": struct.unpack_from}
    reader = _Reader(source, outermost=True)
    value = reader.read(bare(schema), {})
    reader.settle()
    reader.lines.add(f"return {_result(value, view, record)}")
    measure = "            n = len(d)\n" if re.search(r"\bn\b", str(reader.lines)) else ""
    source.functions.append(
        f"def parse(d):\n    try:\n        while d.__class__ is bytes:\n{measure}{reader.lines}\n"
        "    except Exception:\n        pass\n    return slow(d)"
    )


def _result(value: str | Tree, view: Mapping[str, tuple[str, ...]] | None, record: Any) -> str:
    """The text of what `parse` returns: containers, or the record."""
    if view is None:
        return _text(value)
    fields = {name: find({"": value}, ["", *path]) for name, path in view.items()}
    if record is dict:
        return f"{{{', '.join(f'{name!r}: {field}' for name, field in fields.items())}}}"
    return f"R({', '.join(fields.values())})"


def _text(value: str | Tree) -> str:
    if isinstance(value, str):
        return value
    if all(name.isidentifier() for name in value):
        return f"C({', '.join(f'{name}={_text(field)}' for name, field in value.items())})"
    raise NotCompilable(f"field names {list(value)}")


class _Reader(Place):
    """Emits what reads each kind of construct."""

    def read(self, node: Construct, tree: Tree) -> str | Tree:
        """Emits what reads `node`; the text of its value. `tree` has the earlier fields of its Struct."""
        leaf = leaf_of(node)
        if leaf is not None:
            return self._leaf(leaf)
        if is_pass(node):
            return "None"
        if node is GreedyBytes:
            return self._rest()
        if node is Terminated:
            self._flush()
            self._check(f"{self._end} != {self._at()}")
            self._proven = True
            return "None"
        if (size := padding_of(node)) is not None:
            self._leaf(Leaf(f"{size}x", size, ""))
            return "None"
        if (bits := bits_of(node)) is not None:
            return self._bits(bits, node.decodeamount)
        for kind, read in _READS.items():
            if isinstance(node, kind):
                value: str | Tree = read(self, node, tree)
                return value
        raise NotCompilable(f"{type(node).__name__} is not known to the compiler")

    def _rest(self) -> str:
        self.settle()
        name = self.source.fresh("v")
        self.lines.add(f"{name} = {self._slice(self._at(), self._end)}")
        self._go(self._end)
        return name

    def _bits(self, fields: list[tuple[str, int]], size: int) -> Tree:
        word = self._leaf(Leaf("", size, ">"))
        tree: Tree = {}
        below = 8 * size
        for name, width in fields:
            below -= width
            tree[name] = f"({word} >> {below} & {(1 << width) - 1})"
        return tree

    def read_struct(self, node: Any, _tree: Tree) -> Tree:
        tree: Tree = {}
        subs = list(node.subcons)
        while subs:
            sub = subs.pop(0)
            inner = bare(sub)
            if isinstance(inner, RawCopy) and subs and isinstance(bare(subs[0]), Checksum):
                self.automaton = first_state(bare(subs[0]).hashfunc)
            if isinstance(inner, Checksum):
                value: str | Tree = self._checksum(inner, sub.name, tree, subs)
            else:
                value = self.read(inner, tree)
            if sub.name:
                tree[sub.name] = value
        return tree

    def read_const(self, node: Any, _tree: Tree) -> str:
        leaf = leaf_of(bare(node.subcon))
        if leaf is None:
            raise NotCompilable("a Const of no fixed size")
        self._leaf(leaf, node.subcon.build(node.value))
        return self.source.constant(plain(node.value), "const")

    def read_prefixed(self, node: Any, _tree: Tree) -> str | Tree:
        length = self._length(node)
        self._flush()
        start, end = self._at(), self.source.fresh("e")
        self.lines.add(f"{end} = {start} + {length}")
        if bare(node.subcon) is GreedyBytes:
            name = self.source.fresh("v")
            self.lines.add(f"{name} = {self._slice(start, end)}")
            self.known[self._slice(start, end)] = name
            self._go(end, proven=False)
            return name
        self._check(f"{self._end} < {end}")
        outer, self._end = self._end, end
        value = self.read(bare(node.subcon), {})
        self.settle()
        self._end = outer
        self._go(end)
        return value

    def _length(self, node: Any) -> str:
        field = bare(node.lengthfield)
        leaf = leaf_of(field)
        if node.includelength or leaf is None or leaf.code.endswith("s") or leaf.code.islower():
            raise NotCompilable("a Prefixed whose length is no plain unsigned integer")
        return self._leaf(leaf)

    def read_string(self, node: Any, tree: Tree) -> str:
        data = self.read(bare(node.subcon), tree)
        self._flush()
        name = self.source.fresh("v")
        decode = f"{name} = {data}.decode({node.encoding!r})"
        if self._outermost:
            self.lines.add(decode)
        else:
            self.lines.add(f"try: {decode}")
            self.lines.add("except UnicodeDecodeError: return None")
        return name

    def read_raw_copy(self, node: Any, _tree: Tree) -> Tree:
        if not self._outermost or self._end != "n":
            raise NotCompilable("a RawCopy inside another stream")
        start = self._at()
        value = self.read(bare(node.subcon), {})
        stop = self._at()
        return {
            "data": self._slice(start, stop),
            "value": value,
            "offset1": start,
            "offset2": stop,
            "length": stop if start == "0" else f"{stop} - {start}",
        }

    def _checksum(self, node: Any, name: str | None, tree: Tree, following: list[Any]) -> str:
        """The checksum, and the constants and the end that follow it: one comparison where it is a byte."""
        data = find(tree, field_path(node.bytesfunc))
        leaf = leaf_of(bare(node.checksumfield))
        if leaf is None:
            raise NotCompilable("a Checksum of no fixed size")
        self._flush()
        value = self._hash(node.hashfunc, data)
        if leaf.code != "B":
            found = self._leaf(leaf)
            self._after.append(f"if {found} != {value}: {self._fail}")
            return found
        if name:
            tree[name] = value  # before the tail, as on the wire
        tail = take_tail(self.source, following, tree)
        start = self._at()
        self._offset += 1 + len(tail)
        stop = self._at()
        if following and bare(following[0]) is Terminated and self._end == "n" and self._outermost:
            following.pop(0)
            stop = "n"
        self._check(f"{self._slice(start, stop)} != {tails_of(self.source, tail)}[{value}]")
        self._proven = True
        return value

    def _hash(self, function: Any, data: str) -> str:
        """The hash of `data`, a slice of `d`."""
        value, (state, size) = self.source.fresh("v"), self.walked
        self.walked, self.automaton = ("", 0), None
        start = first_state(function)
        if start is None:
            self.lines.add(f"{value} = {self.source.constant(function, 'hash')}({data})")
            return value
        if state and data.startswith("d[:"):
            data = f"d[{size}:{data.removeprefix('d[:')}"
        else:
            state = self.source.fresh("s")
            self.lines.add(f"{state} = {self.source.constant(start, 'start')}")
        emit_walk(self.lines, state, self.known.get(data, data))
        return f"{state}[256]"

    def _ask(self, expression: Any, tree: Tree) -> str:
        self.settle()
        return condition(self.source, expression, tree, lambda: _text(tree))

    def read_if(self, node: Any, tree: Tree) -> str:
        test = self._ask(node.condfunc, tree)
        value, place = self.source.fresh("v"), self.source.fresh("p")
        before = self._base, self._offset
        for head, sub in ((f"if {test}:", node.thensubcon), ("else:", node.elsesubcon)):
            with self.lines.block(head):
                self._base, self._offset = before
                found = self.read(bare(sub), tree)
                self.settle()
                self.lines.add(f"{value}, {place} = {_text(found)}, {self._at()}")
        self._go(place)
        return value

    def read_switch(self, node: Any, tree: Tree) -> str:
        key = self._ask(node.keyfunc, tree)
        table = self.source.table({case: self._inner(sub) for case, sub in node.cases.items()})
        return self._call(f"{table}.get({key}, {self._inner(node.default)})")

    def _inner(self, node: Construct) -> str:
        """The name of the function that reads `node` on its own."""

        def emit(name: str) -> str:
            reader = _Reader(self.source, outermost=False)
            value = reader.read(bare(node), {})
            reader.settle()
            reader.lines.add(f"return {_text(value)}, {reader.place()}")
            return f"def {name}(d, i, n):\n{reader.lines}"

        return self.source.function("read", bare(node), emit)

    def _call(self, function: str) -> str:
        found, value, place = (self.source.fresh(hint) for hint in ("r", "v", "p"))
        self.lines.add(f"{found} = {function}(d, {self._at()}, {self._end})")
        self._check(f"{found} is None")
        self.lines.add(f"{value}, {place} = {found}")
        self._go(place)
        return value

    def read_select(self, node: Any, _tree: Tree) -> str:
        self.settle()
        optional = (
            leaf_of(bare(node.subcons[0])) if len(node.subcons) == 2 and is_pass(node.subcons[1]) else None
        )
        if optional is not None:
            return self._optional(optional)
        found, value, place = (self.source.fresh(hint) for hint in ("r", "v", "p"))
        calls = [
            f"(None, {self._at()})" if is_pass(sub) else f"{self._inner(sub)}(d, {self._at()}, {self._end})"
            for sub in node.subcons
        ]
        self.lines.add(f"{found} = {' or '.join(calls)}")
        self._check(f"{found} is None")
        self.lines.add(f"{value}, {place} = {found}")
        self._go(place)
        return value

    def _optional(self, leaf: Leaf) -> str:
        value, place = self.source.fresh("v"), self.source.fresh("p")
        before = self._base, self._offset
        with self.lines.block(f"if {self._end} - ({self._at()}) >= {leaf.size}:"):
            found = self._leaf(leaf)
            self._flush()
            self.lines.add(f"{value}, {place} = {found}, {self._at()}")
        self._base, self._offset = before
        self.lines.add(f"else: {value}, {place} = None, {self._at()}")
        self._go(place)
        return value

    def read_range(self, node: Any, _tree: Tree) -> str:
        if node.discard or not smallest(node.subcon):
            raise NotCompilable("a GreedyRange that discards, or of what may be empty")
        self.settle()
        value, place = self.source.fresh("v"), self.source.fresh("p")
        leaf = leaf_of(bare(node.subcon))
        if leaf is not None and leaf.code in tuple("BHLQbhlq"):
            number = self.source.fresh("k")
            self.lines.add(f"{number} = ({self._end} - ({self._at()})) // {leaf.size}")
            order = leaf.order or ">"
            self.lines.add(f"{value} = L(unpack_from(f'{order}{{{number}}}{leaf.code}', d, {self._at()}))")
            self.lines.add(f"{place} = {self._at()} + {number} * {leaf.size}")
        else:
            found = self.source.fresh("r")
            self.lines.add(f"{value}, {place} = L(), {self._at()}")
            with self.lines.block(
                f"while ({found} := {self._inner(node.subcon)}(d, {place}, {self._end})) is not None:"
            ):
                self.lines.add(f"{value}.append({found}[0])")
                self.lines.add(f"{place} = {found}[1]")
        self._go(place)
        return value

    def read_array(self, node: Any, _tree: Tree) -> str:
        if node.discard or type(node.count) is not int or node.count < 0:
            raise NotCompilable("an Array that discards, or of no fixed count")
        self.settle()
        value, place, found = (self.source.fresh(hint) for hint in ("v", "p", "r"))
        self.lines.add(f"{value}, {place}, {found} = L(), {self._at()}, ()")
        with self.lines.block(f"while len({value}) < {node.count}:"):
            self.lines.add(f"{found} = {self._inner(node.subcon)}(d, {place}, {self._end})")
            self.lines.add(f"if {found} is None: break")
            self.lines.add(f"{value}.append({found}[0])")
            self.lines.add(f"{place} = {found}[1]")
        self._check(f"{found} is None")
        self._go(place)
        return value


_READS: dict[type, Any] = {
    Struct: _Reader.read_struct,
    Const: _Reader.read_const,
    Prefixed: _Reader.read_prefixed,
    StringEncoded: _Reader.read_string,
    RawCopy: _Reader.read_raw_copy,
    IfThenElse: _Reader.read_if,
    Switch: _Reader.read_switch,
    Select: _Reader.read_select,
    GreedyRange: _Reader.read_range,
    Array: _Reader.read_array,
}
