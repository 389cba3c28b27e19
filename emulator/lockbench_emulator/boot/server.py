"""The OTA server: data PDUs go into the inactive bank, the verdict is told once, the marks change last.

Sans-IO (telink-ota 4): writes and time in, effects out. Whether a write may reach it at all, such as TTLock's
window after command 0x02, is for the caller to say: a closed gate simply does not call `write`. A PowerCut
of the flash passes through, and the server is dead with the rest of RAM.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import lru_cache
from math import inf
from typing import ClassVar

from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import ROW, VERSION_END, version_number
from lockbench_protocol.telink.ota import FIRST_OPCODE, command

from lockbench_emulator.boot.bank import BankWriter
from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.check import ImageCheck
from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.flash import Flash
from lockbench_emulator.boot.pdu import Ignored, judge_pdu
from lockbench_emulator.boot.states import INPUTS, Input, State, rows
from lockbench_emulator.gatt import Disconnect, Effect, Happened, Notify, Reboot

__all__ = ["Input", "OtaServer", "State", "table"]

_END_LENGTH = 6
_PROTECTION_AT = 0x15
_PRODUCT_AT, _PRODUCT_LENGTH = 0x12, 4


@lru_cache(maxsize=1 << 15)
def _crc_holds(value: bytes) -> bool:
    """Remembered, because a sweep sends the same PDUs thousands of times."""
    return crc16(value[:-2]) == value[-2] | value[-1] << 8


class OtaServer(BankWriter):
    """One attempt after another, until the reboot that ends the first one judged or timed out.

    `running_bank` is where the firmware runs; `board.other(running_bank)` is written.
    """

    check: ClassVar[type[ImageCheck]] = ImageCheck

    def __init__(self, flash: Flash, board: Board, dialect: ServerDialect, running_bank: int) -> None:
        self.state = State.IDLE
        self.verdict: Result | None = None  # latched; a silent timeout is told to nobody and is not latched
        super().__init__(flash, board, dialect, running_bank)
        self._wire = dialect.on_the_wire()
        self._table = table(dialect, type(self))  # type: ignore[arg-type]  # a class is hashable
        self._inputs = {code: INPUTS[name] for code, name in self._wire.client.items()}
        self._unknown = Input.UNKNOWN if dialect.unknown_command == "refused" else Input.DATA
        self._refused_version = False  # the last FF05 said no
        self._found = Result.SUCCESS  # what Input.VERDICT is about
        self._linked = False
        self._effects: list[Effect] = []
        self._rest()

    def _rest(self) -> None:
        """No attempt: what START, or the end of a failure without a reboot, begins from."""
        self._check = self.new_check()
        self._length = ROW  # bytes of image in a data PDU
        self._plain_until = 0  # data PDUs that begin below this offset are of full length and in range
        self._last = -1  # last PDU written since START
        self._touched = -1
        self._steps: str = ""  # what follows the verdict
        self._judged_at = 0.0
        self._gap = self._dialect.idle_timeout  # seconds that the client may be silent
        self._latest = inf  # when the process timeout comes
        self._due: float | None = None

    def fork(self, flash: Flash) -> OtaServer:
        """The same server on a flash with the same cells; the two go on apart."""
        twin = copy(self)
        twin.move(flash)
        return twin

    def move(self, flash: Flash) -> None:
        """Go on with another flash, and share nothing with a twin."""
        self._flash, self._check, self._effects = flash, copy(self._check), []

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
            given = Input.DATA if opcode < FIRST_OPCODE else self._inputs.get(opcode, self._unknown)
            action, self.state = self._table[self.state, given]
            action(self, value, now)
        return self._taken() if self._effects else []

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
        action, self.state = self._table[self.state, given]
        action(self, value, now)

    def _judge(self, found: Result, now: float) -> None:
        self._found = found
        self._turn(Input.VERDICT, b"", now)

    def _taken(self) -> list[Effect]:
        effects, self._effects = self._effects, []
        return effects

    def _happened(self, what: str, **detail: str | int) -> None:
        self._effects.append(Happened("ota", {"what": what, **detail}))

    def _notify(self, value: bytes) -> None:
        self._effects.append(Notify(self._wire.characteristic, value))

    # The actions of the table: the order of PDUs

    def nothing(self, _value: bytes, _now: float) -> None:
        pass

    def wait(self, _value: bytes, now: float) -> None:
        """VERSION holds back the idle timer, and no other."""
        if self._dialect.idle_timeout:
            self._hold_back(now)

    def begin(self, _value: bytes, now: float) -> None:
        """START, also in the middle of a transfer: back to PDU 0; nothing is erased."""
        self._open(ROW, now)

    def begin_extended(self, value: bytes, now: float) -> None:
        self._open(ROW, now)
        if len(value) < 4:
            self._judge(Result.INVALID, now)
        elif value[2] % ROW or not value[2]:
            self._judge(Result.LENGTH, now)
        elif value[2] > self._dialect.largest_pdu:
            self._judge(Result.UNSUPPORTED, now)
        elif value[3] and self._refused_version:
            self._judge(Result.VERSION, now)
        self._length = value[2] if len(value) > 2 else ROW

    def _open(self, length: int, now: float) -> None:
        dialect = self._dialect
        self._last = -1
        self._check = self.new_check()
        self._length, self._plain_until = length, 0
        if self.verdict is None:
            self._gap = dialect.data_interval or dialect.idle_timeout
            self._latest = now + dialect.process_timeout if dialect.process_timeout else inf
            self._hold_back(now)
        self._happened("start")

    def _hold_back(self, now: float) -> None:
        """The client may be silent for `_gap` seconds from now."""
        due = min(now + self._gap if self._gap else inf, self._latest)
        if due < inf:
            self._due = due

    def rewind(self, _value: bytes, now: float) -> None:
        """START after the verdict: as in the middle of a transfer, but the verdict stands."""
        self._open(ROW, now)

    def answer_version(self, value: bytes, now: float) -> None:
        """FF04: only a higher number replaces the running one, where the client asks for the comparison."""
        if len(value) != 5:
            self._judge(Result.INVALID, now)
            return
        running = version_number(self._flash.read(self._old, VERSION_END))
        new, compare = value[2] | value[3] << 8, value[4]
        self._refused_version = bool(compare) and new <= running
        self._notify(command("FW_VERSION_RSP", version=running, accept=int(not self._refused_version)))

    def out_of_order(self, _value: bytes, now: float) -> None:
        self._judge(Result.FLOW, now)

    def unknown(self, _value: bytes, now: float) -> None:
        self._judge(Result.INVALID, now)

    def no_secure_boot(self, _value: bytes, now: float) -> None:
        self._judge(Result.SECURE_DISABLED, now)

    def take(self, value: bytes, now: float) -> None:
        found = self._pdu(value, now)
        if found is not None:
            self._judge(found, now)

    def end(self, value: bytes, now: float) -> None:
        complete = self._check.total > 0 and self._last + 1 == -(-self._check.total * ROW // self._length)
        compared = len(value) == _END_LENGTH or (
            len(value) > _END_LENGTH and self._dialect.end_index == "first six bytes"
        )
        if compared:
            index, inverse = int.from_bytes(value[2:4], "little"), int.from_bytes(value[4:6], "little")
            if index ^ inverse == 0xFFFF and index != self._last:
                complete = False
        self._judge(Result.SUCCESS if complete else Result.INCOMPLETE, now)

    # The actions of the table: the verdict and what follows

    def refuse(self, _value: bytes, _now: float) -> None:
        """Tell what was wrong before START; nothing changes."""
        self._tell(self._found)
        self._happened("refused", result=self._found.name.lower())

    def tell(self, _value: bytes, now: float) -> None:
        """Latch the verdict and notify it; flash changes only later (telink-ota 4.2)."""
        dialect = self._dialect
        self.verdict = self._found
        self._tell(self.verdict)
        self._happened("verdict", result=self.verdict.name.lower())
        if dialect.reports_unlock and self._last >= 0:
            self._happened("flash locked")
        self._steps = dialect.after_success if self.verdict is Result.SUCCESS else dialect.after_failure
        self._judged_at = now
        self._gap, self._latest = 0.0, inf
        self._due = now + (dialect.disconnect_after if "disconnect" in self._steps else dialect.commit_after)

    def _tell(self, result: Result) -> None:
        told = self._wire.notification(result)
        if told is not None and self._linked:
            self._notify(told)

    def expire(self, _value: bytes, now: float) -> None:
        interval = self._dialect.data_interval and now < self._latest
        self._judge(Result.GAP if interval else Result.TIMEOUT, now)

    def lose(self, _value: bytes, now: float) -> None:
        self._judge(Result.LINK, now)

    def part(self, value: bytes, now: float) -> None:
        if "disconnect" not in self._steps:
            self._due = now
        elif self._linked:
            self._effects.append(Disconnect())
            self._due = self._judged_at + self._dialect.commit_at_latest
        else:
            self.settle(value, now)

    def settle(self, _value: bytes, now: float) -> None:
        self._due = min(now + self._dialect.commit_after, self._judged_at + self._dialect.commit_at_latest)

    def finish(self, _value: bytes, now: float) -> None:
        if self.verdict is Result.SUCCESS and self._mark_is_staged():
            if self.commit():
                self._happened("commit", bank=self._new)
        else:
            self.clean()
        if "reboot" in self._steps:
            self._reboot()
        else:
            self._turn(Input.STAY, b"", now)

    def give_up(self, _value: bytes, _now: float) -> None:
        """The timer ran out: cleaned as after a failure, without a word to the client."""
        self._happened("verdict", result=Result.TIMEOUT.name.lower())
        self.clean()
        self._reboot()

    def clean_unstarted(self, _value: bytes, _now: float) -> None:
        """The link is gone, and rows were written that no START announced."""
        self.clean()
        self._rest()

    def ready_again(self, _value: bytes, _now: float) -> None:
        self.verdict = None
        self._rest()

    # What they do to the flash

    def _pdu(self, value: bytes, now: float) -> Result | None:
        """One data PDU: a plain one fast, any other check by check in the order of the dialect."""
        index = value[0] | value[1] << 8
        at = index * self._length
        if not (
            index == self._last + 1
            and len(value) == self._length + 4
            and at < self._plain_until
            and _crc_holds(value)
        ):
            found = judge_pdu(value, self._last, self._length, self._check.total, self._board, self._dialect)
            if index == self._last + 1 and self._dialect.idle_timeout and self._gap:
                self._hold_back(now)
            if found is not None:
                return None if found is Ignored else found
        return self._accept(index, at, value[2:-2], now)

    def _accept(self, index: int, at: int, payload: bytes, now: float) -> Result | None:
        found = self._check.feed(at, payload)
        if at >= self._plain_until:
            found = found or self._header_policy(at, payload)
            self._find_plain()
        if found and self._dialect.error_stops_row:
            return found
        if at > self._board.mark_offset and len(payload) == ROW:
            written = self._program(at, payload)  # what nearly all PDUs are
        else:
            written = self._write(at, payload)
        if written is None:
            self._last = index
            if self._gap:
                due = now + self._gap
                self._due = due if due < self._latest else self._latest
            if self.state is State.RECEIVING and self._dialect.schedule_step:
                self._report(index + 1)
        return found or written

    def _header_policy(self, at: int, payload: bytes) -> Result | None:
        dialect = self._dialect
        if at == 0 and dialect.reports_unlock:
            self._happened("flash unlocked")
        if dialect.header_limit and self._check.size > self._board.limit:
            return Result.SIZE
        if at <= _PROTECTION_AT < at + len(payload) and dialect.flash_protection:
            old, new = self._flash.read(self._old + _PROTECTION_AT, 1)[0], payload[_PROTECTION_AT - at]
            if old and not new:
                return Result.PROTECTION
        if at <= _PRODUCT_AT < at + len(payload) and dialect.same_product:
            start = _PRODUCT_AT - at
            product = self._flash.read(self._old + _PRODUCT_AT, _PRODUCT_LENGTH)
            if payload[start : start + _PRODUCT_LENGTH] != product:
                return Result.CHECK
        return None

    def new_check(self) -> ImageCheck:
        return self.check(self._board.mark_offset, self._dialect.check_init)

    def _find_plain(self) -> None:
        """Once the header is known, most PDUs need no second look at their length."""
        if self._check.total:
            end = self._check.total * ROW - self._length + 1 if "length" in self._dialect.checks else inf
            self._plain_until = int(min(end, self._board.limit))

    def _report(self, count: int) -> None:
        dialect = self._dialect
        if count % dialect.schedule_step:
            return
        if dialect.schedule == "pdus":
            self._notify(command("SCHEDULE_PDU_NUM", pdus=count))
        elif dialect.schedule == "bytes":
            received = min(count * self._length, self._check.size or inf)
            self._notify(command("SCHEDULE_FW_SIZE", size=int(received)))

    def _reboot(self) -> None:
        self._due = None
        self._effects.append(Reboot())


Action = Callable[[OtaServer, bytes, float], None]


@lru_cache
def table(
    dialect: ServerDialect, kind: type[OtaServer] = OtaServer
) -> dict[tuple[State, Input], tuple[Action, State]]:
    """(state, input) -> (action of `kind`, next state) of a server that speaks `dialect`."""
    return {given: (getattr(kind, action), state) for given, (action, state) in rows(dialect).items()}
