"""Key fobs, door sensor, remote control, network (ttlock-ble 5.22). MACs are six bytes, last octet first."""

from __future__ import annotations

from construct import (
    Bytes,
    GreedyBytes,
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

from lockbench_protocol.lock.commands.row import BATTERY, DATE5, DATE6, NOTHING, Command, Level
from lockbench_protocol.lock.features import Feature

FOB_ADD, FOB_DELETE, FOB_CLEAR = 2, 3, 4
_MAC = Bytes(6)
_FOB_ARGUMENTS = {
    FOB_ADD: Struct("mac" / _MAC, "start" / DATE5, "end" / DATE5),
    FOB_DELETE: Struct("mac" / _MAC),
    FOB_CLEAR: NOTHING,
}
_ADDRESSES = Struct(
    "type" / Int8ub, "ip" / Bytes(4), "mask" / Bytes(4), "gateway" / Bytes(4), "dns" / Bytes(8)
)

ROWS = (
    Command(
        0x73,
        "KEY_FOB_MANAGE",
        Level.ADMIN,
        Struct("op" / Int8ub, "args" / Switch(this.op, _FOB_ARGUMENTS)),
        Struct("battery" / Int8ub, "op" / Int8ub),
        "5.22",
        tuple(_FOB_ARGUMENTS),
        Feature.KEY_FOB,
    ),
    Command(
        0x74,
        "ACCESSORY_BATTERY",
        Level.ADMIN,
        Struct("type" / Int8ub, "mac" / _MAC),
        Struct(
            "battery" / Int8ub,
            "type" / Int8ub,
            "mac" / _MAC,
            "date" / DATE6,
            "accessory_battery" / Int8ub,
        ),
        "5.22",
        feature=Feature.ACCESSORY_BATTERY,
    ),
    # zeros delete the sensor
    Command(
        0x76,
        "DOOR_SENSOR_MANAGE",
        Level.ADMIN,
        Struct("mac" / _MAC),
        BATTERY,
        "5.22",
        feature=Feature.WIRELESS_DOOR_SENSOR,
    ),
    Command(
        0x12,
        "CONFIGURE_NB_ADDRESS",
        Level.ADMIN_OR_PAIRING,
        Struct("port" / Int16ub, "host" / GreedyBytes),
        BATTERY,
        "5.22",
        feature=Feature.NB,
    ),
    Command(
        0x13,
        "NB_ACTIVATE",
        Level.ADMIN,
        Struct("op" / Int8ub, "rest" / GreedyBytes),
        BATTERY,
        "5.22",
        feature=Feature.NB_ACTIVATION,
    ),
    Command(
        0x64,
        "HOTEL_DATA",
        Level.ADMIN,
        Struct("op" / Int8ub, "type" / Int8ub, "data" / Optional(Prefixed(Int8ub, GreedyBytes))),
        Struct("battery" / Int8ub, "op" / Int8ub, "type" / Int8ub, "data" / GreedyBytes),
        "5.22",
        feature=Feature.HOTEL,
    ),
    Command(
        0xF2,
        "WIFI_SCAN",
        Level.ADMIN,
        Struct("vendor" / GreedyBytes),
        # one frame an access point; a reply with the battery alone ends
        Struct(
            "battery" / Int8ub,
            "ssid" / Optional(Prefixed(Int8ub, GreedyBytes)),
            "rssi" / If(this.ssid, Int8ub),
        ),
        "5.22",
        feature=Feature.WIFI,
    ),
    Command(
        0xF3,
        "WIFI_AP",
        Level.ADMIN,
        Struct("ssid" / Prefixed(Int8ub, GreedyBytes), "password" / Prefixed(Int8ub, GreedyBytes)),
        BATTERY,
        "5.22",
        feature=Feature.WIFI,
    ),
    Command(0xF4, "WIFI_STATIC_IP", Level.ADMIN, _ADDRESSES, BATTERY, "5.22", feature=Feature.STATIC_IP),
    Command(
        0xF5,
        "WIFI_SERVER",
        Level.ADMIN,
        Struct("host" / Prefixed(Int8ub, GreedyBytes), "port" / Int16ub),
        BATTERY,
        "5.22",
        feature=Feature.WIFI,
    ),
    Command(
        0xF6,
        "WIFI_INFO",
        Level.ADMIN,
        NOTHING,
        Struct("battery" / Int8ub, "mac" / _MAC, "rssi" / Int8ub),
        "5.22",
        feature=Feature.WIFI,
    ),
    # a remote-control device obeys it without an answer
    Command(
        0x63,
        "CONTROL_REMOTE_DEVICE",
        Level.ADMIN,
        Struct("op" / Int8ub, "sum" / Int32ub, "unique_id" / Int32ub, "key" / Int8ub),
        BATTERY,
        "5.22",
        (1, 2),
    ),
)
