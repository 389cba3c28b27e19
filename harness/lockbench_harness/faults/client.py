"""What the client does wrong (telink-ota 12). `pdu` counts its writes from 0, commands included."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = [
    "ClientFault",
    "EndIndex",
    "EndLength",
    "FillLast",
    "Insert",
    "Leave",
    "Replace",
    "Restart",
    "Resume",
]


@dataclass(frozen=True, slots=True)
class Insert:
    """It writes this before the write: a second START, START_EXT after START, FF07, data before START."""

    pdu: int
    value: bytes


@dataclass(frozen=True, slots=True)
class Replace:
    """It writes this instead of the write."""

    pdu: int
    value: bytes


@dataclass(frozen=True, slots=True)
class EndIndex:
    """END carries this index, and its complement."""

    index: int


@dataclass(frozen=True, slots=True)
class EndLength:
    """END has this length: cut, or filled with FF."""

    length: int


@dataclass(frozen=True, slots=True)
class FillLast:
    """The last data PDU is filled to the agreed length, its CRC is right."""


@dataclass(frozen=True, slots=True)
class Leave:
    """It ends the link before the write and never comes back."""

    pdu: int


@dataclass(frozen=True, slots=True)
class Resume:
    """It ends the link before the write, comes back, sends its first commands again and goes on there."""

    pdu: int


@dataclass(frozen=True, slots=True)
class Restart:
    """It ends the link before the write, comes back and sends everything again from the start."""

    pdu: int


ClientFault = Insert | Replace | EndIndex | EndLength | FillLast | Leave | Resume | Restart
