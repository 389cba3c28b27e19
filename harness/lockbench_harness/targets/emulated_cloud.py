"""The emulated TTLock cloud of an emulated lock's bench: on a Unix socket, for virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from lockbench_emulator.cloud.faults import Fault, Faults
from lockbench_emulator.cloud.parts import SOUND_CLOUDS, Clouds
from lockbench_emulator.cloud.ttlock import Refused, Ttlock
from lockbench_emulator.cloud.ttlock.bench import TtlockBench
from lockbench_emulator.cloud.ttlock.server import serving_ttlock
from lockbench_emulator.device import LockDevice
from lockbench_emulator.profiles import Model
from lockbench_emulator.site import Act, Site

from lockbench_harness.client.call import CloudAccess
from lockbench_harness.client.cloud import CloudRefused
from lockbench_harness.client.receiver import TTLOCK, Receiver, receiving
from lockbench_harness.site.ttlock import SiteGateways
from lockbench_harness.targets.cloud import Account, CloudBench, open_cloud
from lockbench_harness.trace import Trace

ACCOUNT = Account("bench", "a secret of the bench", "owner", "a password of the owner")


class EmulatedStaff:
    """See `CloudHands`. Without a model named, firmware is for the lock of the bench."""

    def __init__(self, cloud: Ttlock, faults: Faults, model: Model, receiver: tuple[Receiver, str]) -> None:
        self._cloud = cloud
        self._faults = faults
        self._model = model
        self._bench = TtlockBench(cloud)
        self.receiver = receiver

    def publish(self, version: str, image: bytes, *, model: str = "", hardware: str = "") -> None:
        own = self._model
        self._cloud.add_firmware(model or own.name, hardware or own.hardware, version, image)

    def sign_up(self, account: Account) -> None:
        store = self._cloud.store
        if store.one("SELECT 1 FROM clients WHERE client_id = ?", account.client_id) is None:
            self._cloud.add_client(account.client_id, account.client_secret)
        self._cloud.add_user(account.client_id, account.username, account.password)

    def fail(self, fault: Fault) -> None:
        self._faults.add(fault)

    def mend(self) -> None:
        self._faults.clear()

    def control(self, name: str, /, **arguments: object) -> object:
        try:
            return getattr(self._bench, name)(**arguments)
        except Refused as refusal:
            raise CloudRefused(refusal.errcode, str(refusal)) from None

    def set_policy(self, **keys: Any) -> None:
        self._cloud.core.policy = replace(self._cloud.core.policy, **keys)

    def requests(self) -> list[str]:
        return [row["path"] for row in self._cloud.store.all("SELECT path FROM journal ORDER BY number")]


@asynccontextmanager
async def emulated_cloud(
    model: Model,
    lock_data: str,
    *,
    seed: int,
    unix_start: int,
    trace: Trace,
    parts: Clouds = SOUND_CLOUDS,
    on_port: bool = False,
    door: tuple[LockDevice, Act] | None = None,
) -> AsyncIterator[CloudBench]:
    """A cloud of its own, built from `parts`, whose clock shows `unix_start` at the loop's 0.

    `on_port`: on a loopback port, for clients in other processes. `door`: a lock that its gateways can reach.
    """
    loop = asyncio.get_running_loop()

    def now() -> float:
        return unix_start + loop.time()

    def note(method: str, path: str, status: int, errcode: int | None) -> None:
        trace.event("cloud", method=method, path=path, status=status, errcode=errcode)

    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        path, inbox = "" if on_port else str(folder / "ttlock"), str(folder / "receiver")
        store = stack.enter_context(parts.store())
        site = Site(store, now)
        if door is not None:
            site.guests[door[0].address] = door
        gateways = SiteGateways(site)
        cloud = parts.ttlock(store, now, Random(f"cloud {seed}"), gateways)  # noqa: S311 - an emulated cloud repeats itself
        faults, receiver = Faults(), Receiver(TTLOCK)
        address = await stack.enter_async_context(receiving(receiver, socket=inbox))
        staff = EmulatedStaff(cloud, faults, model, (receiver, address))
        staff.sign_up(ACCOUNT)
        base_url = await stack.enter_async_context(
            serving_ttlock(
                cloud,
                faults,
                socket=path,
                webhook_socket=inbox,
                observe=note,
                made=parts.ttlock_wire,
            )
        )
        access = CloudAccess(base_url, now, path or None)
        yield await stack.enter_async_context(open_cloud(access, ACCOUNT, lock_data, staff))
