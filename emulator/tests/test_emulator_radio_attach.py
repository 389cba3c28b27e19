# ruff: noqa: ARG002 - the signatures are those of a Device
"""Hosts from outside: real time, real sockets. They may come, go, return, and send anything."""

from __future__ import annotations

import asyncio
import contextlib
import random
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import pytest
from bumble import hci
from bumble.device import Connection, Peer
from bumble.device import Device as Host
from bumble.transport import open_transport
from bumble.transport.common import Transport
from lockbench_emulator.gatt import Advertisement, Characteristic, Effect, Properties, Service
from lockbench_emulator.radio.attach import Attachment, attach
from lockbench_emulator.radio.medium import Medium
from lockbench_emulator.radio.peripheral import Peripheral
from lockbench_harness import clock
from lockbench_protocol import LocalError

ADDRESS = "C2:11:22:33:44:55"


class Still:
    """Advertises, and holds one value."""

    address = ADDRESS

    def __init__(self) -> None:
        self.linked = False

    def services(self) -> tuple[Service, ...]:
        return (Service("1910", (Characteristic("fff5", Properties.READ),)),)

    def advertisement(self) -> Advertisement | None:
        return None if self.linked else Advertisement(bytes([2, 1, 6]), b"", 0.02)

    def connected(self, now: float) -> Sequence[Effect]:
        self.linked = True
        return []

    def disconnected(self, now: float) -> Sequence[Effect]:
        self.linked = False
        return []

    def subscribe(self, characteristic: str, on: bool, now: float) -> Sequence[Effect]:
        return []

    def write(self, characteristic: str, value: bytes, now: float) -> Sequence[Effect]:
        return []

    def read(self, characteristic: str, now: float) -> bytes:
        return b"still here"

    def advance(self, now: float) -> Sequence[Effect]:
        return []

    def deadline(self) -> float | None:
        return None


def perform(kind: str, body: Callable[[Medium, Attachment, str], Awaitable[None]]) -> None:
    """Run `body` with a lock on the air and an attachment; the string is where a host connects."""

    async def main(folder: str) -> None:
        medium = Medium()
        lock = Peripheral(medium, Still())
        await lock.start()
        spec = {"tcp": "tcp-server:127.0.0.1:0", "unix": f"unix-server:{Path(folder) / 'hci'}"}[kind]
        attachment = await attach(medium, spec)
        try:
            async with asyncio.timeout(30):
                await body(medium, attachment, attachment.spec.replace("-server", "-client"))
        finally:
            await attachment.close()
            await lock.stop()
        assert medium.failures == []
        assert lock.failures == []
        assert medium.controllers == {}

    with tempfile.TemporaryDirectory() as folder:
        clock.run_real(main(folder))


async def host_at(spec: str) -> tuple[Host, Transport]:
    transport = await open_transport(spec)
    host = Host.with_hci("phone", hci.Address("C0:00:00:00:00:01"), transport.source, transport.sink)
    await host.power_on()
    return host, transport


async def until(condition: Callable[[], bool]) -> None:
    """Real sockets tell nobody when the other end has been noticed to be gone."""
    while not condition():  # noqa: ASYNC110 - see above; the callers have a time-out
        await asyncio.sleep(0.005)


async def read_value(host: Host) -> bytes:
    connection = await host.connect_le(hci.Address(ADDRESS), timeout=10)
    peer = Peer(connection)
    await peer.discover_services()
    await peer.discover_characteristics()
    (proxy,) = peer.get_characteristics_by_uuid("fff5")  # type: ignore[arg-type]  # Bumble compares texts too
    return await proxy.read_value()


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_a_host_that_dies_frees_the_lock_and_may_return(kind: str) -> None:
    async def body(medium: Medium, attachment: Attachment, spec: str) -> None:
        for _ in range(3):
            host, transport = await host_at(spec)
            assert attachment.attached
            assert await read_value(host) == b"still here"
            medium.links[0].timeout_units = 10  # the patience of this link: 100 ms
            await transport.close()  # without a word on the air
            await until(lambda: not attachment.attached and not medium.links)

    perform(kind, body)


