"""Emits the build function of a schema.

A function takes the object and returns bytes. The outermost one leaves anything unusual to `slow_build`; an
inner one raises: `Unusual` where it cannot tell what construct would do, else where construct surely fails.
"""

from __future__ import annotations

import itertools
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

from lockbench_protocol.schema.hashing import States, emit_walk, first_state, tails_of, take_tail
from lockbench_protocol.schema.parts import Parts
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
    refuses_none,
)

# construct hands the fields of a Struct to a Select below it as keywords; these names would collide
_RESERVED = {"self", "obj", "stream"}


class _Record:
    """What stands for the object along the path to the fields of a record: nothing but those is asked."""

    def __init__(self, view: Mapping[str, tuple[str, ...]], path: tuple[str, ...] = ()) -> None:
        self._view = view
        self._path = path

    def field(self, name: str) -> str | _Record:
        path = (*self._path, name)
        for attribute, place in self._view.items():
            if place == path:
                return f"o.{attribute}"
        return _Record(self._view, path)


Given = str | _Record


def emit_build(source: Source, schema: Construct, view: Mapping[str, tuple[str, ...]] | None) -> None:
    """The function `build`. Its names `C`, `L`, `slow` and `pack` are constants of the source."""
    source.constants |= {"C": Container, "L": ListContainer, "pack": struct.pack}
    writer = _Writer(source, outermost=True)
    writer.write(bare(schema), "o" if view is None else _Record(view), {})
    writer.lines.add(f"return {writer.joined()}")
    source.functions.append(
        "def build(o):\n    try:\n        while True:\n"
        f"{writer.lines}\n    except Exception:\n        pass\n    return slow_build(o)"
    )


