"""The frame between app and lock (ttlock-ble 3.1 to 3.3).

`FRAME` is the truth: encode and decode are compiled from it. A frame carries ciphertext; this module knows
no key. The reassembler cuts a byte stream by declared length and finds its feet again after garbage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from typing import Any, TypeVar

from construct import (
    Checksum,
    Const,
    Construct,
    ConstructError,
    GreedyBytes,
    Int8ub,
    Int16ub,
    Prefixed,
    RawCopy,
    Struct,
    Terminated,
    this,
)

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.lock.crc import TEXTBOOK, VENDOR, crc8, crc_of
from lockbench_protocol.schema import Codec

MAGIC = b"\x7f\x5a"
TAIL = b"\r\n"
CHUNK = 20  # bytes in one write or notification (ttlock-ble 3.3)
MAX_DATA = 112  # SDK and K3 read the length as signed and take at most 128 bytes
AES = 0xAA  # the `encrypt` byte of V3 (ttlock-ble 3.1)
REPLY = 0x54  # the `command` byte of every reply but that to 0x19


_HEADER = (
    "protocol_type" / Int8ub,
    "protocol_version" / Int8ub,
    "scene" / Int8ub,
    "group" / Int16ub,
    "org" / Int16ub,
    "command" / Int8ub,
    "encrypt" / Int8ub,
)
_LEGACY_HEADER = ("protocol_type" / Int8ub, "command" / Int8ub, "encrypt" / Int8ub)


def _schema(header: tuple[Construct, ...], table: bytes) -> Struct:
    data = "data" / Prefixed(Int8ub, GreedyBytes)
    return Struct(
        "body" / RawCopy(Struct("magic" / Const(MAGIC), *header, data)),
        "crc" / Checksum(Int8ub, crc_of(table), this.body.data),
        "tail" / Const(TAIL),
        Terminated,
    )


FRAME = _schema(_HEADER, VENDOR)
FRAME_TEXTBOOK = _schema(_HEADER, TEXTBOOK)
LEGACY_FRAME = _schema(_LEGACY_HEADER, VENDOR)
"""V2 (protocol type 1 to 4): a header of 6 bytes, `encrypt` is the XOR seed."""


def _fields(header: tuple[Construct, ...]) -> tuple[tuple[str, int, int], ...]:
    sizes = {"magic": len(MAGIC), **{field.name: field.sizeof() for field in header}, "length": 1}
    ends = accumulate(sizes.values())
    return tuple((name, end - size, size) for (name, size), end in zip(sizes.items(), ends, strict=True))


# name, offset, size of what stands before the data; the length byte is the last
HEADER_FIELDS = _fields(_HEADER)
LEGACY_FIELDS = _fields(_LEGACY_HEADER)


class FrameError(RemoteError):
    """The bytes are no frame. `field` and `offset` say where it fails."""

    def __init__(self, field: str, offset: int, message: str) -> None:
        super().__init__(f"{field} at offset {offset}: {message}")
        self.field = field
        self.offset = offset


@dataclass(slots=True)
class Frame:
    """One V3 frame: header and ciphertext. `command` is the opcode of a request, 0x54 of a reply."""

    command: int
    data: bytes = b""
    protocol_type: int = 5
    protocol_version: int = 3
    scene: int = 1
    group: int = 1
    org: int = 1
    encrypt: int = AES


@dataclass(slots=True)
class LegacyFrame:
    """A V2 frame: header and XOR-coded data (ttlock-ble 3.1, 3.5)."""

    command: int
    data: bytes
    protocol_type: int
    encrypt: int


_F = TypeVar("_F", Frame, LegacyFrame)


class _FrameCodec(Codec[_F]):
    """A `LegacyFrame` lacks fields of a `Frame`, so it goes the slow way: no test on the fast one."""

    __slots__ = ()

    def build_slowly(self, given: Any) -> bytes:
        if isinstance(given, LegacyFrame) and self is not _LEGACY:
            return _LEGACY.build(given)
        return super().build_slowly(given)


def _codec(schema: Struct, record: type[_F]) -> Codec[_F]:
    return _FrameCodec(schema, record, {name: ("body", "value", name) for name in record.__slots__})


_VENDOR = _codec(FRAME, Frame)
_TEXTBOOK = _codec(FRAME_TEXTBOOK, Frame)
_LEGACY = _codec(LEGACY_FRAME, LegacyFrame)
CODECS: tuple[Codec[Any], ...] = (_VENDOR, _TEXTBOOK, _LEGACY)


def encode(frame: Frame | LegacyFrame, table: bytes = VENDOR) -> bytes:
    """The frame with CRC and CR LF. LocalError when a field does not fit."""
    try:
        return _VENDOR.build(frame) if table is VENDOR else _TEXTBOOK.build(frame)
    except ConstructError as error:
        raise LocalError(f"no frame can hold this: {error}") from None


def decode(raw: bytes, table: bytes = VENDOR) -> Frame:
    """One whole V3 frame. FrameError names the field that is wrong."""
    try:
        return _VENDOR.parse(raw) if table is VENDOR else _TEXTBOOK.parse(raw)
    except ConstructError:
        raise diagnose(raw, table) from None


def decode_legacy(raw: bytes) -> LegacyFrame:
    """One whole V2 frame."""
    try:
        return _LEGACY.parse(raw)
    except ConstructError:
        raise diagnose(raw) from None


def is_legacy(raw: bytes) -> bool:
    """Protocol types below 5 have the short header; 0 is read as the long one (ttlock-ble 3.1)."""
    return len(raw) > 2 and 0 < raw[2] < 5


def header_fields(raw: bytes) -> tuple[tuple[str, int, int], ...]:
    return LEGACY_FIELDS if is_legacy(raw) else HEADER_FIELDS


def diagnose(raw: bytes, table: bytes = VENDOR) -> FrameError:
    """Where these bytes stop being a frame."""
    fields = header_fields(raw)
    for name, offset, size in fields:
        if len(raw) < offset + size:
            return FrameError(name, len(raw), f"the bytes end here, {offset + size - len(raw)} too few")
        if name == "magic" and raw[:2] != MAGIC:
            return FrameError(name, 0, f"is {raw[:2].hex()}, should be {MAGIC.hex()}")
    start = fields[-1][1] + 1
    length = raw[start - 1]
    crc_at = start + length
    if len(raw) <= crc_at:
        return FrameError(
            "data", start, f"length says {length} bytes, {max(0, len(raw) - start)} are there before the end"
        )
    found, wanted = raw[crc_at], crc8(raw[:crc_at], table)
    if found != wanted:
        return FrameError("crc", crc_at, f"is {found:02x}, should be {wanted:02x}")
    tail = raw[crc_at + 1 : crc_at + 3]
    if tail != TAIL:
        return FrameError("tail", crc_at + 1, f"is {tail.hex() or 'missing'}, should be {TAIL.hex()}")
    return FrameError("end", crc_at + 3, f"{len(raw) - crc_at - 3} bytes follow the frame")


def mends(raw: bytes, table: bytes = VENDOR) -> list[tuple[int, int, int]]:
    """Each single-byte change (offset, is, should be) after which the CRC of the frame fits."""
    length_at = header_fields(raw)[-1][1]
    crc_at = length_at + 1 + raw[length_at]
    covered, crc = raw[:crc_at], raw[crc_at]
    before = list(accumulate(covered, lambda state, byte: table[state ^ byte], initial=0))
    # fits[state] is 1 where the bytes from `offset` on lead from `state` to the CRC
    fits = bytes(state == crc for state in range(256))
    found = [] if before[-1] == crc else [(crc_at, crc, before[-1])]
    for offset in range(crc_at - 1, -1, -1):
        found += [
            (offset, raw[offset], value)
            for value in range(255, -1, -1)
            if fits[table[before[offset] ^ value]] and value != raw[offset]
        ]
        fits = bytes(table[state ^ raw[offset]] for state in range(256)).translate(fits)
    size = crc_at + 3
    return [change for change in reversed(found) if _whole(_changed(raw, change), 0, table) == size]


def _changed(raw: bytes, change: tuple[int, int, int]) -> bytes:
    """The frame after the change; nothing when it no longer begins with the magic."""
    offset, _, value = change
    changed = raw[:offset] + bytes((value,)) + raw[offset + 1 :]
    return changed if changed[:2] == MAGIC else b""


def _size(raw: bytes, at: int) -> int | None:
    """The declared size of the frame that begins at `at`; None while its length byte is missing."""
    legacy = len(raw) > at + 2 and 0 < raw[at + 2] < 5
    length_at = at + (5 if legacy else 11)
    if len(raw) <= length_at:
        return None
    return (9 if legacy else 15) + raw[length_at]


def _begins(buffer: bytes) -> bool:
    """Whether this is the beginning of one header, in which nothing can hide."""
    size = len(buffer)
    if not buffer.startswith(MAGIC) or size > 11:
        return False
    return size < 6 or (not 0 < buffer[2] < 5 and buffer.find(MAGIC, 1) < 0)


def _whole(raw: bytes, at: int, table: bytes) -> int:
    """The size of the complete, CRC-true frame at `at`, or 0."""
    size = _size(raw, at)
    if size is None or len(raw) < at + size or raw[at + size - 2 : at + size] != TAIL:
        return 0
    return size if crc8(raw[at : at + size - 3], table) == raw[at + size - 3] else 0


class Reassembler:
    """Cuts whole frames out of a stream of chunks (ttlock-ble 3.3).

    `feed` returns the raw frames that became complete: right length, CR LF in its place. The CRC is not
    judged here, except that a later CRC-true frame ends an incomplete or CRC-false one before it, so that
    garbage never swallows it. At most 270 bytes wait.
    """

    __slots__ = ("_buffer", "_need", "_tables")

    def __init__(self, tables: tuple[bytes, ...] = (VENDOR,)) -> None:
        self._buffer = b""
        self._need = 0  # fewer bytes surely complete no frame, unless another begins among them
        self._tables = tables

    @property
    def waiting(self) -> int:
        """How many bytes of an unfinished frame are held."""
        return len(self._buffer)

    def reset(self) -> None:
        """Forget a partial frame, as at a disconnect."""
        self._buffer = b""
        self._need = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        seen = len(self._buffer)
        buffer = self._buffer + chunk
        have = len(buffer)
        if have < self._need and buffer.find(MAGIC, seen - 1) < 0:
            self._buffer = buffer
            return []
        found = []
        self._need = 0
        while have > 11 and buffer.startswith(MAGIC) and not 0 < buffer[2] < 5:
            size = 15 + buffer[11]
            if buffer.find(MAGIC, 1, size) > 0:
                break
            if have < size:
                self._need = size
                break
            if buffer[size - 2 : size] != TAIL:
                break
            found.append(buffer[:size])
            buffer = buffer[size:]
            have -= size
        self._buffer = buffer
        if buffer and not self._need and not _begins(buffer):
            found += self._cut()
        return found

    def _cut(self) -> Iterator[bytes]:
        while True:
            at = self._buffer.find(MAGIC)
            if at < 0:
                self._buffer = MAGIC[:1] if self._buffer.endswith(MAGIC[:1]) else b""
                return
            self._buffer = self._buffer[at:]
            size = _size(self._buffer, 0)
            if size is not None and len(self._buffer) >= size:
                if self._buffer[size - 2 : size] != TAIL:
                    self._buffer = self._buffer[1:]
                    continue
                if not self._true(0):
                    later = self._later()
                    if later is not None and later < size:
                        self._buffer = self._buffer[later:]
                        continue
                yield self._buffer[:size]
                self._buffer = self._buffer[size:]
                continue
            later = self._later()
            if later is None:
                return
            self._buffer = self._buffer[later:]

    def _true(self, at: int) -> int:
        return max(_whole(self._buffer, at, table) for table in self._tables)

    def _later(self) -> int | None:
        """Where the next complete, CRC-true frame after the first byte begins."""
        at = self._buffer.find(MAGIC, 1)
        while at > 0:
            if self._true(at):
                return at
            at = self._buffer.find(MAGIC, at + 1)
        return None


def chunks(raw: bytes, size: int = CHUNK) -> list[bytes]:
    """The frame in writes or notifications of at most `size` bytes."""
    return [raw[at : at + size] for at in range(0, len(raw), size)]
