"""What a lock advertises (ttlock-ble 1): AD structures, manufacturer data, DFU mode."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntFlag

from construct import Bytes, Const, GreedyBytes, Int8ub, Struct

from lockbench_protocol.schema import codec

FLAGS, UUIDS16, SHORT_NAME, NAME, TX_POWER, MANUFACTURER = 0x01, 0x03, 0x08, 0x09, 0x0A, 0xFF
UUIDS16_INCOMPLETE = 0x02
SERVICE = 0x1910
V3 = b"\x05\x03"
DFU_MODES = (b"\xff\xff", b"\x12\x19", b"\x13\x19")  # lock; seen by the SDK on a plug; on a gateway (1.6)
SIZE = 15  # bytes of V3 manufacturer data; clients refuse shorter ones


class Flag(IntFlag):
    """The flags byte (1.3)."""

    UNLOCKED = 0x01
    NEW_RECORDS = 0x02
    SETTING = 0x04
    TOUCHED = 0x08
    PARKED = 0x10


MANUFACTURER_DATA = Struct(
    "version" / Const(V3),
    "scene" / Int8ub,
    "flags" / Int8ub,
    "battery" / Int8ub,
    "unknown" / Bytes(4),
    "mac" / Bytes(6),  # last octet first
    "rest" / GreedyBytes,
)


@dataclass(frozen=True, slots=True)
class LockState:
    """What a V3 advertisement says; battery in percent."""

    scene: int
    flags: Flag
    battery: int
    address: str


def mac_bytes(address: str) -> bytes:
    """`AA:BB:CC:DD:EE:FF` to six bytes, first octet first."""
    return bytes(int(octet, 16) for octet in address.split(":"))


def mac_text(mac: bytes) -> str:
    return ":".join(f"{octet:02X}" for octet in mac)


def name_of(prefix: str, address: str) -> str:
    """The local name: prefix, then the last three octets in reverse order, lower case (1.1)."""
    return f"{prefix}_{mac_bytes(address)[:2:-1].hex()}"


def manufacturer_data(state: LockState) -> bytes:
    return codec(MANUFACTURER_DATA).build(
        {
            "scene": state.scene,
            "flags": int(state.flags),
            "battery": state.battery,
            "unknown": bytes(4),
            "mac": mac_bytes(state.address)[::-1],
            "rest": b"",
        }
    )


def dfu_manufacturer_data(state: LockState, mark: bytes = DFU_MODES[0]) -> bytes:
    """The same bytes with the DFU mark in the place of type and version (1.6)."""
    return mark + manufacturer_data(state)[2:]


def is_dfu(manufacturer: bytes) -> bool:
    return manufacturer[:2] in DFU_MODES


def read_manufacturer(manufacturer: bytes, address: str | None = None) -> LockState | None:
    """The state in the manufacturer data; None when it is not of a V3 lock, is in DFU mode, is too short,
    or names another address than the one it came from. Never raises."""
    if len(manufacturer) < SIZE or manufacturer[:2] != V3:
        return None
    fields = codec(MANUFACTURER_DATA).parse(manufacturer)
    mac = mac_text(manufacturer[-6:][::-1])
    if address is not None and mac != address.upper():
        return None
    return LockState(fields.scene, Flag(fields.flags), fields.battery, mac)


def structure(kind: int, value: bytes) -> bytes:
    """One AD structure: length, type, value."""
    return bytes((len(value) + 1, kind)) + value


def structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    """The AD structures of an advertisement; stops at the first that does not fit. Never raises."""
    at = 0
    while at < len(data) and data[at] and at + 1 + data[at] <= len(data):
        yield data[at + 1], data[at + 2 : at + 1 + data[at]]
        at += 1 + data[at]


def advertisement(manufacturer: bytes, *, service: bool = True) -> bytes:
    """ADV_IND: flags, 1910 unless switched off, manufacturer data (TV49)."""
    uuids = structure(UUIDS16, SERVICE.to_bytes(2, "little")) if service else b""
    return structure(FLAGS, b"\x06") + uuids + structure(MANUFACTURER, manufacturer)


def scan_response(name: str) -> bytes:
    return structure(NAME, name.encode())
