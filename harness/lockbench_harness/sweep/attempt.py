"""One attempt: a client sends an image to a rig over a link that may lose, change and end things.

Virtual time. The client is the reference sender with a preset; what it does wrong itself is in the plan too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lockbench_protocol import LocalError
from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.ota import data_pdu, end

from lockbench_harness.client.ota import ANSWER_SECONDS, OtaSender, Step
from lockbench_harness.faults import ClientFault, LinkFault
from lockbench_harness.faults.client import (
    EndIndex,
    EndLength,
    FillLast,
    Insert,
    Leave,
    Replace,
    Restart,
    Resume,
)
from lockbench_harness.faults.link import (
    Delay,
    Drop,
    Extend,
    Flip,
    LostResult,
    Part,
    Repeat,
    Silence,
    Swap,
    Truncate,
)
from lockbench_harness.faults.plan import Firmware
from lockbench_harness.sweep.rig import Checkpoint, Rig

__all__ = ["attempt", "script"]

SPACING = 0.002  # seconds between two writes of a client that has no interval of its own


def script(rig: Rig, firmware: Firmware, faults: Sequence[ClientFault] = ()) -> tuple[Step, ...]:
    """What the client writes; LocalError when a fault is about a write that there is not."""
    steps = rig.scene.script(firmware)
    for fault in faults:
        steps = _wrong(steps, fault, rig.scene.scenario.client.pdu_length)
    return steps


def _wrong(steps: tuple[Step, ...], fault: ClientFault, length: int) -> tuple[Step, ...]:
    last = len(steps) - 1
    match fault:
        case Insert(pdu, value) if pdu <= len(steps):
            return (*steps[:pdu], Step(value, None), *steps[pdu:])
        case Replace(pdu, value) if pdu <= last:
            return (*steps[:pdu], replace(steps[pdu], value=value), *steps[pdu + 1 :])
        case EndIndex(index):
            rest = steps[last].value[6:]
            return (*steps[:last], replace(steps[last], value=end(index) + rest))
        case EndLength(size):
            value = steps[last].value[:size].ljust(size, b"\xff")
            return (*steps[:last], replace(steps[last], value=value))
        case FillLast():
            value = steps[last - 1].value
            filled = data_pdu(int.from_bytes(value[:2], "little"), value[2:-2].ljust(length, b"\xff"))
            return (*steps[: last - 1], replace(steps[last - 1], value=filled), steps[last])
        case Leave(pdu) | Resume(pdu) | Restart(pdu) if pdu <= last:
            return steps
    raise LocalError(f"{fault} is about a write that there is not: there are {len(steps)}")


def attempt(
    rig: Rig,
    firmware: Firmware,
    ran: Firmware,
    link: Sequence[LinkFault] = (),
    client: Sequence[ClientFault] = (),
    *,
    points: list[Checkpoint] | None = None,
    resumed: tuple[int, Checkpoint] | None = None,
) -> bool:
    """Send `firmware` to the rig and let it come to rest; gives what the client believes of it.

    `points` takes a checkpoint before each write; `resumed` goes on from the one before that write.
    """
    sender = rig.scene.sender(firmware)
    steps = script(rig, firmware, client)
    for fault in link:
        if not isinstance(fault, LostResult) and fault.pdu >= len(steps):
            raise LocalError(f"{fault} is about a write that there is not: there are {len(steps)}")
    first = 0
    if resumed is not None:
        first, point = resumed
        rig.resume(point)
    rig.begin(firmware, ran, lambda: _believes(sender))
    return _Attempt(rig, sender, steps, link, client).run(first, points)


def _believes(sender: OtaSender) -> bool:
    """Does the client take the attempt for a success, if the link is lost now?"""
    if sender.ended is None and not sender.end_written:
        return False
    return sender.if_lost().ok


class _Attempt:
    def __init__(
        self,
        rig: Rig,
        sender: OtaSender,
        steps: tuple[Step, ...],
        link: Sequence[LinkFault],
        client: Sequence[ClientFault],
    ) -> None:
        self._rig = rig
        self._sender = sender
        self._steps = steps
        self._deaf = not sender.preset.listens or any(isinstance(fault, LostResult) for fault in link)
        self._held: bytes | None = None  # a write that arrives after the next one
        self._faults: dict[int, list[LinkFault | ClientFault]] = {}
        for fault in (*link, *client):
            if isinstance(fault, LostResult | EndIndex | EndLength | FillLast | Insert | Replace):
                continue
            self._faults.setdefault(fault.pdu, []).append(fault)

    def run(self, first: int, points: list[Checkpoint] | None) -> bool:
        number = first
        while number < len(self._steps):
            if points is not None:
                points.append(self._rig.checkpoint())
            if self._restarts(number):
                number = 0
            if self._sender.ended is not None or not self._write(number, self._steps[number]):
                break
            number += 1
        else:
            self._linger()
        self._notice()
        if self._sender.ended is None or not self._sender.ended.ok:
            self._rig.disconnect()
        self._rig.rest()
        self._rig.disconnect()
        self._rig.rest()
        return self._sender.if_lost().ok

    def _restarts(self, number: int) -> bool:
        """The client is back on a new link, and begins once more; it does so once."""
        faults = self._faults.get(number, [])
        restart = next((fault for fault in faults if isinstance(fault, Restart)), None)
        if restart is None or not self._rig.linked:
            return False
        faults.remove(restart)
        self._rig.disconnect()
        self._rig.linked = self._rig.server is not None
        return True

    def _write(self, number: int, step: Step) -> bool:
        """False: the link is gone."""
        faults = self._faults.get(number, ()) if self._faults else ()
        pause = max(step.pause, SPACING) + sum(fault.seconds for fault in faults if isinstance(fault, Delay))
        self._pass(self._rig.now + pause)
        for fault in faults:
            if isinstance(fault, Part | Leave | Silence | Resume) and not self._parts(fault, number):
                return False
        if not self._rig.linked:
            self._sender.disconnected()
            return False
        if self._sender.ended is not None:
            return True
        self._sender.writing(step)
        for value in self._arriving(step.value, faults):
            self._hear(self._rig.write(value))
        self._sender.written(step)
        self._follow(step)
        return True

    def _parts(self, fault: Part | Leave | Silence | Resume, number: int) -> bool:
        """The link ends; True when the client is back."""
        if isinstance(fault, Silence):
            self._rig.advance(self._rig.now + fault.seconds)
        self._rig.disconnect()
        if not isinstance(fault, Resume):
            self._sender.disconnected()
            return False
        self._rig.linked = self._rig.server is not None
        prelude = len(self._sender.preset.prelude)
        for again in self._steps[: min(prelude, number)]:
            self._hear(self._rig.write(again.value))
        return True

    def _arriving(self, value: bytes, faults: Sequence[LinkFault | ClientFault]) -> Iterator[bytes]:
        """What reaches the device of one write, and of one that was held back."""
        held, self._held = self._held, None
        arriving = [value]
        for fault in faults:
            match fault:
                case Drop():
                    arriving = []
                case Repeat():
                    arriving = arriving * 2
                case Swap():
                    arriving, self._held = [], value
                case Flip(_, bit, mended):
                    arriving = [_flipped(each, bit, mended=mended) for each in arriving]
                case Truncate(_, length):
                    arriving = [each[:length] for each in arriving]
                case Extend(_, more):
                    arriving = [each + more for each in arriving]
        yield from arriving
        if held is not None:
            yield held

    def _follow(self, step: Step) -> None:
        if step.then == "leave":
            self._rig.disconnect()
        elif step.then == "answer":
            until = self._rig.now + ANSWER_SECONDS
            while self._sender.awaits_version and self._rig.now < until:
                self._hear(self._rig.advance(until))
            if self._sender.awaits_version:
                self._sender.unanswered()

    def _linger(self) -> None:
        """After END: what the device held back, then the result, the drop, or nothing."""
        if self._held is not None:
            self._hear(self._rig.write(self._held))
        until = self._rig.now + self._sender.preset.patience
        while self._sender.ended is None and self._rig.linked and self._rig.now < until:
            self._hear(self._rig.advance(until))
        self._notice()
        if self._sender.ended is None:
            self._sender.gave_up()

    def _notice(self) -> None:
        if not self._rig.linked:
            self._sender.disconnected()

    def _pass(self, until: float) -> None:
        while self._rig.now < until:
            self._hear(self._rig.advance(until))

    def _hear(self, values: list[bytes]) -> None:
        if not self._deaf:
            for value in values:
                self._sender.notified(value)


def _flipped(value: bytes, bit: int, *, mended: bool) -> bytes:
    if bit >= len(value) * 8:
        raise LocalError(f"a write of {len(value)} bytes has no bit {bit}")
    cells = bytearray(value)
    cells[bit // 8] ^= 1 << bit % 8
    if mended:
        cells[-2:] = crc16(bytes(cells[:-2])).to_bytes(2, "little")
    return bytes(cells)
