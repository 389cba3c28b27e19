"""A link over Bumble: a central on our medium, or on any controller that Bumble can reach.

Rules: those of its connections (`bumble_connection`).
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bumble import core, hci
from bumble.device import Connection, ConnectionParametersPreferences
from bumble.device import Device as Host
from bumble.transport import open_transport
from bumble.transport.common import Transport
from lockbench_emulator.gatt import Device
from lockbench_emulator.radio.controller import AirController
from lockbench_emulator.radio.lane import LocalHost
from lockbench_emulator.radio.medium import INSTANT, Medium, Pacing, text_address
from lockbench_emulator.radio.peripheral import Peripheral
from lockbench_emulator.radio.runner import Observer
from lockbench_protocol import LocalError

from lockbench_harness.links import NotFound, Sighting
from lockbench_harness.links.bumble_connection import (
    PATIENCE,
    BumbleConnection,
    hang_up,
    is_cancelled,
    whole,
)
from lockbench_harness.links.rules import (
    DEFAULT_MTU,
    LARGEST_MTU,
    SUPERVISION_TIMEOUT,
    sighting,
)

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
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
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
            await hang_up(connection)
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
            if isinstance(error, asyncio.CancelledError) and is_cancelled():
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
                await hang_up(connection)

    async def hang_up(self, connection: Connection) -> None:
        await hang_up(connection)

    async def _command(self, command: Awaitable[None]) -> None:
        """Raises LocalError when the controller does not answer or refuses."""
        try:
            async with asyncio.timeout(PATIENCE):
                await whole(command)
        except (TimeoutError, core.BaseBumbleError) as error:
            raise LocalError(f"the controller does not do its work: {error}") from error


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
