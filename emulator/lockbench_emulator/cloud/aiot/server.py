"""Serving the AIOT cloud with its courier: on a Unix socket in virtual time, else on a loopback port."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.cloud import Aiot
from lockbench_emulator.cloud.aiot.wire import Observer, aiot_app
from lockbench_emulator.cloud.courier import courier
from lockbench_emulator.cloud.doors import LOOPBACK, Door, listening
from lockbench_emulator.cloud.faults import Faults

HOST = "aiot.test"
"""The name of the cloud when it is reached over a Unix socket; it is never looked up."""


@asynccontextmanager
async def serving_aiot(
    cloud: Aiot,
    faults: Faults,
    bench: AiotBench | None = None,
    *,
    socket: str = "",
    push_socket: str = "",
    port: int = 0,
    observe: Observer | None = None,
) -> AsyncIterator[str]:
    """The cloud's address while it serves: on `socket` (a path) when given, else on a loopback port.

    With `push_socket` all pushes go there.
    """
    app = aiot_app(cloud, faults, bench, observe)
    async with courier(cloud, socket=push_socket), listening((app, Door(socket, port=port))) as (chosen,):
        yield f"http://{LOOPBACK}:{chosen}" if chosen else f"http://{HOST}"
