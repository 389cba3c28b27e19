"""How the lock of `exec` and `serve` is on the air, and the centrals that the door gives out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockbench_emulator.radio.medium import Medium

    from lockbench_harness.links import Link

INTERVAL = 0.02  # seconds between advertisements: in real time, what a client waits for


@asynccontextmanager
async def central(medium: Medium) -> AsyncIterator[Link]:
    """A central on the medium, taken off it at the end."""
    from lockbench_harness.links.bumble import BumbleLink

    async with await BumbleLink.on_medium(medium) as link:
        yield link
