"""Opening and closing (ttlock-ble 5.4)."""

from __future__ import annotations

from construct import Int8ub, Int32ub, Struct

from lockbench_protocol.lock.commands.row import DATE6, Command, Level
from lockbench_protocol.lock.features import Feature

_REQUEST = Struct("sum" / Int32ub, "time" / Int32ub)
_REPLY = Struct("battery" / Int8ub, "uid" / Int32ub, "unique_id" / Int32ub, "date" / DATE6)

# the lift variant of 47 adds a date, a count and the floors; they are ignored as trailing bytes
ROWS = (
    Command(0x47, "UNLOCK", Level.MOVER, _REQUEST, _REPLY, "5.4"),
    Command(0x58, "FUNCTION_LOCK", Level.MOVER, _REQUEST, _REPLY, "5.4"),
    Command(0x69, "DEAD_LOCK", Level.MOVER, _REQUEST, _REPLY, "5.22", feature=Feature.DEAD_LOCK),
)
