"""What a client does with a lock, as sans-IO conversations: each yields exchanges and returns what it learnt.

An `Exchange` is answered with the parsed reply of its opcode; a refusal arrives as `LockRefused`, thrown in.
The same conversation is driven over any link, or in memory without a loop. Sections are of ttlock-ble.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, TypeVar

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.info import InfoType
from lockbench_protocol.lock.commands.log import SINCE_LAST_READ
from lockbench_protocol.lock.commands.login import MODULUS
from lockbench_protocol.lock.commands.passcode import PasscodeOp, PasscodeType
from lockbench_protocol.lock.commands.row import LAST_PAGE, VENDOR_STRING
from lockbench_protocol.lock.commands.settings import QUERY, SET
from lockbench_protocol.lock.dates import PERMANENT_END, PERMANENT_START, date6, read_date
from lockbench_protocol.lock.features import Feature, bits
from lockbench_protocol.lock.status import Status

T = TypeVar("T")

ALWAYS = (bytes((0, 1, 31, 14, 0)), bytes((99, 11, 30, 14, 0)))  # the window of a permanent key (5.3)
PERMANENT = (PERMANENT_START, PERMANENT_END)


class LockRefused(RemoteError):
    """The lock answered status 0. `code` is a `Status`, also a code of the plug-in."""

    def __init__(self, opcode: int, code: int, op: int | None = None) -> None:
        name = COMMANDS[opcode].name if opcode in COMMANDS else f"0x{opcode:02x}"
        meaning = Status(code).name if code in Status.__members__.values() else "unknown"
        super().__init__(f"the lock refused {name} with {code} ({meaning})")
        self.opcode = opcode
        self.code = code
        self.op = op


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request; its reply is awaited by echo."""

    opcode: int
    values: Any = None
    key_after: bool = False  # the reply brings the key for what follows (0x19)


Operation = Generator[Exchange, Any, T]


@dataclass(frozen=True, slots=True)
class Keys:
    """What opens a lock. `window` is date5 from and to."""

    aes_key: bytes = field(repr=False)
    admin_ps: int = field(repr=False)
    unlock_key: int = field(repr=False)
    flag_position: int = 0
    uid: int = 0
    window: tuple[bytes, bytes] = ALWAYS


@dataclass(frozen=True, slots=True)
class Moved:
    """The lock's answer to unlock or lock."""

    battery: int
    uid: int
    record_id: int
    date: bytes


@dataclass(frozen=True, slots=True)
class ListedPasscode:
    """One row of the lock's list. `start` and `end` are date5."""

    type: int
    code: str
    original: str
    start: bytes
    end: bytes | None = None


@dataclass(frozen=True, slots=True)
class LogRecord:
    """One record of the operation log; `tail` has the fields of its type, or is empty."""

    type: int
    date: bytes
    battery: int
    tail: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class LockStatus:
    battery: int
    unlocked: bool
    door: int | None


# logging in


def check_admin(keys: Keys) -> Operation[int]:
    """41: the challenge for the administrator."""
    values = {"admin_ps": keys.admin_ps, "lock_flag_pos": keys.flag_position, "uid": keys.uid}
    return (yield Exchange(0x41, values)).ps  # type: ignore[no-any-return]  # construct has no types


def check_user(keys: Keys) -> Operation[int]:
    """55: the challenge for a user, if the key is valid now."""
    values = {
        "start": keys.window[0],
        "end": keys.window[1],
        "lock_flag_pos": keys.flag_position,
        "uid": keys.uid,
    }
    return (yield Exchange(0x55, values)).ps  # type: ignore[no-any-return]  # construct has no types


def answer(ps: int, keys: Keys) -> int:
    return (ps + keys.unlock_key) % MODULUS


def login_admin(keys: Keys) -> Operation[None]:
    """41, 30."""
    ps = yield from check_admin(keys)
    yield Exchange(0x30, {"sum": answer(ps, keys)})


