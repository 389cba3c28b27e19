"""Opening and closing (ttlock-ble 5.4)."""

from __future__ import annotations

from construct import Int8ub, Int32ub, Struct

from lockbench_protocol.lock.commands.row import DATE6, Command, Level

_REQUEST = Struct("sum" / Int32ub, "time" / Int32ub)
_REPLY = Struct("battery" / Int8ub, "uid" / Int32ub, "unique_id" / Int32ub, "date" / DATE6)

ROWS = (
    Command(0x47, "UNLOCK", Level.MOVER, _REQUEST, _REPLY, "5.4"),
    Command(0x58, "FUNCTION_LOCK", Level.MOVER, _REQUEST, _REPLY, "5.4"),
)
