"""A lock that outlives the command that serves it: one JSON file, for `--state FILE` (format 1).

The flash is in it compressed; nothing is ever unpickled. It is written whole or not at all, readable by its
owner alone: it holds the lock's keys.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import time
import zlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockbench_protocol import LocalError

from lockbench_harness import whole_file

if TYPE_CHECKING:
    from lockbench_emulator.device import LockDevice

FORMAT = 1
SECTOR = 4096  # bytes; flash is kept in whole ones
LARGEST = 1 << 26  # bytes of flash that a file may unfold to
LOOK_SECONDS = 2.0  # between two looks at whether the lock has changed

_FIELDS: dict[str, type] = {
    "profile": str, "seed": int, "paired": bool, "address": str, "flash": str, "at": float, "saved": float,
    "local": str, "knows_time": bool, "battery": int, "powered": bool, "unlocked": bool, "privacy": bool,
    "lives": int,
}  # fmt: skip


@dataclass(slots=True)
class State:
    """The file, and what was in it; None when there is no file yet."""

    path: Path
    found: dict[str, Any] | None

    @classmethod
    def load(cls, path: Path) -> State:
        """LocalError that names the file and what is wrong with it."""
        try:
            text = path.read_text(encoding="utf-8")
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise LocalError(f"{path}: there is no such directory") from None
            return cls(path, None)
        except (OSError, UnicodeDecodeError) as error:
            raise LocalError(f"cannot read the lock in {path}: {error}") from None
        try:
            data = json.loads(text)
        except (ValueError, RecursionError):
            raise LocalError(f"{path} is not JSON, so it holds no lock") from None
        if not isinstance(data, dict) or data.get("format") != FORMAT:
            raise LocalError(f"{path} holds no lock of format {FORMAT}")
        for key, kind in _FIELDS.items():
            value = data.get(key)
            fits = isinstance(value, int | float) if kind is float else isinstance(value, kind)
            if not fits or (isinstance(value, bool) and kind is not bool):
                raise LocalError(f"{path}: {key} must be a {kind.__name__}, not {value!r:.40}")
        return cls(path, data)

    def make(self, profile: str, seed: int, *, paired: bool, interval: float) -> LockDevice:
        """The lock of the file, or a new one. LocalError when the file's is not the one that is asked for."""
        from lockbench_harness.targets.emulated import make_lock

        if self.found is None:
            self.found = {"profile": profile, "seed": seed, "paired": paired}
            device, _ = make_lock(profile, seed, paired=paired, interval=interval)
            return device
        found = self.found
        if (found["profile"], found["seed"]) != (profile, seed):
            raise LocalError(
                f"{self.path} holds a lock of profile {found['profile']} and seed {found['seed']}, "
                f"not of {profile} and {seed}; give those, or another file"
            )
        device, _ = make_lock(profile, seed, paired=found["paired"], interval=interval)
        try:
            self._resume(device)
        except (ValueError, ArithmeticError, LookupError, binascii.Error, zlib.error, LocalError) as error:
            raise LocalError(f"{self.path}: the lock in it cannot be read: {error}") from None
        return device

    def _resume(self, device: LockDevice) -> None:
        from lockbench_emulator.kept import Kept

        found = self.found or {}
        if found["address"] != device.address:
            raise LocalError(f"its address {found['address']} is not that of its seed")
        kept = Kept(
            flash=_unfold(found["flash"], device.flash.size),
            local=datetime.fromisoformat(found["local"]).replace(tzinfo=None),
            **{name: found[name] for name in Kept.__slots__ if name not in ("flash", "local")},
        )
        device.resume(kept, max(0.0, time.time() - found["saved"]))

    def save(self, device: LockDevice, now: float) -> None:
        """LocalError when it cannot be written; the file is then as it was."""
        kept = device.keep(now)
        plain = {name: getattr(kept, name) for name in kept.__slots__}
        plain |= {"flash": _fold(kept.flash), "local": kept.local.isoformat(), "saved": time.time()}
        first = {key: (self.found or {})[key] for key in ("profile", "seed", "paired")}
        text = json.dumps({"format": FORMAT, **first, **plain}, indent=1) + "\n"
        try:
            whole_file.replace(self.path, text.encode(), mode=0o600)
        except OSError as error:
            raise LocalError(f"cannot write the lock into {self.path}: {error.strerror}") from error


def _fold(sectors: tuple[bytes, ...]) -> str:
    return base64.b64encode(zlib.compress(b"".join(sectors), 6)).decode()


def _unfold(text: str, size: int) -> tuple[bytes, ...]:
    if size > LARGEST:
        raise LocalError(f"a flash of {size} bytes is too large")
    unfolding = zlib.decompressobj()
    cells = unfolding.decompress(base64.b64decode(text, validate=True), size + 1)
    if len(cells) != size:
        raise LocalError(f"its flash does not have the {size} bytes of its board")
    return tuple(cells[at : at + SECTOR] for at in range(0, size, SECTOR))


@asynccontextmanager
async def keeping(device: LockDevice, state: State | None) -> AsyncIterator[None]:
    """Save the lock now, whenever its flash has changed, and at the end."""
    if state is None:
        yield
        return
    loop = asyncio.get_running_loop()
    state.save(device, loop.time())

    async def look(saved: int) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            if device.flash.operations != saved:
                saved = device.flash.operations
                state.save(device, loop.time())

    looking = asyncio.create_task(look(device.flash.operations))
    try:
        yield
    finally:
        looking.cancel()
        state.save(device, loop.time())
