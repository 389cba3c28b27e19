"""The OTA sender: an image in, writes out, and what the lock answers (telink-ota 3.2, 3.4, 5.3).

Sans-IO. The driver enables notifications first, makes the writes of `steps()` in order without response, and
hands in every notification and the loss of the link. How a client differs from others is a preset.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.telink.dialects import TT, Dialect, Result
from lockbench_protocol.telink.image import declared_size
from lockbench_protocol.telink.ota import EndForm, command, data_pdus, end

__all__ = ["TTLOCK", "Ended", "OtaSender", "Preset", "Step"]


@dataclass(frozen=True, slots=True)
class Preset:
    """One client's way of sending, a row of telink-ota 3.4."""

    name: str
    dialect: Dialect
    prelude: tuple[str, ...]  # commands before the data
    pdu_length: int  # bytes of image in a data PDU
    end: EndForm
    sends: Literal["declared", "file"]  # the bytes of the size field, or all bytes of the file


# The size field decides what is sent (3.2); that the vendor's client reads it is an assumption.
TTLOCK = Preset("ttlock", TT, ("VERSION", "START"), 16, EndForm.CRC, "declared")


@dataclass(frozen=True, slots=True)
class Step:
    """One write to the OTA characteristic."""

    value: bytes
    progress: int | None  # percent to report once it is written; None: unchanged


@dataclass(frozen=True, slots=True)
class Ended:
    """How the transfer ended."""

    result: Result | None  # what the lock said; None: the link was lost, or it said something else
    why: str  # one sentence

    @property
    def ok(self) -> bool:
        return self.result is Result.SUCCESS


class OtaSender:
    """One transfer of `data`, a firmware file. LocalError for a file that is empty or too long."""

    def __init__(self, data: bytes, preset: Preset = TTLOCK) -> None:
        if not data:
            raise LocalError("the firmware file is empty")
        self.preset = preset
        self.ended: Ended | None = None
        self._pdus = data_pdus(_sent(data, preset), preset.pdu_length)

    @property
    def total(self) -> int:
        """Data PDUs of the whole transfer."""
        return len(self._pdus)

    def steps(self) -> Iterator[Step]:
        """The writes, in order; it stops early once the transfer has ended.

        After the last one, END, only a notification or the loss of the link ends the transfer.
        """
        for step in self._all_steps():
            if self.ended is not None:
                return
            yield step

    def notified(self, value: bytes) -> None:
        """A notification of the OTA characteristic: the result, and anything else is a failure."""
        try:
            result = self.preset.dialect.result(value)
        except RemoteError as error:
            self._end(Ended(None, str(error)))
        else:
            self._end(Ended(result, f"the lock answered: {result}"))

    def disconnected(self) -> None:
        """The link was lost. After the result that is expected and changes nothing."""
        self._end(Ended(None, "the link was lost before the result"))

    def _end(self, ended: Ended) -> None:
        if self.ended is None:
            self.ended = ended

    def _all_steps(self) -> Iterator[Step]:
        for name in self.preset.prelude:
            yield Step(command(name), 0 if name == self.preset.prelude[-1] else None)
        reported = 0
        for sent, value in enumerate(self._pdus, start=1):
            progress = 100 * sent // self.total
            yield Step(value, progress if progress != reported else None)
            reported = progress
        yield Step(end(self.total - 1, self.preset.end), None)


def _sent(data: bytes, preset: Preset) -> bytes:
    """The bytes to send; all of them where the size field cannot be right."""
    if preset.sends == "file" or len(data) < 0x1C:
        return data
    size = declared_size(data)
    return data[:size] if 0 < size <= len(data) else data
