"""The codec as one would write it by hand with `struct`: the yardstick of the compiled schemas.

Same records, same choice of the CRC table, same checks as ours; a broken frame is one ValueError without an
explanation. The CRC walks the same automaton, in one function for both ways.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

from lockbench_protocol.lock.crc import TEXTBOOK, VENDOR, crc_of
from lockbench_protocol.lock.frame import MAGIC, TAIL, Frame
from lockbench_protocol.telink.crc import crc16

_HEADER = struct.Struct(">HBBBHHBBB")
_MAGIC = int.from_bytes(MAGIC, "big")
_START: list[Any] = crc_of(VENDOR).start()
_TEXTBOOK: list[Any] = crc_of(TEXTBOOK).start()
_TAILS = tuple(bytes((crc,)) + TAIL for crc in range(256))
_PDU = struct.Struct("<H16sH")


def _crc(data: bytes, table: bytes) -> int:
    state = _START if table is VENDOR else _TEXTBOOK
    for byte in data:
        state = state[byte]
    crc: int = state[256]
    return crc


def encode(frame: Frame, table: bytes = VENDOR) -> bytes:
    data = frame.data
    head = _HEADER.pack(
        _MAGIC,
        frame.protocol_type,
        frame.protocol_version,
        frame.scene,
        frame.group,
        frame.org,
        frame.command,
        frame.encrypt,
        len(data),
    )
    covered = head + data
    return covered + _TAILS[_crc(covered, table)]


def decode(raw: bytes, table: bytes = VENDOR) -> Frame:
    magic, kind, version, scene, group, org, command, encrypt, length = _HEADER.unpack_from(raw)
    end = 12 + length
    if magic != _MAGIC or len(raw) != end + 3:
        raise ValueError("no frame")
    if raw[end:] != _TAILS[_crc(raw[:end], table)]:
        raise ValueError("wrong CRC or tail")
    return Frame(command, raw[12:end], kind, version, scene, group, org, encrypt)


def frames(chunks: list[bytes]) -> Iterator[Frame]:
    """Frames out of a clean stream; without a search for the next header after garbage."""
    buffer, need = b"", 12
    for chunk in chunks:
        buffer += chunk
        while len(buffer) >= need:
            size = 15 + buffer[11]
            if len(buffer) < size:
                need = size
                break
            yield decode(buffer[:size])
            buffer, need = buffer[size:], 12


def encode_pdu(index: int, image: bytes) -> bytes:
    covered = index.to_bytes(2, "little") + image
    return covered + crc16(covered).to_bytes(2, "little")


def decode_pdu(raw: bytes) -> tuple[int, bytes]:
    index, image, crc = _PDU.unpack(raw)
    if crc16(raw[:18]) != crc:
        raise ValueError("wrong CRC")
    return index, image


def pdus(image: bytes) -> list[bytes]:
    return [encode_pdu(at >> 4, image[at : at + 16]) for at in range(0, len(image), 16)]
