"""Where the supply may fail: hooks for `Flash.hook`, one failure each, and how torn cells settle.

A settling is a function of the operation alone, so the same plan gives the same cells (telink-ota 7.1, 12).
"""

from __future__ import annotations

from collections.abc import Callable

from lockbench_emulator.boot.flash import Hook, Operation, PowerCut

__all__ = ["Settling", "cut_at", "done", "half", "not_done", "subset"]

Settling = Callable[[Operation], bytes]


def not_done(operation: Operation) -> bytes:
    """The cut came before the operation."""
    return operation.before


def done(operation: Operation) -> bytes:
    """The cut came after the operation."""
    return operation.after


def half(operation: Operation) -> bytes:
    """Whole bytes tear: the first half was done, the second was not."""
    middle = len(operation.after) // 2
    return operation.after[:middle] + operation.before[middle:]


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


def cut_at(number: int, settling: Settling) -> Hook:
    """Cut the supply at the operation of that number, leaving its cells as `settling` says."""

    def hook(operation: Operation) -> bytes:
        if operation.number == number:
            raise PowerCut(settling(operation))
        return operation.after

    return hook
