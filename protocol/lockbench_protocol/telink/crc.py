"""CRC-16/MODBUS, the check of every Telink data PDU (telink-ota 3.3).

Reflected polynomial A001, initial value FFFF, no final XOR. CRC is linear, so the one length that matters,
18 bytes (index and 16 bytes of image), is a XOR of one table entry a byte; other lengths go byte by byte.
"""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["crc16"]

INITIAL = 0xFFFF
_ROW = 18


def _after_one_byte(crc: int) -> int:
    for _ in range(8):
        crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


TABLE = [_after_one_byte(byte) for byte in range(256)]


def _bytewise(data: bytes, crc: int) -> int:
    table = TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


# fmt: off
def _unroll() -> Callable[[bytes], int]:
    """The CRC of 18 bytes as one expression; q[i][byte] is what `byte` at place i adds to it."""
    zeros = _bytewise(bytes(_ROW), INITIAL)
    q = [[_bytewise(bytes(_ROW - 1 - i), TABLE[byte]) for byte in range(256)] for i in range(_ROW)]
    q0, q1, q2, q3, q4, q5, q6, q7, q8, q9, q10, q11, q12, q13, q14, q15, q16, q17 = q

    def row(data: bytes) -> int:
        a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r = data  # noqa: E741 - eighteen bytes, a letter each
        return (
            zeros
            ^ q0[a] ^ q1[b] ^ q2[c] ^ q3[d] ^ q4[e] ^ q5[f] ^ q6[g] ^ q7[h] ^ q8[i]
            ^ q9[j] ^ q10[k] ^ q11[l] ^ q12[m] ^ q13[n] ^ q14[o] ^ q15[p] ^ q16[q] ^ q17[r]
        )

    return row
# fmt: on


def _first_row(data: bytes) -> int:
    global _row  # noqa: PLW0603 - its tables take 10 ms, so the first row makes them
    _row = _unroll()
    return _row(data)


_row = _first_row


def crc16(data: bytes) -> int:
    """The CRC of `data`; it travels low byte first."""
    return _row(data) if len(data) == _ROW else _bytewise(data, INITIAL)
