"""What the supply and the flash do to an upgrade (telink-ota 7.1, 12).

Flash operations are counted from 0, from the first power-up of the plan on; the count goes on over restarts.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["BrownOut", "Cut", "Marginal", "PowerFault", "Protect", "Stuck"]


@dataclass(frozen=True, slots=True)
class Cut:
    """The supply fails during an operation, and comes back at once."""

    operation: int
    tear: str = "torn"  # what the cells settle to: `lockbench_emulator.boot.power.settling`


@dataclass(frozen=True, slots=True)
class BrownOut:
    """These operations change nothing, and nobody is told."""

    operation: int
    count: int = 1


@dataclass(frozen=True, slots=True)
class Marginal:
    """The mark cell of a bank was left half programmed: it reads as `reads` says, start by start."""

    bank: int
    reads: tuple[int, ...]  # the byte at each start after the first one; the last one stays


@dataclass(frozen=True, slots=True)
class Protect:
    """The chip protects these addresses: operations there do nothing."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Stuck:
    """Bits of one cell that no program clears and no erase sets."""

    address: int
    mask: int  # the bits that are stuck
    value: int  # what they read


PowerFault = Cut | BrownOut | Marginal | Protect | Stuck
