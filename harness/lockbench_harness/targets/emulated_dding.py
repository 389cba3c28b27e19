"""The emulated dding SaaS of a bench: on a Unix socket, in virtual time, with a receiver of callbacks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Literal

import aiohttp
from lockbench_emulator.cloud.dding.agent import MemoryLocks
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Refused
from lockbench_emulator.cloud.dding.server import serving_dding
from lockbench_emulator.cloud.faults import Fault, Faults
from lockbench_emulator.cloud.parts import SOUND_CLOUDS, Clouds
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.times import SkippingClock
from lockbench_protocol.cloud.dding.endpoints import Role

from lockbench_harness.client.cloud import TIMEOUT
from lockbench_harness.client.receiver import Receiver, receiving
from lockbench_harness.targets.dding import DdingCloud, DdingRefused, Who
from lockbench_harness.trace import Trace

CLIENTS: dict[Who, tuple[str, Role, str]] = {
    "admin": ("t", Role.ADMIN, "Ann"),
    "steward": ("t", Role.STEWARD, "Sam"),
    "merchant": ("t", Role.MERCHANT, "Mia"),
    "stranger": ("other", Role.ADMIN, "Eve"),
}
SECRET = "a secret of the bench"  # noqa: S105 - test data


class EmulatedDdingStaff:
    """See `DdingHands`."""

    def __init__(self, bench: DdingBench, locks: MemoryLocks, faults: Faults, store: Store) -> None:
        self._bench = bench
        self._locks = locks
        self._faults = faults
        self._store = store

    def control(self, name: str, /, **arguments: object) -> object:
        try:
            return getattr(self._bench, name)(**arguments)
        except Refused as refusal:
            raise DdingRefused(refusal.code) from None

    def lose(self, uuid: str, what: Literal["command lost", "answer lost", "refuses", ""]) -> None:
        self._locks.trouble.pop(uuid, None)
        if what:
            self._locks.trouble[uuid] = what

    def fail(self, fault: Fault) -> None:
        self._faults.add(fault)

    def journal(self) -> list[str]:
        calls = [str(tuple(row)) for row in self._store.all("SELECT * FROM journal ORDER BY number")]
        return [*calls, *(json.dumps(row) for row in self._bench.callbacks("t"))]


@asynccontextmanager
async def emulated_dding(
    *, seed: int, unix_start: int, trace: Trace, parts: Clouds = SOUND_CLOUDS
) -> AsyncIterator[DdingCloud]:
    """A cloud of its own, built from `parts`, whose clock shows `unix_start` at the loop's 0."""
    loop = asyncio.get_running_loop()

    now = SkippingClock(lambda: unix_start + loop.time())

    def note(method: str, path: str, status: int, code: int | None) -> None:
        trace.event("cloud", method=method, path=path, status=status, errcode=code)

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        store = stack.enter_context(parts.store())
        locks, faults, receiver = MemoryLocks(store, now), Faults(), Receiver()
        chance = Random(f"dding {seed}")  # noqa: S311 - an emulated cloud repeats itself
        cloud = parts.dding(store, now, chance, locks, parts.dding_policy)
        bench = parts.dding_bench(cloud, locks, now)
        for who, (tenant, role, name) in CLIENTS.items():
            bench.add_client(who, SECRET, tenant, role, name)
        inbox = str(folder / "receiver")
        address = await stack.enter_async_context(receiving(receiver, socket=inbox))
        bench.set_callback_url("t", address)
        door = str(folder / "dding")
        base_url = await stack.enter_async_context(
            serving_dding(cloud, faults, bench, socket=door, callback_socket=inbox, observe=note)
        )
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(door), timeout=TIMEOUT)
        )
        staff = EmulatedDdingStaff(bench, locks, faults, store)
        pairs = {who: (who, SECRET) for who in CLIENTS}
        made = DdingCloud(base_url, http, now, pairs, receiver, staff)
        await made.log_in()
        yield made
