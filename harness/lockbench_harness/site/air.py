"""A lock of a site for clients that come over the air: a device whose every event goes through its site."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from lockbench_emulator.gatt import Advertisement, AttRefusal, Effect, Service
from lockbench_emulator.site import Site

from lockbench_harness.links.bare import BareLink
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.emulated import credentials_of
from lockbench_harness.trace import Trace

GRAIN = 0.001
"""Seconds; what counts since 1970 is not as fine as a loop's clock."""


class SiteDevice:
    """See `gatt.Device`. The air's own time is the loop's; what happens to the lock happens at the site's."""

    def __init__(self, site: Site, uuid: str) -> None:
        self._site = site
        self._uuid = uuid

    @property
    def address(self) -> str:
        return self._site.device(self._uuid).address

    def services(self) -> tuple[Service, ...]:
        return self._site.device(self._uuid).services()

    def advertisement(self) -> Advertisement | None:
        return self._site.device(self._uuid).advertisement()

    def connected(self, now: float) -> Sequence[Effect]:  # noqa: ARG002 - the site's time counts
        return self._site.act(self._uuid, self._site.device(self._uuid).connected)

    def disconnected(self, now: float) -> Sequence[Effect]:  # noqa: ARG002 - likewise
        return self._site.act(self._uuid, self._site.device(self._uuid).disconnected)

    def subscribe(self, characteristic: str, on: bool, now: float) -> Sequence[Effect]:  # noqa: ARG002, FBT001 - likewise; the CCCD bit
        device = self._site.device(self._uuid)
        return self._site.act(self._uuid, lambda at: device.subscribe(characteristic, on, at))

    def write(self, characteristic: str, value: bytes, now: float) -> Sequence[Effect]:  # noqa: ARG002 - likewise
        device = self._site.device(self._uuid)
        refusals: list[AttRefusal] = []

        def write(at: float) -> Sequence[Effect]:
            try:
                return device.write(characteristic, value, at)
            except AttRefusal as refusal:  # it undoes nothing
                refusals.append(refusal)
                return []

        effects = self._site.act(self._uuid, write)
        if refusals:
            raise refusals[0]
        return effects

    def read(self, characteristic: str, now: float) -> bytes:
        return self._site.device(self._uuid).read(characteristic, now)

    def advance(self, now: float) -> Sequence[Effect]:  # noqa: ARG002 - likewise
        return self._site.act(self._uuid, self._site.device(self._uuid).advance)

    def deadline(self) -> float | None:
        due = self._site.deadline(self._uuid)
        if due is None:
            return None
        return asyncio.get_running_loop().time() + due - self._site.now() + GRAIN


@asynccontextmanager
async def beside(site: Site, uuid: str) -> AsyncIterator[LockBench]:
    """A phone beside a lock of the site, with its owner's keys."""
    async with BareLink([SiteDevice(site, uuid)]) as link:
        yield LockBench(link, credentials_of(site.device(uuid)), Trace())
    for failure in link.failures:
        raise failure
