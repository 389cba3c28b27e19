"""The emulated dding SaaS of a bench: on a Unix socket, in virtual time, with a receiver of callbacks."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Literal

import aiohttp
from lockbench_emulator.cloud.dding.agent import Command, MemoryLocks, Outcome, Report
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Refused
from lockbench_emulator.cloud.dding.server import serving_dding
from lockbench_emulator.cloud.faults import Fault, Faults
from lockbench_emulator.cloud.parts import SOUND_CLOUDS, Clouds
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.times import SkippingClock
from lockbench_emulator.device import LockDevice
from lockbench_emulator.site import Act, Site
from lockbench_protocol.cloud.dding.endpoints import Role

from lockbench_harness.client.cloud import TIMEOUT
from lockbench_harness.client.receiver import Receiver, receiving
from lockbench_harness.site.dding import SiteLocks
from lockbench_harness.targets.dding import DdingCloud, DdingRefused, Who
from lockbench_harness.trace import Trace

CLIENTS: dict[Who, tuple[str, Role, str]] = {
    "admin": ("t", Role.ADMIN, "Ann"),
    "steward": ("t", Role.STEWARD, "Sam"),
    "merchant": ("t", Role.MERCHANT, "Mia"),
    "stranger": ("other", Role.ADMIN, "Eve"),
}
SECRET = "a secret of the bench"  # noqa: S105 - test data


class BenchLocks:
    """Locks that are rows, and the guests of a site, which are whole."""

    def __init__(self, store: Store, now: Callable[[], float], site: Site) -> None:
        self._site = site
        self._rows = MemoryLocks(store, now)
        self._whole = SiteLocks(site)
        self.trouble = self._whole.trouble = self._rows.trouble

    def _of(self, uuid: str) -> SiteLocks | MemoryLocks:
        return self._whole if uuid in self._site.guests else self._rows

    def carry_out(self, command: Command) -> Outcome | None:
        return self._of(command.uuid).carry_out(command)

    def check(self, command: Command) -> Outcome | None:
        return self._of(command.uuid).check(command)

    def admin_code(self, uuid: str) -> str | None:
        return self._of(uuid).admin_code(uuid)

    def unbound(self, uuid: str) -> None:
        self._of(uuid).unbound(uuid)

    def reports(self, uuid: str) -> Sequence[Report]:
        return self._of(uuid).reports(uuid)

    def press(self, uuid: str, code: str, report: Callable[..., None]) -> bool:
        return self._of(uuid).press(uuid, code, report)

    def set_code(self, uuid: str, password_id: int, code: str) -> bool:
        return self._of(uuid).set_code(uuid, password_id, code)

    def drop_code(self, uuid: str, password_id: int) -> bool:
        return self._of(uuid).drop_code(uuid, password_id)


class EmulatedDdingStaff:
    """See `DdingHands`."""

    def __init__(self, bench: DdingBench, locks: BenchLocks, faults: Faults, store: Store) -> None:
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
    *,
    seed: int,
    unix_start: int,
    trace: Trace,
    parts: Clouds = SOUND_CLOUDS,
    door: tuple[LockDevice, Act] | None = None,
) -> AsyncIterator[DdingCloud]:
    """A cloud of its own, built from `parts`, whose clock shows `unix_start` at the loop's 0.

    Its locks are rows, but for `door`: that is the lock whose uuid is its address.
    """
    loop = asyncio.get_running_loop()

    now = SkippingClock(lambda: unix_start + loop.time())

    def note(method: str, path: str, status: int, code: int | None) -> None:
        trace.event("cloud", method=method, path=path, status=status, errcode=code)

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        store = stack.enter_context(parts.store())
        site = Site(store, now)
        if door is not None:
            site.guests[door[0].address] = door
        locks, faults, receiver = BenchLocks(store, now, site), Faults(), Receiver()
        chance = Random(f"dding {seed}")  # noqa: S311 - an emulated cloud repeats itself
        cloud = parts.dding(store, now, chance, locks, parts.dding_policy)
        bench = parts.dding_bench(cloud, locks, now)
        for who, (tenant, role, name) in CLIENTS.items():
            bench.add_client(who, SECRET, tenant, role, name)
        inbox = str(folder / "receiver")
        address = await stack.enter_async_context(receiving(receiver, socket=inbox))
        bench.set_callback_url("t", address)
        path = str(folder / "dding")
        base_url = await stack.enter_async_context(
            serving_dding(cloud, faults, bench, socket=path, callback_socket=inbox, observe=note)
        )
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(path), timeout=TIMEOUT)
        )
        staff = EmulatedDdingStaff(bench, locks, faults, store)
        pairs = {who: (who, SECRET) for who in CLIENTS}
        made = DdingCloud(base_url, http, now, pairs, receiver, staff)
        await made.log_in()
        yield made
