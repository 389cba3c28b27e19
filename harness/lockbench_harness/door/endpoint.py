"""Where a door listens, and the one line of text that tells a client so.

Only the owner may come in: a Unix socket in a directory of mode 0700. Where there are no Unix sockets it is
loopback TCP, which is open to every local user, with a token made for this one door.
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from lockbench_protocol import LocalError

if TYPE_CHECKING:
    from lockbench_harness.door.server import Door

SOCKET = "door.sock"
MAX_PATH = 100  # bytes; the kernel takes 103 to 107


@contextmanager
def private_directory() -> Iterator[Path]:
    """A directory of mode 0700 that is gone afterwards, with a path short enough for a socket in it."""
    directory = tempfile.mkdtemp(prefix="lockbench-")
    if len(f"{directory}/{SOCKET}".encode()) > MAX_PATH:
        Path(directory).rmdir()
        directory = tempfile.mkdtemp(prefix="lockbench-", dir="/tmp")
    try:
        yield Path(directory)
    finally:
        shutil.rmtree(directory, ignore_errors=True)


@asynccontextmanager
async def listening(door: Door, directory: Path) -> AsyncIterator[str]:
    """The door answers inside the block; gives the value of LOCKBENCH_DOOR."""
    listen = listening_unix(door, directory) if hasattr(socket, "AF_UNIX") else listening_tcp(door)
    async with listen as endpoint:
        yield endpoint


@asynccontextmanager
async def listening_unix(door: Door, directory: Path) -> AsyncIterator[str]:
    path = directory / SOCKET
    if sys.platform == "win32":
        raise LocalError("there are no Unix sockets here")
    try:
        server = await asyncio.start_unix_server(door.visit, path)
    except OSError as error:
        raise LocalError(f"cannot listen on {path}: {error.strerror or error}") from error
    try:
        yield f"unix:{path}"
    finally:
        await _close(server, door)
        path.unlink(missing_ok=True)


@asynccontextmanager
async def listening_tcp(door: Door) -> AsyncIterator[str]:
    door.token = secrets.token_hex(16)
    server = await asyncio.start_server(door.visit, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()[:2]
    try:
        yield f"tcp:{host}:{port}:{door.token}"
    finally:
        await _close(server, door)


async def _close(server: asyncio.Server, door: Door) -> None:
    server.close()
    await door.close()
    await server.wait_closed()
