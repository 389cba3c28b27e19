"""What a lock keeps when it restarts: owner, passcodes, cards, log, settings, in its flash.

Everything here is read in RAM. What changed is written by `commit` as one transaction of the store, so that a
power cut leaves the old state or the new one. Rows keep the order in which they were first written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar, overload

from lockbench_emulator.lock.store import Store

K = TypeVar("K")
V = TypeVar("V")


@dataclass(frozen=True, slots=True)
class Passcode:
    """One keypad code. `start` and `end` are date5 bytes; `uses` counts openings; `cycle` is of type 4."""

    type: int
    code: str
    original: str
    start: bytes
    end: bytes | None = None
    uses: int = 0
    cycle: int | None = None


@dataclass(frozen=True, slots=True)
class Dated:
    """A card, a fingerprint or a key fob with its period (date5)."""

    number: bytes
    start: bytes
    end: bytes


@dataclass(frozen=True, slots=True)
class Period:
    """A cyclic period: `from_` and `to` are hour and minute."""

    cycle: int
    day: int
    from_: bytes
    to: bytes


@dataclass(frozen=True, slots=True)
class Passage:
    """A time in which the lock stays open (ttlock-ble 5.16)."""

    type: int
    day: int
    month: int
    from_: bytes
    to: bytes


@dataclass(frozen=True, slots=True)
class Admin:
    """The owner's secrets (ttlock-ble 5.2)."""

    admin_ps: int
    unlock_key: int


# rows as bytes


def _text(value: str) -> bytes:
    return value.encode()


def _prefixed(*parts: bytes) -> bytes:
    return b"".join(bytes((len(part),)) + part for part in parts)


def _parts(data: bytes) -> list[bytes]:
    parts, at = [], 0
    while at < len(data):
        parts.append(data[at + 1 : at + 1 + data[at]])
        at += 1 + data[at]
    return parts


def _pack_passcode(row: Passcode) -> bytes:
    cycle = b"" if row.cycle is None else row.cycle.to_bytes(2, "big")
    head = bytes((row.type,)) + row.uses.to_bytes(2, "big")
    return _prefixed(head, _text(row.original), row.start, row.end or b"", cycle)


def _read_passcode(key: bytes, data: bytes) -> Passcode:
    head, original, start, end, cycle = _parts(data)
    return Passcode(
        head[0],
        key.decode(),
        original.decode(),
        start,
        end or None,
        int.from_bytes(head[1:], "big"),
        int.from_bytes(cycle, "big") if cycle else None,
    )


def _pack_period(row: Period) -> bytes:
    return bytes((row.cycle, row.day)) + row.from_ + row.to


def _read_period(data: bytes) -> Period:
    return Period(data[0], data[1], data[2:4], data[4:6])


def _pack_passage(row: Passage) -> bytes:
    return bytes((row.type, row.day, row.month)) + row.from_ + row.to


def _read_passage(data: bytes) -> Passage:
    return Passage(data[0], data[1], data[2], data[3:5], data[5:7])


@dataclass(frozen=True, slots=True)
class Codec(Generic[K, V]):
    """How the rows of one table stand in the store."""

    prefix: bytes
    key: Callable[[K], bytes]
    read_key: Callable[[bytes], K]
    pack: Callable[[V], bytes]
    read: Callable[[bytes, bytes], V]


def _dated(prefix: bytes) -> Codec[bytes, Dated]:
    return Codec(
        prefix,
        bytes,
        bytes,
        lambda row: row.start + row.end,
        lambda key, data: Dated(key, data[:5], data[5:10]),
    )


