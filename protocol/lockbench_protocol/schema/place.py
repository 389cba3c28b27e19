"""The state of one emitted parse function: the place, and the run of leaves that one `unpack` will read."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from typing import Any

from lockbench_protocol.schema.hashing import Heads
from lockbench_protocol.schema.source import Leaf, Lines, Source

_ORDERS: Any = {">": "big", "<": "little"}
_INTEGERS = {1: "B", 2: "H", 4: "L", 8: "Q"}  # a constant is compared as an integer where it can be


@dataclass(slots=True)
class Field:
    """A leaf of the pending run: the variable it goes to, or the constant it must be."""

    leaf: Leaf
    name: str
    const: bytes | None = None


class Place:
    """Where the function reads, and what it has still to read there."""

    def __init__(self, source: Source, *, outermost: bool) -> None:
        self.source = source
        self.lines = Lines(3 if outermost else 1)
        self._outermost = outermost
        self._fail = "break" if outermost else "return None"
        self._end = "n"
        self._base, self._offset = ("", 0) if outermost else ("i", 0)
        self._proven = True  # the place is known not to be beyond the end
        self._run: list[Field] = []
        self._after: list[str] = []  # what follows the pending unpack
        self.known: dict[str, str] = {}  # slices of `d` that a variable holds
        self.automaton: Any = None  # the first state of the hash over what is being read, if it is one
        self.walked = "", 0  # the variable with its state, after so many bytes

    # places

    def _at(self, back: int = 0) -> str:
        offset = self._offset - back
        if not self._base:
            return str(offset)
        return f"{self._base} + {offset}" if offset else self._base

    def place(self) -> str:
        """Where the next byte is read."""
        return self._at()

    def _slice(self, start: str, stop: str) -> str:
        whole = stop == "n" and self._outermost
        return f"d[{'' if start == '0' else start}:{'' if whole else stop}]"

    def _go(self, base: str, *, proven: bool = True) -> None:
        self._base, self._offset, self._proven = base, 0, proven

    def _check(self, test: str) -> None:
        self.lines.add(f"if {test}: {self._fail}")

    def settle(self) -> None:
        """Everything read so far is read and known to lie inside."""
        self._flush()
        if not self._proven:
            self._check(f"{self._end} < {self._at()}")
            self._proven = True

    # leaves

    def _leaf(self, leaf: Leaf, const: bytes | None = None) -> str:
        if any(field.leaf.order and leaf.order and field.leaf.order != leaf.order for field in self._run):
            self._flush()
        name = self.source.fresh("v")
        self._run.append(Field(leaf, name, const))
        self._offset += leaf.size
        return name

    def _flush(self) -> None:
        run, after = self._run, self._after
        if run:
            self._run, self._after = [], []
            self._unpack(run)
        for line in after:
            self.lines.add(line)

    def _unpack(self, run: list[Field]) -> None:
        size = sum(field.leaf.size for field in run)
        start, stop = self._at(size), self._at()
        first = run[0]
        alone = len(run) == 1 and first.leaf.code
        if alone and first.const is not None:
            self._check(f"{self._slice(start, stop)} != {first.const!r}")
            self._proven = True
            return
        raises = self._outermost and self._end == "n" and not (alone and first.leaf.code.endswith(("s", "x")))
        if not raises:
            self._check(f"{self._end} < {stop}")
        self._proven = True
        if alone and first.leaf.code == "B":
            self.lines.add(f"{first.name} = d[{start}]")
        elif alone and first.leaf.code.endswith("s"):
            self.lines.add(f"{first.name} = {self._slice(start, stop)}")
        elif not (alone and first.leaf.code.endswith("x")):
            self._unpack_many(run, start)

    def _unpack_many(self, run: list[Field], start: str) -> None:
        order = next((field.leaf.order for field in run if field.leaf.order), ">")
        codes, names, wanted, then = "", [], {}, []
        for field in run:
            code, name = field.leaf.code, field.name
            if field.const is not None:
                code = _INTEGERS.get(field.leaf.size, field.leaf.code)
                as_bytes = code.endswith("s")
                wanted[name] = field.const if as_bytes else int.from_bytes(field.const, _ORDERS[order])
            elif not code and field.leaf.size == 3:
                code = "BH" if order == ">" else "HB"
                high, low = (name, f"{name}_") if order == ">" else (f"{name}_", name)
                names.append(name)
                name = f"{name}_"
                then.append(f"{field.name} = {high} << 16 | {low}")
            elif not code:
                code = f"{field.leaf.size}s"
                then.append(f"{name} = int.from_bytes({name}, {field.leaf.byteorder!r})")
            codes += code
            if not code.endswith("x"):
                names.append(name)
        form = struct.Struct(order + codes)
        if self.automaton is not None and start == "0":
            self._recall(form, names, wanted)
        else:
            unpack = self.source.constant(form.unpack_from, "unpack")
            place = "" if start == "0" else f", {start}"
            self.lines.add(f"{', '.join(names)}{',' if len(names) == 1 else ''} = {unpack}(d{place})")
            for name, value in wanted.items():
                self._check(f"{name} != {value!r}")
        for line in then:
            self.lines.add(line)

    def _recall(self, form: struct.Struct, names: list[str], wanted: dict[str, int | bytes]) -> None:
        """The head of bytes that are hashed: unpacked and walked once, looked up afterwards."""
        places = {names.index(name): value for name, value in wanted.items()}
        heads = self.source.constant(Heads(form, places, self.automaton), "heads")
        state = self.source.fresh("s")
        left = [name for name in names if name not in wanted]
        self.lines.add(f"{', '.join([*left, state])} = {heads}[d[:{form.size}]]")
        self.walked = state, form.size
