"""A receiver of what clouds post: it takes letters, answers as told, and lets a test wait for an event."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from aiohttp import web
from lockbench_protocol import RemoteError
from lockbench_protocol.cloud.aiot.pushes import read_push

Json = dict[str, object]


def _read_object(raw: bytes) -> Json:
    body = json.loads(raw)
    return body if isinstance(body, dict) else {}


def _read_aiot(raw: bytes) -> Json:
    return read_push(raw).model_dump(by_alias=True, exclude_none=True)


def _read_form(raw: bytes) -> Json:
    return dict(parse_qsl(raw.decode(), keep_blank_values=True, strict_parsing=True, errors="strict"))


@dataclass(frozen=True, slots=True)
class Post:
    """How one cloud posts. `read` raises ValueError or RemoteError for what is no letter of it."""

    read: Callable[[bytes], Json]
    event: tuple[str, ...]  # the field that names it, first found first taken
    taken: bytes  # the answer that takes a letter
    content_type: str = "application/json"


DDING = Post(_read_object, ("event", "service"), b'{"ErrNo": 0, "ErrMsg": ""}')
AIOT = Post(_read_aiot, ("msgType",), b'{"code": 0}')
TTLOCK = Post(_read_form, ("notifyType",), b"success", "text/plain")


@dataclass(frozen=True, slots=True)
class Reply:
    """How the receiver answers one letter."""

    status: int = 200
    body: bytes | None = None  # None: what takes it
    seconds: float = 0.0  # it takes its time
    location: str = ""  # where a status of 3xx sends the poster


@dataclass(frozen=True, slots=True)
class Letter:
    """A callback as it came."""

    at: float  # s of the loop
    raw: bytes
    body: Json
    event: str
    headers: Mapping[str, str] = field(default_factory=dict)


class NotReceived(RemoteError):
    """A letter that should have come did not."""


class Receiver:
    """`replies` are used up in order; without any, letters are taken."""

    def __init__(self, post: Post = DDING) -> None:
        self.post = post
        self.letters: list[Letter] = []
        self.replies: deque[Reply] = deque()
        self._news = asyncio.Condition()

    def events(self) -> list[str]:
        return [letter.event for letter in self.letters]

    async def wait_for(self, event: str, *, count: int = 1, seconds: float = 60.0) -> Letter:
        """The `count`th letter of this event, from the first on. NotReceived when it does not come."""

        def found() -> list[Letter]:
            return [letter for letter in self.letters if letter.event == event]

        async with self._news:
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait_for(lambda: len(found()) >= count)
            except TimeoutError:
                raise NotReceived(f"{count} of {event} did not come within {seconds:g} s") from None
        return found()[count - 1]

    async def take(self, request: web.Request) -> web.Response:
        raw = await request.read()
        try:
            body = self.post.read(raw)
        except (ValueError, RemoteError):
            return web.Response(status=400)
        event = next((str(body[name]) for name in self.post.event if name in body), "")
        reply = self.replies.popleft() if self.replies else Reply()
        async with self._news:
            self.letters.append(
                Letter(asyncio.get_running_loop().time(), raw, body, event, dict(request.headers))
            )
            self._news.notify_all()
        await asyncio.sleep(reply.seconds)
        answer = self.post.taken if reply.body is None else reply.body
        headers = {"Location": reply.location} if reply.location else None
        return web.Response(
            status=reply.status, body=answer, content_type=self.post.content_type, headers=headers
        )


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
