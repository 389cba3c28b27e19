"""NOR flash (telink-ota 7.1): 4 KiB sectors that erase to FF, 256-byte pages, a program only clears bits.

The cells are a table of immutable sectors, shared until written: a blank megabyte is one sector and 256
references to it, and a snapshot is one shallow copy. The sector being programmed is kept open, so that a row
costs a row. Every erase and program goes through one hook, where a plan may cut the supply or spoil cells.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from lockbench_protocol import LocalError

__all__ = ["BLANK", "PAGE", "SECTOR", "Flash", "Hook", "Operation", "PowerCut", "Snapshot"]

SECTOR = 4096
PAGE = 256
BLANK = b"\xff" * SECTOR
_FF = [b"\xff" * length for length in range(PAGE + 1)]

Snapshot = tuple[bytes, ...]  # the sectors, lowest first


@dataclass(frozen=True, slots=True)
class Operation:
    """One erase or program, as the chip was told it."""

    number: int  # counted from 0 over the life of the Flash object
    kind: Literal["erase", "program"]
    address: int
    before: bytes  # the cells it touches
    after: bytes  # the same cells when it runs to its end
    asked: bytes = (
        b""  # what a program was given: where it differs from `after`, a 0 would have to become a 1
    )


class PowerCut(Exception):
    """The supply failed during an operation; its cells settled to `cells` (as long as `Operation.after`)."""

    def __init__(self, cells: bytes) -> None:
        super().__init__("the supply failed")
        self.cells = cells


# Gives what the cells hold afterwards (`operation.after` when all is well), or raises PowerCut.
Hook = Callable[[Operation], bytes]


@lru_cache(maxsize=4)
def _split(cells: bytes) -> tuple[bytes, ...]:
    """Whole sectors. Locks that leave the factory alike share them."""
    parts = (cells[at : at + SECTOR] for at in range(0, len(cells), SECTOR))
    return tuple(BLANK if part == BLANK else part for part in parts)


class Flash:
    """`size` bytes of NOR, blank."""

    def __init__(self, size: int = 1 << 20) -> None:
        if size <= 0 or size % SECTOR:
            raise LocalError(f"a flash of {size} bytes is not made of {SECTOR}-byte sectors")
        self._sectors: list[bytes] = [BLANK] * (size // SECTOR)
        self.size = size
        self.operations = 0  # erases and programs asked for
        self.erases: Counter[int] = Counter()  # wear: sector address -> erases
        self.hook: Hook | None = None
        self.protected = range(0)  # addresses where an operation silently does nothing
        self._open = bytearray()  # the cells of the sector that is being programmed
        self._opened = -1  # its number; -1: none is open

    @classmethod
    def of(cls, snapshot: Snapshot, operations: int = 0) -> Flash:
        """A flash whose cells are those of `snapshot`, and that counts its operations from there."""
        flash = cls.__new__(cls)
        flash.erases, flash.hook, flash.protected = Counter(), None, range(0)
        flash._opened = -1  # noqa: SLF001 - its own
        flash._sectors = list(snapshot)  # noqa: SLF001 - its own
        flash.size = len(snapshot) * SECTOR
        flash.operations = operations
        return flash

    def snapshot(self) -> Snapshot:
        """The cells as they are now. Counters, hook and protection are no part of it."""
        self._close()
        return tuple(self._sectors)

    def restore(self, snapshot: Snapshot) -> None:
        """Put the cells back as `snapshot` has them."""
        if len(snapshot) != len(self._sectors):
            raise LocalError(f"a snapshot of {len(snapshot)} sectors does not fit {len(self._sectors)}")
        self._sectors = list(snapshot)
        self._opened = -1

    def _close(self) -> None:
        if self._opened >= 0:
            self._sectors[self._opened] = bytes(self._open)
            self._opened = -1

    def sectors(self, start: int, end: int) -> list[bytes]:
        """The whole sectors between two addresses. Cells that nobody wrote are the same objects as before."""
        if self._opened >= 0:
            self._close()
        return self._sectors[start // SECTOR : end // SECTOR]

    def read(self, address: int, length: int) -> bytes:
        number, offset = divmod(address, SECTOR)
        if 0 <= address < self.size and 0 <= length <= SECTOR - offset:
            if number == self._opened:
                return bytes(self._open[offset : offset + length])
            return self._sectors[number][offset : offset + length]
        self._close()
        self._within(address, length)
        last = (address + length - 1) // SECTOR
        return b"".join(self._sectors[number : last + 1])[offset : offset + length]

    def holds(self, address: int, data: bytes) -> bool:
        """Does it read as `data` there? Quick in the sector that is being programmed."""
        number, offset = divmod(address, SECTOR)
        if number == self._opened:
            end = offset + len(data)
            if end <= SECTOR:
                return self._open[offset:end] == data
        return self.read(address, len(data)) == data

    def erase(self, address: int) -> None:
        """Erase the sector that begins at `address`."""
        if address % SECTOR or not 0 <= address < self.size:
            self._within(address, SECTOR)
            raise LocalError(f"no sector begins at {address:#x}")
        if self._opened >= 0:
            self._close()
        self.erases[address] = self.erases.get(address, 0) + 1
        if self.hook is None and address not in self.protected:
            self.operations += 1
            self._sectors[address // SECTOR] = BLANK
        else:
            self._operate("erase", address, self._sectors[address // SECTOR], BLANK, BLANK)

    def erase_range(self, start: int, end: int) -> None:
        """Erase the sectors from `start` up to `end`, lowest first; quickly where nobody watches."""
        if self.hook is not None or self.protected or start % SECTOR or end > self.size:
            for address in range(start, end, SECTOR):
                self.erase(address)
            return
        self._close()
        sectors, erases = self._sectors, self.erases
        for number in range(start // SECTOR, end // SECTOR):
            sectors[number] = BLANK
            address = number * SECTOR
            erases[address] = erases.get(address, 0) + 1
            self.operations += 1

    def program(self, address: int, data: bytes) -> None:
        """Clear the bits that are 0 in `data`, at most to the end of the page."""
        length = len(data)
        if not 0 < length <= PAGE - address % PAGE or not 0 <= address < self.size:
            self._within(address, length)
            raise LocalError(f"a program of {length} bytes at {address:#x} does not fit into its page")
        number, offset = divmod(address, SECTOR)
        end = offset + length
        if number != self._opened:
            self._close()
            self._open, self._opened = bytearray(self._sectors[number]), number
        cells = self._open
        before = cells[offset:end]
        after = data if before == _FF[length] else _and(before, data)
        if self.hook is None and address not in self.protected:
            self.operations += 1
            cells[offset:end] = after
        else:
            self._close()
            self._operate("program", address, bytes(before), after, data)

    def load(self, address: int, data: bytes) -> None:
        """Write `data` as the factory's programmer does: any cells, no wear, no operation counted."""
        self._close()
        self._within(address, len(data))
        first, offset = divmod(address, SECTOR)
        last = -(-(address + len(data)) // SECTOR)
        cells = b"".join(self._sectors[first:last])
        cells = cells[:offset] + data + cells[offset + len(data) :]
        self._sectors[first:last] = _split(cells)

    def put_sector(self, number: int, cells: bytes) -> None:
        """`load` of one whole sector, by its number: for whoever does it a hundred thousand times."""
        self._close()
        self._sectors[number] = cells

    def _within(self, address: int, length: int) -> None:
        if address < 0 or length < 0 or address + length > self.size:
            raise LocalError(f"{length} bytes at {address:#x} are outside this flash of {self.size:#x} bytes")

    def _operate(
        self, kind: Literal["erase", "program"], address: int, before: bytes, after: bytes, asked: bytes
    ) -> None:
        number = self.operations
        self.operations = number + 1
        if address in self.protected:
            after = before
        if self.hook is not None:
            try:
                after = self.hook(Operation(number, kind, address, before, after, asked))
            except PowerCut as cut:
                self._store(address, cut.cells)
                raise
        self._store(address, after)

    def _store(self, address: int, cells: bytes) -> None:
        number, offset = divmod(address, SECTOR)
        if len(cells) < SECTOR:
            sector = self._sectors[number]
            cells = sector[:offset] + cells + sector[offset + len(cells) :]
        self._sectors[number] = cells


def _and(before: bytes | bytearray, data: bytes) -> bytes:
    both = int.from_bytes(before, "little") & int.from_bytes(data, "little")
    return both.to_bytes(len(data), "little")
