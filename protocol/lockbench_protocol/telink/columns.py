"""All data PDUs of an image at once, column by column (telink-ota 3.2, 3.3).

The CRC-16 of all rows advances together: their low and their high bytes are two vectors, and a step is two
table look-ups by `bytes.translate` and two XORs of big integers.
"""

from __future__ import annotations

from functools import cache

from lockbench_protocol.telink.crc import INITIAL, TABLE


@cache
def _tables() -> tuple[bytes, bytes]:
    """Low and high byte of what each byte does to the CRC."""
    return bytes(entry & 0xFF for entry in TABLE), bytes(entry >> 8 for entry in TABLE)


def crcs(columns: list[bytes]) -> tuple[bytes, bytes]:
    """Low and high bytes of the CRC-16 of each row. `columns` are of one length, not empty."""
    low_table, high_table = _tables()
    size = len(columns[0])
    low, high = (int.from_bytes(bytes((byte,)) * size, "little") for byte in INITIAL.to_bytes(2, "little"))
    for column in columns:
        index = (low ^ int.from_bytes(column, "little")).to_bytes(size, "little")
        low = int.from_bytes(index.translate(low_table), "little") ^ high
        high = int.from_bytes(index.translate(high_table), "little")
    return low.to_bytes(size, "little"), high.to_bytes(size, "little")


def pdus_of(data: bytes, length: int) -> list[bytes]:
    """Data PDUs 0, 1, 2 ... with `length` bytes of `data` each, which are a multiple of `length`."""
    count, width = len(data) // length, length + 4
    if not count:
        return []
    rounds = count // 256 + 1
    low = (bytes(range(256)) * rounds)[:count]
    high = b"".join(bytes((byte,)) * 256 for byte in range(rounds))[:count]
    columns = [low, high, *(data[at::length] for at in range(length))]
    table = bytearray(count * width)
    for at, column in enumerate([*columns, *crcs(columns)]):
        table[at::width] = column
    made = bytes(table)
    return [made[at : at + width] for at in range(0, len(made), width)]
