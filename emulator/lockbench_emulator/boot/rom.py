"""The boot ROM (telink-ota 7.3): the first candidate whose mark byte is 4B runs, and nothing else matters."""

from __future__ import annotations

from lockbench_protocol.telink.image import MARK_BYTE

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.flash import Flash

__all__ = ["boot"]


def boot(flash: Flash, board: Board) -> int | None:
    """The address that the ROM runs from, or None: no mark anywhere, the board is a brick.

    The address is a candidate of the ROM and not always a bank of the board: see `telink-ota 7.2` on 0x20008.
    """
    for candidate in board.rom_candidates:
        if flash.read(candidate + board.mark_offset, 1)[0] == MARK_BYTE:
            return candidate
    return None