PASSCODES: Codec[str, Passcode] = Codec(b"p", _text, bytes.decode, _pack_passcode, _read_passcode)
CARDS = _dated(b"c")
FINGERPRINTS = _dated(b"f")
FOBS = _dated(b"k")
PERIODS: Codec[bytes, tuple[Period, ...]] = Codec(
    b"y",
    bytes,
    bytes,
    lambda rows: b"".join(map(_pack_period, rows)),
    lambda _key, data: tuple(_read_period(data[at : at + 6]) for at in range(0, len(data), 6)),
)
PASSAGES: Codec[Passage, None] = Codec(
    b"g", _pack_passage, _read_passage, lambda _: b"", lambda _key, _data: None
)
LOG: Codec[int, bytes] = Codec(
    b"l",
    lambda sequence: sequence.to_bytes(4, "big"),
    lambda key: int.from_bytes(key, "big"),
    bytes,
    lambda _key, data: data,
)
SCALARS: Codec[str, bytes] = Codec(b"s", _text, bytes.decode, bytes, lambda _key, data: data)


class Table(MutableMapping[K, V]):
    """Rows in RAM that know which of them the store has not seen."""

    def __init__(self, codec: Codec[K, V]) -> None:
        self.codec = codec
        self.changed: dict[K, None] = {}
        self._rows: dict[K, V] = {}

    def load(self, store: Store) -> None:
        codec, skip = self.codec, len(self.codec.prefix)
        self.changed.clear()
        self._rows = {
            codec.read_key(key[skip:]): codec.read(key[skip:], value)
            for key, value in store.items(codec.prefix)
        }

    def changes(self) -> Iterator[tuple[bytes, bytes | None]]:
        codec = self.codec
        for key in self.changed:
            row = codec.pack(self._rows[key]) if key in self._rows else None
            yield codec.prefix + codec.key(key), row
        self.changed.clear()

    def __getitem__(self, key: K) -> V:
        return self._rows[key]

    def __setitem__(self, key: K, value: V) -> None:
        if key in self.changed and key not in self._rows:
            del self.changed[key]  # deleted and written again: last in order
        self.changed[key] = None
        self._rows[key] = value

    def __delitem__(self, key: K) -> None:
        del self._rows[key]
        self.changed[key] = None

    def __iter__(self) -> Iterator[K]:
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)


class Kept(Generic[V]):
    """One value of the memory, kept in the table of scalars; absent is the default."""

    def __init__(self, pack: Callable[[V], bytes], read: Callable[[bytes], V], default: V) -> None:
        self._pack, self._read, self._default = pack, read, default

    def __set_name__(self, owner: type, name: str) -> None:
        self._name = name

    @overload
    def __get__(self, memory: None, owner: type) -> Kept[V]: ...

    @overload
    def __get__(self, memory: Memory, owner: type) -> V: ...

    def __get__(self, memory: Memory | None, owner: type) -> V | Kept[V]:
        if memory is None:
            return self
        cached = memory.values_now
        if self._name not in cached:
            data = memory.scalars.get(self._name)
            cached[self._name] = self._default if data is None else self._read(data)
        value: V = cached[self._name]
        return value

    def __set__(self, memory: Memory, value: V) -> None:
        memory.values_now[self._name] = value
        if value == self._default:
            memory.scalars.pop(self._name, None)
        else:
            memory.scalars[self._name] = self._pack(value)


def _number(default: int = 0) -> Kept[int]:
    return Kept(lambda value: value.to_bytes(8, "big"), lambda data: int.from_bytes(data, "big"), default)


def _raw() -> Kept[bytes]:
    return Kept(bytes, bytes, b"")


def _pack_times(times: tuple[int, ...]) -> bytes:
    return b"".join(at.to_bytes(8, "big") for at in times)


def _read_times(data: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(data[at : at + 8], "big") for at in range(0, len(data), 8))


def _pack_admin(admin: Admin | None) -> bytes:
    return b"" if admin is None else admin.admin_ps.to_bytes(4, "big") + admin.unlock_key.to_bytes(4, "big")


def _read_admin(data: bytes) -> Admin:
    return Admin(int.from_bytes(data[:4], "big"), int.from_bytes(data[4:], "big"))


