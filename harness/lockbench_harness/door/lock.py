"""The one emulated lock that `exec` and `serve` put on the air, and the centrals that the door gives out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockbench_emulator.gatt import Device
    from lockbench_emulator.radio.medium import Medium

    from lockbench_harness.credentials import Credentials
    from lockbench_harness.links import Link

INTERVAL = 0.02  # seconds between advertisements: in real time, what a client waits for


def make_lock(profile: str, seed: int, *, paired: bool) -> tuple[Device, Credentials]:
    """A fresh lock with everything that opens it. Raises LocalError for a profile that is not there."""
    from lockbench_harness.targets.emulated import make_lock as make

    return make(profile, seed, paired=paired, interval=INTERVAL)


@asynccontextmanager
async def central(medium: Medium) -> AsyncIterator[Link]:
    """A central on the medium, taken off it at the end."""
    from lockbench_harness.links.bumble import BumbleLink

    async with await BumbleLink.on_medium(medium) as link:
        yield link
