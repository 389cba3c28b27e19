"""How many requests a second the dding cloud answers, beside a bare aiohttp handler with the same JSON.

Server time only: the client is a thread of its own, and the clock is that of the server's thread. The cloud
checks the token, keeps its journal, and its store is a file. Both sides are asked over a Unix socket.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from aiohttp import web
from lockbench_emulator.cloud.dding.agent import MemoryLocks
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.policy import PROFILES
from lockbench_emulator.cloud.dding.wire import dding_app
from lockbench_emulator.cloud.doors import Door, listening
from lockbench_emulator.cloud.faults import Faults
from lockbench_emulator.cloud.store import Store
from lockbench_protocol import RemoteError
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, PREFIX

from lockbench_benchmarks.interleave import SECONDS
from lockbench_benchmarks.row import OURS, Goals, Row, Work, rows_of

BARE = "bare aiohttp handler"
READ, WRITE = "dding, a read with token", "dding, a write with token"
GOALS: Goals = {(READ, BARE): 0.4, (WRITE, BARE): 0.25}
COUNT = 20
"""Requests in one call."""
NOW = 1_709_214_310.0
STATE = {"sp_state": 1, "install_state": 4}


class Client(threading.Thread):
    """Sends a request and waits for its answer, so many times, whenever it is told to."""

    def __init__(self, path: str, request: bytes, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(daemon=True)
        self._line = socket.socket(socket.AF_UNIX)
        self._line.connect(path)
        self._request = request
        self._loop = loop
        self._go = threading.Semaphore(0)
        self._done = asyncio.Event()
        self._over = False
        self.answer = b""

    async def ask(self) -> None:
        self._done.clear()
        self._go.release()
        await self._done.wait()

    def run(self) -> None:
        while True:
            self._go.acquire()
            if self._over:
                break
            for _ in range(COUNT):
                self._line.sendall(self._request)
                self.answer = self._line.recv(65_536)
            self._loop.call_soon_threadsafe(self._done.set)
        self._line.close()

    def end(self) -> None:
        self._over = True
        self._go.release()
        self.join()


def _http(method: str, path: str, body: bytes = b"") -> bytes:
    head = f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body


def _bare(reply: dict[str, object]) -> web.Application:
    """The handler that one would write first."""

    async def handle(_request: web.Request) -> web.Response:
        return web.json_response(reply)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handle)
    return app


class Race:
    """The cloud and the bare handlers at their doors, a client before each."""

    def __init__(self, folder: Path) -> None:
        self.loop = asyncio.new_event_loop()
        self._folder = folder
        self._stack = AsyncExitStack()
        self._clients: list[Client] = []

    def run(self, work: Coroutine[Any, Any, Any]) -> Any:
        return self.loop.run_until_complete(work)

    def works(self) -> list[Work]:
        store = self._stack.enter_context(Store(str(self._folder / "store")))
        locks = MemoryLocks(store, lambda: NOW)
        cloud = Dding(store, lambda: NOW, Random(1), locks, PROFILES["v1.6"])  # noqa: S311 - a bench repeats itself
        bench = DdingBench(cloud, locks)
        bench.add_client("bench", "secret", "bench")
        rows = {row.name: row for row in ENDPOINTS}
        given = {"client_id": "bench", "client_secret": "secret"}
        token = cloud.call(rows["access_token"], given)["access_token"]
        cloud.call(rows["add_home"], {"access_token": token, "home_id": "h"})
        read = _http("GET", f"{PREFIX}find_home_state?access_token={token}&home_id=h")
        fields = {"access_token": token, "home_id": "h", "home_name": "a name"}
        write = _http("POST", f"{PREFIX}update_home", json.dumps(fields).encode())
        ok: dict[str, object] = {"ErrNo": 0, "ErrMsg": "ok"}
        ours = self._door("ours", dding_app(cloud, Faults()))
        return [
            self._work(READ, read, ours, _bare(ok | {"result": STATE})),
            self._work(WRITE, write, ours, _bare(ok)),
        ]

    def _work(self, name: str, request: bytes, ours: str, bare: web.Application) -> Work:
        theirs = self._door(name, bare)
        return Work(name, COUNT, {OURS: self._asking(ours, request), BARE: self._asking(theirs, request)})

    def _door(self, name: str, app: web.Application) -> str:
        path = str(self._folder / name)
        self.run(self._stack.enter_async_context(listening((app, Door(path)))))
        return path

    def _asking(self, path: str, request: bytes) -> Callable[[], object]:
        client = Client(path, request, self.loop)
        client.start()
        self._clients.append(client)

        def ask() -> None:
            self.run(client.ask())
            if b'"ErrNo": 0' not in client.answer:
                raise RemoteError(f"the answer was {client.answer!r}")

        return ask

    def close(self) -> None:
        for client in self._clients:
            client.end()
        self.run(self._stack.aclose())
        self.loop.close()


def rows(seconds: float = SECONDS) -> Iterator[Row]:
    """One row for a read, one for a write; what each costs is one request."""
    with TemporaryDirectory() as folder:
        race = Race(Path(folder))
        try:
            yield from rows_of(race.works(), GOALS, seconds)
        finally:
            race.close()


def missing() -> list[str]:
    """aiohttp is always there."""
    return []
