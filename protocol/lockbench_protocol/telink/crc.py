"""CRC-16/MODBUS, the check of every Telink data PDU (telink-ota 3.3).

Reflected polynomial A001, initial value FFFF, no final XOR. CRC is linear, so the one length that matters,
18 bytes (index and 16 bytes of image), is a XOR of one table entry a byte; other lengths go byte by byte.
"""

from __future__ import annotations

__all__ = ["crc16"]

INITIAL = 0xFFFF
_ROW = 18


def _after_one_byte(crc: int) -> int:
    for _ in range(8):
        crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


_TABLE = [_after_one_byte(byte) for byte in range(256)]


def _bytewise(data: bytes, crc: int) -> int:
    table = _TABLE
    for byte in data:
        crc = (crc >> 8) ^ table[(crc ^ byte) & 0xFF]
    return crc


# _AT[i][byte]: what `byte` at place i of an 18-byte row adds to the CRC
_AT = [[_bytewise(bytes(_ROW - 1 - i), _TABLE[byte]) for byte in range(256)] for i in range(_ROW)]
_ZEROS = _bytewise(bytes(_ROW), INITIAL)
# fmt: off
_Q0, _Q1, _Q2, _Q3, _Q4, _Q5, _Q6, _Q7, _Q8, _Q9, _Q10, _Q11, _Q12, _Q13, _Q14, _Q15, _Q16, _Q17 = _AT


def _row(data: bytes) -> int:
    a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r = data  # noqa: E741 - eighteen bytes, a letter each
    return (
        _ZEROS
        ^ _Q0[a] ^ _Q1[b] ^ _Q2[c] ^ _Q3[d] ^ _Q4[e] ^ _Q5[f] ^ _Q6[g] ^ _Q7[h] ^ _Q8[i]
        ^ _Q9[j] ^ _Q10[k] ^ _Q11[l] ^ _Q12[m] ^ _Q13[n] ^ _Q14[o] ^ _Q15[p] ^ _Q16[q] ^ _Q17[r]
    )
# fmt: on


def crc16(data: bytes) -> int:
    """The CRC of `data`; it travels low byte first."""
    return _row(data) if len(data) == _ROW else _bytewise(data, INITIAL)
