"""Puts one emulated device on the air: a Bumble host on a controller of the medium.

Rules: the device decides, this module only carries; one central at a time; on the air is what the device last
asked for, and silence while a central is connected.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Coroutine, Sequence
from typing import TypeVar

from bumble import att, core, hci
from bumble.device import AdvertisingType, Connection, DeviceConfiguration
from bumble.device import Device as Host
from lockbench_protocol.lock.advertising import NAME, SHORT_NAME, structures

from lockbench_emulator.gatt import Advertisement, Device, Effect
from lockbench_emulator.radio.controller import LEGACY_DATA, Data, air_of
from lockbench_emulator.radio.lane import LocalHost
from lockbench_emulator.radio.medium import Medium, is_random_static
from lockbench_emulator.radio.runner import Observer, Runner
from lockbench_emulator.radio.server import DeviceServer

T = TypeVar("T")

CANCEL_AGAIN = 0.05  # seconds
LAST_WORDS = 0.5  # seconds that a rebooting device gives its radio


class Peripheral:
    """A device on the air.

    Its address is of the random static kind when its two top bits are ones, and public otherwise: scanners
    are told which, and hosts reach it from either kind of address of their own. `failures` is what went wrong
    in the device; each failure is also given to the loop's exception handler.
    """

    def __init__(self, medium: Medium, device: Device, observe: Observer | None = None) -> None:
        self._medium = medium
        self._device = device
        self._runner = Runner(device, self, observe)
        self._random = is_random_static(device.address)
        self.controller = medium.controller(
            f"lock {device.address}", public_address=None if self._random else device.address
        )
        self.controller.one_link = True
        self._host: Host | None = None
        self._server: DeviceServer | None = None
        self._connection: Connection | None = None
        self._wanted: Advertisement | None = None
        self._on_air: Advertisement | None = None
        self._stale = True  # the host under us must be made anew
        self.stopped = False
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def failures(self) -> list[BaseException]:
        return self._runner.failures

    async def start(self) -> None:
        """Boot the radio and begin to advertise."""
        await self._boot()
        self._spawn(self._tend())
        self._runner.start()

    async def stop(self) -> None:
        """Leave the medium. A connected central finds out by supervision timeout."""
        self._runner.stop()
        # answers to commands of cancelled tasks must not arrive, nor those that are already on their way
        self.controller.set_packet_sink(None)
        self.stopped = True
        waiting = set(self._tasks)
        while waiting:
            for task in waiting:
                task.cancel()
            # before Python 3.12, wait_for loses a cancel that meets the answer: then once more
            _, waiting = await asyncio.wait(waiting, timeout=CANCEL_AGAIN)
        self._medium.remove_controller(self.controller)

    def act(self, hand: Callable[[float], Sequence[Effect]]) -> Sequence[Effect]:
        """Let a hand do something at the device; see `Runner.act`."""
        return self._runner.act(hand)

    # ---- what the runner asks of the air ----

    @property
    def mtu(self) -> int:
        return self._connection.att_mtu if self._connection else att.ATT_DEFAULT_MTU

    def notify(self, characteristic: str, value: bytes) -> None:
        if self._connection is not None and self._server is not None:
            self._server.notify(self._connection, characteristic, value)

    def disconnect(self, reason: int) -> None:
        if self._connection is not None:
            self._spawn(self._hang_up(self._connection, reason))

    def advertise(self, advertisement: Advertisement | None) -> None:
        if advertisement is not None and (
            len(advertisement.data) > LEGACY_DATA or len(advertisement.scan_response) > LEGACY_DATA
        ):
            raise ValueError(f"an advertisement has at most {LEGACY_DATA} bytes: {advertisement}")
        self._wanted = advertisement
        self._changed.set()

    def reboot(self) -> None:
        self._spawn(self._go_down(self._connection))

    def choke(self, error: Exception) -> None:
        """The host could not digest what came from the air; the sender is to blame."""
        for link in self._medium.links:
            if link.peripheral.controller is self.controller:
                self._medium.trouble(error, air_of(link.central.controller))
                return
        self._medium.trouble(error, self.controller)

    # ---- inside ----

    async def _tend(self) -> None:
        """Bring the radio to the state that is wanted, whenever that changes."""
        while True:
            await self._changed.wait()
            self._changed.clear()
            try:
                if self._stale:
                    await self._boot()
                    self._runner.booted()
                await self._settle_advertising()
            except Exception as error:  # noqa: BLE001 - whatever it is, it must be heard of
                self._runner.fail(error)

    async def _settle_advertising(self) -> None:
        host, wanted = self._host, self._wanted
        if host is None or self._connection is not None or wanted == self._on_air:
            return
        self._on_air = wanted
        if wanted is None:
            await host.stop_advertising()
            self.controller.le_legacy_advertiser.stop()
            return
        await host.start_advertising(
            advertising_type=AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE,
            own_address_type=hci.OwnAddressType.RANDOM if self._random else hci.OwnAddressType.PUBLIC,
            advertising_data=wanted.data,
            scan_response_data=wanted.scan_response,
            advertising_interval_min=wanted.interval * 1000,
            advertising_interval_max=wanted.interval * 1000,
        )

    async def _boot(self) -> None:
        """A fresh host on the same controller, with the services that the device has now."""
        self._stale = False
        self._on_air = None
        self._connection = None
        advertisement = self._device.advertisement()
        configuration = DeviceConfiguration(
            name=_name(advertisement) or "lock",
            address=hci.Address(self._device.address, hci.Address.RANDOM_DEVICE_ADDRESS),
            gap_service_enabled=False,
            gatt_service_enabled=False,
        )
        below = LocalHost(self.controller)
        host = Host(config=configuration, host=below)
        self.controller.set_packet_sink(_Guarded(below, self))
        server = DeviceServer(host, self._runner)
        host.gatt_server = server
        host.add_default_services(add_gatt_service=False)
        server.add_device_services(self._device.services())
        host.l2cap_channel_manager.register_fixed_channel(att.ATT_CID, self._on_att)
        host.on(Host.EVENT_CONNECTION, lambda connection: self._on_connection(host, connection))
        self._host, self._server = host, server
        await host.power_on()

    async def _go_down(self, connection: Connection | None) -> None:
        if connection is not None:
            # What was sent before still leaves, unless nobody takes it.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LAST_WORDS):
                    await connection.drain()
        self._connection = None
        self._stale = True
        self.controller.le_legacy_advertiser.stop()
        self.controller.drop_links()
        self._changed.set()

    async def _hang_up(self, connection: Connection, reason: int) -> None:
        await connection.drain()  # notifications before it still belong to the link
        if connection is self._connection:
            await connection.disconnect(reason)

    def _on_connection(self, host: Host, connection: Connection) -> None:
        if self._stale or host is not self._host:
            return  # it met a device that was just going down
        self._connection = connection
        self._on_air = None
        connection.on(Connection.EVENT_DISCONNECTION, lambda reason: self._on_gone(connection, reason))
        self._runner.connected()

    def _on_gone(self, connection: Connection, reason: int) -> None:
        if connection is self._connection:
            self._connection = None
            self._runner.disconnected(reason)

    def _on_att(self, handle: int, pdu: bytes) -> None:
        connection = self._connection
        if connection is not None and connection.handle == handle and self._server is not None:
            self._server.on_bytes(connection, pdu)

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        error = task.exception()
        # A link that ended by itself meanwhile is what was wanted.
        if error is not None and not isinstance(error, core.BaseError):
            self._runner.fail(error)


class _Guarded:
    """The way from the controller up to a host that may choke on what a central sent."""

    def __init__(self, host: LocalHost, peripheral: Peripheral) -> None:
        self._host = host
        self._peripheral = peripheral

    def on_packet(self, packet: bytes) -> None:
        self._guard(self._host.on_packet, packet)

    def take(self, packet: Data) -> None:
        self._guard(self._host.take, packet)

    def _guard(self, deliver: Callable[[T], None], packet: T) -> None:
        if self._peripheral.stopped:
            return
        try:
            deliver(packet)
        except Exception as error:  # noqa: BLE001 - a central may send anything
            self._peripheral.choke(error)


def _name(advertisement: Advertisement | None) -> str:
    """The local name in the scan response or the advertisement, for the GAP service."""
    for data in (advertisement.scan_response, advertisement.data) if advertisement else ():
        for kind, value in structures(data):
            if kind in (NAME, SHORT_NAME):
                return value.decode(errors="replace")
    return ""
