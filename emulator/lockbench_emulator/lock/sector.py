"""The cells of one sector of the store: its header, its frames, their records. Bytes in, bytes out.

Decoding never raises: it takes what is whole and stops at the first cell that is not.
Numbers are little-endian.

Sector
| at | size | field |
|---|---|---|
| 0 | 4 | magic `LBS1` |
| 4 | 4 | sequence: the head of the log has the highest |
| 8 | 4 | CRC-32 of the eight bytes before |
| 12 | | frames, one after the other, to the first that is not whole |

Frame
| at | size | field |
|---|---|---|
| 0 | 1 | mark: FF while the rest is programmed and read back, then 00, alone; nothing else counts |
| 1 | 1 | links: bit 0, the transaction began in the sector before; bit 1, it goes on in the next |
| 2 | 2 | length of the records, at least 1 |
| 4 | 4 | CRC-32 of sequence (4), offset in the sector (2), links, length and records |
| 8 | | records |

Record
| at | size | field |
|---|---|---|
| 0 | 1 | length of the key, at least 1 |
| 1 | 2 | length of the value; FFFF: the key is deleted and no value follows |
| 3 | 4 | birth: the order of first writing, kept when the value is rewritten |
| 7 | | key, then value |

A header of zeros is a retired sector. The CRC of a frame covers its place, so that no cell of an earlier life
of the sector can pass for one of this life, and cells that are all 00 or all FF never pass.
"""

from __future__ import annotations

import struct
from typing import NamedTuple
from zlib import crc32

from lockbench_emulator.boot.flash import BLANK, SECTOR

__all__ = [
    "CONTINUES",
    "FRAME_SIZE",
    "GOES_ON",
    "HEADER_SIZE",
    "MARK",
    "RECORD_LIMIT",
    "RECORD_SIZE",
    "RETIRED",
    "Frame",
    "Record",
    "Sector",
    "decode",
    "frame_body",
    "header",
    "split",
]

RECORD_LIMIT = 512  # bytes of the largest record; a record lies in one sector
MARK = b"\x00"
CONTINUES, GOES_ON = 1, 2  # links; plain numbers, for an open asks them of every frame

_MAGIC = b"LBS1"
_HEADER = struct.Struct("<4sII")
_FRAME = struct.Struct("<BBHI")
_PLACE = struct.Struct("<IHBH")
_BODY = struct.Struct("<BHI")
_RECORD = struct.Struct("<BHI")
_DELETED = 0xFFFF
HEADER_SIZE = _HEADER.size
FRAME_SIZE = _FRAME.size
RECORD_SIZE = _RECORD.size  # without key and value
RETIRED = bytes(HEADER_SIZE)


class Record(NamedTuple):
    """One put, or with no value one delete."""

    key: bytes
    value: bytes | None
    birth: int

    @property
    def size(self) -> int:
        return RECORD_SIZE + len(self.key) + len(self.value or b"")


class Frame(NamedTuple):
    links: int
    records: list[Record]


class Sector(NamedTuple):
    """A sector of the log. `end` is where its next frame may begin: 4096 when it takes none."""

    sequence: int
    address: int
    frames: list[Frame]
    end: int


def header(sequence: int) -> bytes:
    return _HEADER.pack(_MAGIC, sequence, crc32(_MAGIC + sequence.to_bytes(4, "little")))


def frame_body(sequence: int, offset: int, links: int, records: list[Record]) -> bytes:
    """A frame for that place, without the mark before it."""
    data = b"".join([_encode(record) for record in records])
    return _BODY.pack(links, len(data), _check(sequence, offset, links, data)) + data


def split(records: list[Record], room: int) -> list[list[Record]]:
    """The records in order, one frame a sector: the first has `room` bytes, and is empty when none fits."""
    chunks: list[list[Record]] = [[]]
    left = room - FRAME_SIZE
    for record in records:
        size = record.size
        if size > left:
            chunks.append([])
            left = SECTOR - HEADER_SIZE - FRAME_SIZE
        chunks[-1].append(record)
        left -= size
    return chunks


def decode(address: int, cells: bytes) -> Sector | None:
    """What is whole in the sector; None when it is no part of a log."""
    sequence = int.from_bytes(cells[4:8], "little")
    if cells[:HEADER_SIZE] != header(sequence):
        return None
    frames = []
    at = HEADER_SIZE
    while (found := _frame(cells, at, sequence)) is not None:
        frame, at = found
        frames.append(frame)
    return Sector(sequence, address, frames, at if cells[at:] == BLANK[at:] else SECTOR)


def _frame(cells: bytes, at: int, sequence: int) -> tuple[Frame, int] | None:
    """The whole frame at `at` and where it ends."""
    if at + FRAME_SIZE > SECTOR or cells[at : at + 1] != MARK:
        return None
    _, links, length, check = _FRAME.unpack_from(cells, at)
    end = at + FRAME_SIZE + length
    data = cells[at + FRAME_SIZE : end]
    if not length or end > SECTOR or check != _check(sequence, at, links, data):
        return None
    records = _records(data)
    return None if records is None else (Frame(links, records), end)


def _check(sequence: int, offset: int, links: int, data: bytes) -> int:
    return crc32(data, crc32(_PLACE.pack(sequence, offset, links, len(data))))


def _encode(record: Record) -> bytes:
    key, value, birth = record
    if value is None:
        return _RECORD.pack(len(key), _DELETED, birth) + key
    return _RECORD.pack(len(key), len(value), birth) + key + value


def _records(data: bytes) -> list[Record] | None:
    """The records that fill the data exactly; None when they do not (a CRC may match by accident)."""
    records = []
    at, total = 0, len(data)
    while at + _RECORD.size < total:
        key_length, value_length, birth = _RECORD.unpack_from(data, at)
        at += _RECORD.size
        middle = at + key_length
        end = middle if value_length == _DELETED else middle + value_length
        key, value = data[at:middle], None if value_length == _DELETED else data[middle:end]
        if not key_length or end > total:
            return None
        records.append(Record(key, value, birth))
        at = end
    return records if at == total else None
