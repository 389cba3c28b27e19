"""The OTA server: data PDUs go into the inactive bank, the verdict is told once, the marks change last.

Sans-IO (telink-ota 4): writes and time in, effects out. Whether a write may reach it at all, such as TTLock's
window after command 0x02, is for the caller to say: a closed gate simply does not call `write`. A PowerCut
of the flash passes through, and the server is dead with the rest of RAM.
"""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum, auto

from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import MARK, MARK_BYTE, ROW

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.check import ImageCheck
from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.flash import SECTOR, Flash
from lockbench_emulator.gatt import Disconnect, Effect, Happened, Notify, Reboot

__all__ = ["Input", "OtaServer", "State"]

_HEAD = ROW + 2  # index and row: what the CRC-16 covers
_PDU = _HEAD + 2
_END_LENGTH = 6  # only an END of exactly this length has its index compared (telink-ota 4.3)


class State(Enum):
    IDLE = auto()  # no START yet: rows are written, verdicts are not latched
    RECEIVING = auto()
    JUDGED = auto()  # the verdict is told, the link still up
    PARTING = auto()  # the device has ended the link, or waits for its end
    GONE = auto()  # rebooting: a new server comes with the next start


class Input(Enum):
    VERSION = auto()
    START = auto()
    END = auto()
    DATA = auto()
    VERDICT = auto()  # found while handling the input before
    LINK_DOWN = auto()
    TIME = auto()  # the deadline has come


