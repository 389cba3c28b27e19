"""Key fobs, door sensor, network, hotel (ttlock-ble 5.22)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.advertising import mac_bytes
from lockbench_protocol.lock.commands.accessories import FOB_ADD, FOB_CLEAR
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.handlers.login import sum_is_right
from lockbench_emulator.lock.handlers.pairing import check_vendor
from lockbench_emulator.lock.memory import Dated
from lockbench_emulator.lock.refused import Refused

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock

FULL_BATTERY = 100
RSSI = 0xC8  # -56 dBm, as a byte


def fobs(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    known, args = lock.memory.fobs, request.args
    if request.op == FOB_CLEAR:
        known.clear()
    elif request.op == FOB_ADD:
        if args.mac not in known and len(known) >= lock.profile.credentials.capacity:
            raise Refused(Status.OUT_OF_MEMORY)
        known[args.mac] = Dated(args.mac, args.start, args.end)
    elif known.pop(args.mac, None) is None:
        raise Refused(Status.RECORD_UNKNOWN)
    return {"battery": lock.battery, "op": request.op}


def accessory_battery(lock: Lock, request: Any, now: float) -> dict[str, Any]:
    if request.mac not in lock.memory.fobs and request.mac != lock.memory.door_sensor:
        raise Refused(Status.RECORD_UNKNOWN)
    return {
        "battery": lock.battery,
        "type": request.type,
        "mac": request.mac,
        "date": lock.date6(now),
        "accessory_battery": FULL_BATTERY,
    }


def door_sensor(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    lock.memory.door_sensor = b"" if request.mac == bytes(6) else request.mac
    return {"battery": lock.battery}


def nb_address(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    lock.memory.nb_server = request.port.to_bytes(2, "big") + request.host
    return {"battery": lock.battery}


def remote_device(lock: Lock, request: Any, now: float) -> dict[str, int]:
    if not sum_is_right(lock, request.sum):
        raise Refused(Status.INVALID_DYNAMIC_CODE)
    lock.move_bolt(unlocked=request.op == 1, now=now)
    return {"battery": lock.battery}


def wifi_scan(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    """No network is near an emulated lock: the list ends at once."""
    check_vendor(lock, request.vendor)
    return {"battery": lock.battery, "ssid": None, "rssi": None}


def wifi_settings(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    ssid = getattr(request, "ssid", None)
    if ssid is not None and not ssid:
        raise Refused(Status.WRONG_SSID)
    lock.memory.wifi = ssid or b"\x00"
    return {"battery": lock.battery}


def wifi_info(lock: Lock, _request: Any, _now: float) -> dict[str, Any]:
    return {"battery": lock.battery, "mac": mac_bytes(lock.address)[::-1], "rssi": RSSI}


HANDLERS = {
    0x73: fobs,
    0x74: accessory_battery,
    0x76: door_sensor,
    0x12: nb_address,
    0x63: remote_device,
    0xF2: wifi_scan,
    0xF3: wifi_settings,
    0xF4: wifi_settings,
    0xF5: wifi_settings,
    0xF6: wifi_info,
}
