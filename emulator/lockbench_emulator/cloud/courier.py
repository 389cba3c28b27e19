"""The courier of a cloud: does what falls due and posts its letters. The only thing here that waits.

It sleeps on the loop's clock, which is the site's in virtual time, and wakes when the cloud has news.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Protocol

import aiohttp

from lockbench_emulator.cloud.outbox import Answer, Letter, Outbox

TIMEOUT = 5.0
"""How long an address may take to answer, s."""
FROZEN = 0.05
"""How often it looks whether a clock that stands has moved, s."""
ANSWER_LIMIT = 64 * 1024
"""As much of an answer is read, bytes."""


class Sender(Protocol):
    """A cloud that has letters, and work which falls due; new work comes with a letter."""

    @property
    def outbox(self) -> Outbox: ...

    def millis(self) -> int:
        """ms since 1970."""

    def next_due(self) -> int | None:
        """When work falls due next, ms since 1970."""

    def run_due(self) -> int:
        """Do all that has fallen due."""


class Courier:
    """`socket`: a Unix socket at which all addresses are reached, for virtual time."""

    def __init__(self, cloud: Sender, *, socket: str = "") -> None:
        self._cloud = cloud
        self._socket = socket
        self._news = asyncio.Event()
        self._stands = False  # the cloud's clock did not move while it slept
        cloud.outbox.news = self._news.set

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
        before = self._cloud.millis()
        dues = [due for due in (self._cloud.next_due(), self._cloud.outbox.next_due()) if due is not None]
        pause = max((min(dues) - before) / 1000, FROZEN if self._stands else 0.001) if dues else None
        try:
            async with asyncio.timeout(pause):
                await self._news.wait()
            self._stands = False
        except TimeoutError:
            self._stands = self._cloud.millis() == before

    async def _post(self, http: aiohttp.ClientSession, letter: Letter) -> None:
        try:
            async with http.post(
                letter.url, data=letter.body, headers=letter.headers, allow_redirects=False
            ) as response:
                answer = Answer(response.status, await response.content.read(ANSWER_LIMIT))
        except TimeoutError:
            answer = Answer(None, trouble="timed out")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            answer = Answer(None, trouble=type(error).__name__)
        self._cloud.outbox.settle(letter.number, answer)


@asynccontextmanager
async def courier(cloud: Sender, *, socket: str = "") -> AsyncIterator[None]:
    """A courier at work."""
    task = asyncio.get_running_loop().create_task(Courier(cloud, socket=socket).run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task
