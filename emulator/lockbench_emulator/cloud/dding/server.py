"""Serving the dding SaaS with its courier: on a Unix socket in virtual time, else on a loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.courier import courier
from lockbench_emulator.cloud.dding.wire import Observer, dding_app
from lockbench_emulator.cloud.faults import Faults

HOST = "dding.test"
"""The name of the cloud when it is reached over a Unix socket; it is never looked up."""


@asynccontextmanager
async def serving_dding(
    cloud: Dding,
    faults: Faults,
    bench: DdingBench | None = None,
    *,
    socket: str | None = None,
    callback_socket: str | None = None,
    port: int = 0,
    observe: Observer | None = None,
) -> AsyncIterator[str]:
    """The cloud's address while it serves: on `socket` (a path) when given, else on 127.0.0.1 (0: any port).

    With `callback_socket` all callbacks go there. Requests that still run at the end get a second.
    """
    async with courier(cloud, socket=callback_socket):
        app = dding_app(cloud, faults, bench, observe)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0, auto_decompress=False)
        await runner.setup()
        try:
            if socket is not None:
                await web.UnixSite(runner, socket).start()
                yield f"http://{HOST}"
            else:
                await web.TCPSite(runner, "127.0.0.1", port).start()
                yield f"http://127.0.0.1:{runner.addresses[0][1]}"
        finally:
            await runner.cleanup()
