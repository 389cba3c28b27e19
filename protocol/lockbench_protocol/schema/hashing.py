"""Checksums in emitted code: an automaton is walked in place, and the heads it has seen are remembered.

An automaton is a hash that has `start()`: its first state. A state is a list of the next state at each byte,
with the hash so far at 256. Frames of one conversation begin alike, so a few heads are most of all.
"""

from __future__ import annotations

from struct import Struct
from typing import Any

from construct import Const

from lockbench_protocol.schema.source import Lines, Source, Tree, bare, plain

_MOST = 1024  # heads to remember: a conversation has dozens, random frames must not fill the memory


def first_state(function: Any) -> Any:
    """The first state of a hash that is an automaton; None of another."""
    return function.start() if hasattr(function, "start") else None


class States(dict[bytes, Any]):
    """The state after each head."""

    def __init__(self, start: Any) -> None:
        super().__init__()
        self._start = start

    def __missing__(self, head: bytes) -> Any:
        state = self._start
        for byte in head:
            state = state[byte]
        if len(self) >= _MOST:
            self.clear()
        self[head] = state
        return state


class Heads(dict[bytes, tuple[Any, ...]]):
    """What each head unpacks to, without the constants in it, and the state after it.

    A head that is too short is a struct.error, one with a wrong constant a ValueError.
    """

    def __init__(self, form: Struct, wanted: dict[int, int | bytes], start: Any) -> None:
        super().__init__()
        self._form = form
        self._wanted = wanted
        self._states = States(start)

    def __missing__(self, head: bytes) -> tuple[Any, ...]:
        values = self._form.unpack(head)
        if any(values[place] != value for place, value in self._wanted.items()):
            raise ValueError("a constant is wrong")
        left = (value for place, value in enumerate(values) if place not in self._wanted)
        made = (*left, self._states[head])
        if len(self) >= _MOST:
            self.clear()
        self[head] = made
        return made


def emit_walk(lines: Lines, state: str, data: str) -> None:
    lines.add(f"for b in {data}: {state} = {state}[b]")


def tails_of(source: Source, tail: bytes) -> str:
    """The name of a table: from a checksum of one byte to it and the constants behind it."""
    return source.constant(tuple(bytes((crc,)) + tail for crc in range(256)), "tails")


def take_tail(source: Source, following: list[Any], tree: Tree) -> bytes:
    """The constants that follow a checksum, taken off `following`."""
    tail = b""
    while following and isinstance(bare(following[0]), Const):
        node = following.pop(0)
        tail += bare(node).build(None)
        if node.name:
            tree[node.name] = source.constant(plain(bare(node).value), "const")
    return tail
