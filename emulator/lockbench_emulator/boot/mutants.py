"""Named faulty bootloaders: each a small override of one method or key, each a bug that real products had.

telink-ota 12, "server mutants". A bench that does not tell a mutant from the sound server is blind there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial

from lockbench_protocol import LocalError
from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import MARK

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.check import ImageCheck
from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.flash import SECTOR, Flash
from lockbench_emulator.boot.server import OtaServer
from lockbench_emulator.boot.states import State

__all__ = ["MUTANTS", "Mutant", "mutant"]

Maker = Callable[[Flash, Board, ServerDialect, int], OtaServer]


@dataclass(frozen=True)
class Mutant:
    name: str
    says: str  # what is wrong with it, one sentence
    make: Maker = OtaServer
    keys: Mapping[str, object] = field(default_factory=dict)  # keys of the dialect that it changes

    def dialect(self, sound: ServerDialect) -> ServerDialect:
        return replace(sound, **self.keys)  # type: ignore[arg-type]  # a key and its value, checked by a test


class OldMarkFirst(OtaServer):
    def commit(self) -> bool:
        self.clear_old_mark()
        return self.set_new_mark()


class MarkWithRowZero(OtaServer):
    def masked(self, at: int, payload: bytes) -> bytes:  # noqa: ARG002 - the shape of the sound one
        return payload


class NoReadBack(OtaServer):
    def reads_back(self, address: int, piece: bytes) -> bool:  # noqa: ARG002 - the shape of the sound one
        return True


class CrcUnchecked(OtaServer):
    def _pdu(self, value: bytes, now: float) -> Result | None:
        return super()._pdu(value[:-2] + crc16(value[:-2]).to_bytes(2, "little"), now)


class ErasesBottomUp(OtaServer):
    def clean(self) -> None:
        for sector in range(self._touched // SECTOR + 1):
            self._flash.erase(self._new + sector * SECTOR)


class GapIgnored(OtaServer):
    def _pdu(self, value: bytes, now: float) -> Result | None:
        if value[0] | value[1] << 8 > self._last + 1:
            return None
        return super()._pdu(value, now)


class GapFilled(OtaServer):
    def _pdu(self, value: bytes, now: float) -> Result | None:
        self._last = max(self._last, (value[0] | value[1] << 8) - 1)
        return super()._pdu(value, now)


class NeverTimesOut(OtaServer):
    def _rest(self) -> None:
        super()._rest()
        self._gap = 0.0

    def _open(self, length: int, now: float) -> None:
        super()._open(length, now)
        self._gap = 0.0
        self._due = None

    def _hold_back(self, now: float) -> None:
        pass


class SuccessWhenIncomplete(OtaServer):
    def end(self, _value: bytes, now: float) -> None:
        self._judge(Result.SUCCESS, now)


class ClearsRunningMark(OtaServer):
    """A wild write once operation `at` is done."""

    def __init__(self, flash: Flash, board: Board, dialect: ServerDialect, bank: int, *, at: int) -> None:
        super().__init__(flash, board, dialect, bank)
        self._at = at

    def _program(self, at: int, piece: bytes) -> Result | None:
        done = super()._program(at, piece)
        if self._flash.operations == self._at + 1:
            self._flash.load(self._old + self._board.mark_offset, b"\x00")
        return done


class _NoWholeCheck(ImageCheck):
    def feed(self, at: int, payload: bytes) -> Result | None:
        found = super().feed(at, payload)
        return None if found is Result.CHECK else found


class _NoMarkCheck(ImageCheck):
    def feed(self, at: int, payload: bytes) -> Result | None:
        found = super().feed(at, payload)
        return None if found is Result.MARK else found


class CheckIgnored(OtaServer):
    check = _NoWholeCheck


class MarkIgnored(OtaServer):
    check = _NoMarkCheck

    def _mark_is_staged(self) -> bool:
        return True


class LimitIgnored(OtaServer):
    def __init__(self, flash: Flash, board: Board, dialect: ServerDialect, bank: int) -> None:
        super().__init__(flash, replace(board, limit=2 * board.limit), dialect, bank)


class CommitsAlways(OtaServer):
    def finish(self, value: bytes, now: float) -> None:
        self.verdict = Result.SUCCESS
        super().finish(value, now)


class KeepsOldMark(OtaServer):
    def clear_old_mark(self) -> None:
        pass


class ForgetsNewMark(OtaServer):
    def set_new_mark(self) -> bool:
        return True


class NoFailureErase(OtaServer):
    def clean(self) -> None:
        pass


class StartKeepsCheck(OtaServer):
    def _open(self, length: int, now: float) -> None:
        check = self._check
        super()._open(length, now)
        self._check = check


class EndIndexUnchecked(OtaServer):
    def end(self, value: bytes, now: float) -> None:
        super().end(value[:2], now)


class TellsTwice(OtaServer):
    def tell(self, value: bytes, now: float) -> None:
        super().tell(value, now)
        self._tell(self._found)


class NeverReboots(OtaServer):
    def _reboot(self) -> None:
        self._due = None


class EarlySuccess(OtaServer):
    """It tells the success when the last data PDU is in, and END may say what it likes."""

    def take(self, value: bytes, now: float) -> None:
        super().take(value, now)
        if self.state is State.RECEIVING and 0 < self._check.total == self._last + 1:
            self._judge(Result.SUCCESS, now)


class WritesLockData(OtaServer):
    def commit(self) -> bool:
        self._flash.program(self._board.data_region, b"\x00")
        return super().commit()


class ForeignNumbers(OtaServer):
    def _tell(self, result: Result) -> None:
        head = self._wire.result_head
        if head is not None:
            self._notify(head + bytes([0x20 + list(Result).index(result)]) + self._wire.result_tail)


class ErasesThrice(OtaServer):
    def clean(self) -> None:
        for _ in range(3):
            super().clean()


class CommitsWhole(OtaServer):
    """It programs the whole mark word at the commit, which the row has done already."""

    def set_new_mark(self) -> bool:
        self._flash.program(self._new + self._board.mark_offset, MARK)
        return True


_ALL = (
    Mutant("old-mark-first", "the old mark is cleared before the new one is set", OldMarkFirst),
    Mutant("mark-with-row-0", "the new mark is written with row 0, long before the verdict", MarkWithRowZero),
    Mutant("no-read-back", "a row is not read back after it was written", NoReadBack),
    Mutant("crc-unchecked", "the CRC-16 of a data PDU is not checked", CrcUnchecked),
    Mutant("erases-bottom-up", "the failure erase begins at row 0", ErasesBottomUp),
    Mutant("gap-ignored", "a data PDU after a gap is dropped without a verdict", GapIgnored),
    Mutant("gap-filled", "a data PDU after a gap is written where it belongs", GapFilled),
    Mutant("never-times-out", "no timer ever ends a transfer", NeverTimesOut),
    Mutant("success-when-incomplete", "every END is a success", SuccessWhenIncomplete),
    Mutant("check-ignored", "the check value of the image is not looked at", CheckIgnored),
    Mutant("mark-ignored", "an image without the Telink mark is taken", MarkIgnored),
    Mutant("limit-ignored", "rows beyond the limit of the bank are written", LimitIgnored),
    Mutant("commits-always", "a failed upgrade is committed too", CommitsAlways),
    Mutant("keeps-old-mark", "the old mark is never cleared", KeepsOldMark),
    Mutant("forgets-new-mark", "the old mark is cleared and no new one is set", ForgetsNewMark),
    Mutant("no-failure-erase", "a failed upgrade is left where it was written", NoFailureErase),
    Mutant("no-wipe", "the start-up does not wipe the other bank", keys={"wipe_probes": ()}),
    Mutant("wipes-too-far", "the start-up wipe does not stop at the limit", keys={"wipe_clamp": False}),
    Mutant("start-keeps-check", "a second START goes on with the check of the first", StartKeepsCheck),
    Mutant("end-index-unchecked", "the index in END is not compared", EndIndexUnchecked),
    Mutant("tells-twice", "the result is notified twice", TellsTwice),
    Mutant("never-reboots", "there is no restart after an upgrade", NeverReboots),
    Mutant("early-success", "success is told before END has come", EarlySuccess),
    Mutant("writes-lock-data", "the commit writes into the lock's data", WritesLockData),
    Mutant("foreign-numbers", "results have the numbers of no dialect", ForeignNumbers),
    Mutant("erases-thrice", "the failure erase runs three times", ErasesThrice),
    Mutant("commits-whole-word", "the commit programs all four bytes of the mark", CommitsWhole),
)
MUTANTS: Mapping[str, Mutant] = {row.name: row for row in _ALL}
_SOUND = Mutant("", "the sound server")
_AT = "clears-running-mark"


def mutant(name: str) -> Mutant:
    """The mutant of that name, "" for the sound server; `clears-running-mark:K` goes wrong at operation K.

    LocalError names the known ones.
    """
    if not name:
        return _SOUND
    stem, _, number = name.partition(":")
    if stem == _AT and number.isdecimal():
        says = f"the running bank's mark is cleared too, once operation {number} is done"
        return Mutant(name, says, partial(ClearsRunningMark, at=int(number)))
    try:
        return MUTANTS[name]
    except KeyError:
        raise LocalError(f"no mutant {name!r}; known: {', '.join(MUTANTS)}, {_AT}:K") from None
