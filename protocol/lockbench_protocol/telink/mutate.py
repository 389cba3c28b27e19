"""Change a firmware file: make its check value right, or one thing wrong (telink-ota 6, 12).

Pure: bytes in, bytes out. What lies outside the file is a LocalError.
"""

from __future__ import annotations

from lockbench_protocol import LocalError
from lockbench_protocol.telink.image import ALGORITHMS, CHECKED, ROW, declared_size

__all__ = ["flip_bit", "put", "sign", "spoil_trailer"]


def sign(data: bytes, algorithm: int = 2) -> bytes:
    """An image without a check value, such as a linker makes it, with one: what the vendor's tool does.

    The body is filled with FF to whole rows; the size field, bytes 6 and 7 and the trailer are written
    (telink-ota 6.1). A file whose size field ends before the file is cut there first when it carries a check
    value already, which is then replaced.
    """
    size = declared_size(data)
    if algorithm not in ALGORITHMS:
        raise LocalError(f"check algorithm {algorithm} is unknown: 1 is the CRC16-sum, 2 the CRC-32")
    if data[6] == CHECKED and 0x24 <= size <= len(data):
        data = data[: size - 4]
    body = bytearray(data + b"\xff" * (-len(data) % ROW))
    body[6:8] = bytes([CHECKED, algorithm])
    body[0x18:0x1C] = (len(body) + 4).to_bytes(4, "little")
    return bytes(body) + ALGORITHMS[algorithm](bytes(body)).to_bytes(4, "little")


def put(data: bytes, offset: int, value: bytes) -> bytes:
    """The file with `value` at `offset`."""
    if offset < 0 or offset + len(value) > len(data):
        raise LocalError(f"{len(value)} bytes at {offset:#x} do not fit a file of {len(data)} bytes")
    return data[:offset] + value + data[offset + len(value) :]


def flip_bit(data: bytes, bit: int) -> bytes:
    """The file with one bit the other way, lowest bit of the first byte first."""
    if not 0 <= bit < len(data) * 8:
        raise LocalError(f"a file of {len(data)} bytes has no bit {bit}")
    return put(data, bit // 8, bytes([data[bit // 8] ^ 1 << bit % 8]))


def spoil_trailer(data: bytes) -> bytes:
    """The file with its check value wrong in one bit; all else is as it was."""
    size = declared_size(data)
    if not 0x24 <= size <= len(data):
        raise LocalError(f"there is no check value to spoil: the image declares {size} bytes of {len(data)}")
    return flip_bit(data, (size - 4) * 8)
