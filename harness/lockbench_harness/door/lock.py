"""The one emulated lock that `exec` and `serve` put on the air, and the centrals that the door gives out.

Rules: real time; a radio that does not come to rest cannot keep a command from ending.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockbench_emulator.gatt import Device
    from lockbench_emulator.radio.medium import Medium

    from lockbench_harness.credentials import Credentials
    from lockbench_harness.links import Link
    from lockbench_harness.links.bumble import Air

INTERVAL = 0.02  # seconds between advertisements: in real time, what a client waits for
PATIENCE = 2.0  # seconds for the radio to come to rest


def make_lock(profile: str, seed: int, *, paired: bool) -> tuple[Device, Credentials]:
    """A fresh lock with everything that opens it. Raises LocalError for a profile that is not there."""
    from lockbench_harness.targets.emulated import make_lock as make

    return make(profile, seed, paired=paired, interval=INTERVAL)


@asynccontextmanager
async def lock_on_air(device: Device, seed: int) -> AsyncIterator[Air]:
    from lockbench_harness.links.bumble import on_air

    stack = AsyncExitStack()
    air = await stack.enter_async_context(on_air([device], centrals=0, seed=seed))
    try:
        yield air
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                await stack.aclose()


@asynccontextmanager
async def central(medium: Medium) -> AsyncIterator[Link]:
    """A central on the medium, taken off it at the end."""
    from lockbench_harness.links.bumble import BumbleLink

    async with await BumbleLink.on_medium(medium) as link:
        yield link
