"""A link over Bumble: a central on our medium, or on any controller that Bumble can reach.

Rules: Bumble's ways of failing end here (CancelledError, ATT_Error, time-outs) and become ours; nothing waits
for ever; write commands never run ahead of the controller.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

from bumble import att, core, gatt, hci
from bumble.device import Connection, ConnectionParametersPreferences
from bumble.device import Device as Host
from bumble.gatt_client import CharacteristicProxy, Client
from bumble.transport import open_transport
from bumble.transport.common import Transport
from lockbench_emulator.gatt import Device
from lockbench_emulator.radio.controller import AirController
from lockbench_emulator.radio.lane import LocalHost
from lockbench_emulator.radio.medium import INSTANT, Medium, Pacing, text_address
from lockbench_emulator.radio.peripheral import Peripheral
from lockbench_emulator.radio.runner import Observer
from lockbench_protocol import LocalError

from lockbench_harness.links import AttError, LinkLost, Missing, NotFound, Sighting
from lockbench_harness.links.rules import (
    DEFAULT_MTU,
    LARGEST_MTU,
    LOCAL_HOST,
    REMOTE_USER,
    SUPERVISION_TIMEOUT,
    TIMED_OUT,
    check_notify,
    check_read,
    check_write,
    sighting,
    text_uuid,
)

T = TypeVar("T")

BURST = 32  # write commands before the central lets the controller catch up
PATIENCE = 5.0  # seconds for the controller to answer a command
PARTING = 1.0  # seconds for it when the caller has been cancelled
GATT_SERVICES = ("1800", "1801")  # every host has them; they are not the device's
INTERVAL_MS = 15.0  # connection interval that the central asks for

PREFERENCES = {
    hci.Phy.LE_1M: ConnectionParametersPreferences(
        connection_interval_min=INTERVAL_MS,
        connection_interval_max=INTERVAL_MS,
        supervision_timeout=int(SUPERVISION_TIMEOUT * 1000),
    )
}


class BumbleLink:
    """One central. Made by `on_medium` or `open`; to be closed."""

    def __init__(
        self, host: Host, *, controller: AirController | None = None, transport: Transport | None = None
    ) -> None:
        self._host = host
        self._controller = controller
        self._transport = transport
        self._types: dict[str, hci.AddressType] = {}  # of addresses seen
        self._connecting = asyncio.Lock()
        self._scanning = asyncio.Lock()

    @classmethod
    async def on_medium(cls, medium: Medium) -> BumbleLink:
        """A central with a controller of its own and an address drawn from the medium's seed."""
        controller = medium.controller("central")
        address = hci.Address(medium.random_static_address(), hci.Address.RANDOM_DEVICE_ADDRESS)
        host = Host("central", address, host=LocalHost(controller))
        await host.power_on()
        return cls(host, controller=controller)

    @classmethod
    async def open(cls, spec: str, *, seed: int = 0) -> BumbleLink:
        """A central on a Bumble transport, such as "tcp-client:127.0.0.1:6402" or "usb:0". Real time only.

        Raises LocalError when the transport cannot be opened or no controller answers.
        """
        octets = bytearray(random.Random(f"central {seed}").randbytes(6))  # noqa: S311 - reproducible on purpose
        octets[0] |= 0xC0
        address = hci.Address(text_address(bytes(octets)), hci.Address.RANDOM_DEVICE_ADDRESS)
        try:
            transport = await open_transport(spec)
        except (OSError, ValueError, core.BaseBumbleError) as error:
            raise LocalError(f"cannot open {spec}: {error}") from error
        host = Host.with_hci("central", address, transport.source, transport.sink)
        try:
            async with asyncio.timeout(PATIENCE):
                await host.power_on()
        except (TimeoutError, core.BaseBumbleError, asyncio.CancelledError) as error:
            await transport.close()
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            raise LocalError(f"no controller answers at {spec}") from error
        return cls(host, transport=transport)

    async def __aenter__(self) -> BumbleLink:
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Disconnect, and give the controller back."""
        for connection in list(self._host.connections.values()):
            await self._hang_up(connection)
        if self._controller is not None:
            self._controller.medium.remove_controller(self._controller)
            self._controller.set_packet_sink(None)
        if self._transport is not None:
            await self._transport.close()

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]:
        self._check_controller()
        seen: dict[str, _Reports] = {}
        done = asyncio.get_running_loop().create_future()

        def hear(report: _AnyReport) -> None:
            address = report.address.to_string(with_type_qualifier=False)
            self._types[address] = hci.AddressType(report.address_type)
            reports = seen.setdefault(address, _Reports())
            reports.add(report)
            if until is None or done.done() or not reports.complete:
                return
            if until(reports.sighting(address)):
                done.set_result(None)

        async with self._scanning:
            self._host.host.on("advertising_report", hear)
            try:
                await self._command(self._host.start_scanning())
                await asyncio.wait([done], timeout=seconds)
            finally:
                self._host.host.remove_listener("advertising_report", hear)
                await self._command(self._host.stop_scanning())
        return [reports.sighting(address) for address, reports in seen.items()]

    async def connect(
        self,
        address: str,
        *,
        timeout: float = 10.0,  # noqa: ASYNC109 - the interface of links
        mtu: int = DEFAULT_MTU,
    ) -> BumbleConnection:
        self._check_controller()
        loop = asyncio.get_running_loop()
        end = loop.time() + timeout
        async with self._connecting:
            if address not in self._types:
                await self.scan(end - loop.time(), until=lambda seen: seen.address == address)
            if address not in self._types:
                raise NotFound(f"nothing advertises as {address}")
            peer = hci.Address(address, self._types[address])
            connection = BumbleConnection(await self._connect(peer, max(end - loop.time(), 0)))
        try:
            await connection.prepare(min(mtu, LARGEST_MTU))
        except BaseException:
            await connection.disconnect()
            raise
        return connection

    def _check_controller(self) -> None:
        if self._transport is not None and self._transport.source.terminated.done():
            raise LocalError("the controller of this link is gone")

    async def _connect(self, peer: hci.Address, seconds: float) -> Connection:
        before = set(self._host.connections)
        try:
            async with asyncio.timeout(seconds + PATIENCE):
                return await self._host.connect_le(
                    peer, connection_parameters_preferences=PREFERENCES, timeout=seconds
                )
        except (TimeoutError, core.BaseBumbleError, asyncio.CancelledError) as error:
            await self._abandon(before)
            if isinstance(error, asyncio.CancelledError) and _is_cancelled():
                raise
            address = peer.to_string(with_type_qualifier=False)
            raise NotFound(f"{address} did not take the connection") from error

    async def _abandon(self, before: set[int]) -> None:
        """Leave no connecting, and no connection that came too late."""
        try:
            async with asyncio.timeout(PATIENCE):
                await self._host.send_sync_command_raw(hci.HCI_LE_Create_Connection_Cancel_Command())
        except (TimeoutError, core.BaseBumbleError):
            return  # the controller is gone, and everything with it
        for handle, connection in list(self._host.connections.items()):
            if handle not in before:
                await self._hang_up(connection)

    async def _hang_up(self, connection: Connection) -> None:
        await _hang_up(connection)

    async def _command(self, command: Awaitable[None]) -> None:
        """Raises LocalError when the controller does not answer or refuses."""
        try:
            async with asyncio.timeout(PATIENCE):
                await _whole(command)
        except (TimeoutError, core.BaseBumbleError) as error:
            raise LocalError(f"the controller does not do its work: {error}") from error


class BumbleConnection:
    """A live link. See `links.Connection`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._client = Client(connection)
        connection.gatt_client = self._client
        self._proxies: dict[str, CharacteristicProxy[bytes]] = {}
        self._table: dict[str, tuple[str, int]] = {}
        self._callbacks: dict[str, list[Callable[[bytes], None]]] = {}
        self._reason: int | None = None
        self._on_lost: list[Callable[[int], None]] = []
        self._burst = 0
        connection.on(Connection.EVENT_DISCONNECTION, self._lose)
        if connection.handle not in connection.device.connections:
            self._lose(TIMED_OUT)

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

    @property
    def lost(self) -> bool:
        return self._reason is not None

    def on_lost(self, callback: Callable[[int], None]) -> None:
        if self._reason is None:
            self._on_lost.append(callback)
        else:
            asyncio.get_running_loop().call_soon(callback, self._reason)

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
        if self._reason is not None:
            raise LinkLost(self._reason)
        await self._connection.drain()
        if self._reason is not None:
            raise LinkLost(self._reason)

    async def disconnect(self) -> None:
        if self._reason is None:
            await _hang_up(self._connection)
            self._lose(LOCAL_HOST)

    def _find(self, characteristic: str) -> CharacteristicProxy[bytes]:
        if self._reason is not None:
            raise LinkLost(self._reason)
        if characteristic not in self._proxies:
            raise Missing(f"the peer has no characteristic {characteristic}")
        return self._proxies[characteristic]

    async def _ask(self, request: Awaitable[T]) -> T:
        """Wait for the peer, in our own terms of failure."""
        try:
            return await request
        except asyncio.CancelledError:
            # Bumble cancels what waits when the link drops; a true cancel is the caller's.
            if self._reason is None or _is_cancelled():
                raise
            raise LinkLost(self._reason) from None
        except att.ATT_Error as error:
            raise AttError(error.error_code) from error
        except core.TimeoutError as error:
            # After an unanswered request the bearer is dead (Bluetooth Core, Vol 3 Part F 3.3.3).
            await self.disconnect()
            raise LinkLost(TIMED_OUT) from error

    def _lose(self, reason: int) -> None:
        if self._reason is not None:
            return
        self._reason = reason
        for callback in self._on_lost:
            callback(reason)


