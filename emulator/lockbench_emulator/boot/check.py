"""The server's check of an image as it arrives, PDU by PDU in order (telink-ota 4.1 point 3, 6.1, 6.2).

It thinks in rows of 16 bytes, whatever a PDU carries. An error does not stop the PDU from being written;
whoever feeds it decides what follows.
"""

from __future__ import annotations

import zlib

from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import ALGORITHMS, CHECKED, MARK, ROW

__all__ = ["ImageCheck"]

_SIZE_AT = 0x18
_FEWEST_ROWS = 3


class ImageCheck:
    """Feed it the payloads of PDUs 0, 1, 2, ...: `size` is what the header declares, 0 before it came."""

    def __init__(self, mark_offset: int, init: int = 0xFFFFFFFF) -> None:
        self.size = 0
        self.total = 0  # rows that the header declares
        self._mark_offset = mark_offset
        self._header_end = max(_SIZE_AT + 4, mark_offset + len(MARK))  # nothing to look at beyond
        self._value_at = -1  # where the check value is expected
        self._algorithm = 2
        self._crc32 = init ^ 0xFFFFFFFF  # as zlib counts
        self._sum = 0

    def feed(self, at: int, payload: bytes) -> Result | None:
        """The bytes from offset `at`, some whole rows; gives what they show to be wrong, if anything."""
        if self._header_end <= at < self._value_at - len(payload) and self._algorithm != 1:
            self._crc32 = zlib.crc32(payload, self._crc32)
            return None
        found = self._header(at, payload) if at < self._header_end else None
        value = self._value_at - at
        inside = 0 <= value < len(payload)
        body = payload[:value] if inside else payload
        self._crc32 = zlib.crc32(body, self._crc32)
        if self._algorithm == 1:
            self._add_rows(at, body)
        if inside and int.from_bytes(payload[value : value + 4], "little") != self._value():
            return found or Result.CHECK
        return found

    def _header(self, at: int, payload: bytes) -> Result | None:
        found: Result | None = None
        if at == 0:
            if payload[6] != CHECKED or payload[7] not in ALGORITHMS:
                found = Result.CHECK
            else:
                self._algorithm = payload[7]
        if at <= self._mark_offset < at + len(payload):
            mark = self._mark_offset - at
            if payload[mark : mark + len(MARK)] != MARK:
                found = Result.MARK
        if at <= _SIZE_AT < at + len(payload):
            self.size = int.from_bytes(payload[_SIZE_AT - at : _SIZE_AT - at + 4], "little")
            self.total = -(-self.size // ROW)
            if self.total < _FEWEST_ROWS:
                found = Result.SIZE
            else:
                self._value_at = (self.total - 1) * ROW
        return found

    def _add_rows(self, at: int, body: bytes) -> None:
        for row in range(0, len(body), ROW):
            index = (at + row) // ROW
            self._sum += crc16(index.to_bytes(2, "little") + body[row : row + ROW])

    def _value(self) -> int:
        return self._sum & 0xFFFFFFFF if self._algorithm == 1 else self._crc32 ^ 0xFFFFFFFF
