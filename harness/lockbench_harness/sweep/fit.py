"""Does another image go in? By fitting its cells onto those of the bank, without a PDU (telink-ota 12, I5).

A transfer of `staged` succeeds exactly when no cell needs 0 to 1. Where one does, the attempt ends in a flash
error at that piece, and what the failure erase and the next start-up leave is computed sector by sector.
"""

from __future__ import annotations

from collections.abc import Sequence

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.flash import BLANK, PAGE, SECTOR
from lockbench_protocol.telink.image import ROW

__all__ = ["ATTEMPTS", "attempts_to_fit"]

ATTEMPTS = 3  # whoever needs more never succeeds
_BLANK_WORD = b"\xff\xff\xff\xff"


def attempts_to_fit(
    cells: list[bytes], staged: Sequence[bytes], board: Board, dialect: ServerDialect, pdu_length: int
) -> int:
    """How many attempts an upgrade takes with these sectors of the inactive bank; 0: it never succeeds."""
    cells = list(cells)
    for number in range(1, ATTEMPTS + 1):
        misfit = _misfit(cells, staged)
        if misfit is None:
            return number
        _fail(cells, staged, misfit, dialect, pdu_length)
        if "reboot" in dialect.after_failure:
            _wipe(cells, board.limit // SECTOR, dialect)
    return 0


def _misfit(cells: list[bytes], staged: Sequence[bytes]) -> int | None:
    """Offset of the first row that would not read back."""
    for number, wanted in enumerate(staged):
        sector = cells[number]
        if sector is BLANK or sector == BLANK:
            continue
        bad = int.from_bytes(wanted, "little") & ~int.from_bytes(sector, "little")
        if bad:
            byte = (bad & -bad).bit_length() - 1 >> 3
            return number * SECTOR + byte // ROW * ROW
    return None


def _fail(
    cells: list[bytes], staged: Sequence[bytes], misfit: int, dialect: ServerDialect, length: int
) -> None:
    """What the attempt that fails at `misfit` leaves, and its failure erase."""
    start, end = _piece(misfit, dialect, length)
    reached = start if dialect.clean_failed_row else start - 1  # the last byte of the piece before
    erased = reached // SECTOR + 1 if reached >= 0 else 0
    number, at = divmod(start, SECTOR)
    if number >= erased:
        sector, wanted = cells[number], staged[number]
        both = int.from_bytes(sector, "little") & _only(wanted, at, end - number * SECTOR)
        cells[number] = both.to_bytes(SECTOR, "little")
    cells[:erased] = [BLANK] * erased


def _piece(misfit: int, dialect: ServerDialect, length: int) -> tuple[int, int]:
    """The flash operation that holds the offset: a row, or what of a PDU lies in one page."""
    if dialect.program == "rows" or length == ROW:
        return misfit // ROW * ROW, misfit // ROW * ROW + ROW
    pdu, page = misfit // length * length, misfit // PAGE * PAGE
    return max(pdu, page), min(pdu + length, page + PAGE)


def _only(wanted: bytes, start: int, end: int) -> int:
    """`wanted` between the two, ones elsewhere."""
    return int.from_bytes(b"\xff" * start + wanted[start:end] + b"\xff" * (SECTOR - end), "little")


def _wipe(cells: list[bytes], limit: int, dialect: ServerDialect) -> None:
    number = 0
    while number < limit:
        sector = cells[number]
        if sector is BLANK or all(sector[at : at + 4] == _BLANK_WORD for at in dialect.wipe_probes):
            number += 1
            continue
        reach = min(number + 1 + dialect.wipe_forced, limit)
        cells[number:reach] = [BLANK] * (reach - number)
        number = reach
