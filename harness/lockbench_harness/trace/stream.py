"""The event stream of one example."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence

from lockbench_harness.trace.mask import Mask

Fields = str | int | float | bool | None | bytes | Mapping[str, "Fields"] | Sequence["Fields"]

DIGITS = 6  # of a second: a microsecond is finer than anything on the air


class Trace:
    """Lines of NDJSON, in memory until the example is over.

    Each line is an object with `t` (seconds since the example's loop began) and `kind` first, then the fields
    in the order given; bytes become hex. `kind` is a short word: "case", "step", "tx", "rx", "link", "lock".
    """

    def __init__(self, mask: Mask | None = None) -> None:
        self.lines: list[str] = []
        self._mask = mask if mask is not None else Mask()
        self._start: float | None = None

    def event(self, kind: str, **fields: Fields) -> None:
        plain = {"t": self._now(), "kind": kind, **{key: _plain(value) for key, value in fields.items()}}
        self.lines.append(json.dumps(self._mask.value(plain), ensure_ascii=False, separators=(",", ":")))

    def text(self) -> str:
        return "".join(f"{line}\n" for line in self.lines)

    def _now(self) -> float:
        try:
            now = asyncio.get_running_loop().time()
        except RuntimeError:  # said before the loop starts, or after its end
            return 0.0
        if self._start is None:
            self._start = now
        return round(now - self._start, DIGITS)


def _plain(value: Fields) -> object:
    if isinstance(value, str | int | float | None):
        return value
    if isinstance(value, bytes | bytearray):
        return value.hex()
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value]
