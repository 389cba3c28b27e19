"""The vendor's plug-in, in any version and edition, on the reference client (plug-in documents).

A method settles exactly once with a result mapping, also when it fails; only a fault of the bench itself and
a method that the version does not have raise. One operation runs at a time. disconnectCallback is called once
if the operation got as far as a link: at once when that is lost, otherwise as the operation settles, its last
link closed. The disconnects that are steps of an upgrade are not told.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import Any

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.errors import Language
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.plugin import Method, Version, misfit

from lockbench_harness.client.admin_key import Key, admin_key
from lockbench_harness.client.call import (
    Call,
    CloudAccess,
    Failed,
    Result,
    callback,
    millis,
    text,
)
from lockbench_harness.client.operations import PERMANENT, add_passcode
from lockbench_harness.links import Link
from lockbench_harness.phone import HostError, Phone

__all__ = ["CloudAccess", "Plugin", "Version"]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - lock-local time has no zone
Option = Mapping[str, object]
Work = Coroutine[Any, Any, Result]


@dataclass(frozen=True, slots=True)
class Running:
    """The operation under way."""

    call: Call
    task: asyncio.Task[Result]
    settled: asyncio.Event


class Plugin:
    """One mini-program's plug-in. `chance` gives the seeds in the lockData that it makes.

    `link` may be a `Phone`, with its faults; `keep_deprecated` keeps fields in the results of versions whose
    documents call them deprecated.
    """

    calls: type[Call] = Call

    def __init__(
        self,
        link: Link,
        *,
        chance: Random,
        cloud: CloudAccess | None = None,
        language: Language = "zh",
        version: Version | None = None,
        keep_deprecated: bool = False,
    ) -> None:
        self.version = version or Version()
        self.phone = link if isinstance(link, Phone) else Phone(link)
        self._chance = chance
        self._cloud = cloud
        self._language: Language = language
        self._keep = keep_deprecated
        self._running: Running | None = None

    async def create_custom_passcode(self, *arguments: object) -> Result:
        """Write a passcode into the lock.

        One mapping with passcode, startDate and endDate (decimal ms; both "0" is permanent), lockData,
        disconnectCallback; or, as versions before 3.0.0 only take, these in the contract's order.
        """
        return await self._settle("createCustomPasscode", arguments, self._create_custom_passcode)

    async def enter_dfu_mode(self, *arguments: object) -> Result:
        """Upgrade the lock's firmware. One mapping with dfuPackageInfo (clientId, accessToken, lockId),
        lockData, callback, disconnectCallback; or these in the contract's order.

        `callback` gets the steps, type 1 to 3 with progress; the result has type 4 or 5, progress and
        lockData, or is an error. LocalError when the plug-in was made without a cloud.
        """
        cloud = self._cloud
        if cloud is None:
            raise LocalError("enter_dfu_mode needs a cloud, and this plug-in has none")
        return await self._settle(
            "enterDfuMode", arguments, lambda call, option: self._enter_dfu_mode(call, option, cloud)
        )

    async def stop_all_operations(self) -> Result:
        """Interrupt what runs, and let go of the lock. While a connection is being made nothing is
        interrupted: versions that have 10037 say so, others wait. An upgrade that the lock accepted comes to
        its end."""
        call = self._call("stopAllOperations")
        running = self._running
        if running is not None:
            if running.call.connecting and self.version.code(10037):
                return call.result(10037, "a connection is being made")
            await self._interrupt(running)
        return await self._released(call, self.phone.release)

    async def finish_operations(self) -> Result:
        """Let go of lock and adapter. 11013 while an operation runs."""
        call = self._call("finishOperations")
        if self._running is not None:
            return call.result(11013, "another operation has not settled yet")
        return await self._released(call, self.phone.close_adapter)

    async def operate(self, option: Option, begin: Callable[[Call, Option], Work]) -> Result:
        """Run an operation that the documents at hand do not describe, told as the plug-in tells its own.
        `begin` checks the option, without radio or network, and gives the work to do."""
        return await self._run(self._call("stopAllOperations"), option, begin)

    # How a call is run

    def _call(self, name: str) -> Call:
        gives = self.version.method(name).result
        return self.calls(self.phone, self.version, self._language, gives, keep_deprecated=self._keep)

    async def _settle(
        self, name: str, arguments: tuple[object, ...], begin: Callable[[Call, Option], Work]
    ) -> Result:
        """`begin` checks what the contract does not, without radio or network, and gives the work to do."""
        call, method = self._call(name), self.version.method(name)
        option = self._option(method, arguments)
        wrong = misfit(method.option or "", option, self.version)
        if wrong or not isinstance(option, Mapping):
            return call.result(11003, wrong or "option must be an object")
        return await self._run(call, option, begin)

    def _option(self, method: Method, arguments: tuple[object, ...]) -> object:
        """The arguments as one object."""
        if self.version.takes_object and len(arguments) <= 1:
            return arguments[0] if arguments else None
        if len(arguments) > len(method.positional):
            return None
        return dict(zip(method.positional, arguments, strict=False))

    async def _run(self, call: Call, option: Option, begin: Callable[[Call, Option], Work]) -> Result:
        try:
            if "deviceId" in self.version.fields("CreateCustomPasscode") and option.get("deviceId"):
                call.direct = self.phone.address(text(option, "deviceId"))
            work = begin(call, option)
            if self._running is not None:
                work.close()
                raise Failed(11013, "another operation has not settled yet")
            return await self._finish(call, work)
        except Failed as failed:
            return call.failed(failed)
        except RemoteError as error:
            return call.failed(call.failure(error))

    async def _finish(self, call: Call, work: Work) -> Result:
        running = self._running = Running(call, asyncio.create_task(work), asyncio.Event())
        try:
            return await running.task
        except asyncio.CancelledError:
            if not call.interrupted:
                raise
            raise self._stopped(call) from None
        finally:
            await call.close()
            self._running = None
            running.settled.set()

    def _stopped(self, call: Call) -> Failed:
        """What an operation ends with that was interrupted."""
        return Failed(-4 if call.reached < 2 else 11016, "interrupted by stopAllOperations")

    async def _interrupt(self, running: Running) -> None:
        settled = asyncio.create_task(running.settled.wait())
        free = asyncio.create_task(running.call.interruptible.wait())
        await asyncio.wait({settled, free}, return_when=asyncio.FIRST_COMPLETED)
        free.cancel()
        if not running.settled.is_set():
            running.call.interrupted = True
            running.task.cancel()
        await settled

    async def _released(self, call: Call, release: Callable[[], Awaitable[None]]) -> Result:
        try:
            await release()
        except HostError as error:
            return call.failed(call.failure(error))
        return call.result(0)

    # The methods

    def _create_custom_passcode(self, call: Call, option: Option) -> Work:
        passcode = text(option, "passcode")
        if not re.fullmatch(r"[0-9]{4,9}", passcode):
            raise Failed(11009, "passcode must be 4 to 9 digits")
        start, end = millis(option, "startDate"), millis(option, "endDate")
        call.on_disconnect = callback(option, "disconnectCallback")
        key = admin_key(option)
        key.needs(Feature.PASSCODE)
        _check_validity(start, end, key)
        return _add(call, key, passcode, _window(start, end, key.zone))

    def _enter_dfu_mode(self, call: Call, option: Option, cloud: CloudAccess) -> Work:
        from lockbench_harness.client.upgrade import enter_dfu_mode

        return enter_dfu_mode(call, option, cloud, self._chance)


async def _add(call: Call, key: Key, passcode: str, window: tuple[bytes, bytes]) -> Result:
    await call.find(key.address)
    client = await call.open(key)
    call.battery = await client.run(add_passcode(key.keys, passcode, window))
    return call.result(0, passcode=passcode)


def _check_validity(start: int, end: int, key: Key) -> None:
    """A key that ends gives no passcode beyond its own time."""
    first, last = key.lock.start_date or 0, key.lock.end_date or 0
    if last and not first <= start <= end <= last:
        raise Failed(11010, "the passcode is valid when the key is not")


def _window(start: int, end: int, zone: timedelta) -> tuple[bytes, bytes]:
    """The lock-local date5 of two times in ms; both 0 is permanent (ttlock-ble 8)."""
    if start == end == 0:
        return PERMANENT
    if end < start:
        raise Failed(11011, "endDate must not be before startDate")
    return _date(start, zone, "startDate"), _date(end, zone, "endDate")


def _date(moment: int, zone: timedelta, name: str) -> bytes:
    try:
        return date5(_EPOCH + timedelta(milliseconds=moment) + zone)
    except (LocalError, OverflowError):
        raise Failed(11007, f"{name} is not in the years 2000 to 2099 that a lock knows") from None
