"""Auto-lock, switches, passage mode (ttlock-ble 5.14 to 5.16)."""

from __future__ import annotations

from enum import IntEnum, IntFlag

from construct import Construct, GreedyRange, If, Int8ub, Int16ub, Int32ub, Optional, Struct, Switch, this

from lockbench_protocol.lock.commands.row import NOTHING, Command, Level
from lockbench_protocol.lock.features import Feature

QUERY, SET = 1, 2
DOOR_SENSOR = 0xFFFF  # in the place of the seconds: the value after it is for the door sensor


class SwitchItem(IntFlag):
    """The items of 68."""

    TAMPER_ALERT = 0x01
    RESET_BUTTON = 0x02
    PRIVACY_LOCK = 0x04
    UNLOCK_DIRECTION = 0x10  # 1 is left
    PASSAGE_AUTO_UNLOCK = 0x20
    WIFI_POWER_SAVING = 0x80  # inverted


class PassageOp(IntEnum):
    QUERY = 1
    ADD = 2
    DELETE = 3
    CLEAR = 4


class PassageType(IntEnum):
    WEEKLY = 1
    MONTHLY = 2


LAST_PASSAGE_PAGE = 0xFF  # the vendor's client ignores the records of this page
_PASSAGE = Struct(
    "type" / Int8ub,
    "day" / Int8ub,  # 1 Monday to 7 Sunday, or the day of the month
    "month" / Int8ub,
    "start_hour" / Int8ub,
    "start_minute" / Int8ub,
    "end_hour" / Int8ub,
    "end_minute" / Int8ub,
)
_PASSAGE_ARGUMENTS = {
    PassageOp.QUERY: Struct("seq" / Int8ub),
    PassageOp.ADD: _PASSAGE,
    PassageOp.DELETE: _PASSAGE,
    PassageOp.CLEAR: NOTHING,
}


def _switch(
    opcode: int,
    name: str,
    value: Construct,
    feature: Feature | None,
    level: Level = Level.ADMIN,
    shown: Construct | None = None,
) -> Command:
    """01 asks, 02 sets; the reply to 01 has the value (5.15)."""
    return Command(
        opcode,
        name,
        level,
        Struct("op" / Int8ub, "value" / If(this.op == SET, value)),
        Struct("battery" / Int8ub, "op" / Int8ub, "value" / If(this.op == QUERY, shown or value)),
        "5.15",
        (QUERY, SET),
        feature,
    )


ROWS = (
    Command(
        0x36,
        "AUTO_LOCK_MANAGE",
        Level.ADMIN_OR_PAIRING,
        Struct(
            "op" / Int8ub,
            "seconds" / If(this.op == SET, Int16ub),
            "door_sensor" / If(this.seconds == DOOR_SENSOR, Int8ub),
        ),
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
    _switch(0x37, "CONTROL_REMOTE_UNLOCK", Int8ub, Feature.REMOTE_UNLOCK_SWITCH, Level.ADMIN_OR_PAIRING),
    _switch(
        0x62,
        "AUDIO_MANAGE",
        Struct("on" / Int8ub, "volume" / Optional(Int8ub), "language" / Optional(Int8ub)),
        Feature.AUDIO,
        Level.ADMIN_OR_PAIRING,
        Struct("on" / Int8ub, "volume" / Optional(Int8ub)),
    ),
    _switch(0x59, "SHOW_PASSWORD", Int8ub, Feature.SHOW_PASSCODE, Level.ADMIN_OR_PAIRING),
    _switch(0x61, "FREEZE_LOCK", Int8ub, Feature.FREEZE),
    _switch(0x67, "LAMP", Int16ub, Feature.LAMP, Level.ADMIN_OR_PAIRING),
    _switch(
        0x68, "SWITCH", Struct("item_mask" / Int32ub, "value_mask" / Int32ub), None, Level.ADMIN_OR_PAIRING
    ),
    _switch(0x80, "SENSITIVITY", Int8ub, Feature.SENSITIVITY, Level.ADMIN_OR_PAIRING),
    Command(
        0x66,
        "CONFIGURE_PASSAGE_MODE",
        Level.ADMIN,
        Struct("op" / Int8ub, "args" / Switch(this.op, _PASSAGE_ARGUMENTS)),
        Struct(
            "battery" / Int8ub,
            "op" / Int8ub,
            "page"
            / If(this.op == PassageOp.QUERY, Struct("next" / Int8ub, "records" / GreedyRange(_PASSAGE))),
        ),
        "5.16",
        tuple(_PASSAGE_ARGUMENTS),
        Feature.PASSAGE_MODE,
    ),
)
