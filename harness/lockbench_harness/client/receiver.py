"""A receiver of dding callbacks: it takes what is posted, answers as told, and lets a test wait for an event.

The signature that later versions send is checked over the bytes that came.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiohttp import web
from lockbench_protocol import LocalError
from lockbench_protocol.cloud.dding.events import signature

TAKEN = b'{"ErrNo": 0, "ErrMsg": ""}'


@dataclass(frozen=True, slots=True)
class Reply:
    """How the receiver answers one letter."""

    status: int = 200
    body: bytes = TAKEN
    seconds: float = 0.0  # it takes its time


@dataclass(frozen=True, slots=True)
class Letter:
    """A callback as it came."""

    at: float  # s of the loop
    raw: bytes
    body: dict[str, object]

    @property
    def event(self) -> str:
        return str(self.body.get("event", self.body.get("service", "")))

    def signed_for(self, url: str) -> bool:
        """Whether its sign is the one for this address."""
        return self.body.get("sign") == signature(url, self.body)


class Receiver:
    """`replies` are used up in order; without any, letters are taken."""

    def __init__(self) -> None:
        self.letters: list[Letter] = []
        self.replies: deque[Reply] = deque()
        self._news = asyncio.Condition()

    def events(self) -> list[str]:
        return [letter.event for letter in self.letters]

    async def wait_for(self, event: str, *, count: int = 1, seconds: float = 60.0) -> Letter:
        """The `count`th letter of this event, from the first on. LocalError when it does not come in time."""

        def found() -> list[Letter]:
            return [letter for letter in self.letters if letter.event == event]

        async with self._news:
            try:
                await asyncio.wait_for(self._news.wait_for(lambda: len(found()) >= count), seconds)
            except TimeoutError:
                raise LocalError(f"{count} of {event} did not come within {seconds:g} s") from None
        return found()[count - 1]

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            body = json.loads(raw)
        except ValueError:
            return web.Response(status=400)
        reply = self.replies.popleft() if self.replies else Reply()
        async with self._news:
            self.letters.append(
                Letter(asyncio.get_running_loop().time(), raw, body if isinstance(body, dict) else {})
            )
            self._news.notify_all()
        await asyncio.sleep(reply.seconds)
        return web.Response(status=reply.status, body=reply.body, content_type="application/json")


@asynccontextmanager
async def receiving(receiver: Receiver, *, socket: str | None = None, port: int = 0) -> AsyncIterator[str]:
    """The address of a receiver while it listens: on `socket` (a path), else on 127.0.0.1."""
    app = web.Application()
    app.router.add_post("/callback", receiver.take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        if socket is not None:
            await web.UnixSite(runner, socket).start()
            yield "http://localhost/callback"
        else:
            await web.TCPSite(runner, "127.0.0.1", port).start()
            yield f"http://127.0.0.1:{runner.addresses[0][1]}/callback"
    finally:
        await runner.cleanup()
