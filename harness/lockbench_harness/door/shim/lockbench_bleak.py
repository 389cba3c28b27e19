"""A backend for bleak 1 to 3 that speaks the GATT door (see README.md one folder up).

Standard library and bleak only, and the syntax of Python 3.9: this runs in a foreign interpreter. One event
loop is one visitor of the door, for as long as a scanner or a client of it needs the radio.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import os
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import ModuleType
from typing import Any, ClassVar

import bleak.exc
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakDeviceNotFoundError, BleakError
from bleak.uuids import normalize_uuid_16, normalize_uuid_str

BACKEND = "lockbench"  # what bleak gives as `backend_id`
VERSION = 1  # of the door
MAX_MTU = 515  # above it a controller loses write commands
MAX_TIMEOUT = 600.0  # seconds the door waits at most
MAX_ASKED = 512  # requests under way at once; the door refuses above twice as many
CCCD = normalize_uuid_16(0x2902)

logger = logging.getLogger("lockbench_bleak")


class NotFound(BleakError):
    """Nothing advertised under the address in time."""


def refusal(answer: dict[str, Any]) -> BleakError:
    if answer["error"] == "not_found":
        return NotFound(answer["message"])
    protocol_error = getattr(bleak.exc, "BleakGATTProtocolError", None)  # bleak 3
    if answer["error"] == "att" and protocol_error is not None:
        error: BleakError = protocol_error(answer["code"])
        return error
    return BleakError(answer["message"])


class Session(asyncio.Protocol):
    """The conversation of one event loop with the door."""

    _sessions: ClassVar[weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, Session]] = (
        weakref.WeakKeyDictionary()
    )

    def __init__(self) -> None:
        self.clients: dict[int, DoorClient] = {}
        self.scanners: list[DoorScanner] = []
        self._loop = asyncio.get_running_loop()
        self._users = 0
        self._transport: asyncio.Transport | None = None
        self._opening = asyncio.Lock()
        self._room = asyncio.Semaphore(MAX_ASKED)
        self._gone = self._loop.create_future()
        self._asked: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._numbers = itertools.count(1)
        self._held = b""

    @classmethod
    async def enter(cls) -> Session:
        """The loop's session, open; `leave` must follow."""
        loop = asyncio.get_running_loop()
        session = cls._sessions.get(loop)
        if session is None or session.over:
            session = cls._sessions[loop] = cls()
        session._users += 1
        try:
            await session._open()
        except BaseException:
            session.release()
            raise
        return session

    @property
    def over(self) -> bool:
        return self._gone.done()

    async def _open(self) -> None:
        async with self._opening:
            if self._transport is None:
                endpoint = os.environ["LOCKBENCH_DOOR"]
                token = await self._reach(endpoint)
                await self.ask("hello", version=VERSION, token=token)

    async def _reach(self, endpoint: str) -> str:
        kind, _, place = endpoint.partition(":")
        try:
            if kind == "unix":
                await self._loop.create_unix_connection(lambda: self, place)
                return ""
            host, port, token = place.split(":")
            await self._loop.create_connection(lambda: self, host, int(port))
        except OSError as error:
            raise BleakError(f"the door of lockbench is closed: {error}") from error
        return token

    def release(self) -> None:
        """One user less; the last one hangs up."""
        self._users -= 1
        if self._users == 0:
            if self._sessions.get(self._loop) is self:
                del self._sessions[self._loop]
            if self._transport is not None:
                self._transport.close()

    async def leave(self) -> None:
        self.release()
        await self.settled()

    async def settled(self) -> None:
        """When nobody is left, wait for the end: nothing of a session outlives its loop."""
        if self._users == 0 and self._transport is not None:
            await asyncio.shield(self._gone)

    def number(self) -> int:
        return next(self._numbers)

    async def ask(self, operation: str, **fields: Any) -> dict[str, Any]:
        """Send a request and wait for its answer."""
        async with self._room:
            number = self.tell(operation, **fields)
            future = self._asked[number] = self._loop.create_future()
            try:
                answer = await future
            finally:
                self._asked.pop(number, None)
        if "error" in answer:
            raise refusal(answer)
        result: dict[str, Any] = answer["ok"]
        return result

    def tell(self, operation: str, **fields: Any) -> int:
        """Send a request; nobody need wait for its answer."""
        if self._transport is None or self._transport.is_closing():
            raise BleakError("the door of lockbench is closed")
        number = self.number()
        line = json.dumps({"id": number, "op": operation, **fields})
        self._transport.write(line.encode() + b"\n")
        return number

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - a stream has one
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if "event" in message:
                self._happened(message)
            elif message["id"] in self._asked and not self._asked[message["id"]].done():
                self._asked[message["id"]].set_result(message)

    def _happened(self, message: dict[str, Any]) -> None:
        try:
            if message["event"] == "advertisement":
                for scanner in list(self.scanners):
                    scanner.seen(message)
            elif message["connection"] in self.clients:
                client = self.clients[message["connection"]]
                if message["event"] == "notification":
                    client.notified(message["characteristic"], bytearray.fromhex(message["value"]))
                else:
                    client.gone()
        except Exception as error:  # noqa: BLE001 - a callback of the program failed; the conversation goes on
            context = {"message": f"a callback for {message['event']} failed", "exception": error}
            self._loop.call_exception_handler(context)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        for future in self._asked.values():
            if not future.done():
                future.set_exception(BleakError("the door of lockbench closed"))
        for number in list(self.clients):
            self._happened({"event": "disconnected", "connection": number})
        if not self._gone.done():
            self._gone.set_result(None)


