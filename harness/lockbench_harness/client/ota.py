"""The OTA sender: an image in, writes out, and what the lock answers (telink-ota 3.2, 3.4, 5.3).

Sans-IO. The driver enables notifications first where the preset listens, makes the writes of `steps()` in
order without response, and hands in every notification and the loss of the link. How a client differs from
others is a preset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import ROW, VERSION_END, declared_size, version_number
from lockbench_protocol.telink.ota import EndForm, command, data_pdu, data_pdus, decode, end

from lockbench_harness.client.presets import Preset, load_preset

__all__ = ["ANSWER_SECONDS", "TTLOCK", "Ended", "OtaSender", "Preset", "Step", "load_preset"]

ANSWER_SECONDS = 5.0  # how long a client waits for FF05 (3.4: its read timeout)
TTLOCK = load_preset("ttlock")  # the size field decides what is sent (3.2); that it reads it is an assumption


@dataclass(frozen=True, slots=True)
class Step:
    """One write to the OTA characteristic."""

    value: bytes
    progress: int | None  # percent to report once it is written; None: unchanged
    pause: float = 0.0  # seconds to wait before it
    then: Literal["", "read", "answer", "leave"] = ""  # read the characteristic; wait for FF05; end the link


@dataclass(frozen=True, slots=True)
class Ended:
    """How the transfer ended, as this client sees it."""

    result: Result | None  # what the lock said; None: the link was lost, or it said something else
    why: str  # one sentence
    believed: bool = False  # it takes the upgrade for done though the lock has not said so

    @property
    def ok(self) -> bool:
        return self.believed or self.result is Result.SUCCESS


class OtaSender:
    """One transfer of `data`, a firmware file. LocalError for a file that is empty or too long."""

    def __init__(self, data: bytes, preset: Preset = TTLOCK) -> None:
        if not data:
            raise LocalError("the firmware file is empty")
        self.preset = preset
        self.ended: Ended | None = None
        self.end_written = False
        self.awaits_version = False  # FF04 was written, FF05 has not come
        self._head = data[:VERSION_END]
        self._pdus = _pdus(_sent(data, preset), preset)

    @property
    def total(self) -> int:
        """Data PDUs of the whole transfer."""
        return len(self._pdus)

    def steps(self) -> Iterator[Step]:
        """The writes, in order; it stops early once the transfer has ended.

        After the last one, END, only a notification or the loss of the link ends the transfer, unless the
        client takes END itself for the success.
        """
        for step in self.script():
            if self.ended is not None:
                return
            self.writing(step)
            yield step
            self.written(step)

    def writing(self, step: Step) -> None:
        """The driver is about to write `step`."""
        self.awaits_version = step.then == "answer"

    def written(self, step: Step) -> None:
        """The driver has written `step` and done what follows it."""
        if step.value[:2] == b"\x02\xff":
            self.end_written = True
            if self.preset.success == "end":
                self._end(Ended(None, "END was written, which this client takes for success", believed=True))

    def notified(self, value: bytes) -> None:
        """A notification of the OTA characteristic: a result ends the transfer, others as the preset says."""
        wire = self.preset.dialect
        if int.from_bytes(value[:2], "little") in wire.server and value[:2] != wire.result_head:
            self._other(value)
            return
        try:
            result = wire.result(value)
        except RemoteError as error:
            if self.preset.foreign == "failure":
                self._end(Ended(None, str(error)))
        else:
            self._end(Ended(result, f"the lock answered: {result}"))

    def _other(self, value: bytes) -> None:
        """FF05, or a word on the progress."""
        try:
            pdu = decode(value, self.preset.dialect, "server")
        except RemoteError as error:
            self._end(Ended(None, str(error)))
            return
        if pdu.name == "FW_VERSION_RSP" and self.awaits_version:
            self.awaits_version = False
            if not pdu.fields["accept"]:
                self._end(Ended(Result.VERSION, f"the lock answered: {Result.VERSION}"))

    def unanswered(self) -> None:
        """FF05 did not come in time."""
        self._end(Ended(None, "the lock did not answer FW_VERSION_REQ"))

    def disconnected(self) -> None:
        """The link was lost. After the result that is expected and changes nothing."""
        self._end(self.if_lost())

    def if_lost(self) -> Ended:
        """How the transfer ends if the link is lost now."""
        if self.ended is not None:
            return self.ended
        if self.end_written and "drop" in self.preset.success:
            return Ended(None, "the link ended after END, which this client takes for success", believed=True)
        return Ended(None, "the link was lost before the result")

    def gave_up(self) -> None:
        """Nothing came within the preset's patience after END."""
        self._end(Ended(None, f"nothing came within {self.preset.patience:g} s after END"))

    def cancel(self) -> None:
        """The user gave up; the driver ends the link."""
        self._end(Ended(None, "the transfer was cancelled"))

    def _end(self, ended: Ended) -> None:
        if self.ended is None:
            self.ended = ended

    def script(self) -> Iterator[Step]:
        """The writes of the whole transfer, whatever the lock answers."""
        preset = self.preset
        for number, name in enumerate(preset.prelude, start=1):
            last = number == len(preset.prelude)
            pause = preset.pause_before if number == 1 else 0.0
            then: Literal["", "read", "answer"] = "answer" if name == "FW_VERSION_REQ" else ""
            if last and preset.read_after_prelude:
                then = "read"
            yield Step(self._command(name), 0 if last else None, pause, then)
        reported, interval = 0, preset.interval
        for sent, value in enumerate(self._pdus, start=1):
            progress = 100 * sent // self.total
            barrier = preset.read_every and sent % preset.read_every == 0
            pause = preset.pause_after_prelude if sent == 1 else interval
            yield Step(value, progress if progress != reported else None, pause, "read" if barrier else "")
            reported = progress
        yield Step(self._last(), None, interval, "leave" if preset.leaves else "")

    def _command(self, name: str) -> bytes:
        preset = self.preset
        compare = int(preset.asks_comparison)
        if name == "FW_VERSION_REQ":
            return command(name, version=version_number(self._head), version_compare=compare)
        if name == "START_EXT":
            rest = bytes(preset.start_ext_length - 4)
            return command(name, pdu_length=preset.pdu_length, version_compare=compare, rest=rest)
        plain = command(name)
        if not preset.command_padding:
            return plain
        covered = plain.ljust(ROW + 2, b"\xff")
        return covered + crc16(covered).to_bytes(2, "little")

    def _last(self) -> bytes:
        index = self.total - 1
        if self.preset.end_index == "fwupd":
            index = max((self.total >> 4) - 1, 0)
        return end(index, EndForm[self.preset.end])


def _sent(data: bytes, preset: Preset) -> bytes:
    """The bytes to send; all of them where the size field cannot be right."""
    if preset.sends == "file" or len(data) < 0x1C:
        return data
    size = declared_size(data)
    return data[:size] if 0 < size <= len(data) else data


def _pdus(data: bytes, preset: Preset) -> list[bytes]:
    """The data PDUs, the last one filled as this client does (telink-ota 3.2)."""
    length = preset.pdu_length
    if preset.last_pdu == "sample" and len(data) % ROW == 0:
        data += b"\xff" * ROW
    pdus = data_pdus(data, length)
    if preset.last_pdu == "full":
        index = len(pdus) - 1
        pdus[index] = data_pdu(index, pdus[index][2:-2].ljust(length, b"\xff"))
    return pdus
