"""What is wrong with the image that is sent (telink-ota 12). It is sent well: every CRC-16 is right."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Append", "FlipImage", "ImageFault", "Put", "Shorten", "Sign", "SpoilTrailer"]


@dataclass(frozen=True, slots=True)
class FlipImage:
    """One bit of the file is wrong, lowest bit of the first byte first."""

    bit: int


@dataclass(frozen=True, slots=True)
class Put:
    """These bytes stand at an offset."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Shorten:
    """The file ends early."""

    length: int


@dataclass(frozen=True, slots=True)
class Append:
    """Bytes follow the file, such as a signature."""

    data: bytes


@dataclass(frozen=True, slots=True)
class SpoilTrailer:
    """The check value is wrong: the transfer fails at its last data PDU."""


@dataclass(frozen=True, slots=True)
class Sign:
    """The check value is made right again, for what the faults before this one left."""


ImageFault = FlipImage | Put | Shorten | Append | SpoilTrailer | Sign
