"""A caller that is cancelled leaves the central usable, in whatever turn of the loop it is."""

from __future__ import annotations

import asyncio

import pytest
from lockbench_emulator.device import LockDevice
from lockbench_emulator.profiles import load_profile
from lockbench_harness import clock
from lockbench_harness.links.bumble import BumbleLink, on_air


async def cancelled_after(turns: int, work: asyncio.Task[None]) -> None:
    for _ in range(turns):
        await asyncio.sleep(0)
    work.cancel()
    await asyncio.wait({work})


@pytest.mark.parametrize("turns", range(1, 12))
def test_hanging_up_and_scanning_may_be_cancelled_at_any_moment(turns: int) -> None:
    async def story() -> None:
        device = LockDevice(load_profile("strict"), seed=1)
        async with on_air([device], seed=1) as air:
            link = air.links[0]

            async def hang_up() -> None:
                await (await link.connect(device.address)).disconnect()

            async def scan(link: BumbleLink) -> None:
                await link.scan(0.5)

            connection = await link.connect(device.address)
            await cancelled_after(turns, asyncio.create_task(connection.disconnect()))
            await cancelled_after(turns, asyncio.create_task(scan(link)))
            await hang_up()
            assert not air.failures

    clock.run(story())
