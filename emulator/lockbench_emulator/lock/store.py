"""A small store of keys and values in NOR flash: atomic transactions over a log that runs round its sectors.

The cells are described in `sector`; this file decides what is written, in which order, and what counts.
No frame goes where the cells were not seen blank, all is read back, an unfinished frame closes its sector.
Opening only reads.

| step | what is programmed | after a cut in it |
|---|---|---|
| commit | the body of each frame, then its mark | all with the mark of the last frame, none before |
| next sector | its header | without a header it is free |
| collect | the records that live in the oldest sector, as one commit | both hold them |
| retire | zeros over the header of the oldest sector | it is in the log or not: all the same |
| erase | a sector out of the log, when its turn comes | not blank: erased again |

A deleted key stays deleted: the oldest sector leaves first, so every older value of the key left before it.
One sector is always free between two steps. When an open finds none, the cut fell into a collect, and the
newest sector holds nothing but copies: it is given up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

from lockbench_protocol import LocalError

from lockbench_emulator.boot.flash import BLANK, PAGE, SECTOR, Flash
from lockbench_emulator.lock.sector import (
    CONTINUES,
    FRAME_SIZE,
    GOES_ON,
    HEADER_SIZE,
    MARK,
    RECORD_LIMIT,
    RECORD_SIZE,
    RETIRED,
    Record,
    Sector,
    decode,
    frame_body,
    header,
    split,
)

__all__ = ["Store", "StoreFault", "StoreFull"]

_LEAST_SECTORS = 3
_KEY_LIMIT = 255
# What a sector surely takes: the next record, or a frame for it, may just not fit at its end.
_USABLE = SECTOR - HEADER_SIZE - FRAME_SIZE - RECORD_LIMIT


class StoreFull(LocalError):
    """The transaction does not fit; nothing was changed."""


class StoreFault(LocalError):
    """The cells do not take what is written: protected, worn out, brown-out. Nothing was changed."""


class _Entry(NamedTuple):
    value: bytes
    birth: int
    home: int  # address of the sector that holds it


class Store:
    """The keys and values in `flash` from `start` to `end`, whatever the cells there hold.

    The region is at least three whole sectors (LocalError). After a PowerCut or StoreFault open it anew.
    """

    def __init__(self, flash: Flash, start: int, end: int) -> None:
        if start % SECTOR or end % SECTOR or not 0 <= start < end <= flash.size:
            raise LocalError(f"a store from {start:#x} to {end:#x} is not made of whole sectors of the flash")
        self._ring = range(start, end, SECTOR)
        count = len(self._ring)
        if count < _LEAST_SECTORS:
            raise LocalError(
                f"a store of {count} sectors has no room to collect in; {_LEAST_SECTORS} are needed"
            )
        self._flash = flash
        # A whole collect puts at most two frames into the log for each sector, a transaction one.
        self._limit = (count - 1) * _USABLE - 3 * count * FRAME_SIZE
        self.capacity = self._limit - _USABLE
        self._entries: dict[bytes, _Entry] = {}  # in order of birth
        self._living: dict[int, dict[bytes, None]] = {address: {} for address in self._ring}
        self._used = 0
        self._log: list[int] = []  # addresses, the oldest first, the head last
        self._sequence = 0  # of the head
        self._end = SECTOR  # where the next frame begins in the head
        self._open()
        # The birth of the next new key; a gap does no harm.
        self._births = 1 + max((entry.birth for entry in self._entries.values()), default=-1)

    @property
    def used(self) -> int:
        """Bytes of `capacity` that the keys take: 7 for each, its length and that of its value."""
        return self._used

    def get(self, key: bytes) -> bytes | None:
        entry = self._entries.get(key)
        return None if entry is None else entry.value

    def items(self, prefix: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Keys that begin so and their values, as they are now, in the order in which the keys first came."""
        found = [(key, entry.value) for key, entry in self._entries.items() if key.startswith(prefix)]
        return iter(found)

    def commit(self, puts: Mapping[bytes, bytes | None]) -> None:
        """Put these values, delete where there is None: all of it, or after a power cut perhaps none.

        A key has 1 to 255 bytes (LocalError), key and value together at most 505. StoreFull when they have
        more, when the keys would outgrow `capacity`, or when so large a transaction has no room beside what
        it replaces.
        """
        records, size, growth = self._changes(puts)
        if not records:
            return
        if growth > 0 and self._used + growth > self.capacity:
            raise StoreFull(f"{growth} bytes more than {self._used} do not fit into {self.capacity}")
        if self._used + size > self._limit:
            raise StoreFull(f"a transaction of {size} bytes has no room beside the {self._used} in use")
        fits = size + FRAME_SIZE <= SECTOR - self._end
        self._write([records] if fits else self._make_room(records))
        self._used += growth

    def _changes(self, puts: Mapping[bytes, bytes | None]) -> tuple[list[Record], int, int]:
        """The puts that change anything, their bytes, and by how many the store grows."""
        records = []
        total = growth = 0
        for key, value in puts.items():
            length = len(key)
            if not 0 < length <= _KEY_LIMIT:
                raise LocalError(f"a key of {length} bytes cannot be stored; it has 1 to {_KEY_LIMIT}")
            old = self._entries.get(key)
            if value == (None if old is None else old.value):
                continue
            size = RECORD_SIZE + length + len(value or b"")
            if size > RECORD_LIMIT:
                raise StoreFull(f"{size} bytes for the key {key.hex()} exceed {RECORD_LIMIT}")
            total += size
            if value is not None:
                growth += size
            if old is None:
                birth = self._births
                self._births += 1
            else:
                birth = old.birth
                growth -= RECORD_SIZE + length + len(old.value)
            records.append(Record(key, value, birth))
        return records, total, growth

    # opening

    def _open(self) -> None:
        sectors = [
            sector
            for address in self._ring
            if (cells := self._flash.read(address, SECTOR)) != BLANK
            and (sector := decode(address, cells)) is not None
        ]
        sectors.sort(key=lambda sector: (sector.sequence, sector.address))
        entries = _replay(sectors)
        if sectors:
            self._sequence, self._end = sectors[-1].sequence, sectors[-1].end
        if len(sectors) == len(self._ring) and _same(entries, before := _replay(sectors[:-1])):
            # Its cells still read as the newest: no frame may follow before it, none with its sequence.
            del sectors[-1]
            entries, self._end = before, SECTOR
        self._log = [sector.address for sector in sectors]
        self._entries = dict(sorted(entries.items(), key=lambda item: item[1].birth))
        for key, entry in self._entries.items():
            self._living[entry.home][key] = None
            self._used += RECORD_SIZE + len(key) + len(entry.value)

    # writing

    def _make_room(self, records: list[Record]) -> list[list[Record]]:
        """Collect until the records fit and a sector stays free; the frames they go into."""
        while len(chunks := split(records, SECTOR - self._end)) > len(self._ring) - len(self._log):
            self._collect()
        return chunks

    def _collect(self) -> None:
        """Take the oldest sector out of the log."""
        oldest = self._log[0]
        if len(self._log) == 1:
            self._end = SECTOR
        living = self._living[oldest]
        if living:
            entries = [(key, self._entries[key]) for key in living]
            records = [Record(key, entry.value, entry.birth) for key, entry in entries]
            self._write(split(records, SECTOR - self._end))
        self._program(oldest, RETIRED)
        del self._log[0]

    def _write(self, chunks: list[list[Record]]) -> None:
        """One transaction: the first chunk into the head, each other into a sector of its own."""
        homes: list[tuple[int, list[Record]]] = []
        for number, chunk in enumerate(chunks):
            if number:
                self._next_sector()
            if chunk:
                links = (CONTINUES if homes else 0) | (GOES_ON if number < len(chunks) - 1 else 0)
                self._write_frame(links, chunk)
                homes.append((self._log[-1], chunk))
        for home, chunk in homes:
            for record in chunk:
                self._settle(record, home)

    def _write_frame(self, links: int, records: list[Record]) -> None:
        offset, self._end = self._end, SECTOR  # closed, should anything fail
        body = frame_body(self._sequence, offset, links, records)
        place = self._log[-1] + offset
        self._program(place + 1, body)
        self._program(place, MARK)
        self._end = offset + 1 + len(body)

    def _settle(self, record: Record, home: int) -> None:
        """The record counts: the keys follow."""
        key, value, birth = record
        old = self._entries.get(key)
        if old is not None:
            del self._living[old.home][key]
        if value is None:
            self._entries.pop(key, None)
            return
        self._entries[key] = _Entry(value, birth, home)
        self._living[home][key] = None

    def _next_sector(self) -> None:
        """The next free sector of the ring becomes the head, blank but for its header."""
        address = self._next_free()
        if self._flash.read(address, SECTOR) != BLANK:
            self._flash.erase(address)
            if self._flash.read(address, SECTOR) != BLANK:
                raise StoreFault(f"the sector at {address:#x} does not erase")
        self._program(address, header(self._sequence + 1))
        self._sequence += 1
        self._log.append(address)
        self._end = HEADER_SIZE

    def _next_free(self) -> int:
        ring = list(self._ring)
        at = ring.index(self._log[-1]) + 1 if self._log else 0
        free = next((address for address in ring[at:] + ring[:at] if address not in self._log), None)
        if free is None:
            raise StoreFault("no sector of the store is free: its cells were spoilt")
        return free

    def _program(self, address: int, data: bytes) -> None:
        """Program cells of one sector, page by page, and read them back."""
        at = 0
        while at < len(data):
            room = PAGE - (address + at) % PAGE
            self._flash.program(address + at, data[at : at + room])
            at += room
        if self._flash.read(address, len(data)) != data:
            raise StoreFault(f"{len(data)} bytes programmed at {address:#x} read back differently")


def _replay(sectors: list[Sector]) -> dict[bytes, _Entry]:
    """What the log says, the oldest sector first."""
    entries: dict[bytes, _Entry] = {}
    pending: list[tuple[Record, int]] = []
    expected = 0  # sequence in which the pending transaction goes on
    for sector in sectors:
        for links, records in sector.frames:
            if not links & CONTINUES or sector.sequence != expected:
                pending.clear()
            pending.extend([(record, sector.address) for record in records])
            if links & GOES_ON:
                expected = sector.sequence + 1
                continue
            for (key, value, birth), home in pending:
                if value is None:
                    entries.pop(key, None)
                else:
                    entries[key] = _Entry(value, birth, home)
            pending.clear()
    return entries


def _same(some: dict[bytes, _Entry], others: dict[bytes, _Entry]) -> bool:
    """The same keys with the same values, wherever they live."""
    return some.keys() == others.keys() and all(entry[:2] == others[key][:2] for key, entry in some.items())