_AnyReport = hci.HCI_LE_Advertising_Report_Event.Report | hci.HCI_LE_Extended_Advertising_Report_Event.Report


@dataclass(slots=True)
class _Reports:
    """What was heard of one advertiser."""

    data: bytes = b""
    scan_response: bytes = b""
    rssi: int = 0
    heard: int = 0
    complete: bool = False  # no scan response is still to come

    def add(self, report: _AnyReport) -> None:
        self.rssi = report.rssi
        if _is_scan_response(report):
            self.scan_response = report.data
            self.complete = True
        else:
            self.data = report.data
            self.heard += 1
            self.complete = self.complete or self.heard > 1

    def sighting(self, address: str) -> Sighting:
        return sighting(address, self.data, self.scan_response, self.rssi)


def _is_scan_response(report: _AnyReport) -> bool:
    if isinstance(report, hci.HCI_LE_Advertising_Report_Event.Report):
        return report.event_type == hci.HCI_LE_Advertising_Report_Event.EventType.SCAN_RSP
    return bool(report.event_type & hci.HCI_LE_Extended_Advertising_Report_Event.EventType.SCAN_RESPONSE)


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


async def _whole(command: Awaitable[T]) -> T:
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


async def _hang_up(connection: Connection) -> None:
    """Close a link and wait for its end, but not for ever."""
    try:
        async with asyncio.timeout(PATIENCE):
            await _whole(connection.disconnect(REMOTE_USER))
    except (TimeoutError, core.BaseBumbleError):
        return  # already gone, or the controller is
    except asyncio.CancelledError:
        if _is_cancelled():
            raise


@dataclass(frozen=True, slots=True)
class Air:
    """Some devices and centrals on one medium."""

    medium: Medium
    peripherals: tuple[Peripheral, ...]
    links: tuple[BumbleLink, ...]

    @property
    def failures(self) -> list[BaseException]:
        """What went wrong in the devices and in the medium."""
        return [*self.medium.failures, *(failure for lock in self.peripherals for failure in lock.failures)]


@asynccontextmanager
async def on_air(
    devices: Sequence[Device],
    *,
    centrals: int = 1,
    seed: int | str = 0,
    pacing: Pacing = INSTANT,
    observe: Observer | None = None,
) -> AsyncIterator[Air]:
    """Put devices and centrals on one medium, then clear it away. Addresses follow from the seed."""
    medium = Medium(seed=seed, pacing=pacing)
    peripherals = tuple(Peripheral(medium, device, observe) for device in devices)
    for peripheral in peripherals:
        await peripheral.start()
    links = tuple([await BumbleLink.on_medium(medium) for _ in range(centrals)])
    try:
        yield Air(medium, peripherals, links)
    finally:
        for link in links:
            await link.close()
        for peripheral in peripherals:
            await peripheral.stop()
