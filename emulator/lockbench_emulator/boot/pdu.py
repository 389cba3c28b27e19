"""What is wrong with a data PDU before its content is looked at: the checks of its dialect, in their order.

telink-ota 3.2, 4.1 point 3, 4.4. A plain PDU never comes here: `server` lets it pass.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import ROW

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.dialect import ServerDialect

__all__ = ["Ignored", "judge_pdu"]

_SIZE_AT = 2 + 0x18  # in PDU 0, where it is long enough


class _Ignored(Enum):
    IGNORED = auto()


Ignored = _Ignored.IGNORED
"""The PDU is neither written nor an error."""


@dataclass(frozen=True, slots=True)
class _Given:
    """A data PDU and the transfer it belongs to."""

    value: bytes
    index: int
    last: int  # last index written
    length: int  # bytes of image in a PDU
    total: int  # rows of the whole image, 0 when unknown
    limit: int
    dialect: ServerDialect

    @property
    def at(self) -> int:
        return self.index * self.length


def judge_pdu(
    value: bytes, last: int, length: int, total: int, board: Board, dialect: ServerDialect
) -> Result | _Ignored | None:
    """The first thing wrong with `value`, or None."""
    index = value[0] | value[1] << 8
    given = _Given(value, index, last, length, total, board.limit, dialect)
    for check in dialect.checks:
        found = _CHECKS[check](given)
        if found is not None:
            return found
    return None


def _length(given: _Given) -> Result | None:
    carried = len(given.value) - 4
    if carried % 2:
        return Result.INVALID
    return None if carried in _lengths(given) else Result.LENGTH


def _lengths(given: _Given) -> set[int]:
    """Bytes of image that PDU `index` may carry."""
    total = given.total
    if not total and given.index == 0:
        total = -(-int.from_bytes(given.value[_SIZE_AT : _SIZE_AT + 4], "little") // ROW)
    left = total * ROW - given.at
    if not 0 < left < given.length:
        return {given.length}
    return {left, given.length} if given.dialect.last_pdu == "rows or full" else {left}


def _range(given: _Given) -> Result | None:
    beyond = given.total > 0 and given.at >= given.total * ROW and given.dialect.beyond_size == "refused"
    return Result.INVALID if beyond or given.at >= given.limit else None


def _index(given: _Given) -> Result | _Ignored | None:
    if given.index == given.last + 1:
        return None
    repeated = given.index <= given.last
    return Ignored if repeated and given.dialect.repeated_index == "ignore" else Result.SEQUENCE


def _crc(given: _Given) -> Result | None:
    """Where lengths are not looked at, a wrong one makes a wrong CRC."""
    value = given.value
    if "length" not in given.dialect.checks and len(value) != given.length + 4:
        return Result.CRC
    return None if len(value) >= 4 and crc16(value[:-2]) == value[-2] | value[-1] << 8 else Result.CRC


def _limit(given: _Given) -> Result | None:
    return Result.SIZE if given.at >= given.limit else None


_CHECKS: Mapping[str, Callable[[_Given], Result | _Ignored | None]] = {
    "length": _length,
    "range": _range,
    "index": _index,
    "crc": _crc,
    "limit": _limit,
}
