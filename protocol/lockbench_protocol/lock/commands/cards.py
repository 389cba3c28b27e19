"""IC cards and fingerprints, and their cyclic periods (ttlock-ble 5.12, 5.13).

A card number is bytes as on the wire: 4, or 8 for decimals that need them; `card_number` makes them. A
fingerprint is 6 bytes.
"""

from __future__ import annotations

from enum import IntEnum

from construct import (
    Array,
    Bytes,
    Construct,
    GreedyBytes,
    GreedyRange,
    If,
    Int8ub,
    Int16ub,
    Int32ub,
    Padding,
    Prefixed,
    Select,
    Struct,
    Switch,
    Terminated,
    this,
)

from lockbench_protocol import LocalError
from lockbench_protocol.lock.commands.row import DATE5, NOTHING, Command, Level
from lockbench_protocol.lock.features import Feature


class CredentialOp(IntEnum):
    SEARCH_CARD = 1
    ADD = 2
    DELETE = 3
    CLEAR = 4
    MODIFY = 5
    SEARCH_FINGERPRINT = 6
    TEMPLATE = 7


class AddStatus(IntEnum):
    """The status byte of an `add` reply or push."""

    DONE = 1
    ENTERED = 2
    PROGRESS = 3
    READY_FOR_TEMPLATE = 4


_HIGHEST_SHORT = 0xFFFFFFFF


def card_number(decimal: str) -> bytes:
    """The bytes of a card number: 4, or 8 when the decimal has more than 10 digits or does not fit."""
    if not decimal.isascii() or not decimal.isdecimal() or int(decimal) > 0xFFFFFFFFFFFFFFFF:
        raise LocalError(f"{decimal!r} is no card number")
    number = int(decimal)
    return number.to_bytes(4 if len(decimal) <= 10 and number <= _HIGHEST_SHORT else 8, "big")


def _dated(number: Construct) -> Construct:
    return Struct("number" / number, "start" / DATE5, "end" / DATE5)


_CARD4, _CARD8 = _dated(Bytes(4)), _dated(Bytes(8))
_FINGER = _dated(Bytes(6))
_TEMPLATE = Struct(
    "template" / Struct("number" / Int32ub, "length" / Int16ub, "sum" / Int16ub),
    "start" / DATE5,
    "end" / DATE5,
)
_CARD_ARGUMENTS = {
    CredentialOp.SEARCH_CARD: Struct("seq" / Int16ub),
    # without a number: enter the mode in which the lock waits for a card
    CredentialOp.ADD: Select(_CARD8, _CARD4, NOTHING),
    CredentialOp.DELETE: Struct("number" / Select(Bytes(8), Bytes(4))),
    CredentialOp.CLEAR: NOTHING,
    CredentialOp.MODIFY: Select(_CARD8, _CARD4),
}
_FINGER_ARGUMENTS = {
    CredentialOp.SEARCH_FINGERPRINT: Struct("seq" / Int16ub),
    CredentialOp.ADD: Select(_TEMPLATE, _FINGER, NOTHING),
    CredentialOp.DELETE: Struct("number" / Bytes(6)),
    CredentialOp.CLEAR: NOTHING,
    CredentialOp.MODIFY: _FINGER,
    CredentialOp.TEMPLATE: Struct("seq" / Int16ub, "data" / GreedyBytes),
}


def _added(number: Construct) -> Construct:
    return Struct(
        "status" / Int8ub,
        "detail"
        / Switch(
            this.status,
            {
                AddStatus.DONE: Struct("number" / number),
                AddStatus.ENTERED: Select(Struct("total" / Int8ub), NOTHING),
                AddStatus.PROGRESS: Struct("done" / Int8ub, "total" / Int8ub),
                AddStatus.READY_FOR_TEMPLATE: Struct("seq" / Int16ub, "packet" / Int16ub),
            },
        ),
    )


# the vendor's client reads 8-byte cards only in a page of exactly 20 bytes: one record
_CARD_PAGE = Select(
    Struct("next" / Int16ub, "records" / Array(1, _CARD8), Terminated),
    Struct("next" / Int16ub, "records" / GreedyRange(_CARD4)),
)
_FINGER_PAGE = Struct("next" / Int16ub, "records" / GreedyRange(_FINGER))


class CyclicUser(IntEnum):
    FINGERPRINT = 1
    CARD = 2
    KEY_FOB = 3


class Cycle(IntEnum):
    WEEK = 1
    DAY = 2
    MONTH = 3


_USER = ("user_type" / Int8ub, "user" / Prefixed(Int8ub, GreedyBytes))
CYCLIC_ADD, CYCLIC_CLEAR = 2, 4

ROWS = (
    Command(
        0x05,
        "IC_MANAGE",
        Level.ADMIN,
        Struct("op" / Int8ub, "args" / Switch(this.op, _CARD_ARGUMENTS)),
        Struct(
            "battery" / Int8ub,
            "op" / Int8ub,
            "result"
            / Switch(
                this.op,
                {CredentialOp.SEARCH_CARD: _CARD_PAGE, CredentialOp.ADD: _added(Select(Bytes(8), Bytes(4)))},
            ),
        ),
        "5.12",
        tuple(_CARD_ARGUMENTS),
        Feature.CARD,
    ),
    Command(
        0x06,
        "FR_MANAGE",
        Level.ADMIN,
        Struct("op" / Int8ub, "args" / Switch(this.op, _FINGER_ARGUMENTS)),
        Struct(
            "battery" / Int8ub,
            "op" / Int8ub,
            "result"
            / Switch(
                this.op,
                {
                    CredentialOp.SEARCH_FINGERPRINT: _FINGER_PAGE,
                    CredentialOp.ADD: _added(Bytes(6)),
                    CredentialOp.TEMPLATE: _added(Bytes(6)),
                },
            ),
        ),
        "5.12",
        tuple(_FINGER_ARGUMENTS),
        Feature.FINGERPRINT,
    ),
    Command(
        0x70,
        "CYCLIC_CMD",
        Level.ADMIN,
        Struct(
            "op" / Int8ub,
            *_USER,
            "period"
            / If(
                this.op == CYCLIC_ADD,
                Struct(
                    "cycle" / Int8ub,
                    "day" / Int8ub,  # 1 Monday to 7 Sunday
                    Padding(1),
                    "start_hour" / Int8ub,
                    "start_minute" / Int8ub,
                    "end_hour" / Int8ub,
                    "end_minute" / Int8ub,
                    Padding(4),
                ),
            ),
        ),
        Struct("battery" / Int8ub, "op" / Int8ub),
        "5.13",
        (CYCLIC_ADD, CYCLIC_CLEAR),
        Feature.CYCLIC_CARD,
    ),
)
