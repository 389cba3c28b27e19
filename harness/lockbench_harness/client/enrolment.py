"""Conversations about cards, fingerprints, fobs and their cyclic periods (ttlock-ble 5.12, 5.13, 5.22)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.commands.accessories import FOB_ADD, FOB_CLEAR, FOB_DELETE
from lockbench_protocol.lock.commands.cards import (
    CYCLIC_ADD,
    CYCLIC_CLEAR,
    AddStatus,
    CredentialOp,
    Cycle,
    CyclicUser,
)
from lockbench_protocol.lock.commands.row import LAST_PAGE

from lockbench_harness.client.operations import PERMANENT, Exchange, Keys, Operation, login_admin

CARD, FINGERPRINT = 0x05, 0x06
Window = tuple[bytes, bytes]  # date5 from and to

_SEARCH = {CARD: CredentialOp.SEARCH_CARD, FINGERPRINT: CredentialOp.SEARCH_FINGERPRINT}


@dataclass(frozen=True, slots=True)
class Enrolled:
    """One row of a search."""

    number: bytes
    start: bytes
    end: bytes


def _ask(kind: int, op: CredentialOp, args: Any = None) -> Operation[Any]:
    return (yield Exchange(kind, {"op": op, "args": args})).result


def search(keys: Keys, kind: int) -> Operation[list[Enrolled]]:
    """All cards (`kind` CARD) or fingerprints (FINGERPRINT)."""
    yield from login_admin(keys)
    found: list[Enrolled] = []
    seq = 0
    while seq != LAST_PAGE:
        page = yield from _ask(kind, _SEARCH[kind], {"seq": seq})
        found += [Enrolled(row.number, row.start, row.end) for row in page.records]
        if page.next == seq:
            raise RemoteError(f"the search repeats its page {seq}")
        seq = page.next
    return found


def enter_adding(keys: Keys, kind: int) -> Operation[int | None]:
    """Let the lock wait for a card or a finger; pushes tell the rest. The scans that a finger needs."""
    yield from login_admin(keys)
    result = yield from _ask(kind, CredentialOp.ADD)
    if result.status != AddStatus.ENTERED:
        raise RemoteError(f"the lock does not wait for a credential, it answers {result.status}")
    return None if result.detail is None else result.detail.total


def restore(keys: Keys, kind: int, number: bytes, window: Window = PERMANENT) -> Operation[None]:
    """Write one whose number is known."""
    yield from login_admin(keys)
    yield from _ask(kind, CredentialOp.ADD, {"number": number, "start": window[0], "end": window[1]})


def upload_template(keys: Keys, number: int, data: bytes, window: Window = PERMANENT) -> Operation[bytes]:
    """Send a fingerprint template in the packets that the lock asks for; the number that it got."""
    yield from login_admin(keys)
    head = {"number": number, "length": len(data), "sum": sum(data) % 65536}
    result = yield from _ask(
        FINGERPRINT, CredentialOp.ADD, {"template": head, "start": window[0], "end": window[1]}
    )
    while result.status == AddStatus.READY_FOR_TEMPLATE:
        seq, size = result.detail.seq, result.detail.packet
        piece = data[seq * size : (seq + 1) * size]
        result = yield from _ask(FINGERPRINT, CredentialOp.TEMPLATE, {"seq": seq, "data": piece})
    return bytes(result.detail.number)


def change_window(keys: Keys, kind: int, number: bytes, window: Window) -> Operation[None]:
    yield from login_admin(keys)
    yield from _ask(kind, CredentialOp.MODIFY, {"number": number, "start": window[0], "end": window[1]})


def delete(keys: Keys, kind: int, number: bytes) -> Operation[None]:
    yield from login_admin(keys)
    yield from _ask(kind, CredentialOp.DELETE, {"number": number})


def clear(keys: Keys, kind: int) -> Operation[None]:
    yield from login_admin(keys)
    yield from _ask(kind, CredentialOp.CLEAR)


@dataclass(frozen=True, slots=True)
class CyclicPeriod:
    """Hours of a weekday, of every day, or of a day of the month; `start` and `end` are (hour, minute)."""

    cycle: Cycle
    day: int
    start: tuple[int, int]
    end: tuple[int, int]


def set_cyclic(
    keys: Keys, user: CyclicUser, number: bytes, periods: Sequence[CyclicPeriod]
) -> Operation[None]:
    yield from login_admin(keys)
    for period in periods:
        fields = {
            "cycle": period.cycle,
            "day": period.day,
            "start_hour": period.start[0],
            "start_minute": period.start[1],
            "end_hour": period.end[0],
            "end_minute": period.end[1],
        }
        yield Exchange(0x70, {"op": CYCLIC_ADD, "user_type": user, "user": number, "period": fields})


def clear_cyclic(keys: Keys, user: CyclicUser, number: bytes) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(0x70, {"op": CYCLIC_CLEAR, "user_type": user, "user": number, "period": None})


def add_fob(keys: Keys, mac: bytes, window: Window = PERMANENT) -> Operation[None]:
    """`mac` is reversed, as on the wire."""
    yield from login_admin(keys)
    yield Exchange(0x73, {"op": FOB_ADD, "args": {"mac": mac, "start": window[0], "end": window[1]}})


def delete_fob(keys: Keys, mac: bytes) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(0x73, {"op": FOB_DELETE, "args": {"mac": mac}})


def clear_fobs(keys: Keys) -> Operation[None]:
    yield from login_admin(keys)
    yield Exchange(0x73, {"op": FOB_CLEAR, "args": None})


def accessory_battery(keys: Keys, kind: int, mac: bytes) -> Operation[int]:
    """Percent."""
    yield from login_admin(keys)
    return (yield Exchange(0x74, {"type": kind, "mac": mac})).accessory_battery  # type: ignore[no-any-return]  # construct


def set_door_sensor(keys: Keys, mac: bytes = bytes(6)) -> Operation[None]:
    """Pair a wireless door sensor; six zeros delete it."""
    yield from login_admin(keys)
    yield Exchange(0x76, {"mac": mac})
