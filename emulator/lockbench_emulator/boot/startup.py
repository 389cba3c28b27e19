"""What happens from power to a firmware that serves (telink-ota 7.3, 7.4, 7.7).

The running firmware checks its own mark, finishes copying a staged image where the board does so, and wipes
the other bank by sampling. All this writes flash, so a plan may cut the supply here: PowerCut passes through.
"""

from __future__ import annotations

from lockbench_protocol.telink.image import ALGORITHMS, CHECKED, MARK, check_value

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.factory import read_image
from lockbench_emulator.boot.flash import BLANK, PAGE, SECTOR, Flash
from lockbench_emulator.boot.rom import boot

__all__ = ["power_up", "wipe"]

_BLANK_WORD = b"\xff\xff\xff\xff"


def power_up(flash: Flash, board: Board, dialect: ServerDialect) -> int | None:
    """From power to firmware that serves: the bank that runs, its other bank wiped.

    None: the board is a brick. Its ROM found no mark, or one in the middle of an image; or the firmware finds
    its own mark word damaged, and restarts for ever (telink-ota 7.6, C8); or the code that would finish
    copying an image is itself half copied.
    """
    while True:
        bank = boot(flash, board)
        if bank is None or bank not in board.banks:
            return None
        if dialect.mark_recheck and _mark_word(flash, board, bank) != MARK:
            return None
        if not board.overwrites or _mark_word(flash, board, board.banks[1]) != MARK:
            break
        if not _copying_code_is_whole(flash, board, bank):
            return None
        _copy(flash, board, dialect)
    wipe(flash, board, dialect, bank)
    return bank


def _mark_word(flash: Flash, board: Board, bank: int) -> bytes:
    return flash.read(bank + board.mark_offset, len(MARK))


def _copying_code_is_whole(flash: Flash, board: Board, bank: int) -> bool:
    """Is the beginning of the running image that of the staged one, or of a whole image?"""
    staged = board.banks[1]
    if flash.read(bank, board.copy_loop_end) == flash.read(staged, board.copy_loop_end):
        return True
    image = read_image(flash, board, bank)
    if len(image) < board.copy_loop_end or image[6] != CHECKED or image[7] not in ALGORITHMS:
        return False
    return check_value(image, image[7]) == int.from_bytes(image[-4:], "little")


def _copy(flash: Flash, board: Board, dialect: ServerDialect) -> None:
    """Sector by sector: erase, sixteen pages; then the staged mark is cleared (telink-ota 7.7)."""
    target, staged = board.banks
    size = int.from_bytes(flash.read(staged + 0x18, 4), "little")
    for sector in range(0, min(size, board.limit), SECTOR):
        flash.erase(target + sector)
        for at in range(sector, sector + SECTOR, PAGE):
            flash.program(target + at, flash.read(staged + at, PAGE))
    flash.program(staged + board.mark_offset, bytes(dialect.invalidate))


def wipe(flash: Flash, board: Board, dialect: ServerDialect, running_bank: int) -> None:
    """Erase each sector of the inactive bank that looks dirty, and the next ones unseen."""
    start = board.other(running_bank)
    sectors = flash.sectors(start, start + board.limit)
    probes, last = dialect.wipe_probes, len(sectors)
    number = 0
    while number < last:  # this loop is most of what a sweep does
        cells, reach = sectors[number], number + 1
        if cells is not BLANK:
            for at in probes:
                if cells[at : at + 4] != _BLANK_WORD:
                    reach += dialect.wipe_forced
                    if reach > last and dialect.wipe_clamp:
                        reach = last
                    flash.erase_range(start + number * SECTOR, start + reach * SECTOR)
                    break
        number = reach
