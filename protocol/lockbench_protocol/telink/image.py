"""The Telink firmware image: header, check value, size rules (telink-ota 6), and how to make one.

A made image is the same bytes for the same (size, version, seed), on any machine. It is data, not code: only
its header, its check value and its version mean anything.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from collections.abc import Callable
from typing import Protocol

from construct import Bytes, Int8ul, Int32ul, Padding, Struct

from lockbench_protocol import LocalError
from lockbench_protocol.telink.crc import crc16

__all__ = [
    "ALGORITHMS",
    "HEADER",
    "MARK",
    "Layout",
    "check_value",
    "declared_size",
    "make_image",
    "numbers_of",
    "pack_version",
    "version_number",
    "version_of",
]

ROW = 16  # bytes of image in a data PDU, and in one flash write of the chip
MARK = b"KNLT"  # at `mark_offset`; the ROM compares only its first byte, 4B
MARK_BYTE = MARK[0]
CHECKED = 0x5D  # byte 6: the image carries a check value
VERSION_TAG = b"version="  # ours: at VERSION_AT, followed by ASCII text and zeros up to VERSION_END
VERSION_AT = 0x30
VERSION_END = 0x50
MINIMUM = VERSION_END + 4  # our header, our version text, the check value
ZIGBEE_CONTAINER = bytes.fromhex("1ef1ee0b")  # telink-ota 6.4

# telink-ota 6; of a part with its mark at 0x20, the four bytes at 0x08 are code
HEADER = Struct(
    "jump" / Bytes(2),
    "version" / Bytes(4),
    "checked" / Int8ul,  # 5D
    "algorithm" / Int8ul,
    "mark" / Bytes(4),
    "ram" / Bytes(4),
    "interrupts" / Bytes(8),
    "size" / Int32ul,  # with the check value
    Padding(4),
)

# Where some boot ROM looks for a mark byte (telink-ota 7.2): never code of ours there, always FF.
_PROBED = tuple(bank + mark for bank in (0x10000, 0x20000, 0x40000, 0x80000) for mark in (0x08, 0x20))


class Layout(Protocol):
    """What an image must know of a board; the emulator's boards have it."""

    @property
    def name(self) -> str: ...
    @property
    def banks(self) -> tuple[int, ...]: ...
    @property
    def limit(self) -> int: ...
    @property
    def mark_offset(self) -> int: ...
    @property
    def rom_candidates(self) -> tuple[int, ...]: ...


def jamcrc(body: bytes) -> int:
    """Algorithm 2: CRC-32 without its final XOR (telink-ota 6.1)."""
    return zlib.crc32(body) ^ 0xFFFFFFFF


