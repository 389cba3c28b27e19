"""Auto-lock, switches, passage mode (ttlock-ble 5.14 to 5.16)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.commands.settings import (
    DOOR_SENSOR,
    LAST_PASSAGE_PAGE,
    QUERY,
    PassageOp,
    PassageType,
    SwitchItem,
)
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.memory import Passage
from lockbench_emulator.lock.refused import Refused

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock

WORD = 0xFFFF

# opcode -> where the value lives in memory, the highest that is taken
SIMPLE: dict[int, tuple[str, int]] = {
    0x37: ("remote_unlock", 1),
    0x59: ("show_passcode", 1),
    0x61: ("frozen", 1),
    0x67: ("lamp", WORD),
    0x80: ("sensitivity", 3),
}
HIGHEST_VOLUME = 5


def auto_lock(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    policy, memory = lock.profile.settings, lock.memory
    reply: dict[str, Any] = {"battery": lock.battery, "op": request.op, "range": None, "door_sensor": None}
    senses = Feature.DOOR_SENSOR in lock.profile.features
    if request.op == QUERY:
        return reply | {
            "range": {"current": memory.auto_lock, "min": policy.auto_lock_min, "max": policy.auto_lock_max},
            "door_sensor": memory.door_lock if senses else None,
        }
    if request.seconds == DOOR_SENSOR:
        if not senses or request.door_sensor > 1:
            raise Refused(Status.INVALID_PARAMETER)
        memory.door_lock = request.door_sensor
        return reply
    if request.seconds and not policy.auto_lock_min <= request.seconds <= policy.auto_lock_max:
        raise Refused(Status.INVALID_PARAMETER)
    memory.auto_lock = request.seconds
    return reply


def _simple(opcode: int) -> Any:
    name, highest = SIMPLE[opcode]

    def handle(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
        if request.op == QUERY:
            return {"battery": lock.battery, "op": QUERY, "value": getattr(lock.memory, name)}
        if request.value > highest:
            raise Refused(Status.INVALID_PARAMETER)
        setattr(lock.memory, name, request.value)
        return {"battery": lock.battery, "op": request.op, "value": None}

    return handle


def audio(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    memory = lock.memory
    reply: dict[str, Any] = {"battery": lock.battery, "op": request.op, "value": None}
    if request.op == QUERY:
        return reply | {"value": {"on": memory.audio, "volume": memory.volume}}
    value = request.value
    volume = memory.volume if value.volume is None else value.volume
    if value.on > 1 or not 1 <= volume <= HIGHEST_VOLUME:
        raise Refused(Status.INVALID_PARAMETER)
    memory.audio, memory.volume = value.on, volume
    if value.language is not None:
        memory.language = value.language
    return reply


def switch(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    """The value mask changes the bits that the item mask names."""
    memory = lock.memory
    known = sum(SwitchItem)
    if request.op == QUERY:
        return {
            "battery": lock.battery,
            "op": QUERY,
            "value": {"item_mask": known, "value_mask": memory.switches},
        }
    items, values = request.value.item_mask, request.value.value_mask
    if items & ~known:
        raise Refused(Status.INVALID_PARAMETER)
    memory.switches = (memory.switches & ~items) | (values & items)
    return {"battery": lock.battery, "op": request.op, "value": None}


def passage(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    passages = lock.memory.passages
    reply: dict[str, Any] = {"battery": lock.battery, "op": request.op, "page": None}
    if request.op == PassageOp.QUERY:
        return reply | {"page": _passage_page(list(passages), request.args.seq)}
    if request.op == PassageOp.CLEAR:
        passages.clear()
        return reply
    args = request.args
    row = Passage(
        args.type,
        args.day,
        args.month,
        bytes((args.start_hour, args.start_minute)),
        bytes((args.end_hour, args.end_minute)),
    )
    if request.op == PassageOp.DELETE:
        if row not in passages:
            raise Refused(Status.RECORD_UNKNOWN)
        del passages[row]
    else:
        days = {PassageType.WEEKLY: 7, PassageType.MONTHLY: 31}.get(args.type)
        if days is None or not 1 <= args.day <= days:
            raise Refused(Status.INVALID_PARAMETER)
        if len(passages) >= lock.profile.settings.passages:
            raise Refused(Status.OUT_OF_MEMORY)
        passages[row] = None
    return reply


def _passage_page(rows: list[Passage], seq: int) -> dict[str, Any]:
    """One record a page, then an empty last page: clients ignore what the last one holds."""
    if seq >= len(rows):
        return {"next": LAST_PASSAGE_PAGE, "records": []}
    row = rows[seq]
    record = {
        "type": row.type,
        "day": row.day,
        "month": row.month,
        "start_hour": row.from_[0],
        "start_minute": row.from_[1],
        "end_hour": row.to[0],
        "end_minute": row.to[1],
    }
    return {"next": seq + 1, "records": [record]}


HANDLERS = {
    0x36: auto_lock,
    **{opcode: _simple(opcode) for opcode in SIMPLE},
    0x62: audio,
    0x68: switch,
    0x66: passage,
}