def test_a_second_host_at_the_same_place_is_sent_away() -> None:
    async def body(medium: Medium, attachment: Attachment, spec: str) -> None:
        host, transport = await host_at(spec)
        reader, writer = await asyncio.open_connection(*spec.split(":")[1:])
        with contextlib.suppress(ConnectionResetError):  # or a plain end
            assert await reader.read() == b""
        writer.close()
        assert await read_value(host) == b"still here"
        await transport.close()

    perform("tcp", body)


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_garbage_from_a_host_does_not_kill_the_medium(kind: str) -> None:
    rng = random.Random(3)  # noqa: S311 - test data

    def noise() -> bytes:
        """Half of it looks like HCI commands, data, or links that nobody has."""
        body = rng.randbytes(rng.randrange(40))
        match rng.randrange(4):
            case 0:
                code = rng.choice(sorted(hci.HCI_Command.command_names))
                return bytes([1]) + code.to_bytes(2, "little") + bytes([len(body)]) + body
            case 1:
                return bytes([2]) + rng.randbytes(2) + len(body).to_bytes(2, "little") + body
            case 2:
                return bytes([4, rng.randrange(256), len(body)]) + body
        return body

    async def body(medium: Medium, attachment: Attachment, spec: str) -> None:
        for _ in range(5):
            _, transport = await host_at(spec)
            for _ in range(400):
                transport.sink.on_packet(noise())
            await asyncio.sleep(0.2)
            await transport.close()
            await until(lambda: not attachment.attached)
        assert medium.garbage
        for link in medium.links:
            link.timeout_units = 10
        host, transport = await host_at(spec)
        assert await read_value(host) == b"still here"
        await transport.close()

    perform(kind, body)


def test_every_command_with_random_parameters_gets_an_answer() -> None:
    async def main() -> None:
        medium = Medium()
        controller = medium.controller("host", outsider=True)
        answers: list[bytes] = []
        controller.set_packet_sink(Listener(answers))
        rng = random.Random(5)  # noqa: S311 - test data
        for code in sorted(hci.HCI_Command.command_names):
            for length in (0, 7, 40):
                answers.clear()
                packet = bytes([1]) + code.to_bytes(2, "little") + bytes([length]) + rng.randbytes(length)
                controller.on_packet(packet)
                await asyncio.sleep(0)
                await asyncio.sleep(0)
                name = hci.HCI_Command.command_name(code)
                # A status or a completion: event 0x0F or 0x0E, which names the command.
                assert any(answer[1] in (0x0E, 0x0F) for answer in answers), name
        medium.remove_controller(controller)
        assert medium.failures == []

    clock.run(main())


class Listener:
    def __init__(self, packets: list[bytes]) -> None:
        self.on_packet = packets.append


@pytest.mark.parametrize(
    "spec", ["tcp-server:127.0.0.1:nowhere", "unix-server:/no/such/folder/x", "nonsense"]
)
def test_a_wrong_place_is_one_sentence(spec: str) -> None:
    async def main() -> None:
        medium = Medium()
        with pytest.raises(LocalError, match=spec):
            await attach(medium, spec)
        assert medium.controllers == {}

    clock.run_real(main())


def test_a_host_behind_a_pty_is_served() -> None:
    async def main(path: str) -> None:
        medium = Medium()
        lock = Peripheral(medium, Still())
        await lock.start()
        attachment = await attach(medium, f"pty:{path}")
        host, transport = await host_at(f"serial:{path}")
        async with asyncio.timeout(10):
            assert await read_value(host) == b"still here"
        await transport.close()
        await attachment.close()
        await lock.stop()

    with tempfile.TemporaryDirectory() as folder:
        clock.run_real(main(str(Path(folder) / "pty")))


def test_a_connection_has_two_live_ends() -> None:
    async def body(medium: Medium, attachment: Attachment, spec: str) -> None:
        host, transport = await host_at(spec)
        connection = await host.connect_le(hci.Address(ADDRESS), timeout=10)
        assert isinstance(connection, Connection)
        assert medium.links[0].central.controller is attachment.controller
        await connection.disconnect()
        await transport.close()

    perform("unix", body)
