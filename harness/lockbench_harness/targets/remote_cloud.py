"""A TTLock cloud that is somebody else's: reached by its address, with an account there, in real time.

The locks that are registered in it are emulated, and deleted again; nobody of ours works there, so its cases
need no bench control. Its secrets are masked in everything that leaves the bench.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from time import time as unix_time

from lockbench_protocol import LocalError, RemoteError

from lockbench_harness.client.call import CloudAccess
from lockbench_harness.client.cloud import CloudUnreachable
from lockbench_harness.clock import Time
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import Account, CloudBench, open_cloud
from lockbench_harness.targets.emulated import DEFAULT_PROFILE, EmulatedTarget
from lockbench_harness.trace import Mask, Trace
from lockbench_harness.verdicts import Unreachable

OFFERS = frozenset({"cloud", "any generation"})
FIELDS = ("clientId", "clientSecret", "username", "password")


class RemoteCloudTarget:
    """The cloud at a base address, as the account sees it."""

    time = Time.REAL

    def __init__(self, url: str, account: Account, lock: EmulatedTarget) -> None:
        self.name = url
        self.profile = lock.profile
        self.capabilities = replace(lock.capabilities, offers=OFFERS)
        self.mask = Mask()
        for secret in (account.client_id, account.client_secret, account.username, account.password):
            self.mask.add(secret)
        self._account = account
        self._lock = lock

    def open(self, *, seed: int, link: str, trace: Trace) -> AbstractAsyncContextManager[LockBench]:
        return self._open(seed, link, trace)

    @asynccontextmanager
    async def _open(self, seed: int, link: str, trace: Trace) -> AsyncIterator[LockBench]:
        async with self._lock.open(seed=seed, link=link, trace=trace) as bench, AsyncExitStack() as stack:
            bench.visit_cloud(lambda: stack.enter_async_context(self._cloud(bench.credentials.lock_data)))
            yield bench

    @asynccontextmanager
    async def _cloud(self, lock_data: str) -> AsyncIterator[CloudBench]:
        access = CloudAccess(self.name.rstrip("/"), unix_time)
        async with AsyncExitStack() as stack:
            try:
                cloud = await stack.enter_async_context(open_cloud(access, self._account, lock_data, None))
            except CloudUnreachable as error:
                raise Unreachable(f"{self.name} cannot be reached: {error}") from error
            except RemoteError as error:
                raise Unreachable(f"{self.name} does not take the account or the lock: {error}") from error
            self.mask.add(cloud.session.access_token)
            try:
                yield cloud
            finally:
                await cloud.session.delete_lock(cloud.lock_id)


def make(name: str, profile: str, credentials: Path | None) -> RemoteCloudTarget:
    """The maker of http and https addresses."""
    if credentials is None:
        raise LocalError(f"{name} needs --credentials FILE: JSON with {', '.join(FIELDS)}")
    return RemoteCloudTarget(name, _account(credentials), EmulatedTarget(profile or DEFAULT_PROFILE))


def _account(file: Path) -> Account:
    try:
        data = json.loads(file.read_text("utf-8"))
    except OSError as error:
        raise LocalError(f"cannot read {file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise LocalError(f"{file} is not JSON") from error
    if not isinstance(data, dict) or any(not isinstance(data.get(name), str) for name in FIELDS):
        raise LocalError(f"{file} must be an object with the texts {', '.join(FIELDS)}")
    return Account(*(data[name] for name in FIELDS))
