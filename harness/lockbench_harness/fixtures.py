"""What the pytest fixtures give: a lock, its client, a site; in virtual time, without async in the test.

Everything of one test lives on one loop. Each call runs that loop until its answer is there; in between no
time passes, and `wait` lets it pass at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Mapping
from contextlib import AsyncExitStack
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.plugin import LATEST, Version

from lockbench_harness import clock
from lockbench_harness.client import operations
from lockbench_harness.client.operations import (
    PERMANENT,
    ListedPasscode,
    LockStatus,
    LogRecord,
    Moved,
    Operation,
)
from lockbench_harness.credentials import Credentials
from lockbench_harness.links import Sighting
from lockbench_harness.targets.bench import Hands, LockBench
from lockbench_harness.targets.emulated import DEFAULT_PROFILE, EmulatedTarget
from lockbench_harness.trace import Trace

if TYPE_CHECKING:
    from lockbench_harness.client.plugin import Plugin
    from lockbench_harness.faults.phone import PhoneFault
    from lockbench_harness.phone import Handset
    from lockbench_harness.targets.cloud import CloudBench

T = TypeVar("T")
SEED = 1
FOR_EVER = 10.0**9  # virtual seconds: a user's test may wait as long as it likes


class EmulatedLock:
    """A paired lock near a phone, and the person at its door."""

    def __init__(self, profile: str = DEFAULT_PROFILE, link: str = "bare") -> None:
        self.trace = Trace()
        self._loop = clock.VirtualLoop(FOR_EVER)
        self._runner = asyncio.Runner(loop_factory=lambda: self._loop)
        self._stack = AsyncExitStack()
        self.bench: LockBench = self.run(self._open(EmulatedTarget(profile), link))

    async def _open(self, target: EmulatedTarget, link: str) -> LockBench:
        return await self._stack.enter_async_context(target.open(seed=SEED, link=link, trace=self.trace))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run the loop until `work` is done: for what these classes do not offer."""
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self._stack.aclose())
        self._runner.close()

    @property
    def credentials(self) -> Credentials:
        return self.bench.credentials

    @property
    def hands(self) -> Hands:
        """All that a person can do at the lock."""
        return self.bench.hands

    @property
    def is_open(self) -> bool:
        return self.hands.is_open()

    @property
    def now(self) -> datetime:
        """The lock's local time."""
        return self.run(self._now())

    async def _now(self) -> datetime:
        return self.bench.local()

    def enter_code(self, code: str) -> bool:
        """Type a code at the keypad; did the bolt open?"""
        return self.run(self._by_hand(code))

    async def _by_hand(self, code: str) -> bool:
        return self.hands.enter_code(code)

    def wait(self, seconds: float) -> None:
        """Let time pass, at once."""
        self.run(asyncio.sleep(seconds))

    def sight(self) -> Sighting | None:
        """The lock as a scanner sees it."""
        return self.run(self.bench.sight())


class Client:
    """The owner's app. It connects when it is first used, and again after the link was lost."""

    def __init__(self, lock: EmulatedLock) -> None:
        self._lock = lock
        self._client = lock.bench.client()

    @property
    def _keys(self) -> operations.Keys:
        return self._lock.bench.keys

    def run(self, operation: Operation[T]) -> T:
        """Any conversation of `lockbench_harness.client.operations`. Refusals are `LockRefused`."""
        return self._lock.run(self._run(operation))

    async def _run(self, operation: Operation[T]) -> T:
        if self._client.connection is None or self._client.connection.lost:
            await self._client.connect()
        return await self._client.run(operation)

    def disconnect(self) -> None:
        self._lock.run(self._client.disconnect())

    def unlock(self, record_id: int = 1) -> Moved:
        return self.run(operations.unlock(self._keys, record_id))

    def lock(self, record_id: int = 1) -> Moved:
        return self.run(operations.lock(self._keys, record_id))

    def status(self) -> LockStatus:
        return self.run(operations.status())

    def add_passcode(
        self,
        code: str,
        start: datetime | None = None,
        end: datetime | None = None,
        kind: PasscodeType = PasscodeType.PERIOD,
    ) -> None:
        """Lock-local dates; without one it is the permanent one."""
        window = (
            PERMANENT[0] if start is None else date5(start),
            PERMANENT[1] if end is None else date5(end),
        )
        self.run(operations.add_passcode(self._keys, code, window, kind))

    def delete_passcode(self, code: str) -> None:
        self.run(operations.delete_passcode(self._keys, code))

    def passcodes(self) -> list[ListedPasscode]:
        return self.run(operations.list_passcodes(self._keys))

    def read_log(self, *, new: bool = True) -> list[LogRecord]:
        return self.run(operations.read_log(new=new))

    def get_time(self) -> datetime:
        return self.run(operations.get_time())

    def set_time(self, local: datetime) -> None:
        self.run(operations.set_time(self._keys, local))


class Site:
    """The lock with its TTLock cloud, where it is registered, and the plug-in of a phone between them."""

    def __init__(self, lock: EmulatedLock) -> None:
        self._lock = lock
        self.cloud: CloudBench = lock.run(lock.bench.cloud())
        self.plugin: Plugin = lock.bench.plugin(self.cloud)

    @property
    def lock_data(self) -> str:
        """The administrator's."""
        return self._lock.credentials.lock_data

    def publish(self, version: str, image: bytes) -> None:
        """Put firmware for this lock into the cloud's catalogue."""
        self.cloud.hands.publish(version, image)

    def use_phone(self, *faults: PhoneFault, handset: Handset | None = None, version: str = LATEST) -> None:
        """From now on this version of the plug-in is called, on a phone with these faults."""
        phone = self._lock.bench.phone(*faults, handset=handset)
        self.plugin = self._lock.bench.plugin(self.cloud, link=phone, version=Version(version))

    def create_custom_passcode(self, **option: object) -> Mapping[str, object]:
        """The plug-in's call; dates are "0" (for ever) and lockData is this lock's unless given."""
        given = {"startDate": "0", "endDate": "0", "lockData": self.lock_data} | option
        arguments = self.plugin.version.arguments("createCustomPasscode", given)
        return self._lock.run(self.plugin.create_custom_passcode(*arguments))

    def enter_dfu_mode(self, **option: object) -> Mapping[str, object]:
        """The plug-in's call; the account and lockData are this site's unless given."""
        given = {"dfuPackageInfo": self.cloud.package_info(), "lockData": self.lock_data} | option
        arguments = self.plugin.version.arguments("enterDfuMode", given)
        return self._lock.run(self.plugin.enter_dfu_mode(*arguments))
