"""Keypad passcodes (ttlock-ble 5.8, 5.9)."""

from __future__ import annotations

from enum import IntEnum

from construct import (
    Array,
    BitsInteger,
    BitStruct,
    If,
    Int8ub,
    Int16ub,
    Int32ub,
    Optional,
    Prefixed,
    Struct,
    Switch,
    this,
)

from lockbench_protocol.lock.commands.row import BATTERY, CODE, DATE5, NOTHING, Command, Level, paged
from lockbench_protocol.lock.features import Feature


class PasscodeType(IntEnum):
    PERMANENT = 1
    COUNT = 2
    PERIOD = 3
    CYCLIC = 4


class PasscodeOp(IntEnum):
    CLEAR = 1
    ADD = 2
    DELETE = 3
    MODIFY = 5
    RECOVER = 6


_ARGUMENTS = {
    PasscodeOp.CLEAR: NOTHING,
    PasscodeOp.ADD: Struct(
        "type" / Int8ub,
        "code" / CODE,
        "start" / DATE5,
        "end" / If(lambda row: row.type in (PasscodeType.COUNT, PasscodeType.PERIOD), DATE5),
    ),
    PasscodeOp.DELETE: Struct("type" / Int8ub, "code" / CODE),
    PasscodeOp.MODIFY: Struct(
        "type" / Int8ub,
        "code" / CODE,
        "new" / CODE,
        "window" / Optional(Struct("start" / DATE5, "end" / DATE5)),
    ),
    PasscodeOp.RECOVER: Struct(
        "type" / Int8ub,
        "original" / CODE,
        "code" / CODE,
        "start" / DATE5,
        "end" / If(this.type == PasscodeType.PERIOD, DATE5),
        "cycle" / If(this.type == PasscodeType.CYCLIC, Int16ub),
    ),
}

RECORD = Prefixed(
    Int8ub,
    Struct(
        "type" / Int8ub,
        "code" / CODE,
        "original" / CODE,
        "start" / DATE5,
        "end" / If(lambda row: row.type in (PasscodeType.COUNT, PasscodeType.PERIOD), DATE5),
        "cycle" / If(this.type == PasscodeType.CYCLIC, Int16ub),
    ),
)
OLD_RECORD = Prefixed(
    Int8ub,
    Struct(
        "type" / Int8ub,
        "code" / CODE,
        "original" / CODE,
        "count" / If(this.type == PasscodeType.COUNT, Int32ub),
        "end" / If(this.type == PasscodeType.PERIOD, DATE5),
    ),
)
YEARS = 10  # of 31: one pair for each
SECRET = BitStruct("code" / BitsInteger(12), "secret" / BitsInteger(36))
ERASE_CODE = 10  # bytes of 44: digits 0 to 9, then FF

ROWS = (
    Command(
        0x03,
        "MANAGE_KEYBOARD_PASSWORD",
        Level.ADMIN,
        Struct("op" / Int8ub, "args" / Switch(this.op, _ARGUMENTS)),
        Struct("battery" / Int8ub, "op" / Int8ub),
        "5.8",
        tuple(_ARGUMENTS),
        Feature.PASSCODE,
    ),
    Command(
        0x07,
        "PWD_LIST",
        Level.ADMIN,
        Struct("seq" / Int16ub),
        paged(RECORD),
        "5.9",
        feature=Feature.PASSCODE,
    ),
    Command(
        0x04,
        "GET_VALID_KEYBOARD_PASSWORD",
        Level.ANYONE,
        Struct("seq" / Int16ub),
        paged(OLD_RECORD),
        "5.9",
        feature=Feature.PASSCODE,
    ),
    Command(
        0x31,
        "INIT_PASSWORDS",
        Level.ADMIN_OR_PAIRING,
        Struct("year" / Int8ub, "pairs" / Array(YEARS, SECRET)),
        NOTHING,
        "5.10",
        feature=Feature.PASSCODE,
    ),
    Command(
        0x32,
        "READ_PWD_PARA",
        Level.USER,
        NOTHING,
        Struct("battery" / Int8ub, "pair" / SECRET, "deleted" / DATE5),
        "5.10",
        feature=Feature.PASSCODE,
    ),
    Command(
        0x33,
        "RESET_KEYBOARD_PWD_COUNT",
        Level.ADMIN,
        Struct("count" / Int8ub),
        BATTERY,
        "5.10",
        feature=Feature.PASSCODE,
    ),
    Command(
        0x44,
        "SET_DELETE_PWD",
        Level.ADMIN,
        Struct("digits" / Array(ERASE_CODE, Int8ub)),
        Struct("battery" / Optional(Int8ub)),
        "5.11",
        feature=Feature.PASSCODE_DELETE,
    ),
)
