"""The TTLock client at a cloud whose answers are bombs: it ends with a sentence, and with its memory."""

from __future__ import annotations

import asyncio
import gzip
import tracemalloc
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from aiohttp import web
from lockbench_harness import clock
from lockbench_harness.client.cloud import LARGEST_REPLY, CloudReplyError, TtlockCloud
from lockbench_protocol import RemoteError

MB = 1024 * 1024


def answered(body: bytes, encoding: str | None = None) -> RemoteError:
    """What the client makes of this answer."""

    async def give(_request: web.Request) -> web.Response:
        headers = {} if encoding is None else {"Content-Encoding": encoding}
        return web.Response(body=body, content_type="application/json", headers=headers)

    async def main(path: str) -> RemoteError:
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", give)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
        await runner.setup()
        await web.UnixSite(runner, path).start()
        now = asyncio.get_running_loop().time
        try:
            async with TtlockCloud("http://cloud.test", "app", now=now, socket=path) as client:
                with pytest.raises(RemoteError) as caught:
                    await client.detail(1)
        finally:
            await runner.cleanup()
        return caught.value

    with TemporaryDirectory() as folder:
        return clock.run(main(str(Path(folder) / "cloud")))


@pytest.mark.parametrize(
    "body",
    [b"[" * 100_000, b'{"a":' * 100_000, b"9" * 10_000, b"\xff" * 100, b"", b"0" * (LARGEST_REPLY + 1)],
)
def test_an_answer_that_is_deep_or_long_is_no_answer(body: bytes) -> None:
    assert isinstance(answered(body), CloudReplyError)


def test_an_answer_that_unpacks_to_a_hundred_times_the_limit_takes_little_memory() -> None:
    bomb = gzip.compress(bytes(100 * MB), 1)
    tracemalloc.start()
    try:
        error = answered(bomb, "gzip")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(error, CloudReplyError)
    assert "larger than" in str(error)
    assert most < 16 * MB
