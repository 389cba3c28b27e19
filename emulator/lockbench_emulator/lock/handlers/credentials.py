"""Cards, fingerprints and their cyclic periods (ttlock-ble 5.12, 5.13)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.commands.cards import (
    CYCLIC_ADD,
    AddStatus,
    CredentialOp,
    Cycle,
    CyclicUser,
)
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.commands.row import LAST_PAGE
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.memory import Dated, Period
from lockbench_emulator.lock.pages import fitting
from lockbench_emulator.lock.refused import Refused

if TYPE_CHECKING:
    from collections.abc import MutableMapping

    from lockbench_emulator.lock.lock import Lock


@dataclass(frozen=True, slots=True)
class Kind:
    """What tells cards from fingerprints."""

    opcode: int
    table: str  # the name of the table in memory
    unknown: Status
    record: int  # bytes of one record in a page
    added: LogType
    deleted: LogType
    cleared: LogType


CARDS = Kind(
    0x05, "cards", Status.CARD_UNKNOWN, 14, LogType.CARD_ADDED, LogType.CARD_DELETED, LogType.CARDS_CLEARED
)
FINGERS = Kind(
    0x06,
    "fingerprints",
    Status.FINGERPRINT_UNKNOWN,
    16,
    LogType.FINGERPRINT_ADDED,
    LogType.FINGERPRINT_DELETED,
    LogType.FINGERPRINTS_CLEARED,
)
PAGED = (CredentialOp.SEARCH_CARD, CredentialOp.SEARCH_FINGERPRINT)


def table(lock: Lock, kind: Kind) -> MutableMapping[bytes, Dated]:
    found: MutableMapping[bytes, Dated] = getattr(lock.memory, kind.table)
    return found


def tail(kind: Kind, number: bytes) -> dict[str, Any]:
    if kind is CARDS:
        return {"card": number}
    return {"fingerprint": number, "passcode": None}


def enroll(lock: Lock, kind: Kind, dated: Dated, now: float) -> None:
    """Store one; 22 when there is no room."""
    known = table(lock, kind)
    if dated.number not in known and len(known) >= lock.profile.credentials.capacity:
        raise Refused(Status.OUT_OF_MEMORY)
    known[dated.number] = dated
    lock.write_log(kind.added, tail(kind, dated.number), now)


def _search(lock: Lock, kind: Kind, args: Any) -> dict[str, Any]:
    """`seq` and `next` count records; a page with an 8-byte card holds it alone."""
    rows = list(table(lock, kind).values())[args.seq :]
    count = fitting([kind.record] * len(rows), "fit")
    wide = next((at for at, row in enumerate(rows[:count]) if len(row.number) > 6), None)
    if wide is not None:
        count = max(1, wide)
    records = [{"number": row.number, "start": row.start, "end": row.end} for row in rows[:count]]
    following = args.seq + count
    return {"next": LAST_PAGE if count == len(rows) else following, "records": records}


def _manage(lock: Lock, kind: Kind, request: Any, now: float) -> dict[str, Any]:
    op, args = request.op, request.args
    reply: dict[str, Any] = {"battery": lock.battery, "op": op, "result": None}
    known = table(lock, kind)
    if op in PAGED:
        return reply | {"result": _search(lock, kind, args)}
    if op == CredentialOp.CLEAR:
        known.clear()
        lock.write_log(kind.cleared, None, now)
    elif op == CredentialOp.ADD:
        return reply | {"result": _add(lock, kind, args, now)}
    elif op == CredentialOp.TEMPLATE:
        return reply | {"result": _template(lock, args, now)}
    else:
        number = args.number
        if number not in known:
            raise Refused(kind.unknown)
        if op == CredentialOp.DELETE:
            del known[number]
            lock.write_log(kind.deleted, tail(kind, number), now)
        else:
            known[number] = replace(known[number], start=args.start, end=args.end)
    return reply


def _add(lock: Lock, kind: Kind, args: Any, now: float) -> dict[str, Any]:
    if args is None:  # wait for a card or a finger; pushes tell how it goes
        lock.enrolling = kind.opcode
        lock.scans = 0
        total = lock.profile.credentials.finger_scans if kind is FINGERS else None
        return {"status": AddStatus.ENTERED, "detail": None if total is None else {"total": total}}
    if getattr(args, "template", None) is not None:
        lock.template, lock.template_data, lock.template_seq = args, b"", 0
        return {
            "status": AddStatus.READY_FOR_TEMPLATE,
            "detail": {"seq": 0, "packet": lock.profile.credentials.template_packet},
        }
    enroll(lock, kind, Dated(args.number, args.start, args.end), now)
    return {"status": AddStatus.DONE, "detail": {"number": args.number}}


def _template(lock: Lock, args: Any, now: float) -> dict[str, Any]:
    """The pieces of a template, in order; the sum over all of them decides."""
    head = lock.template
    if head is None or args.seq != lock.template_seq:
        raise Refused(Status.INVALID_PARAMETER)
    lock.template_data += args.data
    lock.template_seq += 1
    if len(lock.template_data) < head.template.length:
        packet = lock.profile.credentials.template_packet
        return {
            "status": AddStatus.READY_FOR_TEMPLATE,
            "detail": {"seq": lock.template_seq, "packet": packet},
        }
    data, lock.template = lock.template_data, None
    if len(data) != head.template.length or sum(data) % 65536 != head.template.sum:
        raise Refused(Status.INVALID_PARAMETER)
    number = head.template.number.to_bytes(6, "big")
    enroll(lock, FINGERS, Dated(number, head.start, head.end), now)
    return {"status": AddStatus.DONE, "detail": {"number": number}}


def cards(lock: Lock, request: Any, now: float) -> dict[str, Any]:
    return _manage(lock, CARDS, request, now)


def fingerprints(lock: Lock, request: Any, now: float) -> dict[str, Any]:
    return _manage(lock, FINGERS, request, now)


def cyclic(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    if request.user_type not in CyclicUser.__members__.values():
        raise Refused(Status.INVALID_PARAMETER)
    key = bytes((request.user_type,)) + request.user
    if request.op == CYCLIC_ADD:
        period = request.period
        if period.cycle not in Cycle.__members__.values():
            raise Refused(Status.INVALID_PARAMETER)
        added = Period(
            period.cycle,
            period.day,
            bytes((period.start_hour, period.start_minute)),
            bytes((period.end_hour, period.end_minute)),
        )
        lock.memory.periods[key] = (*lock.memory.periods.get(key, ()), added)
    elif lock.memory.periods.pop(key, None) is None:
        raise Refused(Status.RECORD_UNKNOWN)
    return {"battery": lock.battery, "op": request.op}


HANDLERS = {0x05: cards, 0x06: fingerprints, 0x70: cyclic}
