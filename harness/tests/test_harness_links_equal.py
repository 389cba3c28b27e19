# ruff: noqa: ARG002 - the signatures are those of a Device
"""The same exchange on the bare link and behind Bumble has the same effects in the same order."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.gatt import (
    Advertise,
    Advertisement,
    AttCode,
    AttRefusal,
    Characteristic,
    Disconnect,
    Effect,
    Happened,
    Notify,
    Properties,
    Reboot,
    Service,
)
from lockbench_emulator.radio.runner import Seen
from lockbench_harness import clock
from lockbench_harness.links import AttError, Connection, Link, LinkLost
from lockbench_harness.links.bare import BareLink
from lockbench_harness.links.bumble import on_air

ADDRESS = "C2:11:22:33:44:55"
IN, OUT, BOOT = "fff2", "fff4", "00010203-0405-0607-0809-0a0b0c0d2b12"


class Parrot:
    """Answers each write by what the first byte says; everything follows from the inputs."""

    address = ADDRESS

    def __init__(self) -> None:
        self.linked = False
        self.in_boot = False
        self.count = 0
        self.due: float | None = None

    def services(self) -> tuple[Service, ...]:
        boot = (Service("1912", (Characteristic(BOOT, Properties.WRITE_WITHOUT_RESPONSE),)),)
        both = Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE
        talk = (Characteristic(IN, both), Characteristic(OUT, Properties.NOTIFY | Properties.READ))
        return (Service("1910", talk), *(boot if self.in_boot else ()))

    def advertisement(self) -> Advertisement | None:
        if self.linked:
            return None
        return Advertisement(bytes([2, 1, 6]), bytes([3, 9, 80, self.count % 256]), 0.05)

    def connected(self, now: float) -> Sequence[Effect]:
        self.linked = True
        return [Happened("connected")]

    def disconnected(self, now: float) -> Sequence[Effect]:
        self.linked = False
        return [Happened("disconnected"), Advertise(self.advertisement())]

    def subscribe(self, characteristic: str, on: bool, now: float) -> Sequence[Effect]:
        return [Notify(OUT, bytes([self.count]))]

    def write(self, characteristic: str, value: bytes, now: float) -> Sequence[Effect]:
        self.count = (self.count + 1) % 200
        tag = bytes([self.count])
        match value[:1]:
            case b"n":
                return [Notify(OUT, tag + value[1:])] * (self.count % 4)
            case b"t":
                self.due = now + 0.5 + len(value)
                return []
            case b"d":
                return [Notify(OUT, tag), Disconnect(0x15), Notify(OUT, b"too late")]
            case b"b":
                self.linked, self.in_boot, self.due = False, not self.in_boot, None
                return [Notify(OUT, tag), Reboot(), Happened("booted")]
            case b"r":
                raise AttRefusal(AttCode.WRITE_NOT_PERMITTED)
        return [Happened("write", {"count": self.count})]

    def read(self, characteristic: str, now: float) -> bytes:
        return bytes([self.count]) * (self.count % 30)

    def advance(self, now: float) -> Sequence[Effect]:
        self.due = None
        return [Notify(OUT, b"tick"), *([Disconnect()] if self.count % 3 == 0 else [])]

    def deadline(self) -> float | None:
        return self.due


writes = st.tuples(st.just("write"), st.sampled_from(b"ntdbrx"), st.binary(max_size=18), st.booleans())
steps = st.lists(
    st.one_of(
        writes,
        *map(st.tuples, map(st.just, ("read", "subscribe", "unsubscribe", "disconnect", "wait", "settle"))),
    ),
    max_size=25,
)


async def exchange(link: Link, script: list[tuple[object, ...]]) -> list[object]:
    """Run the script as a client would; returns what the client saw, without times."""
    saw: list[object] = []
    connection: Connection | None = None
    for step in script:
        try:
            if connection is None or connection.lost:
                await asyncio.sleep(10)  # the timers of before have run out
                connection = await link.connect(ADDRESS, mtu=64)
                connection.on_lost(lambda reason: saw.append(("lost", reason)))
                saw.append(connection.characteristics())
            match step:
                case ("write", int(what), bytes(rest), bool(response)):
                    await connection.write(IN, bytes([what]) + rest, response=response)
                case ("read",):
                    saw.append(("read", await connection.read(OUT)))
                case ("subscribe",):
                    await connection.subscribe(OUT, lambda value: saw.append(("notified", value)))
                case ("unsubscribe",):
                    await connection.unsubscribe(OUT)
                case ("disconnect",):
                    await connection.disconnect()
                case ("wait",):
                    await asyncio.sleep(0.1)
                case ("settle",):
                    await asyncio.sleep(30)
        except AttError as error:
            saw.append(("refused", error.code))
        except LinkLost as error:
            saw.append(("link lost", error.reason))
        # What a step causes comes before the next step; the air may take a few more turns than memory.
        await asyncio.sleep(0.01)
    await asyncio.sleep(30)
    return list(saw)  # the link closes after this


def told(seen: list[Seen]) -> list[object]:
    """The device's story, without times."""
    return [(one.event, one.characteristic, one.value, one.effect, one.code) for one in seen]


