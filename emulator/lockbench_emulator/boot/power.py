"""How the supply fails: what torn cells settle to, and hooks for `Flash.hook` (telink-ota 7.1, 12).

A settling is a function of the operation and a seed alone, so the same plan gives the same cells. A program
only clears bits, torn or not; an erase only sets them, except in the style `random`.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache

from lockbench_protocol import LocalError

from lockbench_emulator.boot.flash import Hook, Operation, PowerCut

__all__ = [
    "STYLES",
    "Settling",
    "brown_out",
    "cut_at",
    "cuts",
    "done",
    "half",
    "not_done",
    "settling",
    "subset",
]

Settling = Callable[[Operation], bytes]

# A byte of chance -> a byte that is done or not; -> done, but for most bits of one byte in 64
_WHOLE = bytes(0xFF if byte & 1 else 0x00 for byte in range(256))
_WEAK = bytes(byte >> 1 | 0x80 if byte < 4 else 0xFF for byte in range(256))


def not_done(operation: Operation) -> bytes:
    """The cut came before the operation."""
    return operation.before


def done(operation: Operation) -> bytes:
    """The cut came after the operation."""
    return operation.after


def half(operation: Operation) -> bytes:
    """Whole bytes tear: the first half was done, the second was not."""
    return _prefix(operation, len(operation.after) // 2)


def subset(mask: int) -> Settling:
    """A torn program: of the bits to be cleared, lowest of the first byte first, those set in `mask`."""

    def settle(operation: Operation) -> bytes:
        before = int.from_bytes(operation.before, "little")
        pending = before & ~int.from_bytes(operation.after, "little")
        chosen, cells = mask, before
        while pending:
            bit = pending & -pending
            if chosen & 1:
                cells &= ~bit
            pending ^= bit
            chosen >>= 1
        return cells.to_bytes(len(operation.before), "little")

    return settle


def _chance(operation: Operation, seed: int) -> bytes:
    """As many bytes as the operation touches."""
    text = f"{seed} {operation.number} {operation.address}"
    return hashlib.shake_128(text.encode()).digest(len(operation.before))


def _mixed(before: bytes, after: bytes, mask: bytes) -> bytes:
    """`after` where `mask` has a 1, `before` elsewhere."""
    old, new = int.from_bytes(before, "little"), int.from_bytes(after, "little")
    return (old ^ (old ^ new) & int.from_bytes(mask, "little")).to_bytes(len(before), "little")


def _torn(operation: Operation, seed: int) -> bytes:
    """Any bits of a program, any whole bytes of an erase."""
    mask = _chance(operation, seed)
    if operation.kind == "erase":
        mask = mask.translate(_WHOLE)
    return _mixed(operation.before, operation.after, mask)


def _prefix(operation: Operation, length: int) -> bytes:
    return operation.after[:length] + operation.before[length:]


def _torn_prefix(operation: Operation, seed: int) -> bytes:
    """The first bytes were done."""
    chance = int.from_bytes(_chance(operation, seed)[:4], "little")
    return _prefix(operation, chance % (len(operation.after) + 1))


def _torn_weak(operation: Operation, seed: int) -> bytes:
    """All was done, but for most bits of one byte in 64."""
    return _mixed(operation.before, operation.after, _chance(operation, seed).translate(_WEAK))


def _torn_bit(operation: Operation, seed: int) -> bytes:
    """Any bits, of an erase too."""
    return _mixed(operation.before, operation.after, _chance(operation, seed))


def _torn_random(operation: Operation, seed: int) -> bytes:
    """An erase leaves anything at all: the chip clears every cell before it sets them."""
    return _chance(operation, seed) if operation.kind == "erase" else _torn(operation, seed)


# Name -> what the cells settle to, given a seed
STYLES: Mapping[str, Callable[[Operation, int], bytes]] = {
    "none": lambda operation, _seed: operation.before,
    "done": lambda operation, _seed: operation.after,
    "half": lambda operation, _seed: half(operation),
    "torn": _torn,
    "prefix": _torn_prefix,
    "weak": _torn_weak,
    "bit": _torn_bit,
    "random": _torn_random,
}


@lru_cache(maxsize=1 << 15)
def settling(tear: str, seed: int = 0) -> Settling:
    """The settling that a plan names: a style, `bits:2d` (a subset) or `byte:8=4b` (torn, and one byte so).

    LocalError names the styles.
    """
    if style := STYLES.get(tear):
        return lambda operation: style(operation, seed)
    if found := re.fullmatch(r"bits:([0-9a-f]+)", tear):
        return subset(int(found[1], 16))
    if found := re.fullmatch(r"byte:(\d{1,4})=([0-9a-f]{2})", tear):
        return _with_byte(int(found[1]), bytes.fromhex(found[2]), seed)
    raise LocalError(f"no tear {tear!r}; known: {', '.join(STYLES)}, bits:HEX, byte:OFFSET=HEX")


def _with_byte(offset: int, value: bytes, seed: int) -> Settling:
    def settle(operation: Operation) -> bytes:
        cells = _torn(operation, seed)
        if offset >= len(cells):
            raise LocalError(f"byte {offset} lies outside an operation of {len(cells)} bytes")
        return cells[:offset] + value + cells[offset + 1 :]

    return settle


def cut_at(number: int, settle: Settling) -> Hook:
    """Cut the supply at the operation of that number, leaving its cells as `settle` says."""
    return cuts({number: settle})


def cuts(at: Mapping[int, Settling]) -> Hook:
    """Cut the supply at each of these operations; between two cuts it comes back."""

    def hook(operation: Operation) -> bytes:
        settle = at.get(operation.number)
        if settle is not None:
            raise PowerCut(settle(operation))
        return operation.after

    return hook


def brown_out(numbers: Collection[int]) -> Hook:
    """The supply is too weak for these operations: they change nothing, and nobody is told."""

    def hook(operation: Operation) -> bytes:
        return operation.before if operation.number in numbers else operation.after

    return hook
