"""The lines of the GATT door, as tables: what a client may ask, and what is read from one line.

No I/O here. A line is UTF-8 JSON of at most MAX_LINE bytes; README.md in this folder describes the exchange.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from enum import StrEnum

VERSION = 1
MAX_LINE = 65536  # bytes, without the newline
MAX_VALUE = 512  # bytes of one attribute value (Bluetooth Core, Vol 3 Part F 3.2.9)
MAX_TIMEOUT = 600.0  # seconds
MTU_RANGE = range(23, 518)

Id = int | str


class Code(StrEnum):
    """The word in `error`."""

    BAD_REQUEST = "bad_request"  # the line, or a field in it, is wrong
    VERSION = "version"  # hello asked for a version that this door does not speak
    TOKEN = "token"  # noqa: S105 - the name of an error, not a secret
    BUSY = "busy"  # too many requests wait for their answers
    CLOSED = "closed"  # the door closes
    NO_CONNECTION = "no_connection"  # no link was made under this number
    NOT_FOUND = "not_found"  # nothing advertised under the address in time
    LINK_LOST = "link_lost"  # with `reason`, an HCI code
    ATT = "att"  # with `code`, an ATT error
    MISSING = "missing"  # the peer has no such characteristic
    TOO_LONG = "too_long"  # the value does not fit the MTU
    FAILED = "failed"  # the peer broke the rules in another way
    BROKEN = "broken"  # the bench's own fault


class Malformed(Exception):
    """A line that is no request. `id` is the request's, when it could be read."""

    def __init__(self, text: str, request_id: Id | None = None) -> None:
        super().__init__(text)
        self.id = request_id


@dataclass(frozen=True, slots=True)
class Hello:
    version: int
    token: str = ""


@dataclass(frozen=True, slots=True)
class Scan:
    on: bool


@dataclass(frozen=True, slots=True)
class Connect:
    connection: int
    address: str
    timeout: float = 10.0
    mtu: int = 23


@dataclass(frozen=True, slots=True)
class Discover:
    connection: int


@dataclass(frozen=True, slots=True)
class Read:
    connection: int
    characteristic: str


@dataclass(frozen=True, slots=True)
class Write:
    connection: int
    characteristic: str
    value: bytes
    response: bool = False


@dataclass(frozen=True, slots=True)
class Notify:
    connection: int
    characteristic: str
    on: bool


@dataclass(frozen=True, slots=True)
class Disconnect:
    connection: int


Request = Hello | Scan | Connect | Discover | Read | Write | Notify | Disconnect

OPERATIONS: Mapping[str, type[Request]] = {
    "hello": Hello,
    "scan": Scan,
    "connect": Connect,
    "discover": Discover,
    "read": Read,
    "write": Write,
    "notify": Notify,
    "disconnect": Disconnect,
}

_ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
_UUID = re.compile(r"[0-9a-f]{4}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HEX = re.compile(r"([0-9a-fA-F]{2})*")


def _whole(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**31:
        raise ValueError
    return value


def _bit(value: object) -> object:
    if not isinstance(value, bool):
        raise TypeError
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _address(value: object) -> object:
    address = _text(value).upper()
    if not _ADDRESS.fullmatch(address):
        raise ValueError
    return address


def _uuid(value: object) -> object:
    uuid = _text(value).lower()
    if not _UUID.fullmatch(uuid):
        raise ValueError
    return uuid


def _hex(value: object) -> object:
    digits = _text(value)
    if len(digits) > 2 * MAX_VALUE or not _HEX.fullmatch(digits):
        raise ValueError
    return bytes.fromhex(digits)


def _seconds(value: object) -> object:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_TIMEOUT:
        raise ValueError
    return float(value)


def _mtu(value: object) -> object:
    if isinstance(value, bool) or value not in MTU_RANGE:
        raise ValueError
    return value


# a field means the same in every operation: name -> (what it must be, how it is read)
FIELDS: Mapping[str, tuple[str, Callable[[object], object]]] = {
    "version": ("a whole number", _whole),
    "token": ("a string", _text),
    "on": ("true or false", _bit),
    "response": ("true or false", _bit),
    "connection": ("a whole number below 2^31", _whole),
    "address": ("an address like C2:11:22:33:44:55", _address),
    "timeout": (f"a number of seconds above 0, at most {MAX_TIMEOUT:g}", _seconds),
    "mtu": (f"a whole number from {MTU_RANGE.start} to {MTU_RANGE.stop - 1}", _mtu),
    "characteristic": ("a UUID of 4 hex digits, or the dashed form", _uuid),
    "value": (f"at most {MAX_VALUE} bytes in hex", _hex),
}


def parse(line: bytes) -> tuple[Id, Request]:
    """One line to (id, request). Raises Malformed with a sentence for the client."""
    try:
        data = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise Malformed("the line is not JSON in UTF-8") from error
    if not isinstance(data, dict):
        raise Malformed("the line is not a JSON object")
    request_id = data.pop("id", None)
    if not _is_id(request_id):
        raise Malformed("id must be a whole number below 2^53, or a string of at most 64 characters")
    name = data.pop("op", None)
    if not isinstance(name, str) or name not in OPERATIONS:
        raise Malformed(f"op must be one of: {', '.join(OPERATIONS)}", request_id)
    kind = OPERATIONS[name]
    values = {}
    for field in fields(kind):
        if field.name in data:
            values[field.name] = _field(field.name, data.pop(field.name), request_id)
        elif field.default is MISSING:
            raise Malformed(f"{name} needs {field.name}", request_id)
    if data:
        raise Malformed(f"{name} knows no {', '.join(sorted(data))[:200]}", request_id)
    build: Callable[..., Request] = kind  # FIELDS gave every value its type
    return request_id, build(**values)


def _is_id(value: object) -> bool:
    if isinstance(value, str):
        return len(value) <= 64
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def _field(name: str, value: object, request_id: Id) -> object:
    meaning, read = FIELDS[name]
    try:
        return read(value)
    except (TypeError, ValueError) as error:
        raise Malformed(f"{name} must be {meaning}", request_id) from error


def encode(message: Mapping[str, object]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"


class Lines:
    """Cuts a stream into lines. A line that is too long gives one None and is skipped to its end."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._limit = limit
        self._held = b""
        self._skipping = False

    def feed(self, chunk: bytes) -> list[bytes | None]:
        *whole, rest = (self._held + chunk).split(b"\n")
        found: list[bytes | None] = []
        for line in whole:
            if self._skipping:
                self._skipping = False
            else:
                found.append(line if len(line) <= self._limit else None)
        if self._skipping:
            self._held = b""
        elif len(rest) > self._limit:
            self._held, self._skipping = b"", True
            found.append(None)
        else:
            self._held = rest
        return found
