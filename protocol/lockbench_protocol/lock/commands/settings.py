"""Auto-lock (ttlock-ble 5.14)."""

from __future__ import annotations

from construct import If, Int8ub, Int16ub, Optional, Struct, this

from lockbench_protocol.lock.commands.row import Command, Level
from lockbench_protocol.lock.features import Feature

QUERY, SET = 1, 2

ROWS = (
    Command(
        0x36,
        "AUTO_LOCK_MANAGE",
        Level.ADMIN_OR_PAIRING,
        Struct("op" / Int8ub, "seconds" / If(this.op == SET, Int16ub)),
        Struct(
            "battery" / Int8ub,
            "op" / Int8ub,
            # the vendor's client reads the whole range, so a query is answered with all of it
            "range" / If(this.op == QUERY, Struct("current" / Int16ub, "min" / Int16ub, "max" / Int16ub)),
            "door_sensor" / Optional(Int8ub),
        ),
        "5.14",
        (QUERY, SET),
        Feature.AUTO_LOCK,
    ),
)
