"""Where clouds listen: on Unix sockets in virtual time, on loopback ports in real time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from lockbench_protocol import LocalError

LOOPBACK = "127.0.0.1"
GRACE = 0.5
"""Requests that still run at the end get so long, s."""


@dataclass(frozen=True, slots=True)
class Door:
    """A Unix socket, or a port of a host (0: any free one)."""

    socket: str = ""
    host: str = LOOPBACK
    port: int = 0


@asynccontextmanager
async def listening(*doors: tuple[web.Application, Door]) -> AsyncIterator[list[int]]:
    """All applications at their doors; their ports, 0 for a socket. They end together.

    Raises LocalError when a door cannot be opened; then none is.
    """
    runners = [
        # aiohttp answers 400 to a body that does not decompress, before we see it
        web.AppRunner(app, access_log=None, shutdown_timeout=GRACE, auto_decompress=False)
        for app, _ in doors
    ]
    try:
        ports = [await _open(runner, door) for runner, (_, door) in zip(runners, doors, strict=True)]
        yield ports
    finally:
        await asyncio.gather(*(runner.cleanup() for runner in runners))


async def _open(runner: web.AppRunner, door: Door) -> int:
    await runner.setup()
    try:
        if door.socket:
            await web.UnixSite(runner, door.socket).start()
            return 0
        await web.TCPSite(runner, door.host, door.port).start()
    except (OSError, OverflowError) as error:
        raise LocalError(
            f"a cloud cannot listen at {door.socket or f'{door.host}:{door.port}'}: {error}"
        ) from error
    return int(runner.addresses[0][1])