class _Writer(Parts):
    """The state of one function, and what is hashed of it."""

    def __init__(self, source: Source, *, outermost: bool) -> None:
        super().__init__(source, outermost=outermost)
        self._walks = False  # the bytes being written are hashed by an automaton
        self._covered: list[str] = []  # the parts that are hashed

    def write(self, node: Construct, value: Given, tree: Tree) -> None:
        """Emits what writes `node`. `tree` has the values of the fields of its Struct."""
        if is_pass(node) or node is Terminated:
            return
        if (size := padding_of(node)) is not None:
            self._leaf(Leaf(f"{size}s", size, ""), repr(node.pattern * size))
            return
        if isinstance(node, Struct | RawCopy):
            self._structure(node, value)
            return
        if not isinstance(value, str):
            raise NotCompilable(f"{type(node).__name__} stands on the way to the record")
        leaf = leaf_of(node)
        if leaf is not None:
            self._write_leaf(leaf, value)
            return
        if node is GreedyBytes:
            name = self._bytes(value)
            self._flush()
            self._parts.append(name)
            return
        if (bits := bits_of(node)) is not None:
            self._bits(bits, node.decodeamount, value)
            return
        for kind, write in _WRITES.items():
            if isinstance(node, kind):
                write(self, node, value, tree)
                return
        raise NotCompilable(f"{type(node).__name__} is not known to the compiler")

    def _write_leaf(self, leaf: Leaf, value: str) -> None:
        if leaf.code.endswith("s"):
            name = self._bytes(value)
            self._wrong(f"len({name}) != {leaf.size}")
            self._leaf(leaf, name)
        elif leaf.code:
            self._leaf(leaf, value)
        else:
            name = self._kept(value)
            self._wrong(f"not isinstance({name}, int)")
            self._leaf(
                Leaf(f"{leaf.size}s", leaf.size, ""), f"{name}.to_bytes({leaf.size}, {leaf.byteorder!r})"
            )

    def _bits(self, fields: list[tuple[str, int]], size: int, value: str) -> None:
        given = self._kept(value)
        self._dict(given)
        word = []
        below = 8 * size
        for field, width in fields:
            below -= width
            name = self._kept(f"{given}[{field!r}]")
            self._wrong(f"not isinstance({name}, int) or {name} >> {width}")
            word.append(f"{name} << {below}")
        self._leaf(Leaf(f"{size}s", size, ""), f"({' | '.join(word)}).to_bytes({size}, 'big')")

    def _structure(self, node: Any, value: Given) -> Tree:
        if isinstance(value, str):
            if isinstance(node, Struct) and not refuses_none(node):
                given, value = value, self.source.fresh("v")
                self.lines.add(f"{value} = {{}} if {given} is None else {given}")
            value = self._kept(value)
            self._dict(value)
        return self._raw_copy(node, value) if isinstance(node, RawCopy) else self._struct(node, value)

    def _struct(self, node: Any, given: Given) -> Tree:
        tree: Tree = {}
        subs = list(node.subcons)
        if _RESERVED & {sub.name for sub in subs}:
            raise NotCompilable(f"a field named {' or '.join(sorted(_RESERVED))}")
        while subs:
            sub = subs.pop(0)
            inner = bare(sub)
            if isinstance(inner, RawCopy) and subs and isinstance(bare(subs[0]), Checksum):
                self._walks = first_state(bare(subs[0]).hashfunc) is not None
            if isinstance(inner, Checksum):
                self._checksum(inner, sub.name, given, tree, subs)
            elif isinstance(inner, Const):
                self._const(inner, sub.name, given, tree)
            elif sub.name is None:
                if not sub.flagbuildnone:
                    raise NotCompilable(f"{type(inner).__name__} without a name")
                self.write(inner, "None", tree)
            else:
                self._field(inner, sub, given, tree)
        return tree

    def _field(self, inner: Any, sub: Any, given: Given, tree: Tree) -> None:
        value: Given
        if isinstance(given, _Record):
            value = given.field(sub.name)
        else:
            value = self._kept(
                f"{given}.get({sub.name!r})" if sub.flagbuildnone else f"{given}[{sub.name!r}]"
            )
            tree[""] = given  # the whole row, for conditions that are functions
        if isinstance(inner, Struct | RawCopy):
            tree[sub.name] = self._structure(inner, value)
        else:
            tree[sub.name] = value if isinstance(value, str) else {}
            self.write(inner, value, tree)

    def _raw_copy(self, node: Any, given: Given) -> Tree:
        self._flush()
        start = len(self._parts)
        if isinstance(given, str):
            self._unusual(f"'data' in {given} or 'value' not in {given}")
            value: Given = f"{given}['value']"
        else:
            value = given.field("value")
        self.write(bare(node.subcon), value, {})
        self._flush()
        if self._walks:  # part by part, so they need not be joined
            self._covered = self._parts[start:]
            return {"data": ""}
        name = self._kept(self.joined(start))
        self._parts[start:] = [name]
        return {"data": name}

    def _const(self, node: Any, name: str | None, given: Given, tree: Tree) -> None:
        self._check_const(node, name, given)
        self._pack_const(node)
        if name:
            tree[name] = self.source.constant(plain(node.value), "const")

    def _check_const(self, node: Any, name: str | None, given: Given) -> None:
        if name and isinstance(given, str):
            self._equals(node, self._kept(f"{given}.get({name!r})"))

    def _equals(self, node: Any, value: str) -> None:
        self._wrong(f"{value} is not None and {value} != {self.source.constant(plain(node.value), 'const')}")

    def write_const(self, node: Any, value: str, _tree: Tree) -> None:
        self._equals(node, self._kept(value))
        self._pack_const(node)

    def _pack_const(self, node: Any) -> None:
        leaf = leaf_of(bare(node.subcon))
        if leaf is not None and leaf.code in tuple("BHLQ"):
            self._leaf(leaf, self.source.constant(plain(node.value), "const"))
        else:
            made = node.build(None)
            self._leaf(Leaf(f"{len(made)}s", len(made), ""), repr(made))

    def _checksum(self, node: Any, name: str | None, given: Given, tree: Tree, following: list[Any]) -> None:
        data = find(tree, field_path(node.bytesfunc))
        leaf = leaf_of(bare(node.checksumfield))
        if leaf is None:
            raise NotCompilable("a Checksum of no fixed size")
        self._flush()
        value = self._hash(node.hashfunc, data)
        if name:
            tree[name] = value
        if leaf.code == "B":
            for after in itertools.takewhile(lambda sub: isinstance(bare(sub), Const), following):
                self._check_const(bare(after), after.name, given)
            tail = take_tail(self.source, following, tree)
            self._parts.append(f"{tails_of(self.source, tail)}[{value}]")
        else:
            self._write_leaf(leaf, value)

    def _hash(self, function: Any, data: str) -> str:
        """The hash of `data`, or of the parts that an automaton walks."""
        if not self._walks:
            return self._kept(f"{self.source.constant(function, 'hash')}({data})")
        self._walks = False
        head, *rest = self._covered
        states = self.source.constant(States(first_state(function)), "states")
        state = self._kept(f"{states}[{head}]")
        for part in rest:
            emit_walk(self.lines, state, part)
        return f"{state}[256]"

    def write_prefixed(self, node: Any, value: str, _tree: Tree) -> None:
        if bare(node.subcon) is GreedyBytes:
            self._counted(node, self._bytes(value))
        else:
            self._counted(node, self._kept(f"{self._inner(node.subcon)}({value})"))

    def write_string(self, node: Any, value: str, _tree: Tree) -> None:
        inner = bare(node.subcon)
        if not isinstance(inner, Prefixed) or bare(inner.subcon) is not GreedyBytes:
            raise NotCompilable("a string without a length before it")
        name = self._kept(value)
        self._unusual(f"{name}.__class__ is not str")
        self._counted(inner, self._kept(f"{name}.encode({node.encoding!r})"))

    def _counted(self, node: Any, data: str) -> None:
        """The length of `data`, then `data`."""
        leaf = leaf_of(bare(node.lengthfield))
        if leaf is None or node.includelength:
            raise NotCompilable("a Prefixed whose length is no plain integer")
        self._write_leaf(leaf, f"len({data})")
        self._flush()
        self._parts.append(data)

    def _ask(self, expression: Any, tree: Tree) -> str:
        given = tree.get("")
        return condition(self.source, expression, tree, lambda: f"C({given})" if given else "None")

    def write_if(self, node: Any, value: str, tree: Tree) -> None:
        self._flush()
        test = self._ask(node.condfunc, tree)
        name = self.source.fresh("b")
        for head, sub in ((f"if {test}:", node.thensubcon), ("else:", node.elsesubcon)):
            with self.lines.block(head):
                outer, self._parts = self._parts, []
                self.write(bare(sub), value, {})
                self.lines.add(f"{name} = {self.joined()}")
                self._parts = outer
        self._parts.append(name)

    def write_switch(self, node: Any, value: str, tree: Tree) -> None:
        self._flush()
        key = self._ask(node.keyfunc, tree)
        table = self.source.table({case: self._inner(sub) for case, sub in node.cases.items()})
        self._parts.append(self._kept(f"{table}.get({key}, {self._inner(node.default)})({value})"))

    def _inner(self, node: Construct) -> str:
        """The name of the function that writes `node` on its own."""

        def emit(name: str) -> str:
            writer = _Writer(self.source, outermost=False)
            writer.write(bare(node), "o", {})
            writer.lines.add(f"return {writer.joined()}")
            return f"def {name}(o):\n{writer.lines}"

        return self.source.function("write", bare(node), emit)

    def write_select(self, node: Any, value: str, _tree: Tree) -> None:
        """The first alternative that does not fail. Pass never does."""
        self._flush()
        name = self.source.fresh("b")
        self.lines.add(f"{name} = None")
        refused = True  # every alternative so far surely refuses None
        for sub in node.subcons:
            if is_pass(sub):
                self.lines.add(f"if {name} is None: {name} = b''")
                break
            refused = refused and refuses_none(sub)
            asked = f"{name} is None and {value} is not None" if refused else f"{name} is None"
            with self.lines.block(f"if {asked}:"):
                self.lines.add(f"try: {name} = {self._inner(sub)}({value})")
                self.lines.add("except Unusual: raise")
                self.lines.add("except Exception: pass")
        else:
            self._wrong(f"{name} is None")
        self._parts.append(name)

    def _list(self, value: str) -> None:
        self._unusual(f"{value}.__class__ is not list and {value}.__class__ is not L")

    def write_range(self, node: Any, value: str, _tree: Tree) -> None:
        self._flush()
        name = self._kept(value)
        self._list(name)
        self._parts.append(self._kept(self._each(node.subcon, name)))

    def write_array(self, node: Any, value: str, _tree: Tree) -> None:
        if type(node.count) is not int:
            raise NotCompilable("an Array of no fixed count")
        self._flush()
        name = self._kept(value)
        self._list(name)
        self._wrong(f"len({name}) != {node.count}")
        self._parts.append(self._kept(self._each(node.subcon, name)))

    def _each(self, node: Construct, items: str) -> str:
        leaf = leaf_of(bare(node))
        if leaf is not None and leaf.code in tuple("BHLQ"):
            return f"pack(f'{leaf.order or '>'}{{len({items})}}{leaf.code}', *{items})"
        return f"b''.join([{self._inner(node)}(item) for item in {items}])"


_WRITES: dict[type, Any] = {
    Const: _Writer.write_const,
    Prefixed: _Writer.write_prefixed,
    StringEncoded: _Writer.write_string,
    IfThenElse: _Writer.write_if,
    Switch: _Writer.write_switch,
    Select: _Writer.write_select,
    GreedyRange: _Writer.write_range,
    Array: _Writer.write_array,
}
