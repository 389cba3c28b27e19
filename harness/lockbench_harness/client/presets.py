"""How one OTA client differs from another: rows of `presets.toml` (telink-ota 3.4).

The same file says, row by row, what comes of each client with each dialect.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal

from lockbench_emulator import toml
from lockbench_protocol import LocalError
from lockbench_protocol.telink.dialects import Dialect, dialect

__all__ = ["Expected", "Preset", "expected", "load_preset", "preset_names"]


@dataclass(frozen=True, slots=True)
class Preset:
    """One client's way of sending; the file has a word on each key."""

    name: str
    wire: str
    prelude: tuple[Literal["VERSION", "START", "FW_VERSION_REQ", "START_EXT"], ...]
    command_padding: bool
    start_ext_length: int
    asks_comparison: bool
    pdu_length: int  # bytes of image in a data PDU
    last_pdu: Literal["rows", "full", "sample"]
    end: Literal["PLAIN", "CRC", "PADDED"]
    end_index: Literal["last", "fwupd"]
    sends: Literal["declared", "file"]
    read_after_prelude: bool
    read_every: int
    pause_before: float
    pause_after_prelude: float
    interval: float
    listens: bool
    foreign: Literal["failure", "ignored"]
    success: Literal["result", "end", "drop", "result or drop"]
    patience: float
    leaves: bool

    @property
    def dialect(self) -> Dialect:
        return dialect(self.wire)

    @property
    def mtu(self) -> int:
        """The ATT_MTU that its PDUs need (telink-ota 2.4)."""
        return self.pdu_length + 7


@dataclass(frozen=True, slots=True)
class Expected:
    """What an upgrade by a client at a dialect comes to; `name` counts the rows."""

    name: str
    client: str
    file: Literal["any", "exact", "longer"]
    server: str
    verdict: str  # a lower-case name of `Result`, "" for none
    believes: Literal["success", "failure"]
    boots: Literal["old", "new"]


@lru_cache
def _table() -> dict[str, Any]:
    return tomllib.loads((files(__package__) / "presets.toml").read_text(encoding="utf-8"))


def preset_names() -> list[str]:
    return list(_table()["preset"])


@lru_cache
def load_preset(name: str = "ttlock") -> Preset:
    """The client of that name; LocalError names the known ones."""
    rows = _table()["preset"]
    if name not in rows:
        raise LocalError(f"no OTA client {name!r}; known: {', '.join(rows)}")
    return toml.build(rows[name], f"presets.toml: {name}", Preset, name=name)


@lru_cache
def expected() -> tuple[Expected, ...]:
    """All rows of expected results."""
    rows = enumerate(_table()["expected"])
    return tuple(toml.build(row, f"presets.toml: expected {n}", Expected, name=str(n)) for n, row in rows)
