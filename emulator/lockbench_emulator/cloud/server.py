"""Serving a cloud with its courier: on a Unix socket in virtual time, on a loopback port in real time."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from lockbench_emulator.cloud.courier import Sender, courier
from lockbench_emulator.cloud.doors import LOOPBACK, Door, listening


@asynccontextmanager
async def serving(
    app: web.Application, cloud: Sender, host: str, *, socket: str, port: int, letters: str
) -> AsyncIterator[str]:
    """The cloud's address while it serves: on `socket` (a path) when given, else on a port (0: any free one).

    `host`: its name when it is reached over a Unix socket, where no name is looked up. `letters`: the Unix
    socket to which all goes that it posts; "": to the addresses themselves.
    """
    async with courier(cloud, socket=letters), listening((app, Door(socket, port=port))) as (chosen,):
        yield f"http://{LOOPBACK}:{chosen}" if chosen else f"http://{host}"
