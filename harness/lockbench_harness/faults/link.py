"""What the link does to an upgrade (telink-ota 12).

`pdu` counts the client's writes from 0, commands included.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "Delay",
    "Drop",
    "Extend",
    "Flip",
    "LinkFault",
    "LostResult",
    "Part",
    "Repeat",
    "Silence",
    "Swap",
    "Truncate",
]


@dataclass(frozen=True, slots=True)
class Drop:
    """The write is lost, and the client does not know."""

    pdu: int


@dataclass(frozen=True, slots=True)
class Repeat:
    """The write arrives twice."""

    pdu: int


@dataclass(frozen=True, slots=True)
class Swap:
    """The write arrives after the next one."""

    pdu: int


@dataclass(frozen=True, slots=True)
class Delay:
    """The client is silent for so long before the write."""

    pdu: int
    seconds: float


@dataclass(frozen=True, slots=True)
class Flip:
    """One bit of the value arrives wrong, lowest bit of the first byte first."""

    pdu: int
    bit: int
    mended: bool = False  # is the CRC-16 at the end made right again?


@dataclass(frozen=True, slots=True)
class Truncate:
    """Only the first bytes arrive."""

    pdu: int
    length: int


@dataclass(frozen=True, slots=True)
class Extend:
    """More bytes arrive than were sent."""

    pdu: int
    more: bytes


@dataclass(frozen=True, slots=True)
class Part:
    """The link ends before the write."""

    pdu: int


@dataclass(frozen=True, slots=True)
class Silence:
    """From the write on nothing arrives, either way; both sides notice after the supervision timeout."""

    pdu: int
    seconds: float = 4.0


@dataclass(frozen=True, slots=True)
class LostResult:
    """No notification arrives."""


LinkFault = Drop | Repeat | Swap | Delay | Flip | Truncate | Extend | Part | Silence | LostResult