async def on_bare(script: list[tuple[object, ...]]) -> tuple[list[object], list[object]]:
    seen: list[Seen] = []
    async with BareLink([Parrot()], observe=seen.append) as link:
        saw = await exchange(link, script)
        assert link.failures == []
        return saw, told(seen)


async def over_bumble(script: list[tuple[object, ...]]) -> tuple[list[object], list[object]]:
    seen: list[Seen] = []
    async with on_air([Parrot()], observe=seen.append) as air:
        saw = await exchange(air.links[0], script)
        assert air.failures == []
        return saw, told(seen)


@settings(max_examples=60, deadline=None)
@given(steps)
def test_bare_and_bumble_tell_the_same_story(script: list[tuple[object, ...]]) -> None:
    bare_client, bare_device = clock.run(on_bare(script))
    client, device = clock.run(over_bumble(script))
    assert device == bare_device
    assert client == bare_client


def test_the_bare_link_does_without_bumble() -> None:
    code = "import sys, lockbench_harness.links.bare; sys.exit('bumble' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603 - this interpreter


def test_a_wait_of_300_seconds_passes_at_once() -> None:
    async def main() -> float:
        async with on_air([Parrot()]) as air:
            connection = await air.links[0].connect(ADDRESS)
            await asyncio.sleep(300)
            assert not connection.lost
            return asyncio.get_running_loop().time()

    assert clock.run(main()) >= 300


@pytest.mark.parametrize("cycles", [500])
def test_many_connections_leave_nothing_behind(cycles: int) -> None:
    async def main() -> None:
        async with on_air([Parrot()]) as air:
            link = air.links[0]

            async def cycle() -> None:
                connection = await link.connect(ADDRESS)
                await connection.subscribe(OUT, lambda _value: None)
                await connection.write(IN, b"nn", response=True)
                await connection.disconnect()
                await asyncio.sleep(0.01)

            async def census() -> tuple[int, ...]:
                gc.collect()
                return (
                    len(air.medium.controllers),
                    len(air.medium.links),
                    len(asyncio.all_tasks()),
                    sum(len(controller.le_connections) for controller in air.medium.controllers),
                    len(asyncio.get_running_loop()._scheduled),  # type: ignore[attr-defined]  # timers left
                )

            for _ in range(5):
                await cycle()
            await asyncio.sleep(60)
            before, objects = await census(), len(gc.get_objects())
            for _ in range(cycles):
                await cycle()
            await asyncio.sleep(60)
            assert await census() == before
            assert len(gc.get_objects()) - objects < 2 * cycles
        assert len(air.medium.controllers) == 0
        assert len(asyncio.all_tasks()) == 1

    clock.run(main())
