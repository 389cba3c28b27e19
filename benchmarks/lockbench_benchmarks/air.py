"""What a link over Bumble costs, ours beside Bumble's own: write commands, and whole scenarios.

Both sides have 251 bytes of ACL data, 64 credits and one drain in 32 writes. The bare side is Bumble's
controller and link; ours has the device and the rules of links on top. Events are counted and not written.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager

from bumble import att, core, gatt, hci
from bumble.controller import Controller
from bumble.device import Device as Host
from bumble.device import Peer
from bumble.gatt_client import CharacteristicProxy
from bumble.host import Host as HciHost
from bumble.link import LocalLink
from bumble.transport.common import AsyncPipeSink
from lockbench_emulator.gatt import Advertisement, Characteristic, Effect, Notify, Properties, Service
from lockbench_emulator.radio.quiet import quiet
from lockbench_emulator.radio.runner import Seen
from lockbench_harness.clock import VirtualLoop
from lockbench_harness.links.bumble import on_air
from lockbench_harness.links.bumble_connection import BURST

from lockbench_benchmarks.interleave import SECONDS
from lockbench_benchmarks.row import OURS, Goals, Row, Work, rows_of

BARE = "bare Bumble"
QUIET = "{}, quiet()"
WRITE, SCENARIO = "GATT write command", "scenario"
GOALS: Goals = {(WRITE, BARE): 0.85, (QUIET.format(WRITE), BARE): 2, (SCENARIO, BARE): 0.85}

WRITES = 256  # in one round
ACL_BYTES, CREDITS = 251, 64
UUID = "fff2"
VALUE = bytes(20)
INTERVAL = 0.02  # seconds between advertisements
LOCK, PHONE = "C2:11:22:33:44:55", "C0:00:00:00:00:01"

Batch = Callable[[], Awaitable[None]]
Scene = Callable[[], AbstractAsyncContextManager[Batch]]


class Echo:
    """A device that counts what is written to it, and says it back to who wants to hear."""

    address = LOCK

    def __init__(self) -> None:
        self.count = 0

    def services(self) -> tuple[Service, ...]:
        properties = Properties.WRITE_WITHOUT_RESPONSE | Properties.NOTIFY
        return (Service("1910", (Characteristic(UUID, properties),)),)

    def advertisement(self) -> Advertisement:
        return Advertisement(b"\x02\x01\x06", b"", INTERVAL)

    def connected(self, now: float) -> Sequence[Effect]:  # noqa: ARG002 - the interface of devices
        return ()

    disconnected = advance = connected

    def subscribe(self, characteristic: str, on: bool, now: float) -> Sequence[Effect]:  # noqa: ARG002, FBT001 - likewise
        return ()

    def write(self, characteristic: str, value: bytes, now: float) -> Sequence[Effect]:  # noqa: ARG002 - likewise
        self.count += 1
        return (Notify(characteristic, value),)

    def read(self, characteristic: str, now: float) -> bytes:  # noqa: ARG002 - likewise
        return b""

    def deadline(self) -> float | None:
        return None


class Counter:
    """An observer that keeps no event."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self, _seen: Seen) -> None:
        self.count += 1


@asynccontextmanager
async def our_writes() -> AsyncIterator[Batch]:
    device = Echo()
    async with on_air([device], observe=Counter()) as air:
        connection = await air.links[0].connect(LOCK)

        async def batch() -> None:
            wanted = device.count + WRITES
            for _ in range(WRITES):
                await connection.write(UUID, VALUE)
            while device.count < wanted:  # noqa: ASYNC110 - an event would cost each write something
                await asyncio.sleep(0)

        yield batch


@asynccontextmanager
async def bare_writes() -> AsyncIterator[Batch]:
    count = 0

    def take(_connection: object, _value: bytes) -> None:
        nonlocal count
        count += 1

    phone, lock, _ = await _bare_pair(take)
    await lock.start_advertising(advertising_interval_min=INTERVAL * 1000)
    peer = Peer(await phone.connect(hci.Address(LOCK)))
    proxy = await _discovered(peer)

    async def batch() -> None:
        wanted = count + WRITES
        for number in range(WRITES):
            await peer.gatt_client.write_value(proxy.handle, VALUE)
            if number % BURST == BURST - 1:
                await peer.connection.drain()
        while count < wanted:  # noqa: ASYNC110 - likewise
            await asyncio.sleep(0)

    yield batch