def login_user(keys: Keys) -> Operation[None]:
    """55, 30."""
    ps = yield from check_user(keys)
    yield Exchange(0x30, {"sum": answer(ps, keys)})


# the bolt


def _move(opcode: int, keys: Keys, record_id: int, *, admin: bool) -> Operation[Moved]:
    ps = yield from check_admin(keys) if admin else check_user(keys)
    reply = yield Exchange(opcode, {"sum": answer(ps, keys), "time": record_id})
    return Moved(reply.battery, reply.uid, reply.unique_id, reply.date)


def unlock(keys: Keys, record_id: int, *, admin: bool = False) -> Operation[Moved]:
    """55 (or 41), 47. `record_id` comes back in the log; clients send unix seconds."""
    return _move(0x47, keys, record_id, admin=admin)


def lock(keys: Keys, record_id: int, *, admin: bool = False) -> Operation[Moved]:
    """55 (or 41), 58."""
    return _move(0x58, keys, record_id, admin=admin)


# passcodes; each logs in as administrator first


def _manage(keys: Keys, op: PasscodeOp, args: Any) -> Operation[int]:
    yield from login_admin(keys)
    return (yield Exchange(0x03, {"op": op, "args": args})).battery  # type: ignore[no-any-return]  # construct


def add_passcode(
    keys: Keys,
    code: str,
    window: tuple[bytes, bytes] = PERMANENT,
    kind: PasscodeType = PasscodeType.PERIOD,
) -> Operation[int]:
    """Write a code; the vendor's client always sends type 3. Returns the battery in percent."""
    return _manage(keys, PasscodeOp.ADD, {"type": kind, "code": code, "start": window[0], "end": window[1]})


def delete_passcode(keys: Keys, code: str, kind: PasscodeType = PasscodeType.PERIOD) -> Operation[int]:
    return _manage(keys, PasscodeOp.DELETE, {"type": kind, "code": code})


def modify_passcode(
    keys: Keys,
    code: str,
    new: str = "",
    window: tuple[bytes, bytes] | None = None,
    kind: PasscodeType = PasscodeType.PERIOD,
) -> Operation[int]:
    """A new code, a new window, or both. An empty `new` keeps the code."""
    dates = None if window is None else {"start": window[0], "end": window[1]}
    return _manage(keys, PasscodeOp.MODIFY, {"type": kind, "code": code, "new": new, "window": dates})


def clear_passcodes(keys: Keys) -> Operation[int]:
    return _manage(keys, PasscodeOp.CLEAR, None)


def list_passcodes(keys: Keys) -> Operation[list[ListedPasscode]]:
    yield from login_admin(keys)
    found: list[ListedPasscode] = []
    seq = 0
    while seq != LAST_PAGE:
        page = (yield Exchange(0x07, {"seq": seq})).page
        if page is None:
            break
        found += [
            ListedPasscode(row.type, row.code, row.original, row.start, row.end) for row in page.records
        ]
        if page.next == seq:
            raise RemoteError(f"the passcode list repeats its page {seq}")
        seq = page.next
    return found


# clock, log, state


def get_time() -> Operation[datetime]:
    """The lock's local time."""
    return read_date((yield Exchange(0x34)).date)


def set_time(keys: Keys, local: datetime) -> Operation[int]:
    yield from login_user(keys)
    return (yield Exchange(0x43, {"date": date6(local)})).battery  # type: ignore[no-any-return]  # construct


def lock_time(zone: timedelta, phone: datetime, server: datetime | None = None) -> datetime:
    """What a lock in this zone (local time minus UTC) is told: the server's UTC, without one the phone's."""
    return (phone if server is None else server) + zone


def unlock_calibrating(
    keys: Keys, record_id: int, local: datetime, *, first: bool, admin: bool = False
) -> Operation[Moved]:
    """Unlock and set the clock, once: before unlocking when `first`, otherwise afterwards."""
    if first:
        yield from set_time(keys, local)
    moved = yield from unlock(keys, record_id, admin=admin)
    if not first:
        yield from set_time(keys, local)
    return moved


