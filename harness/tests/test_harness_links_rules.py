# ruff: noqa: ARG002 - the signatures are those of a Device
"""Both links keep the same rules: refusals, limits, ends, time-outs. Bumble's ways of failing stay inside."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import pytest
from bumble import att, hci
from bumble.device import Device as Host
from bumble.host import Host as HciHost
from bumble.transport.common import AsyncPipeSink
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.gatt import (
    Advertisement,
    AttCode,
    AttRefusal,
    Characteristic,
    Disconnect,
    Effect,
    Notify,
    Properties,
    Reboot,
    Service,
)
from lockbench_emulator.radio.attach import attach
from lockbench_emulator.radio.medium import Medium, Pacing
from lockbench_emulator.radio.peripheral import Peripheral
from lockbench_harness import clock
from lockbench_harness.links import AttError, Link, LinkLost, Missing, NotFound, Sighting
from lockbench_harness.links.bare import BareLink
from lockbench_harness.links.bumble import BumbleLink, on_air
from lockbench_harness.links.rules import sighting
from lockbench_protocol import LocalError

RANDOM_STATIC, PUBLIC = "C2:11:22:33:44:55", "00:11:22:33:44:55"
COMMAND, BOTH, OUT, READABLE = "fff2", "fff3", "fff4", "fff5"


class Echo:
    """Sends back what is written, and remembers it; a few values mean more."""

    def __init__(self, address: str = RANDOM_STATIC) -> None:
        self.address = address
        self.linked = False
        self.mute = False
        self.writes: list[bytes] = []

    def services(self) -> tuple[Service, ...]:
        both = Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE
        return (
            Service(
                "1910",
                (
                    Characteristic(COMMAND, Properties.WRITE_WITHOUT_RESPONSE),
                    Characteristic(BOTH, both),
                    Characteristic(OUT, Properties.NOTIFY),
                    Characteristic(READABLE, Properties.READ),
                ),
            ),
        )

    def advertisement(self) -> Advertisement | None:
        if self.linked or self.mute:
            return None
        return Advertisement(bytes.fromhex("020106 0302 1019 05ff4c010203"), b"\x05\x09Door", 0.1)

    def connected(self, now: float) -> Sequence[Effect]:
        self.linked = True
        return []

    def disconnected(self, now: float) -> Sequence[Effect]:
        self.linked = False
        return []

    def subscribe(self, characteristic: str, on: bool, now: float) -> Sequence[Effect]:
        return []

    def write(self, characteristic: str, value: bytes, now: float) -> Sequence[Effect]:
        self.writes.append(value)
        match value:
            case b"mute":
                self.mute = True
            case b"refuse":
                raise AttRefusal(AttCode.UNLIKELY)
            case b"hang up":
                return [Disconnect(0x15)]
            case b"reboot":
                self.linked = False
                return [Reboot()]
        return [Notify(OUT, value[:20])]

    def read(self, characteristic: str, now: float) -> bytes:
        return b"0123456789" * 10

    def advance(self, now: float) -> Sequence[Effect]:
        return []

    def deadline(self) -> float | None:
        return None


@asynccontextmanager
async def bare(device: Echo) -> AsyncIterator[Link]:
    async with BareLink([device]) as link:
        yield link


@asynccontextmanager
async def bumble(device: Echo) -> AsyncIterator[Link]:
    async with on_air([device]) as air:
        yield air.links[0]


links = pytest.mark.parametrize("kind", [bare, bumble])
addresses = pytest.mark.parametrize("address", [RANDOM_STATIC, PUBLIC])
Kind = Callable[[Echo], AbstractAsyncContextManager[Link]]  # either of the two above


def perform(kind: Kind, body: Callable[[Link, Echo], Awaitable[None]], address: str = RANDOM_STATIC) -> None:
    async def main() -> None:
        device = Echo(address)
        async with kind(device) as link:
            await body(link, device)

    clock.run(main())


@links
@addresses
def test_a_scan_sees_name_services_and_maker(kind: Kind, address: str) -> None:
    async def body(link: Link, device: Echo) -> None:
        calls: list[Sighting] = []

        def wanted(seen: Sighting) -> bool:
            calls.append(seen)
            return seen.address == address

        (seen,) = await link.scan(5, until=wanted)
        assert calls == [seen]
        assert asyncio.get_running_loop().time() < 0.5
        assert seen.name == "Door"
        assert seen.services == ("1910",)
        assert seen.manufacturer == bytes.fromhex("4c010203")
        assert (seen.data, seen.scan_response) == (device.advertisement().data, b"\x05\x09Door")  # type: ignore[union-attr]  # it advertises
        await link.connect(address)
        before = asyncio.get_running_loop().time()
        assert await link.scan(3) == []  # connected locks are silent
        assert asyncio.get_running_loop().time() - before == pytest.approx(3)

    perform(kind, body, address)


@links
@addresses
def test_writes_reads_and_notifications(kind: Kind, address: str) -> None:
    async def body(link: Link, device: Echo) -> None:
        connection = await link.connect(address)
        got: list[bytes] = []
        await connection.subscribe(OUT, got.append)
        await connection.subscribe(OUT, got.append)
        for number in range(70):
            await connection.write(COMMAND, bytes([number]))
        await connection.write(BOTH, b"last", response=True)
        await connection.drain()
        await asyncio.sleep(0.1)
        expected = [*(bytes([number]) for number in range(70)), b"last"]
        assert device.writes == expected
        assert got == [value for value in expected for _ in range(2)]
        assert await connection.read(READABLE) == b"0123456789" * 10
        assert connection.mtu == 23
        assert connection.characteristics() == {
            COMMAND: ("1910", 0x04),
            BOTH: ("1910", 0x0C),
            OUT: ("1910", 0x10),
            READABLE: ("1910", 0x02),
        }

    perform(kind, body, address)


@links
def test_what_a_phone_refuses_is_refused(kind: Kind) -> None:
    async def body(link: Link, device: Echo) -> None:
        connection = await link.connect(RANDOM_STATIC)
        for wrong, error in (
            (connection.write(COMMAND, b"x", response=True), AttError),
            (connection.write(READABLE, b"x"), AttError),
            (connection.read(COMMAND), AttError),
            (connection.read("ffff"), Missing),
            (connection.write("ffff", b"x"), Missing),
            (connection.subscribe("ffff", print), Missing),
            (connection.subscribe(READABLE, print), Missing),
            (connection.write(COMMAND, b"x" * 21), LocalError),
            (connection.write(BOTH, b"x" * 21, response=True), LocalError),
        ):
            with pytest.raises(error):
                await wrong
        with pytest.raises(AttError) as caught:
            await connection.write(BOTH, b"refuse", response=True)
        assert caught.value.code == 0x0E
        await connection.write(BOTH, b"refuse")  # no answer to a command
        await connection.drain()
        assert device.writes == [b"refuse"] * 2

    perform(kind, body)


@links
@pytest.mark.parametrize(("asked", "given"), [(23, 23), (100, 100), (600, 515)])
def test_the_mtu_is_agreed(kind: Kind, asked: int, given: int) -> None:
    async def body(link: Link, device: Echo) -> None:
        connection = await link.connect(RANDOM_STATIC, mtu=asked)
        assert connection.mtu == given
        await connection.write(COMMAND, b"x" * (given - 3))
        await connection.drain()
        with pytest.raises(LocalError):
            await connection.write(COMMAND, b"x" * (given - 2))
        assert [len(value) for value in device.writes] == [given - 3]

    perform(kind, body)


@links
@pytest.mark.parametrize(("word", "reason", "seconds"), [(b"hang up", 0x15, 0.0), (b"reboot", 0x08, 2.0)])
def test_the_end_of_a_link_is_told_once_with_its_reason(
    kind: Kind, word: bytes, reason: int, seconds: float
) -> None:
    async def body(link: Link, device: Echo) -> None:
        connection = await link.connect(RANDOM_STATIC)
        loop = asyncio.get_running_loop()
        lost: list[tuple[int, float]] = []
        connection.on_lost(lambda why: lost.append((why, loop.time())))
        before = loop.time()
        await connection.write(BOTH, word)
        with pytest.raises(LinkLost) as caught:
            await asyncio.gather(*(connection.read(READABLE) for _ in range(100)))
        assert caught.value.reason == reason
        ((why, at),) = lost
        assert why == reason
        assert at == pytest.approx(before + seconds, abs=0.01)
        assert connection.lost
        connection.on_lost(lambda why: lost.append((why, 0)))  # too late is not never
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert lost[1:] == [(reason, 0)]
        await asyncio.sleep(0.1)
        for request in (connection.write(BOTH, b"x"), connection.drain(), connection.subscribe(OUT, print)):
            with pytest.raises(LinkLost):
                await request
        await connection.disconnect()
        await link.connect(RANDOM_STATIC, timeout=1)

    perform(kind, body)


@links
def test_hanging_up_is_told_to_both_sides(kind: Kind) -> None:
    async def body(link: Link, device: Echo) -> None:
        connection = await link.connect(RANDOM_STATIC)
        lost: list[int] = []
        connection.on_lost(lost.append)
        await connection.disconnect()
        await connection.disconnect()
        assert lost == [0x16]
        await asyncio.sleep(0.01)
        assert not device.linked

    perform(kind, body)


@links
def test_what_does_not_answer_is_not_found_in_time(kind: Kind) -> None:
    async def body(link: Link, device: Echo) -> None:
        loop = asyncio.get_running_loop()
        with pytest.raises(NotFound):
            await link.connect("C9:00:00:00:00:09", timeout=3)
        assert loop.time() == pytest.approx(3, abs=0.2)
        connection = await link.connect(RANDOM_STATIC)
        before = loop.time()
        with pytest.raises(NotFound):
            await link.connect(RANDOM_STATIC, timeout=4)  # it has its one central
        assert loop.time() - before == pytest.approx(4)
        await connection.write(BOTH, b"mute", response=True)
        await connection.disconnect()
        before = loop.time()
        with pytest.raises(NotFound):
            await link.connect(RANDOM_STATIC, timeout=4)
        assert loop.time() - before == pytest.approx(4)

    perform(kind, body)


@links
@given(turns=st.integers(0, 60))
def test_a_cancelled_connect_leaves_the_link_usable(kind: Kind, turns: int) -> None:
    async def body(link: Link, device: Echo) -> None:
        connecting = asyncio.create_task(link.connect(RANDOM_STATIC))
        for _ in range(turns):
            await asyncio.sleep(0)
        if connecting.cancel():
            with pytest.raises(asyncio.CancelledError):
                await connecting
        else:
            await (await connecting).disconnect()
        connection = await link.connect(RANDOM_STATIC, timeout=8)
        await connection.write(BOTH, b"x", response=True)
        assert device.writes == [b"x"]

    perform(kind, body)


def test_writes_wait_for_a_slow_radio() -> None:
    async def main() -> None:
        device = Echo()
        async with on_air([device], pacing=Pacing(0.015, 4)) as air:
            connection = await air.links[0].connect(RANDOM_STATIC)
            loop = asyncio.get_running_loop()
            started, behind = loop.time(), 0
            for number in range(2000):
                await connection.write(COMMAND, number.to_bytes(2, "big"))
                behind = max(behind, number + 1 - len(device.writes))
            await connection.drain()
            await asyncio.sleep(0.1)
            assert device.writes == [number.to_bytes(2, "big") for number in range(2000)]
            assert behind <= 64
            assert loop.time() - started == pytest.approx(500 * 0.015, rel=0.05)

    clock.run(main())


def test_a_peer_that_never_answers_ends_the_link() -> None:
    async def main() -> None:
        medium = Medium()
        controller = medium.controller("deaf")
        deaf = Host("deaf", hci.Address(RANDOM_STATIC), host=HciHost(controller, AsyncPipeSink(controller)))
        await deaf.power_on()
        await deaf.start_advertising()
        link = await BumbleLink.on_medium(medium)
        deaf.l2cap_channel_manager.register_fixed_channel(att.ATT_CID, lambda *_: None)
        with pytest.raises(LinkLost):
            await link.connect(RANDOM_STATIC)
        assert 30 < asyncio.get_running_loop().time() < 40
        await asyncio.sleep(1)
        assert medium.links == ()
        await link.close()

    clock.run(main())


def test_a_client_task_is_not_taken_for_cancelled_when_its_link_drops() -> None:
    async def main() -> None:
        device = Echo()
        async with on_air([device]) as air:
            connection = await air.links[0].connect(RANDOM_STATIC)
            air.medium.set_reach(air.peripherals[0].controller, within=False)
            reading = asyncio.create_task(connection.read(READABLE))
            with pytest.raises(LinkLost):
                await reading
            air.medium.set_reach(air.peripherals[0].controller, within=True)
            connection = await air.links[0].connect(RANDOM_STATIC)
            reading = asyncio.create_task(connection.read(READABLE))
            await asyncio.sleep(0)
            reading.cancel()
            with pytest.raises(asyncio.CancelledError):
                await reading
            assert len(await connection.read(READABLE)) == 100

    clock.run(main())


def test_the_same_seed_gives_the_same_addresses() -> None:
    async def addresses_of(seed: int) -> list[str]:
        async with on_air([Echo()], centrals=3, seed=seed) as air:
            return [str(controller.random_address) for controller in air.medium.controllers]

    assert clock.run(addresses_of(1)) == clock.run(addresses_of(1))
    assert clock.run(addresses_of(1)) != clock.run(addresses_of(2))


def test_a_link_over_hci_in_real_time_meets_the_same_lock() -> None:
    async def main(folder: str) -> None:
        medium, device = Medium(), Echo()
        lock = Peripheral(medium, device)
        await lock.start()
        attachment = await attach(medium, f"unix-server:{Path(folder) / 'hci'}")
        link = await BumbleLink.open(attachment.spec.replace("server", "client"))
        connection = await link.connect(RANDOM_STATIC, mtu=100)
        for number in range(500):
            await connection.write(COMMAND, bytes([number % 256]) * 97)
        await connection.drain()
        await connection.read(READABLE)
        assert len(device.writes) == 500
        lost = asyncio.get_running_loop().create_future()
        connection.on_lost(lost.set_result)
        await attachment.close()
        async with asyncio.timeout(5):
            await lost
            with pytest.raises(LocalError):
                await link.scan(1)
        await link.close()
        await lock.stop()

    with tempfile.TemporaryDirectory() as folder:
        clock.run_real(main(folder))


def test_a_place_without_a_controller_is_one_sentence() -> None:
    async def main() -> None:
        for spec in ("tcp-client:127.0.0.1:1", "unix-client:/no/such/socket", "what:ever"):
            with pytest.raises(LocalError, match=spec):
                await BumbleLink.open(spec)

    clock.run_real(main())


@given(st.binary(max_size=31), st.binary(max_size=31))
def test_any_advertisement_can_be_read(data: bytes, scan_response: bytes) -> None:
    seen = sighting(RANDOM_STATIC, data, scan_response, -50)
    assert (seen.data, seen.scan_response) == (data, scan_response)
