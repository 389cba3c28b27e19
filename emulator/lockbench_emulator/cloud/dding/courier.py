"""The courier of the dding SaaS: does what falls due and posts the callbacks. The only thing here that waits.

It sleeps on the loop's clock, which is the site's in virtual time, and wakes when the cloud has news.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp

from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.outbox import Answer, Letter

TIMEOUT = 5.0
"""How long an address may take to answer, s."""
ANSWER_LIMIT = 64 * 1024
"""As much of an answer is read, bytes."""


class Courier:
    """`socket`: a Unix socket at which all addresses are reached, for virtual time."""

    def __init__(self, cloud: Dding, *, socket: str | None = None) -> None:
        self._cloud = cloud
        self._socket = socket
        self._news = asyncio.Event()
        cloud.core.news = self._news.set

    async def run(self) -> None:
        """Until cancelled."""
        connector = aiohttp.UnixConnector(self._socket) if self._socket else aiohttp.TCPConnector()
        timeout = aiohttp.ClientTimeout(total=TIMEOUT)
        async with aiohttp.ClientSession(connector=connector, timeout=timeout) as http:
            while True:
                self._news.clear()
                self._cloud.run_due()
                letters = self._cloud.outbox.due()
                if letters:
                    await asyncio.gather(*(self._post(http, letter) for letter in letters))
                    continue
                await self._sleep()

    async def _sleep(self) -> None:
        """Until there is news, or something falls due."""
        dues = [due for due in (self._cloud.next_due(), self._cloud.outbox.next_due()) if due is not None]
        pause = max(min(dues) - self._cloud.core.millis(), 1) / 1000 if dues else None
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._news.wait(), pause)

    async def _post(self, http: aiohttp.ClientSession, letter: Letter) -> None:
        headers = {"Content-Type": "application/json"}
        try:
            async with http.post(
                letter.url, data=letter.body, headers=headers, allow_redirects=False
            ) as response:
                answer = Answer(response.status, await response.content.read(ANSWER_LIMIT))
        except TimeoutError:
            answer = Answer(None, trouble="timed out")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            answer = Answer(None, trouble=type(error).__name__)
        self._cloud.outbox.settle(letter.number, answer)


@asynccontextmanager
async def courier(cloud: Dding, *, socket: str | None = None) -> AsyncIterator[None]:
    """A courier at work."""
    task = asyncio.get_running_loop().create_task(Courier(cloud, socket=socket).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
