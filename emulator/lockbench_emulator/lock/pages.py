"""How many records one reply holds."""

from __future__ import annotations

from collections.abc import Sequence

from lockbench_protocol.lock.frame import MAX_DATA

# echo, status, total, next, and at least one byte of padding
_ROOM = MAX_DATA - 2 - 2 - 2 - 1


def fitting(sizes: Sequence[int], policy: str) -> int:
    """How many of the records of these sizes (bytes, with their length byte) go into one reply."""
    if policy == "one":
        return min(1, len(sizes))
    used = 0
    for count, size in enumerate(sizes):
        used += size
        if used > _ROOM:
            return count
    return len(sizes)
