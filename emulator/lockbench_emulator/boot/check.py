"""The server's check of an image as it arrives, row by row in order (telink-ota 4.1 point 3, 6.1, 6.2).

An error does not stop the row from being written; whoever feeds the rows decides what follows.
"""

from __future__ import annotations

import zlib

from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import ALGORITHMS, CHECKED, MARK, ROW

__all__ = ["ImageCheck"]

_SIZE_ROW = 0x18 // ROW
_FEWEST_ROWS = 3


class ImageCheck:
    """Feed it rows 0, 1, 2, ...: `total` is the number of rows the header declares (0 before row 1)."""

    def __init__(self, mark_offset: int) -> None:
        self.total = 0
        self._mark_row, self._mark_at = divmod(mark_offset, ROW)
        self._algorithm = 2
        self._crc32 = 0
        self._sum = 0

    def feed(self, index: int, row: bytes, crc16: int) -> Result | None:
        """Row `index` and the CRC-16 of its PDU; gives what this row shows to be wrong, if anything."""
        if index == self.total - 1 and index > _SIZE_ROW:
            return None if int.from_bytes(row[:4], "little") == self._value() else Result.CHECK
        self._crc32 = zlib.crc32(row, self._crc32)
        self._sum += crc16
        if index > _SIZE_ROW and index != self._mark_row:
            return None
        return self._header(index, row)

    def _header(self, index: int, row: bytes) -> Result | None:
        found: Result | None = None
        if index == self._mark_row and row[self._mark_at : self._mark_at + len(MARK)] != MARK:
            found = Result.MARK
        if index == 0:
            if row[6] != CHECKED or row[7] not in ALGORITHMS:
                found = Result.CHECK
            else:
                self._algorithm = row[7]
        if index == _SIZE_ROW:
            self.total = -(-int.from_bytes(row[8:12], "little") // ROW)
            if self.total < _FEWEST_ROWS:
                found = Result.SIZE
        return found

    def _value(self) -> int:
        return self._sum & 0xFFFFFFFF if self._algorithm == 1 else self._crc32 ^ 0xFFFFFFFF
