"""The OTA server's states, and what comes in: names only. What follows from what is `server.table`."""

from __future__ import annotations

from enum import IntEnum, auto

__all__ = ["INPUTS", "Input", "State"]


class State(IntEnum):
    IDLE = auto()  # no START yet: a verdict is not latched
    RECEIVING = auto()
    JUDGED = auto()  # the verdict is told, the link still up
    PARTING = auto()  # the device has ended the link, or waits for its end
    GONE = auto()  # rebooting: a new server comes with the next start


class Input(IntEnum):
    VERSION = auto()
    START = auto()
    START_EXT = auto()
    VERSION_ASK = auto()
    SIGNATURE = auto()
    UNKNOWN = auto()  # an opcode that the dialect lacks
    END = auto()
    DATA = auto()
    VERDICT = auto()  # found while handling the input before
    LINK_DOWN = auto()
    TIME = auto()  # the deadline has come
    STAY = auto()  # the failure is cleaned, and there is no reboot


# Name of a client's PDU (lockbench_protocol.telink.ota) -> what it is to the server
INPUTS = {
    "VERSION": Input.VERSION,
    "START": Input.START,
    "START_EXT": Input.START_EXT,
    "FW_VERSION_REQ": Input.VERSION_ASK,
    "SB_PUBKEY_SIGN": Input.SIGNATURE,
    "END": Input.END,
}
