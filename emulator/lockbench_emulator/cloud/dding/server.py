"""Serving the dding SaaS with its courier: on a Unix socket in virtual time, else on a loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lockbench_emulator.cloud.courier import courier
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.wire import Observer, dding_app
from lockbench_emulator.cloud.doors import LOOPBACK, Door, listening
from lockbench_emulator.cloud.faults import Faults

HOST = "dding.test"
"""The name of the cloud when it is reached over a Unix socket; it is never looked up."""


@asynccontextmanager
async def serving_dding(
    cloud: Dding,
    faults: Faults,
    bench: DdingBench | None = None,
    *,
    socket: str = "",
    callback_socket: str = "",
    port: int = 0,
    observe: Observer | None = None,
) -> AsyncIterator[str]:
    """The cloud's address while it serves: on `socket` (a path) when given, else on 127.0.0.1 (0: any port).

    With `callback_socket` all callbacks go there.
    """
    async with courier(cloud, socket=callback_socket):
        app = dding_app(cloud, faults, bench, observe)
        async with listening((app, Door(socket, port=port))) as (chosen,):
            yield f"http://{LOOPBACK}:{chosen}" if chosen else f"http://{HOST}"
