"""The locks that stand on a site: whole emulated locks, whose memory and flash are rows of the store.

Time comes from outside. A lock catches up with it whenever something is done to it. What a transaction of the
store did to a lock is kept with the transaction, and undone with it.
"""

from __future__ import annotations

import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from lockbench_protocol import LocalError

from lockbench_emulator.boot.flash import BLANK, Flash, Snapshot
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Effect
from lockbench_emulator.kept import Kept
from lockbench_emulator.profiles import load_profile

ZONE = timedelta(hours=8)
"""Sites stand at UTC+8, as the vendors' examples do."""

T = TypeVar("T")
Act = Callable[[Callable[[float], Sequence[Effect]]], Sequence[Effect]]
"""Does something to a device at its present time; the effects come back."""


def local_time(unix: float) -> datetime:
    """What a right clock on the site shows, without a zone, as locks have it."""
    return (datetime.fromtimestamp(unix, UTC) + ZONE).replace(tzinfo=None)


@dataclass(slots=True)
class _Standing:
    device: LockDevice
    origin: float  # s since 1970 at which the device's time was 0
    stored: Snapshot  # the cells that the rows hold
    touched: bool = False


class Site:
    """`now` gives seconds since 1970. A lock comes into being when it is first spoken of, from its name.

    `guests` are locks that somebody else runs, by name: nothing of them is stored.
    """

    def __init__(
        self, store: Store, now: Callable[[], float], *, profile: str = "strict", seed: int = 0
    ) -> None:
        self.store = store
        self.now = now
        self.guests: dict[str, tuple[LockDevice, Act]] = {}
        self._profile = profile
        self._seed = seed
        self._standing: dict[str, _Standing] = {}
        store.keepers.append(self)

    def install(self, uuid: str, *, profile: str = "", seed: int | None = None) -> LockDevice:
        """Hang up a lock of another profile or seed than the site's. LocalError when there is one already."""
        if self.knows(uuid):
            raise LocalError(f"a lock called {uuid} stands on this site already")
        with self.store.transaction():
            return self._install(uuid, profile or self._profile, seed).device

    def knows(self, uuid: str) -> bool:
        """Whether this lock was spoken of before."""
        return uuid in self.guests or self._row(uuid) is not None

    def names(self) -> list[str]:
        rows = self.store.all("SELECT uuid FROM site_locks ORDER BY rowid")
        return [*self.guests, *(row["uuid"] for row in rows)]

    def find(self, address: str) -> str | None:
        """The name of the lock with this Bluetooth address."""
        for uuid, (device, _) in self.guests.items():
            if device.address == address:
                return uuid
        row = self.store.one("SELECT uuid FROM site_locks WHERE address = ?", address)
        return None if row is None else str(row["uuid"])

    def device(self, uuid: str) -> LockDevice:
        """The lock, to look at; what is done to it goes through `act`."""
        if uuid in self.guests:
            return self.guests[uuid][0]
        with self.store.transaction():
            return self._stand(uuid).device

    def act(self, uuid: str, hand: Callable[[float], Sequence[Effect]]) -> Sequence[Effect]:
        """Do something to a lock at the site's time, after all that was due. Stored with the transaction."""
        if uuid in self.guests:
            return self.guests[uuid][1](hand)
        with self.store.transaction():
            standing = self._stand(uuid)
            standing.touched = True
            device, now = standing.device, self.now() - standing.origin
            effects: list[Effect] = []
            while (due := device.deadline()) is not None and due <= now:
                effects += device.advance(due)
            return [*effects, *hand(now)]

    def deadline(self, uuid: str) -> float | None:
        """When a lock of the site wants time, s since 1970."""
        with self.store.transaction():
            standing = self._stand(uuid)
        due = standing.device.deadline()
        return None if due is None else standing.origin + due

    # the store's side

    def save(self) -> None:
        for uuid, standing in self._standing.items():
            if standing.touched:
                standing.touched = False
                self._save(uuid, standing)

    def undo(self) -> None:
        """Locks come back from their rows when they are next spoken of."""
        self._standing.clear()

    def _save(self, uuid: str, standing: _Standing) -> None:
        at = float(int(self.now()))
        kept = standing.device.keep(at - standing.origin)
        plain = {name: getattr(kept, name) for name in kept.__slots__ if name != "flash"}
        self.store.run(
            "UPDATE site_locks SET at = ?, kept = ? WHERE uuid = ?",
            *(at, json.dumps(plain | {"local": kept.local.isoformat()}), uuid),
        )
        for number, (old, new) in enumerate(zip(standing.stored, kept.flash, strict=True)):
            if old is not new and old != new:
                self.store.run(
                    "INSERT OR REPLACE INTO site_flash VALUES (?, ?, ?)", uuid, number, zlib.compress(new, 1)
                )
        standing.stored = kept.flash

    def _row(self, uuid: str) -> object:
        return self.store.one("SELECT 1 FROM site_locks WHERE uuid = ?", uuid)

    def _stand(self, uuid: str) -> _Standing:
        found = self._standing.get(uuid)
        if found is None:
            known = self._row(uuid) is not None
            found = self._resume(uuid) if known else self._install(uuid, self._profile, None)
        return found

    def _install(self, uuid: str, profile: str, seed: int | None) -> _Standing:
        if seed is None:
            seed = zlib.crc32(f"{self._seed} {uuid}".encode())
        origin = float(int(self.now()))  # a lock's clock counts whole seconds
        device = LockDevice(load_profile(profile), seed=seed, epoch=local_time(origin))
        blank = Flash(device.flash.size).snapshot()
        standing = self._standing[uuid] = _Standing(device, origin, blank, touched=True)
        self.store.run(
            "INSERT INTO site_locks VALUES (?, ?, ?, ?, ?, '')",
            *(uuid, device.address, profile, seed, origin),
        )
        return standing

    def _resume(self, uuid: str) -> _Standing:
        row = self.store.the("SELECT * FROM site_locks WHERE uuid = ?", uuid)
        device = LockDevice(load_profile(row["profile"]), seed=row["seed"])
        sectors = [BLANK] * (device.flash.size // len(BLANK))
        for sector in self.store.all("SELECT number, cells FROM site_flash WHERE uuid = ?", uuid):
            sectors[sector["number"]] = zlib.decompress(sector["cells"])
        plain = json.loads(row["kept"])
        kept = Kept(
            flash=tuple(sectors),
            **plain | {"local": datetime.fromisoformat(plain["local"])},
        )
        origin = float(int(self.now()))
        device.resume(kept, max(origin - row["at"], 0.0))
        standing = self._standing[uuid] = _Standing(device, origin, kept.flash)
        return standing
