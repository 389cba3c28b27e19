"""The opcode table (ttlock-ble 5.1), one file a family. Docs, lock, client and coverage read these rows."""

from lockbench_protocol.lock.commands import (
    accessories,
    cards,
    clock,
    dfu,
    info,
    log,
    login,
    pairing,
    passcode,
    settings,
    unlock,
)
from lockbench_protocol.lock.commands.row import Command, Level, PayloadError

__all__ = ["COMMANDS", "Command", "Level", "PayloadError"]

_FAMILIES = (pairing, login, unlock, clock, info, passcode, cards, log, settings, dfu, accessories)
COMMANDS: dict[int, Command] = {row.opcode: row for family in _FAMILIES for row in family.ROWS}
