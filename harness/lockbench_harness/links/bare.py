"""A link in memory: the same rules as the air, without a radio.

Rules: no Bumble; what a radio would refuse is refused here; notifications and the end of a link travel
through the loop, in order, never inside the call that caused them.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from lockbench_emulator.gatt import Advertisement, AttRefusal, Device, Effect
from lockbench_emulator.radio.runner import Observer, Runner

from lockbench_harness.links import AttError, Missing, NotFound, Sighting
from lockbench_harness.links.rules import (
    DEFAULT_MTU,
    LARGEST_MTU,
    LOCAL_HOST,
    REMOTE_USER,
    SUPERVISION_TIMEOUT,
    TIMED_OUT,
    Ending,
    check_notify,
    check_read,
    check_write,
    sighting,
)

RSSI = -50  # dBm, as on the medium


class BareLink:
    """A central beside some devices. Use as `async with BareLink(devices) as link`."""

    def __init__(self, devices: Sequence[Device], observe: Observer | None = None) -> None:
        self._bodies = {device.address: _Body(device, observe) for device in devices}

    async def __aenter__(self) -> BareLink:
        for body in self._bodies.values():
            body.runner.start()
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        for body in self._bodies.values():
            body.leave()

    @property
    def failures(self) -> list[BaseException]:
        """What went wrong inside the devices."""
        return [failure for body in self._bodies.values() for failure in body.runner.failures]

    def act(self, address: str, hand: Callable[[float], Sequence[Effect]]) -> Sequence[Effect]:
        """Let a hand do something at the device; see `Runner.act`."""
        return self._bodies[address].runner.act(hand)

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]:
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        seen: dict[str, Sighting] = {}
        while True:
            waits = [end - loop.time()]
            for address, body in self._bodies.items():
                if body.on_air is None:
                    continue
                seen[address] = sighting(address, body.on_air.data, body.on_air.scan_response, RSSI)
                if until is not None and until(seen[address]):
                    return list(seen.values())
                waits.append(body.on_air.interval)
            if loop.time() >= end:
                return list(seen.values())
            await asyncio.sleep(max(min(waits), 0))

    async def connect(self, address: str, *, timeout: float = 10.0, mtu: int = DEFAULT_MTU) -> BareConnection:  # noqa: ASYNC109 - virtual time
        body = self._bodies.get(address)
        if body is None:
            await asyncio.sleep(timeout)
            raise NotFound(f"nothing advertises as {address}")
        try:
            async with asyncio.timeout(timeout):
                while body.on_air is None:
                    await body.air_changed()
        except TimeoutError:
            raise NotFound(f"{address} did not advertise within {timeout:g} s") from None
        return body.take(min(mtu, LARGEST_MTU))


class BareConnection(Ending):
    """A live link to one device. See `links.Connection`."""

    def __init__(self, body: _Body, mtu: int) -> None:
        super().__init__()
        self._body = body
        self._mtu = max(mtu, DEFAULT_MTU)
        self._table = {
            characteristic.uuid: (service.uuid, int(characteristic.properties))
            for service in body.runner.device.services()
            for characteristic in service.characteristics
        }
        self._callbacks: dict[str, list[Callable[[bytes], None]]] = {}
        self._gone = asyncio.get_running_loop().create_future()

    @property
    def mtu(self) -> int:
        return self._mtu

    def characteristics(self) -> dict[str, tuple[str, int]]:
        return dict(self._table)

    async def write(self, characteristic: str, value: bytes, *, response: bool = False) -> None:
        check_write(self._properties(characteristic), value, self._mtu, response=response)
        if not await self._reach(acknowledged=response):
            return
        runner = self._body.runner
        try:
            runner.write(characteristic, value, response=response)
        except AttRefusal as refusal:
            if response:
                raise AttError(refusal.code) from None
        finally:
            asyncio.get_running_loop().call_soon(runner.pump)

    async def read(self, characteristic: str) -> bytes:
        check_read(self._properties(characteristic))
        await self._reach(acknowledged=True)
        try:
            return self._body.runner.read(characteristic)
        except AttRefusal as refusal:
            raise AttError(refusal.code) from None

    async def subscribe(self, characteristic: str, callback: Callable[[bytes], None]) -> None:
        check_notify(characteristic, self._properties(characteristic))
        await self._reach(acknowledged=True)
        self._callbacks.setdefault(characteristic, []).append(callback)
        self._enable(characteristic, on=True)

    async def unsubscribe(self, characteristic: str) -> None:
        check_notify(characteristic, self._properties(characteristic))
        await self._reach(acknowledged=True)
        self._enable(characteristic, on=False)
        self._callbacks.pop(characteristic, None)

    def _enable(self, characteristic: str, *, on: bool) -> None:
        """Write the 2902 descriptor."""
        runner = self._body.runner
        try:
            runner.subscribe(characteristic, on=on)
        except AttRefusal as refusal:
            raise AttError(refusal.code) from None
        finally:
            asyncio.get_running_loop().call_soon(runner.pump)

    async def drain(self) -> None:
        await asyncio.sleep(0)
        self.check_linked()

    async def disconnect(self) -> None:
        if not self.lost:
            self._body.hang_up(self)
        await asyncio.sleep(0)

    def deliver(self, characteristic: str, value: bytes) -> None:
        if not self.lost:
            for callback in self._callbacks.get(characteristic, ()):
                callback(value)

    def lose(self, reason: int) -> None:
        if not self._gone.done():
            self._gone.set_result(None)
        super().lose(reason)

    def _properties(self, characteristic: str) -> int:
        self.check_linked()
        if characteristic not in self._table:
            raise Missing(f"the peer has no characteristic {characteristic}")
        return self._table[characteristic][1]

    async def _reach(self, *, acknowledged: bool) -> bool:
        """Through the air to the device. One that no longer serves us hears nothing and gives no answer."""
        await asyncio.sleep(0)
        if not self.lost and not self._body.serves(self) and acknowledged:
            await self._gone
        self.check_linked()
        return self._body.serves(self)


class _Body:
    """One device and the air around it."""

    def __init__(self, device: Device, observe: Observer | None) -> None:
        self._device = device
        self._observe = observe
        self._advertisement: Advertisement | None = None
        self._central: BareConnection | None = None
        self._waiters: list[asyncio.Future[None]] = []
        self._runner: Runner | None = None

    @property
    def runner(self) -> Runner:
        if self._runner is None:  # made here, where a loop runs
            self._runner = Runner(self._device, self, self._observe)
        return self._runner

    @property
    def on_air(self) -> Advertisement | None:
        return self._advertisement if self._central is None else None

    async def air_changed(self) -> None:
        waiter = asyncio.get_running_loop().create_future()
        self._waiters.append(waiter)
        await waiter

    def serves(self, connection: BareConnection) -> bool:
        return self._central is connection and self.runner.linked

    def take(self, mtu: int) -> BareConnection:
        self._central = connection = BareConnection(self, mtu)
        self._advertisement = None
        self.runner.connected()
        return connection

    def hang_up(self, connection: BareConnection) -> None:
        """The central closes the link."""
        connection.lose(LOCAL_HOST)
        if self._central is connection:
            self._central = self._advertisement = None
            asyncio.get_running_loop().call_soon(self.runner.disconnected, REMOTE_USER)

    def leave(self) -> None:
        """The device is gone, for good and without a word."""
        self.runner.stop()
        self._drop_central()

    # ---- what the runner asks of the air ----

    @property
    def mtu(self) -> int:
        return self._central.mtu if self._central is not None else DEFAULT_MTU

    def notify(self, characteristic: str, value: bytes) -> None:
        if self._central is not None:
            asyncio.get_running_loop().call_soon(self._central.deliver, characteristic, value)

    def disconnect(self, reason: int) -> None:
        asyncio.get_running_loop().call_soon(self._end, self._central, reason)

    def advertise(self, advertisement: Advertisement | None) -> None:
        self._advertisement = advertisement
        self._wake()

    def reboot(self) -> None:
        """The central finds out by supervision timeout; the device is up at once."""
        self._drop_central()
        asyncio.get_running_loop().call_soon(self.runner.booted)

    def _end(self, connection: BareConnection | None, reason: int) -> None:
        if connection is None or connection is not self._central:
            return  # the central was faster
        self._central = self._advertisement = None
        connection.lose(reason)
        self.runner.disconnected(LOCAL_HOST)

    def _drop_central(self) -> None:
        if self._central is not None:
            asyncio.get_running_loop().call_later(SUPERVISION_TIMEOUT, self._central.lose, TIMED_OUT)
        self._central = self._advertisement = None

    def _wake(self) -> None:
        if self.on_air is not None:
            for waiter in self._waiters:
                if not waiter.done():
                    waiter.set_result(None)
            self._waiters.clear()
