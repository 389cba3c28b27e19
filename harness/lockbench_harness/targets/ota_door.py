"""The door of the bench's own lock for the AIOT cloud: an upgrade there is an upgrade over the air here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Protocol

from lockbench_emulator.cloud.aiot.agent import Job, MemoryDevices, Step
from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.lock.commands.info import InfoType
from lockbench_protocol.telink.dialects import Result

from lockbench_harness.client.operations import device_info, enter_dfu
from lockbench_harness.client.ota import OtaSender
from lockbench_harness.client.transfer import transfer
from lockbench_harness.links import LinkLost
from lockbench_harness.targets.aiot import DOOR
from lockbench_harness.targets.bench import LockBench

RESTART_SECONDS = 10.0  # verdict, end of the link, commit, reboot (telink-ota 4.2)

CAUSES = {Result.CRC: "checksum", Result.CHECK: "checksum", Result.TIMEOUT: "timeout", Result.GAP: "timeout"}
"""What a lock's refusal is to the cloud; any other is "rejected"."""


class Reports(Protocol):
    """Whom the door tells."""

    def progressed(self, number: int, percent: int) -> None: ...

    def finished(self, number: int, *, version: str = "", cause: str = "") -> None: ...


class OtaDoor:
    """An agent of the cloud: the bench's lock under DOOR, `others` for the rest."""

    def __init__(self, bench: LockBench, others: MemoryDevices) -> None:
        self._bench = bench
        self._others = others
        self._tasks: set[asyncio.Task[None]] = set()
        self.reports: Reports | None = None  # once the cloud stands

    def start(self, job: Job) -> Sequence[Step] | None:
        if job.did != DOOR:
            return self._others.start(job)
        task = asyncio.get_running_loop().create_task(self._upgrade(job))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return None

    async def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _upgrade(self, job: Job) -> None:
        reports = self.reports
        if reports is None:
            raise LocalError("the door was asked for an upgrade before there was a cloud to tell of it")
        try:
            cause = await self._transfer(job, lambda percent: reports.progressed(job.number, percent))
            if not cause:
                await asyncio.sleep(RESTART_SECONDS)
                reports.finished(job.number, version=await self._version())
                return
        except (RemoteError, TimeoutError):
            cause = "offline"
        except LocalError:  # the file is no firmware
            cause = "rejected"
        reports.finished(job.number, cause=cause)

    async def _transfer(self, job: Job, report: Callable[[int], None]) -> str:
        """Send the image; why that failed, "" when it did not."""
        sender = OtaSender(job.image)
        async with self._bench.session() as client:
            await client.run(enter_dfu(self._bench.keys))
        async with self._bench.raw() as connection:
            try:
                ended = await transfer(connection, sender, report)
            except LinkLost:
                return "offline"
        if ended.ok:
            return ""
        return "offline" if ended.result is None else CAUSES.get(ended.result, "rejected")

    async def _version(self) -> str:
        async with self._bench.session() as client:
            return await client.run(device_info(InfoType.FIRMWARE))
