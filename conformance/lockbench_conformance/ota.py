"""Firmware over the air as a case sends it: PDU by PDU, or with the reference sender (telink-ota 3, 9.1)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager

from lockbench_harness.cases import expect
from lockbench_harness.client.operations import device_info, enter_dfu, unlock
from lockbench_harness.client.ota import Ended, OtaSender, load_preset
from lockbench_harness.client.transfer import RESTART_SECONDS, transfer
from lockbench_harness.links import Connection, Link
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.commands.info import InfoType
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import declared_size
from lockbench_protocol.telink.ota import EndForm, command, data_pdus, end

from lockbench_conformance.stack import BadConnection, faithful

VERSION, START = command("VERSION"), command("START")
FIRMWARE_REVISION = "2a26"
VERDICT_SECONDS = 1.0  # it is told at once (telink-ota 4.2)
NEW = "6.4.34"  # a firmware that the locks of the bench do not run yet


class Transfer:
    """A connection to a lock in its DFU window, its results enabled."""

    def __init__(self, bench: LockBench, connection: Connection) -> None:
        self.connection = connection
        self.told: list[Result] = []
        self._dialect = bench.firmware.dialect
        self._heard = asyncio.Event()

    async def send(self, values: Iterable[bytes], *, response: bool = False) -> None:
        for value in values:
            await self.connection.write(self._dialect.characteristic, value, response=response)

    async def verdict(self, seconds: float = VERDICT_SECONDS) -> Result | None:
        """The first result that the lock tells, None when it tells none in time."""
        try:
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        except TimeoutError:
            return None
        return self.told[0]

    async def expect_verdict(self, result: Result) -> None:
        """As far as the dialect has a number for it."""
        known = self._dialect.told_as.get(result, result)
        expect(await self.verdict(), known, "the result that the lock tells")

    def heard(self, value: bytes) -> None:
        self.told.append(self._dialect.result(value))
        self._heard.set()


async def enter(bench: LockBench) -> None:
    """41, 30, 02, and hang up; the window is open."""
    async with bench.session() as client:
        await client.run(enter_dfu(bench.keys))


@asynccontextmanager
async def transferring(bench: LockBench, *, mtu: int = 23) -> AsyncIterator[Transfer]:
    """A link to the lock, whether its window is open or not."""
    async with bench.raw(mtu=mtu) as connection:
        made = Transfer(bench, connection)
        await connection.subscribe(bench.firmware.dialect.characteristic, made.heard)
        yield made


def pdus(image: bytes) -> list[bytes]:
    """All data PDUs of the declared bytes of a firmware file."""
    return data_pdus(image[: declared_size(image)])


def whole(image: bytes, form: EndForm = EndForm.CRC) -> list[bytes]:
    """All that a client writes for a firmware file, from START to END."""
    data = pdus(image)
    return [START, *data, end(len(data) - 1, form)]


async def send_image(bench: LockBench, image: bytes) -> Ended:
    """The whole way of a client that speaks the lock's dialect; the lock is given the time to restart."""
    preset = load_preset("ttlock" if bench.firmware.dialect.name == "tt" else "telink-ios")
    await enter(bench)
    async with bench.raw() as connection:
        ended = await transfer(connection, OtaSender(image, preset), lambda _percent: None)
    await asyncio.sleep(RESTART_SECONDS)
    return ended


async def given_up(bench: LockBench) -> None:
    """Wait until the lock has given up any transfer, and restarted."""
    await asyncio.sleep(bench.firmware.idle_seconds + RESTART_SECONDS)


async def running(bench: LockBench) -> str:
    """The version that the lock runs, as its command 90 and its GATT service tell."""
    async with bench.session() as client:
        version = await client.run(device_info(InfoType.FIRMWARE))
        assert client.connection is not None
        read = await client.connection.read(FIRMWARE_REVISION)
    expect(read.decode("utf-8", "replace"), version, "the version in 2A26, beside that of command 90")
    return version


async def expect_running(bench: LockBench, version: str) -> None:
    expect(await running(bench), version, "the version that the lock runs")


async def expect_old(bench: LockBench, *, residue: bool = False) -> None:
    """The lock runs what it ran at first, opens, and takes a new upgrade."""
    await expect_running(bench, bench.firmware.version)
    await expect_upgrade(bench, "6.4.99", residue=residue)


async def expect_upgrade(bench: LockBench, version: str, size: int = 600, *, residue: bool = False) -> None:
    """An upgrade without any trouble succeeds, and the lock opens afterwards.

    After a torn erase residue may lie between the probes of the start-up wipe: it costs one upgrade, which
    ends in a flash error and heals it (telink-ota 7.4).
    """
    image = bench.firmware.image(version, size)
    ended = await send_image(bench, image)
    if residue and ended.result is Result.FLASH:
        ended = await send_image(bench, image)
    expect(ended.result, Result.SUCCESS, "the result of a clean upgrade")
    await expect_running(bench, version)
    async with bench.session() as client:
        await client.run(unlock(bench.keys, 1))


Tap = Callable[[int, bytes, Connection], Awaitable[Sequence[bytes]]]
"""Called before each write to the OTA characteristic with its number, from 0, over all connections, the value
and the connection; gives what is written instead."""


class TappedLink:
    """A phone whose writes of firmware pass through a tap."""

    def __init__(self, bench: LockBench, tap: Tap, link: Link | None = None) -> None:
        self.scan = (link or bench.link).scan
        self._link = link or bench.link
        self._characteristic = bench.firmware.dialect.characteristic
        self._tap = tap
        self._written = 0

    async def connect(self, address: str, *, timeout: float = 10.0, mtu: int = 23) -> Connection:  # noqa: ASYNC109 - the interface of links
        return _Tapped(await self._link.connect(address, timeout=timeout, mtu=mtu), self)

    async def tapped(self, characteristic: str, value: bytes, connection: Connection) -> Sequence[bytes]:
        if characteristic != self._characteristic:
            return (value,)
        number, self._written = self._written, self._written + 1
        return await self._tap(number, value, connection)


class _Tapped(BadConnection):
    def __init__(self, connection: Connection, link: TappedLink) -> None:
        super().__init__(connection, faithful, faithful, None)
        self._link = link

    async def write(self, characteristic: str, value: bytes, *, response: bool = False) -> None:
        for piece in await self._link.tapped(characteristic, value, self):
            await super().write(characteristic, piece, response=response)
