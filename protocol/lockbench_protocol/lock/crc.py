"""CRC-8 of a frame (ttlock-ble 3.2).

`VENDOR` is what locks and the vendor's clients use; `TEXTBOOK` is Dallas/Maxim as printed in books.
They differ in entry 33 only.
"""

from __future__ import annotations

from functools import cache
from typing import Any

_POLYNOMIAL = 0x8C  # 0x31 reflected; start value 0, no final xor
_PATIENCE = 8
_SLIP = (33, 0x07)  # in the vendor's table this entry is 0x07 where the polynomial gives 0x7D


def _entry(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (_POLYNOMIAL if index & 1 else 0)
    return index


TEXTBOOK = bytes(_entry(index) for index in range(256))
VENDOR = bytes(_SLIP[1] if index == _SLIP[0] else value for index, value in enumerate(TEXTBOOK))


class Crc8:
    """The CRC-8 of one table as a function: 0 to 255 of bytes.

    Walking an automaton is half again as fast as the table, because its states need no xor. A state is a
    list: the next state at each byte, and at 256 the CRC so far. They take 0.5 MB and milliseconds, so they
    are made after a few uses.
    """

    __slots__ = ("_start", "_uses", "table")

    def __init__(self, table: bytes) -> None:
        self.table = table
        self._start: list[Any] | None = None
        self._uses = 0

    def start(self) -> list[Any]:
        """The state before the first byte."""
        if self._start is None:
            states: list[list[Any]] = [[] for _ in range(256)]
            for crc, state in enumerate(states):
                state += [states[self.table[crc ^ byte]] for byte in range(256)]
                state.append(crc)
            self._start = states[0]
        return self._start

    def __call__(self, data: bytes) -> int:
        state = self._start
        if state is None:
            return self._slowly(data)
        for byte in data:
            state = state[byte]
        crc: int = state[256]
        return crc

    def _slowly(self, data: bytes) -> int:
        self._uses += 1
        if self._uses > _PATIENCE:
            self.start()
        crc = 0
        for byte in data:
            crc = self.table[crc ^ byte]
        return crc


@cache
def crc_of(table: bytes) -> Crc8:
    """The CRC of this table, made once."""
    return Crc8(table)


def crc8(data: bytes, table: bytes = VENDOR) -> int:
    """CRC-8 over `data`, 0 to 255. Check value of b"123456789" is 0xA1 with both tables."""
    return crc_of(table)(data)
