"""The operation log (ttlock-ble 5.17)."""

from __future__ import annotations

from enum import IntEnum

from construct import (
    Bytes,
    Construct,
    GreedyBytes,
    Int8ub,
    Int16ub,
    Int32ub,
    Optional,
    Prefixed,
    Struct,
    Switch,
    this,
)

from lockbench_protocol.lock.commands.row import CODE, DATE5, DATE6, Command, Level, paged


class LogType(IntEnum):
    """The record types that the emulated lock writes; `TAILS` lists those that can be read.

    The layouts are public (5.17); of the names only those of app, keypad and passcodes are sure.
    """

    BLE_UNLOCK = 1
    KEYPAD_UNLOCK = 4
    PASSCODE_MODIFIED = 5
    PASSCODE_DELETED = 6
    WRONG_PASSCODE = 7
    PASSCODES_CLEARED = 8
    CARD_ADDED = 15
    CARDS_CLEARED = 16
    CARD_UNLOCK = 17
    CARD_DELETED = 18
    FINGERPRINT_UNLOCK = 20
    FINGERPRINT_ADDED = 21
    WRONG_FINGERPRINT = 22
    FINGERPRINT_DELETED = 23
    FINGERPRINTS_CLEARED = 24
    WRONG_CARD = 25
    BLE_LOCK = 26
    KEY_UNLOCK = 27
    TAMPER = 29
    DOOR_CLOSED = 30
    DOOR_OPENED = 31
    KEY_LOCK = 36
    KEYPAD_LOCK = 47
    FOB = 55
    PASSCODE_ADDED = 93


_APP = Struct("uid" / Int32ub, "record_id" / Int32ub)
_KEYPAD = Struct("original" / CODE, "code" / CODE)
_CHANGE = Struct("old" / CODE, "new" / CODE)
_CARD = Struct("card" / GreedyBytes)  # 4 or 8 bytes
_FINGER = Struct("fingerprint" / Bytes(6), "passcode" / Optional(CODE))
_LAYOUTS: dict[tuple[int, ...], Construct] = {
    (1, 26, 28, 41, 52, 75, 76, 77): _APP,
    (37,): Struct("uid" / Int32ub, "record_id" / Int32ub, "key_id" / Int8ub),
    (4, 10, 11, 12, 13, 34, 38, 78, 92): _KEYPAD,
    (5, 6, 9): _CHANGE,
    (7,): Struct("code" / CODE),
    (8,): Struct("delete_date" / DATE5, "code" / Optional(CODE)),
    (15, 17, 18, 25, 35, 39, 51, 74, 80, 91): _CARD,
    (20, 21, 22, 23, 33, 40, 79): _FINGER,
    (19,): Struct("mac" / Bytes(6)),
    (30, 31): Struct("accessory_battery" / Optional(Int8ub)),
    (55, 82): Struct("mac" / Bytes(6), "key_id" / Int8ub, "accessory_battery" / Int8ub),
    (56,): Struct("mac" / Bytes(6), "accessory_battery" / Int8ub),
    (93,): Struct("code" / CODE, "start" / DATE5, "end" / Optional(DATE5)),
}
TAILS: dict[int, Construct] = {kind: tail for kinds, tail in _LAYOUTS.items() for kind in kinds}

# a tail too short for its type is read as none (catalogue LOG/8)
RECORD_BODY = Struct(
    "type" / Int8ub,
    "date" / DATE6,
    "battery" / Int8ub,
    "tail" / Switch(this.type, {kind: Optional(tail) for kind, tail in TAILS.items()}, default=GreedyBytes),
)
RECORD = Prefixed(Int8ub, RECORD_BODY)
SINCE_LAST_READ = 0xFFFF  # a cursor: what is unread, and move the bookmark

ROWS = (
    Command(
        0x25,
        "GET_OPERATE_LOG",
        Level.ANYONE,
        Struct("cursor" / Int16ub),
        paged(RECORD),
        "5.17",
    ),
)
