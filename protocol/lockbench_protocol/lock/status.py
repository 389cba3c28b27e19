"""The status byte of a lock's refusal: `[cmd] 00 [code]` (ttlock-ble 4)."""

from __future__ import annotations

from enum import IntEnum


class Status(IntEnum):
    """The numbers are those of the plug-in's error table (`lockbench_protocol.errors`)."""

    CRC = 1
    NOT_ADMIN = 2
    WRONG_ADMIN_PASSWORD = 3
    IN_SETTING_MODE = 5
    NO_ADMIN = 6
    NOT_IN_SETTING_MODE = 7
    INVALID_DYNAMIC_CODE = 8
    OUT_OF_BATTERY = 10
    INIT_PASSWORDS_FAILED = 11
    FLAG_POSITION_LOW = 13
    KEY_EXPIRED = 14
    PASSCODE_LENGTH = 15
    ADMIN_EQUALS_ERASE = 16
    KEY_NOT_YET = 17
    NOT_LOGGED_IN = 18
    FAILED = 19
    PASSCODE_EXISTS = 20
    PASSCODE_UNKNOWN = 21
    OUT_OF_MEMORY = 22
    PAYLOAD_LENGTH = 23
    CARD_UNKNOWN = 24
    FINGERPRINT_UNKNOWN = 26
    INVALID_COMMAND = 27
    FROZEN = 28
    INVALID_VENDOR = 29
    DOUBLE_LOCKED = 30
    RECORD_UNKNOWN = 31
    INVALID_PARAMETER = 32
    OBSTRUCTED = 33
    PROCESSING = 36
    WRONG_SSID = 37
    WRONG_WIFI_PASSWORD = 38
