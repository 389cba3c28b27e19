"""Serving a cloud: on a Unix socket in virtual time, on a loopback port in real time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from lockbench_emulator.cloud.faults import Faults
from lockbench_emulator.cloud.ttlock import Ttlock
from lockbench_emulator.cloud.wire import Observer, ttlock_app

HOST = "ttlock.test"
"""The name of a cloud that is reached over a Unix socket; it is never looked up."""


@asynccontextmanager
async def serving(
    cloud: Ttlock,
    faults: Faults,
    *,
    socket: str | None = None,
    port: int = 0,
    observe: Observer | None = None,
) -> AsyncIterator[str]:
    """The cloud's address while it serves: on `socket` (a path) when given, else on 127.0.0.1 (0: any port).

    Sets `cloud.base_url`. Requests that still run at the end get a second.
    """
    runner = web.AppRunner(
        ttlock_app(cloud, faults, observe),
        access_log=None,
        shutdown_timeout=1.0,
        auto_decompress=False,  # aiohttp answers 400 to a body that does not decompress, before we see it
    )
    await runner.setup()
    try:
        if socket is not None:
            await web.UnixSite(runner, socket).start()
            cloud.base_url = f"http://{HOST}"
        else:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            cloud.base_url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield cloud.base_url
    finally:
        await runner.cleanup()
