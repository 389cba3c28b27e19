"""The device of a simulation: flash, boot ROM, server and supply on a virtual clock, power faults included.

A cut ends the link and restarts the device; the caller sees that `linked` is gone. A hook watches every flash
operation, so that a run can be recorded and its invariants judged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import NamedTuple

from lockbench_emulator.boot.flash import SECTOR, Flash, Operation, PowerCut, Snapshot
from lockbench_emulator.boot.power import Settling, settling
from lockbench_emulator.boot.server import OtaServer, State
from lockbench_emulator.boot.startup import power_up
from lockbench_emulator.gatt import Disconnect, Effect, Happened, Notify, Reboot
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import MARK, MARK_BYTE

from lockbench_harness.faults.plan import Firmware
from lockbench_harness.faults.power import BrownOut, Cut, Marginal, PowerFault, Protect, Stuck
from lockbench_harness.sweep.outcome import Stage
from lockbench_harness.sweep.scene import Scene

__all__ = ["Checkpoint", "Moment", "Rig"]

_HORIZON = 2000.0  # seconds: longer than any timer of a server


class Moment(NamedTuple):
    """The device just before a flash operation."""

    cells: Snapshot
    operation: Operation
    stage: Stage
    believed: bool  # what the client would think if the supply failed now
    ran: Firmware  # the image that ran when the attempt began
    sent: Firmware  # the image of the attempt
    result: Result | None


class Checkpoint(NamedTuple):
    """A device between two writes of an attempt."""

    now: float
    starts: int
    bank: int | None
    cells: Snapshot
    operations: int
    server: OtaServer | None
    told: tuple[bytes, ...]


class Rig:
    def __init__(self, scene: Scene, faults: Sequence[PowerFault] = (), *, record: bool = False) -> None:
        self.scene = scene
        self.flash: Flash = scene.flash()
        self.now = 0.0
        self.linked = False
        self.bank: int | None = None
        self.server: OtaServer | None = None
        self.cuts = 0
        self.starts = 0
        self.result: Result | None = None  # the last verdict of a server, told or not
        self.told: list[bytes] = []  # all notifications
        self.broken: dict[str, int] = {}  # an invariant -> the operation at which it first did not hold
        self.last_stage: Stage | None = None
        self.ran = self.sent = scene.scenario.old
        self.believes: Callable[[], bool] = lambda: False  # the attempt's; what a cut now would mean to it
        self.moments: list[Moment] = []
        self._record = record
        self._served_from: int | None = None  # the bank of the last server
        self._unfit = False  # a program needed 0 to 1 in this attempt
        self._settles: dict[int, Settling] = {}
        self._weak: set[int] = set()
        self._stuck: list[Stuck] = []
        self._marginal: list[tuple[int, list[int]]] = []
        self._arm(faults)
        self.flash.hook = self._watch

    def _arm(self, faults: Sequence[PowerFault]) -> None:
        for fault in faults:
            match fault:
                case Cut(number, tear):
                    self._settles[number] = settling(tear, self.scene.scenario.seed)
                case BrownOut(number, count):
                    self._weak.update(range(number, number + count))
                case Marginal(bank, reads):
                    self._marginal.append((bank + self.scene.board.mark_offset, list(reads)))
                case Protect(start, end):
                    self.flash.protected = range(start, end)
                case Stuck():
                    self._stuck.append(fault)

    # checkpoints

    def checkpoint(self) -> Checkpoint:
        """The device as it is, between two writes of an attempt in which nothing went wrong so far."""
        cells = self.flash.snapshot()
        server = None if self.server is None else self.server.fork(Flash.of(cells))
        return Checkpoint(
            self.now, self.starts, self.bank, cells, self.flash.operations, server, tuple(self.told)
        )

    def resume(self, point: Checkpoint) -> None:
        """Be the device of a checkpoint."""
        self.now, self.starts, self.bank = point.now, point.starts, point.bank
        self.flash = Flash.of(point.cells, point.operations)
        self.flash.hook = self._watch
        self.server = None if point.server is None else point.server.fork(self.flash)
        self.told = list(point.told)

    # the supply

    def start(self) -> None:
        """From power to a server that serves, or to a brick; a cut on the way starts it again."""
        self.linked = False
        if self.server is not None:
            self._served_from = self.bank
        self.server = None
        while True:
            self.starts += 1
            self._read_marginal_cells()
            try:
                self.bank = power_up(self.flash, self.scene.board, self.scene.dialect)
                break
            except PowerCut:
                self.cuts += 1
        if self.bank is not None:
            self.server = self.scene.mutant.make(self.flash, self.scene.board, self.scene.dialect, self.bank)

    @property
    def unsettled(self) -> bool:
        """There is a next start, and a marginal cell may read differently there."""
        return self.bank is not None and any(reads for _, reads in self._marginal)

    def _read_marginal_cells(self) -> None:
        if self.starts > 1:
            for address, reads in self._marginal:
                if reads:
                    self.flash.load(address, bytes([reads.pop(0)]))

    # the link and the clock

    def write(self, value: bytes) -> list[bytes]:
        """A write arrives; gives the notifications that it causes."""
        server = self.server
        return [] if server is None else self._live(lambda: server.write(value, self.now))

    def disconnect(self) -> None:
        server = self.server
        if self.linked and server is not None:
            self.linked = False
            self._live(lambda: server.disconnected(self.now))

    def deadline(self) -> float:
        due = None if self.server is None else self.server.deadline()
        return inf if due is None else due

    def advance(self, until: float) -> list[bytes]:
        """Let time pass up to the first thing that happens, or to `until`; gives its notifications."""
        due = self.deadline()
        if due > until:
            self.now = max(self.now, until)
            return []
        self.now = max(self.now, due)
        server = self.server
        return [] if server is None else self._live(lambda: server.advance(self.now))

    def rest(self) -> None:
        """Let the device come to rest; it must be back in lock service then (I7)."""
        until = self.now + _HORIZON
        while self.deadline() <= until:
            self.advance(until)
        self.now = until
        if self.server is not None and self.server.state is not State.IDLE:
            self.breaks("I7")

    def _live(self, event: Callable[[], list[Effect]]) -> list[bytes]:
        try:
            effects = event()
        except PowerCut:
            self.cuts += 1
            self.start()
            return []
        return self._took(effects) if effects else []

    def _took(self, effects: list[Effect]) -> list[bytes]:
        heard = []
        for effect in effects:
            match effect:
                case Notify(_, value):
                    self.told.append(value)
                    if self.linked:
                        heard.append(value)
                case Disconnect():
                    self.disconnect()
                case Reboot():
                    self.start()
                case Happened("ota", {"what": "verdict", "result": str(name)}):
                    self.result = Result[name.upper()]
                    if self._unfit and self.result is Result.SUCCESS:
                        self.breaks("I6")
        return heard

    def breaks(self, invariant: str) -> None:
        self.broken.setdefault(invariant, self.flash.operations - 1)

    # the attempt

    def begin(self, sent: Firmware, ran: Firmware, believes: Callable[[], bool]) -> None:
        """An attempt begins: the link is up."""
        self.sent, self.ran, self.believes = sent, ran, believes
        self.linked = self.server is not None
        self.result = None
        self._unfit = False
        self.flash.erases.clear()

    # the flash

    def _watch(self, operation: Operation) -> bytes:
        stage = self._stage(operation)
        self._judge(operation, stage)
        if self._record:
            self.moments.append(
                Moment(
                    self.flash.snapshot(), operation, stage, self.believes(), self.ran, self.sent, self.result
                )
            )
        self.last_stage = stage
        if self._marginal and operation.kind == "erase":
            self._marginal = [row for row in self._marginal if not 0 <= row[0] - operation.address < SECTOR]
        settle = self._settles.get(operation.number)
        if settle is not None:
            raise PowerCut(settle(operation))
        if operation.number in self._weak:
            return operation.before
        return self._with_stuck(operation) if self._stuck else operation.after

    def _with_stuck(self, operation: Operation) -> bytes:
        cells = bytearray(operation.after)
        for stuck in self._stuck:
            at = stuck.address - operation.address
            if 0 <= at < len(cells):
                cells[at] = cells[at] & ~stuck.mask | stuck.value & stuck.mask
        return bytes(cells)

    def _stage(self, operation: Operation) -> Stage:
        board, address = self.scene.board, operation.address
        if self.server is None:
            if board.overwrites and (address < board.banks[1] or operation.kind == "program"):
                return Stage.COPY
            if self._served_from is None:
                return Stage.FIRST_WIPE
            wipes_new = 0 <= address - self._served_from < board.limit
            return Stage.NEW_WIPE if wipes_new else Stage.OLD_WIPE
        if operation.kind == "erase":
            return Stage.FAILURE_ERASE
        if len(operation.after) <= len(MARK) and self.bank is not None:
            new_mark = address == board.other(self.bank) + board.mark_offset
            return Stage.NEW_MARK if new_mark else Stage.OLD_MARK
        return Stage.DATA

    def _judge(self, operation: Operation, stage: Stage) -> None:
        """I3 and I6, operation by operation."""
        board, address = self.scene.board, operation.address
        end = address + len(operation.after)
        if self.server is None or self.bank is None:
            start = 0 if stage is Stage.COPY else self._wiped_bank(address)
            room = board.flash_size if stage is Stage.COPY else board.limit
        else:
            start, room = board.other(self.bank), board.limit
            if operation.asked != operation.after:
                self._unfit = True
            mark = start + board.mark_offset - address
            if 0 <= mark < len(operation.after) and operation.kind == "program":
                set_now = operation.after[mark] == MARK_BYTE != operation.before[mark]
                if set_now and self.server.verdict is not Result.SUCCESS:
                    self.breaks("I3")
        if stage is not Stage.OLD_MARK and not (start <= address and end <= start + room):
            self.breaks("I6")

    def _wiped_bank(self, address: int) -> int:
        first, second = self.scene.board.banks
        return second if address >= second else first
