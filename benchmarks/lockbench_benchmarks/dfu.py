"""How fast firmware reaches the flash of a lock, a write of it being one operation.

A whole transfer by the reference sender, from the connection to the result and the restart, beside a loop of
bare write commands of the same length and number: both sides with 251 bytes of ACL data, one drain in 32
writes. In memory it stands beside the OTA server alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from itertools import cycle

from lockbench_emulator.boot.flash import Flash
from lockbench_emulator.boot.server import OtaServer
from lockbench_emulator.device import LockDevice
from lockbench_emulator.profiles import load_profile
from lockbench_harness.client.ota import OtaSender
from lockbench_harness.client.transfer import transfer
from lockbench_harness.links import Link
from lockbench_harness.links.bare import BareLink
from lockbench_harness.links.bumble import on_air
from lockbench_protocol import LocalError
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import ROW, make_image

from lockbench_benchmarks.air import BARE, QUIET, WRITES, Batch, Counter, bare_writes, staged
from lockbench_benchmarks.interleave import SECONDS
from lockbench_benchmarks.row import OURS, Goals, Row, Work, machine, rows_of

__all__ = ["machine", "missing", "rows"]

AIR, MEMORY, SERVER = "DFU over Bumble", "DFU in memory", "OTA server alone"
GOALS: Goals = {(AIR, BARE): 0.8}

RESTART = 5.0  # virtual seconds from the result until the lock is back
COUNT = 4 * WRITES  # VERSION, START, data PDUs, END
IMAGES = tuple(make_image((COUNT - 4) * ROW + 4, f"7.0.{seed}", seed) for seed in (1, 2))


def lock() -> LockDevice:
    """One whose window is always open, as a Telink device's without TTLock's command 02."""
    profile = load_profile("strict")
    return LockDevice(replace(profile, dfu=replace(profile.dfu, gate=False)), seed=1)


def upgrading(device: LockDevice, link: Link) -> Batch:
    """Upgrade after upgrade, to one image and the other."""
    images = cycle(IMAGES)

    async def batch() -> None:
        connection = await link.connect(device.address)
        ended = await transfer(connection, OtaSender(next(images)), lambda _percent: None)
        await asyncio.sleep(RESTART)
        if not ended.ok:
            raise LocalError(f"an upgrade failed and is not to be measured: {ended.why}")

    return batch


@asynccontextmanager
async def over_bumble() -> AsyncIterator[Batch]:
    device = lock()
    async with on_air([device], observe=Counter()) as air:
        yield upgrading(device, air.links[0])


@asynccontextmanager
async def in_memory() -> AsyncIterator[Batch]:
    device = lock()
    async with BareLink([device], Counter()) as link:
        yield upgrading(device, link)


@asynccontextmanager
async def bare_bumble() -> AsyncIterator[Batch]:
    async with bare_writes() as batch:

        async def batches() -> None:
            for _ in range(COUNT // WRITES):
                await batch()

        yield batches


def server_alone() -> Callable[[], None]:
    device = lock()
    values = [step.value for step in OtaSender(IMAGES[0]).script()]

    def run() -> None:
        server = OtaServer(Flash(device.board.flash_size), device.board, device.dialect, 0)
        for value in values:
            server.write(value, 0.0)
        if server.verdict is not Result.SUCCESS:
            raise LocalError(f"the OTA server alone ended in {server.verdict}")

    return run


def works() -> Iterator[Work]:
    with (
        staged(over_bumble) as loud,
        staged(over_bumble, hushed=True) as hushed,
        staged(bare_bumble) as theirs,
        staged(in_memory) as memory,
    ):
        yield Work(AIR, COUNT, {OURS: loud, BARE: theirs})
        yield Work(QUIET.format(AIR), COUNT, {OURS: hushed, BARE: theirs})
        yield Work(MEMORY, COUNT, {OURS: memory, SERVER: server_alone()})


def rows(seconds: float = SECONDS) -> Iterator[Row]:
    return rows_of(works(), GOALS, seconds)


def missing() -> list[str]:
    """Bumble is always there."""
    return []
