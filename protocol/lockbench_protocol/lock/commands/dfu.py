"""The door to the bootloader (ttlock-ble 5.20)."""

from __future__ import annotations

from construct import GreedyBytes, Int8ub, Optional, Struct

from lockbench_protocol.lock.commands.row import Command, Level
from lockbench_protocol.lock.features import Feature

ROWS = (
    Command(
        0x02,
        "ENTER_DFU_MODE",
        Level.ADMIN,
        Struct("vendor" / GreedyBytes),
        Struct("battery" / Optional(Int8ub)),
        "5.20",
        feature=Feature.FIRMWARE_UPGRADE,
    ),
)
