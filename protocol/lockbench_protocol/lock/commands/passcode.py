"""Keypad passcodes (ttlock-ble 5.8, 5.9)."""

from __future__ import annotations

from enum import IntEnum

from construct import GreedyRange, If, Int8ub, Int16ub, Optional, Prefixed, Struct, Switch, this

from lockbench_protocol.lock.commands.row import CODE, DATE5, NOTHING, Command, Level
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
LAST_PAGE = 0xFFFF  # `next` of a page that is the last

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
        # total counts the bytes that follow; 0 is the end
        Struct(
            "page" / Prefixed(Int16ub, Optional(Struct("next" / Int16ub, "records" / GreedyRange(RECORD))))
        ),
        "5.9",
        feature=Feature.PASSCODE,
    ),
)
