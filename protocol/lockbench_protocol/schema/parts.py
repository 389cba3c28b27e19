"""What a build function has so far: the parts of its bytes, and the leaves that one `pack` will make."""

from __future__ import annotations

import struct

from lockbench_protocol.schema.source import Leaf, Lines, Source


class Parts:
    """The outermost function breaks out of its loop at what is not plain; an inner one raises."""

    def __init__(self, source: Source, *, outermost: bool) -> None:
        self.source = source
        self.lines = Lines(3 if outermost else 1)
        self._outermost = outermost
        self._parts: list[str] = []
        self._run: list[tuple[Leaf, str]] = []

    def _unusual(self, test: str) -> None:
        self.lines.add(f"if {test}: {'break' if self._outermost else 'raise Unusual'}")

    def _wrong(self, test: str) -> None:
        self.lines.add(f"if {test}: {'break' if self._outermost else 'raise ValueError'}")

    def _leaf(self, leaf: Leaf, value: str) -> None:
        if any(other.order and leaf.order and other.order != leaf.order for other, _ in self._run):
            self._flush()
        self._run.append((leaf, value))

    def _flush(self) -> None:
        run, self._run = self._run, []
        if not run:
            return
        if len(run) == 1 and run[0][0].code.endswith("s"):
            self._parts.append(run[0][1])
            return
        order = next((leaf.order for leaf, _ in run if leaf.order), ">")
        codes = "".join(leaf.code for leaf, _ in run)
        values = [value for _, value in run]
        name = self.source.fresh("b")
        pack = self.source.constant(struct.Struct(order + codes).pack, "pack")
        self.lines.add(f"{name} = {pack}({', '.join(values)})")
        self._parts.append(name)

    def joined(self, start: int = 0) -> str:
        """The text that makes one bytes object of the parts from `start` on."""
        self._flush()
        parts = self._parts[start:]
        if len(parts) < 4:
            return " + ".join(parts) or "b''"
        return f"b''.join(({', '.join(parts)}))"

    def _kept(self, value: str) -> str:
        """A variable with the value, so that it is looked up once."""
        if value.isidentifier():
            return value
        name = self.source.fresh("v")
        self.lines.add(f"{name} = {value}")
        return name

    def _bytes(self, value: str) -> str:
        name = self._kept(value)
        self._unusual(f"{name}.__class__ is not bytes")
        return name

    def _dict(self, value: str) -> None:
        self._unusual(f"not isinstance({value}, dict)")
