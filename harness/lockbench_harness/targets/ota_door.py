"""Doors of whole locks for the AIOT cloud: an upgrade there is an upgrade over the air here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from lockbench_emulator.cloud.aiot.agent import Job, MemoryDevices, Step
from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.lock.commands.info import InfoType
from lockbench_protocol.telink.dialects import Result

from lockbench_harness.client.operations import device_info, enter_dfu
from lockbench_harness.client.ota import OtaSender
from lockbench_harness.client.transfer import RESTART_SECONDS, transfer
from lockbench_harness.links import LinkLost
from lockbench_harness.targets.bench import LockBench

CAUSES = {Result.CRC: "checksum", Result.CHECK: "checksum", Result.TIMEOUT: "timeout", Result.GAP: "timeout"}
"""What a lock's refusal is to the cloud; any other is "rejected"."""


Beside = AbstractAsyncContextManager[LockBench]
"""A phone beside a lock, as long as it is needed."""


class Reports(Protocol):
    """Whom the door tells."""

    def progressed(self, number: int, percent: int) -> None: ...

    def finished(self, number: int, *, version: str = "", cause: str = "") -> None: ...


class OtaDoor:
    """An agent of the cloud. `beside` brings a phone to the lock of a did; where there is none: `others`."""

    def __init__(self, beside: Callable[[str], Beside | None], others: MemoryDevices) -> None:
        self._beside = beside
        self._others = others
        self._tasks: set[asyncio.Task[None]] = set()
        self.reports: Reports | None = None  # once the cloud stands

    def start(self, job: Job) -> Sequence[Step] | None:
        beside = self._beside(job.did)
        if beside is None:
            return self._others.start(job)
        task = asyncio.get_running_loop().create_task(self._upgrade(job, beside))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _upgrade(self, job: Job, beside: Beside) -> None:
        reports = self.reports
        if reports is None:
            raise LocalError("the door was asked for an upgrade before there was a cloud to tell of it")
        try:
            async with beside as bench:
                cause = await _transfer(bench, job, lambda percent: reports.progressed(job.number, percent))
                if not cause:
                    await asyncio.sleep(RESTART_SECONDS)
                    reports.finished(job.number, version=await _version(bench))
                    return
        except (RemoteError, TimeoutError):
            cause = "offline"
        except LocalError:  # the file is no firmware
            cause = "rejected"
        reports.finished(job.number, cause=cause)


async def _transfer(bench: LockBench, job: Job, report: Callable[[int], None]) -> str:
    """Send the image; why that failed, "" when it did not."""
    sender = OtaSender(job.image)
    async with bench.session() as client:
        await client.run(enter_dfu(bench.keys))
    async with bench.raw() as connection:
        try:
            ended = await transfer(connection, sender, report)
        except LinkLost:
            return "offline"
    if ended.ok:
        return ""
    return "offline" if ended.result is None else CAUSES.get(ended.result, "rejected")


async def _version(bench: LockBench) -> str:
    async with bench.session() as client:
        return await client.run(device_info(InfoType.FIRMWARE))
