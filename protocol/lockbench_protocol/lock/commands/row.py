"""What one command is: opcode, both layouts, and the login that it needs, side by side.

A layout describes the plaintext. A request is the whole plaintext; a reply is what follows `[cmd] 01`.
Bytes beyond a known layout are ignored on parsing (ttlock-ble 4). Integers are big-endian.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from construct import (
    Bytes,
    Construct,
    ConstructError,
    GreedyRange,
    Int8ub,
    Int16ub,
    Optional,
    PascalString,
    Pass,
    Prefixed,
    Struct,
)

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.schema import codec

DATE5 = Bytes(5)  # YY MM DD hh mm, kept as bytes: a lock compares windows byte by byte (ttlock-ble 5.3)
DATE6 = Bytes(6)  # date5 and ss
CODE = PascalString(Int8ub, "ascii")
VENDOR_STRING = b"SCIENER"
NOTHING = Pass
BATTERY = Struct("battery" / Int8ub)  # percent
LAST_PAGE = 0xFFFF  # `next` of a page that is the last


def paged(record: Construct) -> Construct:
    """A page of records behind the number of its bytes, which is 0 after the last page."""
    return Struct(
        "page" / Prefixed(Int16ub, Optional(Struct("next" / Int16ub, "records" / GreedyRange(record))))
    )


class Level(Enum):
    """Who may give a command (ttlock-ble 5.1, column L)."""

    ANYONE = "0"
    PAIRING = "P"
    CHECKED = "after 41/55"
    MOVER = "U or 41"  # a matching sum in the command itself stands for 30
    CLOCK = "P or U+30"
    USER = "U+30"
    ADMIN = "A"
    ADMIN_OR_PAIRING = "P or A"


class PayloadError(RemoteError):
    """The plaintext does not have the layout of its command."""


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the opcode table. `section` is of ttlock-ble."""

    opcode: int
    name: str
    level: Level
    request: Construct
    reply: Construct
    section: str
    ops: tuple[int, ...] = ()  # the first request byte, where it selects a layout
    feature: Feature | None = None  # a lock without this bit answers 27

    def parse_request(self, plain: bytes) -> Any:
        return _parse(self.request, plain, self, "request")

    def parse_reply(self, body: bytes) -> Any:
        return _parse(self.reply, body, self, "reply")

    def build_request(self, values: Any = None) -> bytes:
        return _build(self.request, values, self, "request")

    def build_reply(self, values: Any = None) -> bytes:
        return _build(self.reply, values, self, "reply")


def _parse(layout: Construct, data: bytes, command: Command, what: str) -> Any:
    try:
        return codec(layout).parse(data)
    except ConstructError as error:
        raise PayloadError(f"{command.name} {what} {data.hex() or '(empty)'}: {error}") from None


def _build(layout: Construct, values: Any, command: Command, what: str) -> bytes:
    try:
        return codec(layout).build(values)
    except (ConstructError, UnicodeEncodeError, KeyError) as error:
        raise LocalError(f"{command.name} {what} cannot hold {values}: {error}") from None
