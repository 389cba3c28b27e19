"""The phone of somebody who touches the lock before each use: what a lock that sleeps needs."""

from __future__ import annotations

from collections.abc import Callable

from lockbench_harness.links import Connection, Link, Sighting


class TouchedLink:
    """A link whose owner touches the lock first."""

    def __init__(self, link: Link, touch: Callable[[], None]) -> None:
        self._link = link
        self._touch = touch

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]:
        self._touch()
        return await self._link.scan(seconds, until=until)

    async def connect(self, address: str, *, timeout: float = 10.0, mtu: int = 23) -> Connection:  # noqa: ASYNC109 - the interface of links
        self._touch()
        return await self._link.connect(address, timeout=timeout, mtu=mtu)
