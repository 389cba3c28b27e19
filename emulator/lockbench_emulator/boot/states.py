"""The OTA server's states, what comes in, and what follows: names only. Actions are methods of the server.

One table holds what the dialects have in common; keys of a dialect, by their values, add rows.
"""

from __future__ import annotations

from enum import IntEnum, auto

from lockbench_emulator.boot.dialect import ServerDialect

__all__ = ["INPUTS", "Input", "State", "rows"]


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

Rows = dict[tuple[State, Input], tuple[str, State]]

_COMMANDS = (Input.VERSION, Input.START, Input.START_EXT, Input.VERSION_ASK, Input.SIGNATURE, Input.UNKNOWN)
_WRITES = (*_COMMANDS, Input.END, Input.DATA)
_AFTER = (State.JUDGED, State.PARTING)

_ALWAYS: Rows = {
    (State.IDLE, Input.VERSION): ("wait", State.IDLE),
    (State.IDLE, Input.START): ("begin", State.RECEIVING),
    (State.IDLE, Input.START_EXT): ("begin_extended", State.RECEIVING),
    (State.IDLE, Input.VERSION_ASK): ("answer_version", State.IDLE),
    (State.IDLE, Input.SIGNATURE): ("no_secure_boot", State.IDLE),
    (State.IDLE, Input.UNKNOWN): ("unknown", State.IDLE),
    (State.IDLE, Input.TIME): ("give_up", State.GONE),
    (State.RECEIVING, Input.VERSION): ("wait", State.RECEIVING),
    (State.RECEIVING, Input.VERSION_ASK): ("out_of_order", State.RECEIVING),
    (State.RECEIVING, Input.SIGNATURE): ("no_secure_boot", State.RECEIVING),
    (State.RECEIVING, Input.UNKNOWN): ("unknown", State.RECEIVING),
    (State.RECEIVING, Input.END): ("end", State.RECEIVING),
    (State.RECEIVING, Input.DATA): ("take", State.RECEIVING),
    (State.RECEIVING, Input.VERDICT): ("tell", State.JUDGED),
    **{(state, given): ("nothing", state) for state in (*_AFTER, State.GONE) for given in _WRITES},
    **{(state, Input.VERDICT): ("nothing", state) for state in _AFTER},  # the first one stands
    (State.JUDGED, Input.LINK_DOWN): ("nothing", State.JUDGED),
    (State.JUDGED, Input.TIME): ("part", State.PARTING),
    (State.PARTING, Input.LINK_DOWN): ("settle", State.PARTING),
    (State.PARTING, Input.TIME): ("finish", State.GONE),
    (State.GONE, Input.LINK_DOWN): ("nothing", State.GONE),
    (State.GONE, Input.STAY): ("ready_again", State.IDLE),
}

# A key of the dialect and its value -> the rows that follow from it
_BY_KEY: dict[tuple[str, object], Rows] = {
    ("unstarted", "written"): {
        (State.IDLE, Input.DATA): ("take", State.IDLE),  # telink-ota 4.1 point 7
        (State.IDLE, Input.END): ("nothing", State.IDLE),
        (State.IDLE, Input.VERDICT): ("nothing", State.IDLE),
    },
    ("unstarted", "refused"): {
        (State.IDLE, Input.DATA): ("out_of_order", State.IDLE),
        (State.IDLE, Input.END): ("out_of_order", State.IDLE),
        (State.IDLE, Input.VERDICT): ("refuse", State.IDLE),
    },
    ("unstarted_ends", "by timer"): {(State.IDLE, Input.LINK_DOWN): ("nothing", State.IDLE)},
    ("unstarted_ends", "with link"): {(State.IDLE, Input.LINK_DOWN): ("clean_unstarted", State.IDLE)},
    ("restart", "rewinds"): {
        (State.RECEIVING, Input.START): ("begin", State.RECEIVING),
        (State.RECEIVING, Input.START_EXT): ("begin_extended", State.RECEIVING),
    },
    ("restart", "refused"): {
        (State.RECEIVING, Input.START): ("out_of_order", State.RECEIVING),
        (State.RECEIVING, Input.START_EXT): ("out_of_order", State.RECEIVING),
    },
    ("link_loss", "waits"): {(State.RECEIVING, Input.LINK_DOWN): ("nothing", State.RECEIVING)},
    ("link_loss", "fails"): {(State.RECEIVING, Input.LINK_DOWN): ("lose", State.RECEIVING)},
    ("timeout_notified", False): {(State.RECEIVING, Input.TIME): ("give_up", State.GONE)},
    ("timeout_notified", True): {(State.RECEIVING, Input.TIME): ("expire", State.RECEIVING)},
    ("after_verdict", "heard"): {  # 4.1 point 8
        **{(state, Input.START): ("rewind", state) for state in _AFTER},
        **{(state, Input.DATA): ("take", state) for state in _AFTER},
    },
}


def rows(dialect: ServerDialect) -> Rows:
    """(state, input) -> (action, next state) of a server that speaks `dialect`."""
    found = dict(_ALWAYS)
    for (key, value), more in _BY_KEY.items():
        if getattr(dialect, key) == value:
            found |= more
    return found
