"""A phone's Bluetooth stack that goes wrong: it doubles, loses or adds notifications, loses writes, hangs up.

Real stacks did each of these. The lock and the air are as they are; only the client is served badly.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from lockbench_harness.links import Connection, Link, LinkLost, Sighting

Change = Callable[[int, bytes], Sequence[bytes]]
"""What becomes of the n-th piece (from 0) of a connection: the pieces that go on."""


def faithful(_number: int, piece: bytes) -> Sequence[bytes]:
    return (piece,)


class BadLink:
    """A central whose connections change what passes.

    `hang_up_after` counts pieces in both directions; behind the last one nothing passes.
    """

    def __init__(
        self,
        link: Link,
        *,
        writes: Change = faithful,
        notifications: Change = faithful,
        hang_up_after: int | None = None,
    ) -> None:
        self._link = link
        self._writes = writes
        self._notifications = notifications
        self._hang_up_after = hang_up_after

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]:
        return await self._link.scan(seconds, until=until)

    async def connect(self, address: str, *, timeout: float = 10.0, mtu: int = 23) -> BadConnection:  # noqa: ASYNC109 - the interface of links
        connection = await self._link.connect(address, timeout=timeout, mtu=mtu)
        return BadConnection(connection, self._writes, self._notifications, self._hang_up_after)


class BadConnection:
    """See `lockbench_harness.links.Connection`."""

    def __init__(
        self, connection: Connection, writes: Change, notifications: Change, hang_up_after: int | None
    ) -> None:
        self._connection = connection
        self._change_write = writes
        self._change_notification = notifications
        self._left = hang_up_after
        self._written = 0
        self._notified = 0
        self._hanging_up: asyncio.Task[None] | None = None

    @property
    def mtu(self) -> int:
        return self._connection.mtu

    @property
    def lost(self) -> bool:
        return self._connection.lost

    def on_lost(self, callback: Callable[[int], None]) -> None:
        self._connection.on_lost(callback)

    def characteristics(self) -> dict[str, tuple[str, int]]:
        return self._connection.characteristics()

    async def write(self, characteristic: str, value: bytes, *, response: bool = False) -> None:
        if self._left == 0:
            raise LinkLost
        number, self._written = self._written, self._written + 1
        for piece in self._change_write(number, value):
            await self._connection.write(characteristic, piece, response=response)
        if self._counts_out():
            await self.disconnect()

    async def read(self, characteristic: str) -> bytes:
        return await self._connection.read(characteristic)

    async def subscribe(self, characteristic: str, callback: Callable[[bytes], None]) -> None:
        def pass_on(value: bytes) -> None:
            if self._left == 0:
                return
            number, self._notified = self._notified, self._notified + 1
            for piece in self._change_notification(number, value):
                callback(piece)
            if self._counts_out():
                self._hanging_up = asyncio.get_running_loop().create_task(self.disconnect())

        await self._connection.subscribe(characteristic, pass_on)

    async def unsubscribe(self, characteristic: str) -> None:
        await self._connection.unsubscribe(characteristic)

    async def drain(self) -> None:
        await self._connection.drain()

    async def disconnect(self) -> None:
        await self._connection.disconnect()

    def _counts_out(self) -> bool:
        """Whether this piece was the last one."""
        if self._left is None:
            return False
        self._left -= 1
        return self._left == 0
