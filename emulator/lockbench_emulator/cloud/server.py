"""Serving the TTLock cloud: on a Unix socket in virtual time, on a loopback port in real time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from lockbench_emulator.cloud.courier import courier
from lockbench_emulator.cloud.doors import LOOPBACK, Door, listening
from lockbench_emulator.cloud.faults import Faults
from lockbench_emulator.cloud.ttlock import Ttlock
from lockbench_emulator.cloud.wire import Observer, TtlockWire, ttlock_app

HOST = "ttlock.test"
"""The name of a cloud that is reached over a Unix socket; it is never looked up."""


@asynccontextmanager
async def serving(
    cloud: Ttlock,
    faults: Faults,
    *,
    socket: str = "",
    webhook_socket: str = "",
    port: int = 0,
    observe: Observer | None = None,
    made: type[TtlockWire] = TtlockWire,
) -> AsyncIterator[str]:
    """The TTLock cloud's address while it serves: on `socket` (a path) when given, else on a loopback port.

    With `webhook_socket` all records go there. Sets `cloud.base_url`.
    """
    app = ttlock_app(cloud, faults, observe=observe, made=made)
    async with (
        courier(cloud, socket=webhook_socket),
        listening((app, Door(socket, port=port))) as (chosen,),
    ):
        cloud.base_url = f"http://{LOOPBACK}:{chosen}" if chosen else f"http://{HOST}"
        yield cloud.base_url
