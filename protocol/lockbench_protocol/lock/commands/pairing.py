"""Pairing (ttlock-ble 5.2, 5.11) and its end, reset (5.21)."""

from __future__ import annotations

from construct import Byte, Bytes, GreedyBytes, GreedyRange, Int8ub, Int32ub, Optional, Struct

from lockbench_protocol.lock.commands.row import BATTERY, CODE, NOTHING, Command, Level
from lockbench_protocol.lock.features import Feature

ROWS = (
    Command(0x45, "INITIALIZATION", Level.ANYONE, NOTHING, GreedyBytes, "5.2"),
    Command(
        0x19, "GET_AES_KEY", Level.PAIRING, Struct("vendor" / GreedyBytes), Struct("key" / Bytes(16)), "5.2"
    ),
    Command(
        0x56,
        "ADD_ADMIN",
        Level.PAIRING,
        Struct("admin_ps" / Int32ub, "unlock_key" / Int32ub, "vendor" / GreedyBytes),
        Struct("vendor" / GreedyBytes),
        "5.2",
    ),
    Command(
        0x53,
        "SET_ADMIN_KEYBOARD_PWD",
        Level.ADMIN_OR_PAIRING,
        Struct("digits" / GreedyRange(Byte)),  # values 0 to 9, not ASCII
        Struct("battery" / Optional(Int8ub)),
        "5.11",
    ),
    Command(
        0x65,
        "GET_ADMIN_CODE",
        Level.ADMIN_OR_PAIRING,
        NOTHING,
        Struct("battery" / Int8ub, "code" / CODE),
        "5.11",
        feature=Feature.GET_ADMIN_CODE,
    ),
    Command(0x57, "OPERATION_FINISHED", Level.PAIRING, NOTHING, BATTERY, "5.2"),
    Command(0x52, "RESET_LOCK", Level.ADMIN, NOTHING, Struct("battery" / Optional(Int8ub)), "5.21"),
)