@asynccontextmanager
async def our_scenario() -> AsyncIterator[Batch]:
    async def batch() -> None:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        async with on_air([Echo()], observe=Counter()) as air:
            connection = await air.links[0].connect(LOCK)
            await connection.subscribe(UUID, heard.set_result)
            await connection.write(UUID, VALUE)
            await heard
            await connection.disconnect()

    yield batch


@asynccontextmanager
async def bare_scenario() -> AsyncIterator[Batch]:
    async def batch() -> None:
        heard: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        queue: asyncio.Queue[bytes] = asyncio.Queue()
        phone, lock, echo = await _bare_pair(lambda _connection, value: queue.put_nowait(value))
        await lock.start_advertising(advertising_interval_min=INTERVAL * 1000)
        seen = asyncio.Event()
        phone.on("advertisement", lambda _advertisement: seen.set())
        await phone.start_scanning()
        await seen.wait()
        await phone.stop_scanning()
        peer = Peer(await phone.connect(hci.Address(LOCK)))
        proxy = await _discovered(peer)
        await proxy.subscribe(heard.set_result)
        await proxy.write_value(VALUE)
        (connection,) = lock.connections.values()
        await lock.notify_subscriber(connection, echo, await queue.get())
        await heard
        await peer.connection.disconnect()
        for host in (phone, lock):
            await host.stop_advertising()

    yield batch


async def _bare_pair(take: Callable[[object, bytes], None]) -> tuple[Host, Host, gatt.Characteristic[bytes]]:
    """A phone and a lock as Bumble's examples make them, switched on."""
    link = LocalLink()  # type: ignore[no-untyped-call]  # Bumble's has no annotations
    hosts = []
    for name, address in (("phone", PHONE), ("lock", LOCK)):
        controller = Controller(name, link=link)
        controller.le_acl_data_packet_length = ACL_BYTES
        controller.total_num_le_acl_data_packets = CREDITS
        hosts.append(Host(name, hci.Address(address), host=HciHost(controller, AsyncPipeSink(controller))))
    phone, lock = hosts
    properties = gatt.Characteristic.Properties.WRITE_WITHOUT_RESPONSE | gatt.Characteristic.Properties.NOTIFY
    echo: gatt.Characteristic[bytes] = gatt.Characteristic(
        UUID, properties, att.Attribute.WRITEABLE, att.AttributeValue(write=take)
    )
    lock.add_service(gatt.Service("1910", [echo]))
    for host in hosts:
        await host.power_on()
    return phone, lock, echo


async def _discovered(peer: Peer) -> CharacteristicProxy[bytes]:
    for service in await peer.discover_services():
        await peer.discover_characteristics((), service)
    (proxy,) = peer.get_characteristics_by_uuid(core.UUID(UUID))
    return proxy


@contextmanager
def staged(scene: Scene, *, hushed: bool = False) -> Iterator[Callable[[], None]]:
    """A loop of its own in virtual time where the scene is set; a call does its batch once."""
    with asyncio.Runner(loop_factory=lambda: VirtualLoop(float("inf"))) as runner:
        setting = scene()
        batch = runner.run(setting.__aenter__())

        def run() -> None:
            runner.run(batch())  # type: ignore[arg-type]  # a batch is a coroutine function

        def run_hushed() -> None:
            with quiet():
                run()

        yield run_hushed if hushed else run
        runner.run(setting.__aexit__(None, None, None))


def works() -> Iterator[Work]:
    """Each set when it is asked for, and cleared away before the next."""
    for name, count, ours, bare in (
        (WRITE, WRITES, our_writes, bare_writes),
        (SCENARIO, 1, our_scenario, bare_scenario),
    ):
        with staged(ours) as loud, staged(ours, hushed=True) as hushed, staged(bare) as theirs:
            yield Work(name, count, {OURS: loud, BARE: theirs})
            yield Work(QUIET.format(name), count, {OURS: hushed, BARE: theirs})


def rows(seconds: float = SECONDS) -> Iterator[Row]:
    return rows_of(works(), GOALS, seconds)


def missing() -> list[str]:
    """Bumble is always there."""
    return []
