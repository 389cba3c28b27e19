"""The emulated AIOT cloud of a bench: on a Unix socket, in virtual time, with a receiver of pushes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

import aiohttp
from lockbench_emulator.cloud.aiot.agent import MemoryDevices
from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.cloud import Aiot, Refused
from lockbench_emulator.cloud.aiot.server import serving_aiot
from lockbench_emulator.cloud.faults import Fault, Faults
from lockbench_emulator.cloud.parts import SOUND_CLOUDS, Clouds

from lockbench_harness.client.cloud import TIMEOUT
from lockbench_harness.client.receiver import AIOT, Receiver, receiving
from lockbench_harness.targets.aiot import DOOR, AiotCloud, AiotRefused, Grant, Who
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.ota_door import OtaDoor
from lockbench_harness.trace import Trace

USERS: dict[Who, tuple[str, str]] = {  # application, openId
    "user": ("app", "u"),
    "neighbour": ("app", "n"),
    "stranger": ("other", "u"),
}
KEY = "a key of the bench"


class EmulatedAiotStaff:
    """See `AiotHands`."""

    def __init__(self, cloud: Aiot, bench: AiotBench, faults: Faults) -> None:
        self._cloud = cloud
        self._bench = bench
        self._faults = faults

    def control(self, name: str, /, **arguments: object) -> object:
        try:
            return getattr(self._bench, name)(**arguments)
        except Refused as refusal:
            raise AiotRefused(refusal.code) from None

    def set_policy(self, **keys: Any) -> None:
        self._cloud.core.policy = replace(self._cloud.core.policy, **keys)

    def fail(self, fault: Fault) -> None:
        self._faults.add(fault)


@asynccontextmanager
async def emulated_aiot(
    bench: LockBench,
    *,
    seed: int,
    unix_start: int,
    trace: Trace,
    parts: Clouds = SOUND_CLOUDS,
) -> AsyncIterator[AiotCloud]:
    """A cloud of its own, built from `parts`, whose clock shows `unix_start` at the loop's 0."""
    loop = asyncio.get_running_loop()

    def now() -> float:
        return unix_start + loop.time()

    def note(method: str, path: str, status: int, code: int | None) -> None:
        trace.event("cloud", method=method, path=path, status=status, errcode=code)

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        store = stack.enter_context(parts.store())
        devices, faults, receiver = MemoryDevices(), Faults(), Receiver(AIOT)
        door = OtaDoor(lambda did: nullcontext(bench) if did == DOOR else None, devices)
        cloud = parts.aiot(store, now, Random(f"aiot {seed}"), door)  # noqa: S311 - an emulated cloud repeats itself
        door.reports = cloud.upgrades
        stack.push_async_callback(door.close)
        hands = AiotBench(cloud, devices)
        inbox, path = str(folder / "receiver"), str(folder / "aiot")
        address = await stack.enter_async_context(receiving(receiver, socket=inbox))
        grants: dict[Who, Grant] = {}
        for who, (appid, open_id) in USERS.items():
            hands.add_app(appid, KEY, address if appid == "app" else "")
            grants[who] = Grant(appid, KEY, open_id, hands.grant(appid, open_id))
        base_url = await stack.enter_async_context(
            serving_aiot(cloud, faults, hands, socket=path, push_socket=inbox, observe=note)
        )
        http = await stack.enter_async_context(
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(path), timeout=TIMEOUT)
        )
        yield AiotCloud(base_url, http, grants, receiver, EmulatedAiotStaff(cloud, hands, faults))
