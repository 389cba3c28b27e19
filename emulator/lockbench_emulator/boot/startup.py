"""What the running firmware does first: check its own mark, wipe the other bank by sampling (telink-ota 7.4).

The wipe erases, so a plan may cut the supply here too: PowerCut passes through.
"""

from __future__ import annotations

from lockbench_protocol.telink.image import MARK

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.flash import BLANK, SECTOR, Flash
from lockbench_emulator.boot.rom import boot

__all__ = ["power_up", "wipe"]

_BLANK_WORD = b"\xff\xff\xff\xff"


def power_up(flash: Flash, board: Board, dialect: ServerDialect) -> int | None:
    """From power to firmware that serves: the bank that runs, its other bank wiped.

    None: the board is a brick. Its ROM found no mark, or one in the middle of an image; or the firmware finds
    its own mark word damaged, and restarts for ever (telink-ota 7.6, C8).
    """
    bank = boot(flash, board)
    if bank is None or bank not in board.banks:
        return None
    if dialect.mark_recheck and flash.read(bank + board.mark_offset, len(MARK)) != MARK:
        return None
    wipe(flash, board, dialect, bank)
    return bank


def wipe(flash: Flash, board: Board, dialect: ServerDialect, running_bank: int) -> None:
    """Erase each sector of the inactive bank that looks dirty, and the next ones unseen."""
    start = board.other(running_bank)
    end = start + board.limit
    for sector in range(start, end, SECTOR):
        if not _looks_dirty(flash.read(sector, SECTOR), dialect.wipe_probes):
            continue
        forced_end = sector + SECTOR * (1 + dialect.wipe_forced)
        if dialect.wipe_clamp:
            forced_end = min(forced_end, end)
        for address in range(sector, forced_end, SECTOR):
            flash.erase(address)


def _looks_dirty(sector: bytes, probes: tuple[int, ...]) -> bool:
    return sector != BLANK and any(sector[at : at + 4] != _BLANK_WORD for at in probes)
