"""What happened in one run, in order: PDUs, flash operations, the link and the supply on one axis of seconds.

Equal events of a lane that follow each other are one row.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from lockbench_emulator.boot.flash import Operation, PowerCut
from lockbench_emulator.gatt import Effect, Notify
from lockbench_protocol import RemoteError
from lockbench_protocol.telink.ota import FIRST_OPCODE

from lockbench_harness.faults.plan import Firmware, Plan
from lockbench_harness.sweep.rig import Rig
from lockbench_harness.sweep.story import play

__all__ = ["LANES", "Event", "timeline"]

LANES = ("client", "lock", "flash", "link", "supply")


@dataclass(slots=True)
class Event:
    lane: str
    words: str
    start: float  # seconds
    end: float
    first: str = ""  # an index or an address
    last: str = ""
    count: int = 1


class _Watched(Rig):
    """A device that notes what happens to it."""

    def __init__(self, *args: Any, **options: Any) -> None:
        self.events: list[Event] = []
        super().__init__(*args, **options)

    def note(self, lane: str, words: str, place: str = "") -> None:
        last = next((event for event in reversed(self.events[-6:]) if event.lane == lane), None)
        if last is not None and last.words == words and place:
            last.end, last.last, last.count = self.now, place, last.count + 1
        else:
            self.events.append(Event(lane, words, self.now, self.now, place, place))

    def start(self) -> None:
        self.note("supply", "the device starts")
        super().start()
        runs = "nothing starts" if self.bank is None else f"the image at {self.bank:#x} runs"
        self.note("supply", runs)

    def begin(self, sent: Firmware, ran: Firmware, believes: Any) -> None:
        super().begin(sent, ran, believes)
        self.note("link", "the link is up" if self.linked else "no link comes up")

    def write(self, value: bytes) -> list[bytes]:
        opcode = int.from_bytes(value[:2], "little")
        if opcode < FIRST_OPCODE:
            self.note("client", "data PDU", f"{opcode}")
        else:
            name = self.scene.dialect.on_the_wire().client.get(opcode, f"PDU {opcode:04x}")
            self.note("client", name)
        return super().write(value)

    def disconnect(self) -> None:
        if self.linked and self.server is not None:
            self.note("link", "the link ends")
        super().disconnect()

    def _took(self, effects: list[Effect]) -> list[bytes]:
        for effect in effects:
            if isinstance(effect, Notify):
                self.note("lock", self._notification(effect.value))
        return super()._took(effects)

    def _notification(self, value: bytes) -> str:
        wire = self.scene.dialect.on_the_wire()
        try:
            return f"result {wire.result(value).name.lower()}"
        except RemoteError:
            return wire.server.get(int.from_bytes(value[:2], "little"), value.hex())

    def _watch(self, operation: Operation) -> bytes:
        words = f"{operation.kind}: {self._stage(operation).value}"
        self.note("flash", words, f"{operation.address:#07x}")
        try:
            return super()._watch(operation)
        except PowerCut:
            self.note("supply", f"the supply fails at operation {operation.number}, {words}")
            raise


def timeline(plan: Plan) -> Sequence[Event]:
    """What happens in the story of a plan."""
    rig = play(plan, kind=_Watched).rig
    assert isinstance(rig, _Watched)  # noqa: S101 - it was asked for
    return rig.events