class OtaServer:
    """One attempt after another, until the reboot that ends the first one judged or timed out.

    `running_bank` is where the firmware runs; `board.other(running_bank)` is written.
    """

    def __init__(self, flash: Flash, board: Board, dialect: ServerDialect, running_bank: int) -> None:
        self.state = State.IDLE
        self.verdict: Result | None = None  # latched; a timeout is told to nobody and is not latched
        self._flash = flash
        self._board = board
        self._dialect = dialect
        self._wire = dialect.on_the_wire()
        self._old = running_bank
        self._new = board.other(running_bank)
        self._mark_row = board.mark_offset // ROW
        self._check = ImageCheck(board.mark_offset)
        self._last = -1  # last row written since START
        self._touched = -1  # highest row that a failure erase must reach
        self._found = Result.SUCCESS  # what Input.VERDICT is about
        self._judged_at = 0.0
        self._linked = False
        self._due: float | None = None
        self._effects: list[Effect] = []

    @property
    def busy(self) -> bool:
        """An attempt is under way: from the first accepted PDU to the reboot."""
        return self._due is not None or self.state is State.GONE

    def deadline(self) -> float | None:
        return self._due

    def write(self, value: bytes, now: float) -> list[Effect]:
        """A value written to the OTA characteristic, with or without response; never refused."""
        self._linked = True
        if len(value) >= 2:
            opcode = value[0] | value[1] << 8
            self._turn(_COMMANDS.get(opcode, Input.DATA), value, now)
        return self._taken()

    def disconnected(self, now: float) -> list[Effect]:
        """The link ended, whoever ended it."""
        self._linked = False
        self._turn(Input.LINK_DOWN, b"", now)
        return self._taken()

    def advance(self, now: float) -> list[Effect]:
        while self._due is not None and now >= self._due:
            due, self._due = self._due, None
            self._turn(Input.TIME, b"", due)
        return self._taken()

    def _turn(self, given: Input, value: bytes, now: float) -> None:
        action, self.state = TABLE[self.state, given]
        action(self, value, now)

    def _judge(self, found: Result, now: float) -> None:
        self._found = found
        self._turn(Input.VERDICT, b"", now)

    def _taken(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects

    def _happened(self, what: str, **detail: str | int) -> None:
        self._effects.append(Happened("ota", {"what": what, **detail}))

    # The actions of the table

    def nothing(self, _value: bytes, _now: float) -> None:
        pass

    def wait(self, _value: bytes, now: float) -> None:
        self._due = now + self._dialect.idle_timeout

    def begin(self, value: bytes, now: float) -> None:
        """START, also in the middle of a transfer: back to row 0; nothing is erased."""
        self._last = -1
        self._check = ImageCheck(self._board.mark_offset)
        self.wait(value, now)
        self._happened("start")

    def take(self, value: bytes, now: float) -> None:
        found = self._row(value, now)
        if found is not None:
            self._judge(found, now)

    def end(self, value: bytes, now: float) -> None:
        complete = self._check.total == self._last + 1
        if len(value) == _END_LENGTH:
            index, inverse = int.from_bytes(value[2:4], "little"), int.from_bytes(value[4:], "little")
            if index ^ inverse == 0xFFFF and index != self._last:
                complete = False
        self._judge(Result.SUCCESS if complete else Result.INCOMPLETE, now)

    def tell(self, _value: bytes, now: float) -> None:
        """Latch the verdict and notify it; flash changes only after the link has ended (telink-ota 4.2)."""
        self.verdict = self._found
        told = self._wire.notification(self.verdict)
        if told is not None:
            self._effects.append(Notify(self._wire.characteristic, told))
        self._happened("verdict", result=self.verdict.name.lower())
        self._judged_at = now
        self._due = now + self._dialect.disconnect_after

    def part(self, value: bytes, now: float) -> None:
        if self._linked:
            self._effects.append(Disconnect())
            self._due = self._judged_at + self._dialect.commit_at_latest
        else:
            self.settle(value, now)

    def settle(self, _value: bytes, now: float) -> None:
        self._due = min(now + self._dialect.commit_after, self._judged_at + self._dialect.commit_at_latest)

    def finish(self, _value: bytes, _now: float) -> None:
        if self.verdict is Result.SUCCESS and self._mark_is_staged():
            self.commit()
        else:
            self.clean()
        self._reboot()

    def give_up(self, _value: bytes, _now: float) -> None:
        """The idle timer ran out: cleaned as after a failure, without a word to the client."""
        self._happened("verdict", result=Result.TIMEOUT.name.lower())
        self.clean()
        self._reboot()

    # What they do to the flash

    def _row(self, value: bytes, now: float) -> Result | None:
        """One data PDU (telink-ota 4.1 point 3, index rule of 1)."""
        index = value[0] | value[1] << 8
        if index != self._last + 1:
            ignored = index <= self._last and self._dialect.repeated_index == "ignore"
            return None if ignored else Result.SEQUENCE
        self._due = now + self._dialect.idle_timeout
        crc = crc16(value[:_HEAD])
        if len(value) != _PDU or value[_HEAD] | value[_HEAD + 1] << 8 != crc:
            return Result.CRC
        if index * ROW >= self._board.limit:
            return Result.SIZE
        row = value[2:_HEAD]
        found = self._check.feed(index, row, crc)
        written = self._write_row(index, row)  # even if something was found: an error stops no row
        return found or written

    def _write_row(self, index: int, row: bytes) -> Result | None:
        if index == self._mark_row:
            at = self._board.mark_offset % ROW
            row = row[:at] + b"\xff" + row[at + 1 :]
        address = self._new + index * ROW
        self._flash.program(address, row)
        if self._flash.read(address, ROW) != row:
            if self._dialect.clean_failed_row:
                self._touched = max(self._touched, index)
            return Result.FLASH
        self._last = index
        self._touched = max(self._touched, index)
        return None

    def _mark_is_staged(self) -> bool:
        word = self._flash.read(self._new + self._board.mark_offset, len(MARK))
        return word[1:] == MARK[1:] and word[0] & MARK_BYTE == MARK_BYTE

    def commit(self) -> None:
        """The new mark, then the old one (telink-ota 7.5)."""
        new, old = self._new + self._board.mark_offset, self._old + self._board.mark_offset
        self._flash.program(new, MARK[:1])
        if self._dialect.commit_readback and self._flash.read(new, 1) != MARK[:1]:
            self.clean()
            return
        self._flash.program(old, bytes(self._dialect.invalidate))
        self._happened("commit", bank=self._new)

    def clean(self) -> None:
        """Erase what was touched, from the top down, so that row 0 goes last."""
        if self._touched >= 0:
            for sector in range(self._touched * ROW // SECTOR, -1, -1):
                self._flash.erase(self._new + sector * SECTOR)

    def _reboot(self) -> None:
        self._due = None
        self._effects.append(Reboot())


Action = Callable[[OtaServer, bytes, float], None]

_COMMANDS = {0xFF00: Input.VERSION, 0xFF01: Input.START, 0xFF02: Input.END}  # the rest are indexes (4.1, 6)

TABLE: dict[tuple[State, Input], tuple[Action, State]] = {
    (State.IDLE, Input.VERSION): (OtaServer.wait, State.IDLE),
    (State.IDLE, Input.START): (OtaServer.begin, State.RECEIVING),
    (State.IDLE, Input.DATA): (OtaServer.take, State.IDLE),  # written all the same (4.1 point 7)
    (State.IDLE, Input.END): (OtaServer.nothing, State.IDLE),
    (State.IDLE, Input.VERDICT): (OtaServer.nothing, State.IDLE),
    (State.IDLE, Input.LINK_DOWN): (OtaServer.nothing, State.IDLE),
    (State.IDLE, Input.TIME): (OtaServer.give_up, State.GONE),
    (State.RECEIVING, Input.VERSION): (OtaServer.wait, State.RECEIVING),
    (State.RECEIVING, Input.START): (OtaServer.begin, State.RECEIVING),
    (State.RECEIVING, Input.DATA): (OtaServer.take, State.RECEIVING),
    (State.RECEIVING, Input.END): (OtaServer.end, State.RECEIVING),
    (State.RECEIVING, Input.VERDICT): (OtaServer.tell, State.JUDGED),
    (State.RECEIVING, Input.LINK_DOWN): (OtaServer.nothing, State.RECEIVING),  # a reconnect may START again
    (State.RECEIVING, Input.TIME): (OtaServer.give_up, State.GONE),
    # After the verdict the client is no longer listened to: 4.5 leaves it open, and a START after success
    # would spoil what is about to be committed.
    (State.JUDGED, Input.VERSION): (OtaServer.nothing, State.JUDGED),
    (State.JUDGED, Input.START): (OtaServer.nothing, State.JUDGED),
    (State.JUDGED, Input.DATA): (OtaServer.nothing, State.JUDGED),
    (State.JUDGED, Input.END): (OtaServer.nothing, State.JUDGED),
    (State.JUDGED, Input.LINK_DOWN): (OtaServer.nothing, State.JUDGED),
    (State.JUDGED, Input.TIME): (OtaServer.part, State.PARTING),
    (State.PARTING, Input.VERSION): (OtaServer.nothing, State.PARTING),
    (State.PARTING, Input.START): (OtaServer.nothing, State.PARTING),
    (State.PARTING, Input.DATA): (OtaServer.nothing, State.PARTING),
    (State.PARTING, Input.END): (OtaServer.nothing, State.PARTING),
    (State.PARTING, Input.LINK_DOWN): (OtaServer.settle, State.PARTING),
    (State.PARTING, Input.TIME): (OtaServer.finish, State.GONE),
    (State.GONE, Input.VERSION): (OtaServer.nothing, State.GONE),
    (State.GONE, Input.START): (OtaServer.nothing, State.GONE),
    (State.GONE, Input.DATA): (OtaServer.nothing, State.GONE),
    (State.GONE, Input.END): (OtaServer.nothing, State.GONE),
    (State.GONE, Input.LINK_DOWN): (OtaServer.nothing, State.GONE),
}