def read_log(*, new: bool) -> Operation[list[LogRecord]]:
    """The records since the last reading (which moves the lock's bookmark), or all that it holds."""
    found: list[LogRecord] = []
    cursor = SINCE_LAST_READ if new else 0
    read: set[int] = set()  # a lock that does not move on would be read for ever
    while True:
        page = (yield Exchange(0x25, {"cursor": cursor})).page
        if page is None:
            return found
        found += [LogRecord(row.type, row.date, row.battery, _fields(row.tail)) for row in page.records]
        if page.next in read:
            raise RemoteError(f"the log repeats its page {page.next}")
        read.add(page.next)
        if not new:
            cursor = page.next


def codes_in(records: Iterable[LogRecord]) -> set[str]:
    """The passcodes that stand in these records, right and wrong ones."""
    found = (record.tail.get(name) for record in records for name in ("code", "original", "old", "new"))
    return {code for code in found if isinstance(code, str) and code}


def _fields(tail: Any) -> Mapping[str, Any]:
    if not hasattr(tail, "items"):
        return {}
    return {name: value for name, value in tail.items() if not name.startswith("_")}


def status() -> Operation[LockStatus]:
    reply = yield Exchange(0x14, {"vendor": VENDOR_STRING})
    return LockStatus(reply.battery, reply.state == 1, reply.door)


def features() -> Operation[tuple[int, list[int]]]:
    """The battery and the feature words."""
    reply = yield Exchange(0x01)
    return reply.battery, list(reply.words)


def device_info(kind: InfoType) -> Operation[str]:
    """A text of 0x90; the byte at its end has no meaning."""
    return (yield Exchange(0x90, {"type": kind})).value[:-1].decode("utf-8", "replace")  # type: ignore[no-any-return]  # construct


def auto_lock(keys: Keys, seconds: int | None = None) -> Operation[int | None]:
    """Set the auto-lock time (0 is off), or ask for it."""
    yield from login_admin(keys)
    op = QUERY if seconds is None else SET
    reply = yield Exchange(0x36, {"op": op, "seconds": seconds, "door_sensor": None})
    return reply.range.current if seconds is None else None


def reset(keys: Keys) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(0x52)


def enter_dfu(keys: Keys) -> Operation[None]:
    """41, 30, 02; the caller disconnects and comes back at once (5.20)."""
    yield from login_admin(keys)
    yield Exchange(0x02, {"vendor": VENDOR_STRING})


@dataclass(frozen=True, slots=True)
class Paired:
    """What pairing gave: the keys, the administrator's keypad code, and what the lock said of itself."""

    keys: Keys
    admin_passcode: str
    words: tuple[int, ...]
    battery: int
    info: Mapping[InfoType, str]


def pair(admin_ps: int, unlock_key: int, admin_passcode: str, local: datetime) -> Operation[Paired]:
    """Pair in the order of the vendor's client (5.2). The secrets are the caller's."""
    key: bytes = (yield Exchange(0x19, {"vendor": VENDOR_STRING}, key_after=True)).key
    yield Exchange(0x56, {"admin_ps": admin_ps, "unlock_key": unlock_key, "vendor": VENDOR_STRING})
    try:
        yield Exchange(0x43, {"date": date6(local)})
    except LockRefused as error:
        if error.code == Status.NOT_IN_SETTING_MODE:
            raise  # a lock whose clock cannot be set is still paired; one that left pairing is not
    battery, words = yield from features()
    code = ""
    if Feature.GET_ADMIN_CODE in bits(words):
        code = (yield Exchange(0x65)).code
    if not code:
        code = admin_passcode
        yield Exchange(0x53, {"digits": [int(digit) for digit in code]})
    info = {}
    for kind in (InfoType.MODEL, InfoType.HARDWARE, InfoType.FIRMWARE, InfoType.MANUFACTURE_DATE):
        info[kind] = yield from device_info(kind)
    yield Exchange(0x57)
    return Paired(Keys(key, admin_ps, unlock_key), code, tuple(words), battery, info)
