"""Feature bits (ttlock-ble 5.6)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

WORD = 32


class Feature(IntEnum):
    """The bit number of each feature with a public meaning."""

    PASSCODE = 0
    CARD = 1
    FINGERPRINT = 2
    WRISTBAND = 3
    AUTO_LOCK = 4
    PASSCODE_DELETE = 5
    FIRMWARE_UPGRADE = 6
    PASSCODE_MODIFY = 7
    MANUAL_LOCK = 8
    SHOW_PASSCODE = 9
    GATEWAY_UNLOCK = 10
    FREEZE = 11
    CYCLIC_PASSCODE = 12
    DOOR_SENSOR = 13
    REMOTE_UNLOCK_SWITCH = 14
    AUDIO = 15
    NB = 16
    GET_ADMIN_CODE = 18
    HOTEL = 19
    NO_CLOCK = 20
    NO_ADVERTISEMENT = 21
    PASSAGE_MODE = 22
    PASSAGE_AUTO_LOCK = 23
    WIRELESS_KEYPAD = 24
    LAMP = 25
    TAMPER_ALERT = 28
    RESET_BUTTON = 29
    PRIVACY_LOCK = 30
    DEAD_LOCK = 32
    CYCLIC_CARD = 34
    UNLOCK_DIRECTION = 36
    FINGER_VEIN = 37
    TELINK = 38
    NB_ACTIVATION = 39
    CYCLIC_RECOVERY = 40
    KEY_FOB = 41
    ACCESSORY_BATTERY = 42
    DOOR_SENSOR_STATE = 45
    PASSAGE_AUTO_UNLOCK = 46
    FINGERPRINT_DISTRIBUTION = 47
    ZHONGZHENG = 48
    SYNO = 49
    WIRELESS_DOOR_SENSOR = 50
    DOOR_OPEN_ALARM = 51
    SENSITIVITY = 52
    FACE = 53
    CPU_CARD = 55
    WIFI = 56
    STATIC_IP = 58
    INCOMPLETE_PASSCODE = 60


def words(features: Iterable[int]) -> list[int]:
    """The 32-bit groups of the reply to 0x01, bits 0 to 31 first; at least one."""
    value = sum(1 << bit for bit in set(features))
    groups = [value & 0xFFFFFFFF]
    while value := value >> WORD:
        groups.append(value & 0xFFFFFFFF)
    return groups


def bits(groups: Iterable[int]) -> frozenset[int]:
    """The bit numbers in the 32-bit groups of a reply to 0x01."""
    return frozenset(
        bit + WORD * at for at, group in enumerate(groups) for bit in range(WORD) if group >> bit & 1
    )


def feature_value(groups: Iterable[int]) -> str:
    """`featureValue` of lockData: the highest group first, hex, upper case, no leading zeros."""
    return f"{sum(group << WORD * at for at, group in enumerate(groups)):X}"
