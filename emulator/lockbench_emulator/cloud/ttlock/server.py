"""Serving the TTLock cloud."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lockbench_emulator.cloud.faults import Faults
from lockbench_emulator.cloud.journal import Observer
from lockbench_emulator.cloud.server import serving
from lockbench_emulator.cloud.ttlock import Ttlock
from lockbench_emulator.cloud.ttlock.wire import TtlockWire, ttlock_app

HOST = "ttlock.test"


@asynccontextmanager
async def serving_ttlock(
    cloud: Ttlock,
    faults: Faults,
    *,
    socket: str = "",
    webhook_socket: str = "",
    port: int = 0,
    observe: Observer | None = None,
    made: type[TtlockWire] = TtlockWire,
) -> AsyncIterator[str]:
    """Its address while it serves, as `serving` says; records are its letters. Sets `cloud.base_url`."""
    app = ttlock_app(cloud, faults, observe=observe, made=made)
    async with serving(app, cloud, HOST, socket=socket, port=port, letters=webhook_socket) as url:
        cloud.base_url = url
        yield url