class Memory:
    """Everything that outlives a restart. A lock that nobody has paired has no key."""

    key: Kept[bytes] = _raw()  # AES; empty before pairing
    admin: Kept[Admin | None] = Kept(_pack_admin, _read_admin, None)
    flag_position: Kept[int] = _number()
    admin_passcode: Kept[str] = Kept(_text, bytes.decode, "")
    erase_code: Kept[str] = Kept(_text, bytes.decode, "")
    pairs: Kept[bytes] = _raw()  # year and ten pairs, as 31 brought them
    last_sequence: Kept[int] = _number()
    bookmark: Kept[int] = _number()
    wrong_codes: Kept[tuple[int, ...]] = Kept(_pack_times, _read_times, ())  # ms on the bench's clock
    keypad_locked_until: Kept[int] = _number()  # ms on the bench's clock
    auto_lock: Kept[int] = _number()
    door_lock: Kept[int] = _number()  # the switch of 36 for a door sensor
    remote_unlock: Kept[int] = _number(1)
    audio: Kept[int] = _number(1)
    volume: Kept[int] = _number(3)
    language: Kept[int] = _number()
    show_passcode: Kept[int] = _number(1)
    frozen: Kept[int] = _number()
    lamp: Kept[int] = _number()
    switches: Kept[int] = _number()
    sensitivity: Kept[int] = _number(1)
    door_sensor: Kept[bytes] = _raw()  # MAC of a wireless one
    nb_server: Kept[bytes] = _raw()  # port and host
    wifi: Kept[bytes] = _raw()  # the last settings, as they came

    def __init__(self, store: Store, log_capacity: int) -> None:
        self.unlocked = False  # where the bolt stands: the mechanism remembers it
        self.privacy = False  # the bolt inside is thrown
        self.values_now: dict[str, Any] = {}
        self.scalars: Table[str, bytes] = Table(SCALARS)
        self.passcodes: Table[str, Passcode] = Table(PASSCODES)
        self.cards: Table[bytes, Dated] = Table(CARDS)
        self.fingerprints: Table[bytes, Dated] = Table(FINGERPRINTS)
        self.fobs: Table[bytes, Dated] = Table(FOBS)
        self.periods: Table[bytes, tuple[Period, ...]] = Table(PERIODS)
        self.passages: Table[Passage, None] = Table(PASSAGES)
        self.log: Table[int, bytes] = Table(LOG)  # sequence -> RECORD without its length
        self._store = store
        self._log_capacity = log_capacity
        self.reload()

    def reopen(self, store: Store) -> None:
        """What the flash holds after a restart."""
        self._store = store
        self.reload()

    def reload(self) -> None:
        """Forget what is not in the store."""
        self.values_now.clear()
        for table in self._tables():
            table.load(self._store)

    def _tables(self) -> tuple[Table[Any, Any], ...]:
        return (
            self.scalars,
            self.passcodes,
            self.cards,
            self.fingerprints,
            self.fobs,
            self.periods,
            self.passages,
            self.log,
        )

    def commit(self) -> None:
        """Write what changed, all or nothing. PowerCut passes through."""
        changes = {key: row for table in self._tables() if table.changed for key, row in table.changes()}
        if changes:
            self._store.commit(changes)

    @property
    def unread(self) -> bool:
        return self.last_sequence > self.bookmark

    def write_log(self, body: bytes) -> int:
        """Add a record, dropping the oldest of a full log. Returns its sequence."""
        sequence = self.last_sequence + 1
        self.last_sequence = sequence
        self.log[sequence] = body
        if len(self.log) > self._log_capacity:
            del self.log[next(iter(self.log))]
        return sequence

    def use(self, code: str) -> None:
        passcode = self.passcodes[code]
        self.passcodes[code] = replace(passcode, uses=passcode.uses + 1)

    def forget_owner(self) -> None:
        """Back to setting mode: no key, no owner, no credentials; the log stays."""
        self.key, self.admin, self.flag_position = b"", None, 0
        self.admin_passcode = self.erase_code = ""
        self.pairs = b""
        self.frozen = 0
        for table in (self.passcodes, self.cards, self.fingerprints, self.fobs, self.periods, self.passages):
            table.clear()
