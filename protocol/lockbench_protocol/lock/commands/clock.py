"""The lock's clock (ttlock-ble 5.5): local time, no zone on the wire."""

from __future__ import annotations

from construct import Struct

from lockbench_protocol.lock.commands.row import BATTERY, DATE6, NOTHING, Command, Level

ROWS = (
    Command(0x43, "TIME_CALIBRATE", Level.CLOCK, Struct("date" / DATE6), BATTERY, "5.5"),
    Command(0x34, "GET_LOCK_TIME", Level.ANYONE, NOTHING, Struct("date" / DATE6), "5.5"),
)
