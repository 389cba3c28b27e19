"""CRC-8 of a frame (ttlock-ble 3.2). Tables and one function, nothing else.

`VENDOR` is what locks and the vendor's clients use; `TEXTBOOK` is Dallas/Maxim as printed in books.
They differ in entry 33 only.
"""

from __future__ import annotations

_POLYNOMIAL = 0x8C  # 0x31 reflected; start value 0, no final xor
_SLIP = (33, 0x07)  # in the vendor's table this entry is 0x07 where the polynomial gives 0x7D


def _entry(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (_POLYNOMIAL if index & 1 else 0)
    return index


TEXTBOOK = bytes(_entry(index) for index in range(256))
VENDOR = bytes(_SLIP[1] if index == _SLIP[0] else value for index, value in enumerate(TEXTBOOK))


def crc8(data: bytes, table: bytes = VENDOR) -> int:
    """CRC-8 over `data`, 0 to 255. Check value of b"123456789" is 0xA1 with both tables."""
    crc = 0
    for byte in data:
        crc = table[crc ^ byte]
    return crc
