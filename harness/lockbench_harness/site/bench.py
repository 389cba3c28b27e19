"""The bench's hands on the locks of a site. Public methods are operations of `/_bench/site/`.

ValueError says in a sentence what is wrong with the arguments.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

from lockbench_emulator.site import Site
from lockbench_protocol import LocalError

from lockbench_harness.site.dding import SiteLocks
from lockbench_harness.site.ttlock import SiteGateways
from lockbench_harness.targets.emulated import credentials_of


class SiteBench:
    def __init__(
        self, site: Site, locks: SiteLocks, gateways: SiteGateways, wake: Callable[[], None]
    ) -> None:
        self._site = site
        self._locks = locks
        self._gateways = gateways
        self._wake = wake  # tells sleepers that there may be work
        self._snapshots: dict[str, bytes] = {}

    def install(self, uuid: str, profile: str = "", seed: int | None = None) -> dict[str, object]:
        """Hang up a lock, of another profile or seed than it would have by itself; how it looks."""
        try:
            self._site.install(uuid, profile=profile, seed=seed)
        except LocalError as error:
            raise ValueError(str(error)) from None
        return self.look(uuid)

    def locks(self) -> list[str]:
        """The names of all locks that were spoken of."""
        return self._site.names()

    def look(self, uuid: str) -> dict[str, object]:
        """What one sees of a lock, and what is in it."""
        device = self._site.device(self._known(uuid))
        return {
            "address": device.address,
            "name": device.name,
            "powered": device.alive,
            "open": device.memory.unlocked,
            "battery": device.battery,
            "firmware": device.lock.firmware,
            "codes": sorted(device.memory.passcodes),
        }

    def lock_data(self, uuid: str) -> str:
        """The lockData with which its owner registers it in the TTLock cloud."""
        return credentials_of(self._site.device(self._known(uuid))).lock_data

    def set_power(self, uuid: str, *, on: bool) -> None:
        """Pull the battery of a lock, or put it back in."""
        self._locks.set_power(self._known(uuid), on=on)

    def lose(self, uuid: str, what: Literal["command lost", "answer lost"] | None = None) -> None:
        """What the air between the gateways and this lock swallows from now on."""
        address = self._site.device(self._known(uuid)).address
        for trouble, name in ((self._locks.trouble, uuid), (self._gateways.trouble, address)):
            trouble.pop(name, None)
        if what is not None:
            self._locks.trouble[uuid] = self._gateways.trouble[address] = what

    def snapshot(self, name: str) -> int:
        """Keep all that the clouds and the locks remember under a name, while they serve; its bytes."""
        self._snapshots[name] = self._site.store.snapshot()
        return len(self._snapshots[name])

    def restore(self, name: str) -> None:
        """Remember what a snapshot does, and nothing else."""
        if name not in self._snapshots:
            raise ValueError(f"no snapshot is called {name!r}")
        self._site.store.restore(self._snapshots[name])
        self._wake()

    def _known(self, uuid: str) -> str:
        if not self._site.knows(uuid):
            raise ValueError(f"no lock called {uuid!r} stands on the site")
        return uuid