def crc16_sum(body: bytes) -> int:
    """Algorithm 1: the sum of the CRC-16 of every row with its index, modulo 2^32 (telink-ota 6.2)."""
    rows = range(0, len(body), ROW)
    return sum(crc16((at // ROW).to_bytes(2, "little") + body[at : at + ROW]) for at in rows) & 0xFFFFFFFF


ALGORITHMS: dict[int, Callable[[bytes], int]] = {1: crc16_sum, 2: jamcrc}


def declared_size(data: bytes) -> int:
    """The u32 at 0x18: the image with its check value. LocalError when the file ends before it."""
    if len(data) < 0x1C:
        raise LocalError(f"{len(data)} bytes are too few for a Telink header (28)")
    return int.from_bytes(data[0x18:0x1C], "little")


def check_value(data: bytes, algorithm: int) -> int:
    """The check value over the declared body, which must lie within `data` (mark byte as 4B)."""
    return ALGORITHMS[algorithm](data[: declared_size(data) - 4])


def pack_version(version: str) -> bytes:
    """The four bytes at 0x02: one number a byte, the most significant first ("6.4.34" is 06 04 22 00).

    The protocol leaves these bytes to the maker; this packing is ours. A fourth number over 255, such as the
    date in "5.1.0.200305", is 0 there and stands only in the version text.
    """
    if not re.fullmatch(r"\d{1,3}(\.\d{1,3}){0,2}|\d{1,3}(\.\d{1,3}){2}\.\d{1,10}", version, re.ASCII):
        raise LocalError(f"{version!r} is no firmware version: one to four numbers with dots, as in 6.4.34")
    numbers = [int(number) for number in version.split(".")]
    if any(number > 0xFF for number in numbers[:3]):
        raise LocalError(f"the first three numbers of firmware version {version} go up to 255")
    if len(numbers) == 4 and numbers[3] > 0xFF:
        numbers[3] = 0
    return bytes(numbers).ljust(4, b"\0")


def version_of(head: bytes) -> str:
    """The version of an image, from its first 0x50 bytes.

    Our text at 0x30 when it is there; otherwise the four bytes at 0x02 as numbers with dots.
    """
    if head[VERSION_AT : VERSION_AT + len(VERSION_TAG)] == VERSION_TAG:
        text = head[VERSION_AT + len(VERSION_TAG) : VERSION_END].rstrip(b"\0")
        if re.fullmatch(rb"[0-9]+(\.[0-9]+)*", text):
            return text.decode("ascii")
    return ".".join(str(number) for number in head[2:6])


def version_number(head: bytes) -> int:
    """The u16 by which FF04 compares versions (telink-ota 3.1), from the first 0x50 bytes of an image.

    The protocol leaves it to the maker; ours has 4, 4 and 8 bits for the first three numbers, each at most
    what fits: 6.4.34 is 0x6422.
    """
    first, second, third = (*map(int, version_of(head).split(".")[:3]), 0, 0)[:3]
    return min(first, 0xF) << 12 | min(second, 0xF) << 8 | min(third, 0xFF)


def numbers_of(version: str) -> tuple[int, ...]:
    """Those by which versions compare: "6.4.34" as (6, 4, 34), whatever stands between them."""
    return tuple(map(int, re.findall(r"[0-9]{1,18}", version)))


def make_image(size: int, version: str, seed: int, *, algorithm: int = 2, mark_offset: int = 0x08) -> bytes:
    """A file of `size` bytes: a whole image, then FF.

    The declared size is the largest not above `size` that leaves 4 when divided by 16, as the vendor's tool
    makes it (telink-ota 6.1). LocalError for a size below 84, a bad version or an unknown algorithm.
    """
    if size < MINIMUM:
        raise LocalError(
            f"an image of {size} bytes cannot be made: header, version and check value take {MINIMUM}"
        )
    if size > 0xFFFFFFFF:
        raise LocalError(f"an image of {size} bytes cannot be made: its size field has 32 bits")
    if algorithm not in ALGORITHMS:
        raise LocalError(f"check algorithm {algorithm} is unknown: 1 is the CRC16-sum, 2 the CRC-32")
    declared = (size - 4) // ROW * ROW + 4
    body = bytearray(hashlib.shake_256(f"lockbench image {version} {seed}".encode()).digest(declared - 4))
    body[:0x20] = HEADER.build(
        {
            "jump": b"\x26\x80",
            "version": pack_version(version),
            "checked": CHECKED,
            "algorithm": algorithm,
            "mark": bytes(4),
            "ram": bytes.fromhex("5b078800"),
            "interrupts": bytes(8),
            "size": declared,
        }
    )
    body[mark_offset : mark_offset + 4] = MARK
    text = VERSION_TAG + version.encode("ascii")
    body[VERSION_AT:VERSION_END] = text.ljust(VERSION_END - VERSION_AT, b"\0")
    for probed in _PROBED:
        if probed < len(body):
            body[probed] = 0xFF
    trailer = ALGORITHMS[algorithm](bytes(body)).to_bytes(4, "little")
    return (bytes(body) + trailer).ljust(size, b"\xff")
