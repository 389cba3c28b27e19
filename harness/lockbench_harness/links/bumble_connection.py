"""A live link over Bumble, and what waits for a controller.

Rules: Bumble's ways of failing end here (CancelledError, ATT_Error, time-outs) and become ours; nothing waits
for ever; write commands never run ahead of the controller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bumble import att, core, gatt
from bumble.device import Connection
from bumble.gatt_client import CharacteristicProxy, Client

from lockbench_harness.links import AttError, LinkLost, Missing
from lockbench_harness.links.rules import (
    DEFAULT_MTU,
    LOCAL_HOST,
    REMOTE_USER,
    TIMED_OUT,
    Ending,
    check_notify,
    check_read,
    check_write,
    text_uuid,
)

__all__ = ["BURST", "PATIENCE", "BumbleConnection", "hang_up", "is_cancelled", "whole"]

T = TypeVar("T")

BURST = 32  # write commands before the central lets the controller catch up
PATIENCE = 5.0  # seconds for the controller to answer a command
PARTING = 1.0  # seconds for it when the caller has been cancelled
GATT_SERVICES = ("1800", "1801")  # every host has them; they are not the device's


class BumbleConnection(Ending):
    """A live link. See `links.Connection`."""

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection
        self._client = Client(connection)
        connection.gatt_client = self._client
        self._proxies: dict[str, CharacteristicProxy[bytes]] = {}
        self._table: dict[str, tuple[str, int]] = {}
        self._callbacks: dict[str, list[Callable[[bytes], None]]] = {}
        self._burst = 0
        connection.on(Connection.EVENT_DISCONNECTION, self.lose)
        if connection.handle not in connection.device.connections:
            self.lose(TIMED_OUT)

    async def prepare(self, mtu: int) -> None:
        """Agree on the MTU, when more than the default is wanted, and learn the table of the peer."""
        if mtu > DEFAULT_MTU:
            await self._ask(self._client.request_mtu(mtu))
        for service in await self._ask(self._client.discover_services()):
            uuid = text_uuid(service.uuid.to_bytes())
            if uuid in GATT_SERVICES:
                continue
            for proxy in await self._ask(self._client.discover_characteristics((), service)):
                name = text_uuid(proxy.uuid.to_bytes())
                self._proxies[name] = proxy
                self._table[name] = (uuid, int(proxy.properties))

    @property
    def mtu(self) -> int:
        return self._connection.att_mtu

    def characteristics(self) -> dict[str, tuple[str, int]]:
        return dict(self._table)

    async def write(self, characteristic: str, value: bytes, *, response: bool = False) -> None:
        proxy = self._find(characteristic)
        check_write(self._table[characteristic][1], value, self.mtu, response=response)
        if response:
            await self._ask(self._client.write_value(proxy.handle, value, with_response=True))
            return
        await self._ask(self._client.write_value(proxy.handle, value))
        self._burst += 1
        if self._burst >= BURST:
            await self.drain()

    async def read(self, characteristic: str) -> bytes:
        proxy = self._find(characteristic)
        check_read(self._table[characteristic][1])
        return await self._ask(self._client.read_value(proxy.handle))

    async def subscribe(self, characteristic: str, callback: Callable[[bytes], None]) -> None:
        proxy = self._find(characteristic)
        check_notify(characteristic, self._table[characteristic][1])
        callbacks = self._callbacks.setdefault(characteristic, [])
        callbacks.append(callback)

        def deliver(value: bytes) -> None:
            for wanted in callbacks:
                wanted(value)

        self._client.notification_subscribers[proxy.handle] = {deliver}
        await self._enable(proxy, on=True)

    async def unsubscribe(self, characteristic: str) -> None:
        proxy = self._find(characteristic)
        check_notify(characteristic, self._table[characteristic][1])
        await self._enable(proxy, on=False)
        self._callbacks.pop(characteristic, None)
        self._client.notification_subscribers.pop(proxy.handle, None)

    async def _enable(self, proxy: CharacteristicProxy[bytes], *, on: bool) -> None:
        """Write the 2902 descriptor."""
        if not proxy.descriptors_discovered:
            await self._ask(self._client.discover_descriptors(proxy))
        cccd = proxy.get_descriptor(gatt.GATT_CLIENT_CHARACTERISTIC_CONFIGURATION_DESCRIPTOR)
        if cccd is None:
            raise Missing(f"{text_uuid(proxy.uuid.to_bytes())} has no 2902 descriptor")
        await self._ask(self._client.write_value(cccd.handle, bytes((on, 0)), with_response=True))

    async def drain(self) -> None:
        self._burst = 0
        self.check_linked()
        await self._connection.drain()
        self.check_linked()

    async def disconnect(self) -> None:
        if not self.lost:
            await hang_up(self._connection)
            self.lose(LOCAL_HOST)

    def _find(self, characteristic: str) -> CharacteristicProxy[bytes]:
        self.check_linked()
        if characteristic not in self._proxies:
            raise Missing(f"the peer has no characteristic {characteristic}")
        return self._proxies[characteristic]

    async def _ask(self, request: Awaitable[T]) -> T:
        """Wait for the peer, in our own terms of failure."""
        cancels = _cancels()
        try:
            answer = await request
        except asyncio.CancelledError:
            # Bumble cancels what waits when the link drops; a true cancel is the caller's.
            if self._reason is None or is_cancelled():
                raise
            raise LinkLost(self._reason) from None
        except att.ATT_Error as error:
            raise AttError(error.error_code) from error
        except core.TimeoutError as error:
            # After an unanswered request the bearer is dead (Bluetooth Core, Vol 3 Part F 3.3.3).
            await self.disconnect()
            raise LinkLost(TIMED_OUT) from error
        if _cancels() > cancels:  # wait_for, by which Bumble waits, loses a cancel that meets the answer
            raise asyncio.CancelledError
        return answer


def _cancels() -> int:
    """How often this task has been cancelled, and not been let go on."""
    task = asyncio.current_task()
    return 0 if task is None else task.cancelling()


def is_cancelled() -> bool:
    return _cancels() > 0


async def whole(command: Awaitable[T]) -> T:
    """Let a command come to its end though its caller is cancelled: Bumble does not survive half of one."""
    task = asyncio.ensure_future(command)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task}, timeout=PARTING)
        if not task.done():
            task.cancel()  # the controller is gone
        elif not task.cancelled():
            task.exception()  # the caller, who is gone, does not want it
        raise


async def hang_up(connection: Connection) -> None:
    """Close a link and wait for its end, but not for ever."""
    try:
        async with asyncio.timeout(PATIENCE):
            await whole(connection.disconnect(REMOTE_USER))
    except (TimeoutError, core.BaseBumbleError):
        return  # already gone, or the controller is
    except asyncio.CancelledError:
        if is_cancelled():
            raise