class DoorScanner(BaseBleakScanner):
    def __init__(
        self,
        detection_callback: Any = None,
        service_uuids: list[str] | None = None,
        _scanning_mode: str = "active",  # the door knows one
        **_others: Any,  # arguments for other backends
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._session: Session | None = None

    async def start(self) -> None:
        if self._session is not None:
            raise BleakError("this scanner runs already")
        self.seen_devices = {}
        session = self._session = await Session.enter()
        session.scanners.append(self)
        try:
            await session.ask("scan", on=True)
        except BaseException:
            await self.stop()
            raise

    async def stop(self) -> None:
        session, self._session = self._session, None
        if session is None:
            return
        session.scanners.remove(self)
        if not session.scanners:
            with suppress(BleakError):
                await session.ask("scan", on=False)
        await session.leave()

    def seen(self, message: dict[str, Any]) -> None:
        uuids = [normalize_uuid_str(uuid) for uuid in message["services"]]
        if not self.is_allowed_uuid(uuids):
            return
        manufacturer = bytes.fromhex(message["manufacturer"])
        structures = ad_structures(bytes.fromhex(message["data"] + message["scan_response"]))
        advertisement = AdvertisementData(
            local_name=message["name"] or None,
            manufacturer_data={int.from_bytes(manufacturer[:2], "little"): manufacturer[2:]}
            if manufacturer
            else {},
            service_data={
                normalize_uuid_16(int.from_bytes(value[:2], "little")): value[2:]
                for kind, value in structures
                if kind == 0x16
            },
            service_uuids=uuids,
            tx_power=next(
                (int.from_bytes(value, "little", signed=True) for kind, value in structures if kind == 0x0A),
                None,
            ),
            rssi=message["rssi"],
            platform_data=(),
        )
        # no "path" in details: bleak-retry-connector would take the device for one of BlueZ
        address = message["address"]
        device = self.create_or_update_device(address, address, message["name"] or None, {}, advertisement)
        self.call_detection_callbacks(device, advertisement)


def ad_structures(data: bytes) -> list[tuple[int, bytes]]:
    """(AD type, value) of each structure; a torn one ends the list (Bluetooth Core, Vol 3 Part C 11)."""
    found = []
    while len(data) > 1 and 0 < data[0] < len(data):
        found.append((data[1], data[2 : data[0] + 1]))
        data = data[data[0] + 1 :]
    return found


class DoorClient(BaseBleakClient):
    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        services: set[str] | None = None,
        *,
        disconnected_callback: Callable[[], None] | None = None,
        timeout: float = 10.0,
        **_others: Any,  # arguments for other backends
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._device = address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        self._wanted = services
        self._session: Session | None = None
        self._number = 0
        self._connected = False
        self._mtu = 23
        self._callbacks: dict[str, Callable[[bytearray], None]] = {}

    @property
    def name(self) -> str:
        return (self._device and self._device.name) or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        return self._mtu

    @property
    def is_connected(self) -> bool:
        return self._connected

    async def connect(self, pair: bool, **kwargs: Any) -> None:  # noqa: FBT001 - bleak's signature
        if self._session is not None:
            raise BleakError("this client is connected already")
        if pair:
            logger.warning("the door of lockbench does not pair; connecting without")
        timeout = min(kwargs.get("timeout", self._timeout), MAX_TIMEOUT)
        session = self._session = await Session.enter()
        self._number = session.number()
        session.clients[self._number] = self
        try:
            await self._connect(session, timeout)
        except BaseException as error:
            with suppress(BleakError):
                session.tell("disconnect", connection=self._number)
            if self._forget():
                await session.leave()
            if isinstance(error, NotFound):
                raise self._not_found(error) from error
            raise

    async def _connect(self, session: Session, seconds: float) -> None:
        address = self.address.upper()
        answer = await session.ask(
            "connect", connection=self._number, address=address, timeout=seconds, mtu=MAX_MTU
        )
        self._mtu = answer["mtu"]
        found = await session.ask("discover", connection=self._number)
        if self._session is None:
            raise BleakError("the device disconnected")
        self.services = self._collection(found["services"])
        self._connected = True

    def _not_found(self, error: NotFound) -> Exception:
        """As BlueZ has it: an address that was never seen is unknown, a device that was seen times out."""
        if self._device is None:
            return BleakDeviceNotFoundError(self.address, str(error))
        return asyncio.TimeoutError(str(error))  # noqa: UP041 - another class before Python 3.11

    def _collection(self, found: list[dict[str, Any]]) -> BleakGATTServiceCollection:
        collection = BleakGATTServiceCollection()
        for row in found:
            uuid = normalize_uuid_str(row["uuid"])
            if self._wanted and uuid not in self._wanted:
                continue
            service = BleakGATTService(None, row["handle"], uuid)
            collection.add_service(service)
            for item in row["characteristics"]:
                characteristic = BleakGATTCharacteristic(
                    item["uuid"],
                    item["handle"],
                    normalize_uuid_str(item["uuid"]),
                    item["properties"],
                    lambda: self._mtu - 3,
                    service,
                )
                collection.add_characteristic(characteristic)
                if "notify" in item["properties"]:
                    descriptor = BleakGATTDescriptor(None, item["handle"] + 2, CCCD, characteristic)
                    collection.add_descriptor(descriptor)
        return collection

    async def disconnect(self) -> None:
        session = self._session
        if session is None:
            return
        with suppress(BleakError):
            await session.ask("disconnect", connection=self._number)
        self.gone()
        await session.settled()

    def gone(self) -> None:
        """The link is over, by either side or because the door closed."""
        session, was_connected = self._session, self._connected
        if not self._forget():
            return
        assert session is not None  # noqa: S101 - it was ours until now
        session.release()
        if was_connected and self._disconnected_callback is not None:
            self._disconnected_callback()

    def _forget(self) -> bool:
        """False when it was forgotten already."""
        session, self._session = self._session, None
        self._connected = False
        self.services = None
        self._callbacks.clear()
        return session is not None and session.clients.pop(self._number, None) is not None

    def _live(self) -> Session:
        if self._session is None or not self._connected:
            raise BleakError("Not connected")
        return self._session

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError("the door of lockbench does not pair")

    async def unpair(self) -> None:
        raise NotImplementedError("the door of lockbench does not pair")

    async def read_gatt_char(self, characteristic: BleakGATTCharacteristic, **_others: Any) -> bytearray:
        answer = await self._live().ask("read", **self._place(characteristic))
        return bytearray.fromhex(answer["value"])

    async def write_gatt_char(
        self,
        characteristic: BleakGATTCharacteristic,
        data: Any,
        response: bool,  # noqa: FBT001 - bleak's
    ) -> None:
        value = bytes(data).hex()
        await self._live().ask("write", **self._place(characteristic), value=value, response=bool(response))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: Callable[[bytearray], None], **_others: Any
    ) -> None:
        session = self._live()
        self._callbacks[characteristic.obj] = (
            callback  # before asking: the first value may come with the answer
        )
        try:
            await session.ask("notify", **self._place(characteristic), on=True)
        except BaseException:
            self._callbacks.pop(characteristic.obj, None)
            raise

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        await self._live().ask("notify", **self._place(characteristic), on=False)
        self._callbacks.pop(characteristic.obj, None)

    def notified(self, uuid: str, value: bytearray) -> None:
        if uuid in self._callbacks:
            self._callbacks[uuid](value)

    async def read_gatt_descriptor(self, descriptor: BleakGATTDescriptor, **_others: Any) -> bytearray:
        self._live()
        assert self.services is not None  # noqa: S101 - connected
        characteristic = self.services.get_characteristic(descriptor.characteristic_handle)
        notifies = characteristic is not None and characteristic.obj in self._callbacks
        return bytearray([int(notifies), 0])  # the only kind there is: 2902

    async def write_gatt_descriptor(self, _descriptor: BleakGATTDescriptor, _data: Any) -> None:
        raise BleakError("2902 is written with start_notify and stop_notify")

    def _place(self, characteristic: BleakGATTCharacteristic) -> dict[str, Any]:
        return {"connection": self._number, "characteristic": characteristic.obj}


def install(package: ModuleType) -> None:
    """Let bleak choose this backend: where the functions live, and where they were imported to."""
    import bleak.backends.client
    import bleak.backends.scanner

    modules = [package, bleak.backends.client, bleak.backends.scanner]
    in_pairs = hasattr(bleak.backends, "BleakBackend")  # bleak 2 and newer
    choices: dict[str, Any] = {
        "get_platform_client_backend_type": DoorClient,
        "get_platform_scanner_backend_type": DoorScanner,
    }
    if hasattr(package, "BleakAdapter"):  # bleak 3.1 and newer
        from bleak.backends import adapter

        modules.append(adapter)
        choices["get_platform_adapter_backend_type"] = adapter.BaseBleakAdapter  # says that there is none
    for name, backend in choices.items():
        if not hasattr(package, name):
            raise ImportError(f"this bleak has no {name}: lockbench exec does not know how to serve it")
        choice = (backend, BACKEND) if in_pairs else backend
        for module in modules:
            if hasattr(module, name):
                setattr(module, name, lambda choice=choice: choice)
