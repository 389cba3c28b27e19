"""Conversations about settings: switches, passage mode, codes of the administrator, network
(ttlock-ble 5.10, 5.11, 5.14 to 5.16, 5.22)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lockbench_protocol import LocalError
from lockbench_protocol.lock.commands.passcode import ERASE_CODE, PasscodeOp, PasscodeType
from lockbench_protocol.lock.commands.row import LAST_PAGE, VENDOR_STRING
from lockbench_protocol.lock.commands.settings import (
    LAST_PASSAGE_PAGE,
    QUERY,
    SET,
    PassageOp,
    PassageType,
)

from lockbench_harness.client.operations import Exchange, Keys, Operation, login_admin, login_user

# the switches of 5.15 that have one number for a value
REMOTE_UNLOCK, SHOW_PASSCODE, FREEZE, LAMP, SENSITIVITY = 0x37, 0x59, 0x61, 0x67, 0x80
AUDIO, SWITCHES, PASSAGE = 0x62, 0x68, 0x66
BLANK_DIGIT = 0xFF


def get(keys: Keys, opcode: int) -> Operation[Any]:
    """The value of a switch: a number, or the fields of AUDIO and SWITCHES."""
    yield from login_admin(keys)
    return (yield Exchange(opcode, {"op": QUERY, "value": None})).value


def put(keys: Keys, opcode: int, value: Any) -> Operation[None]:
    """Set a switch: a number, or a mapping for AUDIO (on, volume, language) and SWITCHES (two masks)."""
    yield from login_admin(keys)
    yield Exchange(opcode, {"op": SET, "value": value})


@dataclass(frozen=True, slots=True)
class PassageTime:
    """Hours in which the lock stays open; `day` is 1 (Monday) to 7, or a day of the month."""

    type: PassageType
    day: int
    month: int
    start: tuple[int, int]
    end: tuple[int, int]

    def fields(self) -> dict[str, int]:
        return {
            "type": self.type,
            "day": self.day,
            "month": self.month,
            "start_hour": self.start[0],
            "start_minute": self.start[1],
            "end_hour": self.end[0],
            "end_minute": self.end[1],
        }


def passage_times(keys: Keys) -> Operation[list[PassageTime]]:
    yield from login_admin(keys)
    found: list[PassageTime] = []
    seq = 0
    while True:
        page = (yield Exchange(PASSAGE, {"op": PassageOp.QUERY, "args": {"seq": seq}})).page
        if page.next in (LAST_PASSAGE_PAGE, seq):
            return found
        found += [
            PassageTime(
                PassageType(row.type),
                row.day,
                row.month,
                (row.start_hour, row.start_minute),
                (row.end_hour, row.end_minute),
            )
            for row in page.records
        ]
        seq = page.next


def add_passage(keys: Keys, time: PassageTime) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(PASSAGE, {"op": PassageOp.ADD, "args": time.fields()})


def delete_passage(keys: Keys, time: PassageTime) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(PASSAGE, {"op": PassageOp.DELETE, "args": time.fields()})


def clear_passage(keys: Keys) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(PASSAGE, {"op": PassageOp.CLEAR, "args": None})


def _digits(code: str) -> list[int]:
    if not code.isascii() or not code.isdecimal():
        raise LocalError(f"{code!r} is no code of digits")
    return [int(digit) for digit in code]


def set_admin_passcode(keys: Keys, code: str) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(0x53, {"digits": _digits(code)})


def get_admin_passcode(keys: Keys) -> Operation[str]:
    yield from login_admin(keys)
    return (yield Exchange(0x65)).code  # type: ignore[no-any-return]  # construct has no types


def set_erase_code(keys: Keys, code: str) -> Operation[None]:
    yield from login_admin(keys)
    digits = _digits(code)
    yield Exchange(0x44, {"digits": digits + [BLANK_DIGIT] * (ERASE_CODE - len(digits))})


def recover_passcode(
    keys: Keys,
    kind: PasscodeType,
    code: str,
    start: bytes,
    *,
    original: str = "",
    end: bytes | None = None,
    cycle: int | None = None,
) -> Operation[None]:
    """Write a code back as the cloud remembers it; the one way to write a cyclic one."""
    yield from login_admin(keys)
    args = {
        "type": kind,
        "original": original or code,
        "code": code,
        "start": start,
        "end": end,
        "cycle": cycle,
    }
    yield Exchange(0x03, {"op": PasscodeOp.RECOVER, "args": args})


def old_list() -> Operation[list[Any]]:
    """04, the older list of passcodes; no login is needed."""
    found: list[Any] = []
    seq = 0
    while True:
        page = (yield Exchange(0x04, {"seq": seq})).page
        if page is None:
            return found
        found += page.records
        if page.next in (0, LAST_PAGE, seq):
            return found
        seq = page.next


def init_passwords(keys: Keys, year: int, pairs: Sequence[tuple[int, int]]) -> Operation[None]:
    """Ten (code, secret) pairs, one for each year from `year` (two digits) on."""
    yield from login_admin(keys)
    rows = [{"code": code, "secret": secret} for code, secret in pairs]
    yield Exchange(0x31, {"year": year, "pairs": rows})


def read_password_parameters(keys: Keys) -> Operation[tuple[int, int]]:
    """The code and secret of this year."""
    yield from login_user(keys)
    pair = (yield Exchange(0x32)).pair
    return pair.code, pair.secret


def reset_passcode_count(keys: Keys, count: int) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(0x33, {"count": count})


def dead_lock(keys: Keys, record_id: int) -> Operation[None]:
    """55, 69: closed so that only administrators open it."""
    from lockbench_harness.client.operations import answer, check_user

    ps = yield from check_user(keys)
    yield Exchange(0x69, {"sum": answer(ps, keys), "time": record_id})


def set_nb_address(keys: Keys, port: int, host: str) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(0x12, {"port": port, "host": host.encode()})


def scan_wifi(keys: Keys) -> Operation[list[str]]:
    """The names of the networks that the lock sees, in the one reply that it is asked for."""
    yield from login_admin(keys)
    reply = yield Exchange(0xF2, {"vendor": VENDOR_STRING})
    return [] if reply.ssid is None else [reply.ssid.decode("utf-8", "replace")]


def set_wifi(keys: Keys, ssid: str, password: str) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(0xF3, {"ssid": ssid.encode(), "password": password.encode()})
