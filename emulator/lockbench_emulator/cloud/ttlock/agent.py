"""Who carries the commands of the TTLock cloud into locks: a protocol, and locks that are only a bolt.

The cloud asks while its caller waits: the answer comes at once. Which gateway is near, online and free is the
cloud's to know.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, Protocol

from lockbench_emulator.cloud.store import Store

Verb = Literal["unlock", "lock", "state", "battery", "add", "change", "delete"]


@dataclass(frozen=True, slots=True)
class Command:
    """What one lock shall do."""

    mac: str
    verb: Verb
    code: str = ""  # of a passcode
    new_code: str = ""  # change: what it becomes; "": it stays
    start: int = 0  # ms since 1970; 0 and 0: for ever
    end: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    errcode: int = 0
    value: int = 0  # state: 0 locked, 1 unlocked; battery: percent


class Gateways(Protocol):
    """Called inside a transaction of the cloud."""

    def carry_out(self, command: Command) -> Outcome:
        """Have the lock do it. errcode -3003 when the gateway got no answer."""


class MemoryBolts:
    """Locks that lock themselves `auto_lock` seconds after opening; 0: never. `battery` in percent."""

    def __init__(self, store: Store, now: Callable[[], float], *, auto_lock: float = 5.0) -> None:
        self._store = store
        self._now = now
        self.auto_lock = auto_lock
        self.battery = 100
        self.trouble: dict[str, int] = {}  # mac: errcode of whatever is asked

    def carry_out(self, command: Command) -> Outcome:
        if command.mac in self.trouble:
            return Outcome(self.trouble[command.mac])
        if command.verb in ("unlock", "lock"):
            opened = round(self._now() * 1000) if command.verb == "unlock" else None
            self._store.run("INSERT OR REPLACE INTO ttlock_bolts VALUES (?, ?)", command.mac, opened)
        values = {"state": self._open(command.mac), "battery": self.battery}
        return Outcome(value=values.get(command.verb, 0))

    def _open(self, mac: str) -> int:
        row = self._store.one("SELECT opened FROM ttlock_bolts WHERE mac = ?", mac)
        if row is None or row["opened"] is None:
            return 0
        return int(not self.auto_lock or self._now() * 1000 < row["opened"] + self.auto_lock * 1000)
