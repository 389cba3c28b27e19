"""What the OTA server does to flash: rows into the inactive bank, the marks at the commit, the failure erase.

telink-ota 4.1 point 3, 4.2, 7.5. Each method is one thing that a faulty bootloader gets wrong; see `mutants`.
"""

from __future__ import annotations

from collections.abc import Iterator

from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import MARK, MARK_BYTE, ROW

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.flash import PAGE, SECTOR, Flash

__all__ = ["BankWriter"]


class BankWriter:
    """`running_bank` is where the firmware runs; `board.other(running_bank)` is written."""

    def __init__(self, flash: Flash, board: Board, dialect: ServerDialect, running_bank: int) -> None:
        self._flash = flash
        self._board = board
        self._dialect = dialect
        self._old = running_bank
        self._new = board.other(running_bank)
        self._by_row = dialect.program == "rows"
        self._touched = -1  # highest offset that a failure erase must reach

    def masked(self, at: int, payload: bytes) -> bytes:
        """The payload with its mark byte as FF: only the commit sets it."""
        mark = self._board.mark_offset - at
        if 0 <= mark < len(payload):
            return payload[:mark] + b"\xff" + payload[mark + 1 :]
        return payload

    def _write(self, at: int, payload: bytes) -> Result | None:
        payload = self.masked(at, payload)
        for start, piece in self._pieces(at, payload):
            failed = self._program(start, piece)
            if failed is not None:
                return failed
        return None

    def _pieces(self, at: int, payload: bytes) -> Iterator[tuple[int, bytes]]:
        """What one flash operation each can write: a row, or what lies in one page."""
        done = 0
        while done < len(payload):
            room = ROW if self._by_row else PAGE - (at + done) % PAGE
            yield at + done, payload[done : done + room]
            done += room

    def _program(self, at: int, piece: bytes) -> Result | None:
        address = self._new + at
        self._flash.program(address, piece)
        good = self.reads_back(address, piece)
        if (good or self._dialect.clean_failed_row) and at > self._touched:
            self._touched = at
        return None if good else Result.FLASH

    def reads_back(self, address: int, piece: bytes) -> bool:
        return self._flash.holds(address, piece)

    def _mark_is_staged(self) -> bool:
        word = self._flash.read(self._new + self._board.mark_offset, len(MARK))
        return word[1:] == MARK[1:] and word[0] & MARK_BYTE == MARK_BYTE

    def commit(self) -> bool:
        """The new mark, then the old one (telink-ota 7.5), which stays where images are copied (7.7).

        False: the new mark did not take, and the old image stays.
        """
        done = self.set_new_mark()
        if done and not self._board.overwrites:
            self.clear_old_mark()
        return done

    def set_new_mark(self) -> bool:
        """False: it did not take, and the dialect has looked."""
        new = self._new + self._board.mark_offset
        self._flash.program(new, MARK[:1])
        if self._dialect.commit_readback and self._flash.read(new, 1) != MARK[:1]:
            self.clean()
            return False
        return True

    def clear_old_mark(self) -> None:
        self._flash.program(self._old + self._board.mark_offset, bytes(self._dialect.invalidate))

    def clean(self) -> None:
        """Erase what was touched, from the top down, so that row 0 goes last."""
        if self._touched >= 0:
            for sector in range(self._touched // SECTOR, -1, -1):
                self._flash.erase(self._new + sector * SECTOR)
