"""What a lock tells of itself: features, device information, status (ttlock-ble 5.6, 5.7, 5.18, 5.19)."""

from __future__ import annotations

from enum import IntEnum

from construct import GreedyBytes, GreedyRange, Int8ub, Int32ub, Optional, Struct

from lockbench_protocol.lock.commands.row import DATE6, NOTHING, Command, Level


class InfoType(IntEnum):
    MODEL = 1
    HARDWARE = 2
    FIRMWARE = 3
    MANUFACTURE_DATE = 4
    MAC = 5
    CLOCK = 6
    NB_OPERATOR = 7
    NB_IMEI = 8
    NB_CARD = 9
    NB_RSSI = 10  # one byte, signed


ROWS = (
    Command(
        0x01,
        "SEARCH_DEVICE_FEATURE",
        Level.ANYONE,
        NOTHING,
        Struct("battery" / Int8ub, "words" / GreedyRange(Int32ub)),
        "5.6",
    ),
    # every client drops the last byte of the reply; its meaning is unknown (5.7)
    Command(
        0x90, "READ_DEVICE_INFO", Level.ANYONE, Struct("type" / Int8ub), Struct("value" / GreedyBytes), "5.7"
    ),
    Command(
        0x14,
        "SEARCH_STATUS",
        Level.ANYONE,
        Struct("vendor" / GreedyBytes),
        Struct("battery" / Int8ub, "state" / Int8ub, "door" / Optional(Int8ub)),
        "5.18",
    ),
)

# bodies of the unsolicited frames with echo 14 (5.19), by their length
STATE_PUSH = Struct("battery" / Int8ub, "state" / Int8ub, "flag" / Int8ub)
RECORD_PUSH = Struct("battery" / Int8ub, "uid" / Int32ub, "record_id" / Int32ub, "date" / DATE6)
