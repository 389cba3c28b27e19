"""The date forms on the wire (ttlock-ble 5, 5.3): one byte for each pair of digits, binary or BCD."""

from __future__ import annotations

from datetime import datetime

from lockbench_protocol import LocalError, RemoteError

PERMANENT_START = bytes((0, 2, 1, 1, 0))  # 2000-02-01 01:00
PERMANENT_END = bytes((99, 12, 1, 1, 0))  # 2099-12-01 01:00


def date5(moment: datetime) -> bytes:
    """YY MM DD hh mm of a local time, 2000 to 2099."""
    return date6(moment)[:5]


def date6(moment: datetime) -> bytes:
    """The same with the seconds. LocalError for another year."""
    if not 2000 <= moment.year <= 2099:
        raise LocalError(f"a lock knows the years 2000 to 2099, not {moment.year}")
    return bytes((moment.year - 2000, moment.month, moment.day, moment.hour, moment.minute, moment.second))


def read_date(data: bytes) -> datetime:
    """date5 or date6 as a naive local time; RemoteError when no calendar has it."""
    try:
        return datetime(2000 + data[0], *data[1:])  # noqa: DTZ001 - the wire has no zone
    except (ValueError, TypeError, IndexError):
        raise RemoteError(f"{data.hex() or '(empty)'} is no date") from None


def to_bcd(data: bytes) -> bytes:
    """The same date with each byte in BCD, as one client sends it in 0x55."""
    return bytes(value // 10 << 4 | value % 10 for value in data)


def from_bcd(data: bytes) -> bytes:
    """RemoteError when a nibble is no digit."""
    if any(value >> 4 > 9 or value & 15 > 9 for value in data):
        raise RemoteError(f"{data.hex()} is no BCD")
    return bytes((value >> 4) * 10 + (value & 15) for value in data)
