"""The vendor's plug-in at version 3.1.0, on the reference client (plug-in documents).

A method takes one option object with the documented names and settles exactly once with a result mapping,
also when it fails; only a fault of the bench itself raises. One operation runs at a time. disconnectCallback
is called once if the operation got as far as a link: at once when that is lost, otherwise as the operation
settles, its last link closed. The disconnects that are steps of an upgrade are not told.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.errors import Language
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.lock.features import Feature

from lockbench_harness.client.call import (
    Call,
    CloudAccess,
    Failed,
    Key,
    Result,
    admin_key,
    callback,
    failure,
    mapping,
    millis,
    text,
)
from lockbench_harness.client.operations import PERMANENT, add_passcode
from lockbench_harness.links import Link

__all__ = ["CloudAccess", "Plugin"]

_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 - lock-local time has no zone
Work = Coroutine[Any, Any, Result]


class Plugin:
    """One mini-program's plug-in. `chance` gives the seeds in the lockData that it makes."""

    def __init__(
        self, link: Link, *, chance: Random, cloud: CloudAccess | None = None, language: Language = "zh"
    ) -> None:
        self._link = link
        self._chance = chance
        self._cloud = cloud
        self._language: Language = language
        self._busy = False

    async def create_custom_passcode(self, option: Mapping[str, object]) -> Result:
        """Write a passcode into the lock. Option: passcode, startDate and endDate (decimal ms; both "0" is
        permanent), lockData, disconnectCallback. On success the result has passcode."""
        return await self._settle(_create_custom_passcode, option)

    async def enter_dfu_mode(self, option: Mapping[str, object]) -> Result:
        """Upgrade the lock's firmware. Option: dfuPackageInfo (clientId, accessToken, lockId), lockData,
        callback, disconnectCallback.

        `callback` gets the steps, type 1 to 3 with progress; the result has type 4 or 5, progress and
        lockData, or is an error. LocalError when the plug-in was made without a cloud.
        """
        from lockbench_harness.client.upgrade import enter_dfu_mode

        cloud = self._cloud
        if cloud is None:
            raise LocalError("enter_dfu_mode needs a cloud, and this plug-in has none")
        return await self._settle(
            lambda call, given: enter_dfu_mode(call, given, cloud, self._chance), option
        )

    async def _settle(self, begin: Callable[[Call, Mapping[str, object]], Work], option: object) -> Result:
        """`begin` checks the option, without radio or network, and gives the work to do."""
        call = Call(self._link, self._language)
        try:
            work = begin(call, mapping(option, "option"))
            if self._busy:
                work.close()
                return call.result(11013, "another operation has not settled yet")
            self._busy = True
            try:
                return await work
            except RemoteError as error:
                raise failure(error) from error
            finally:
                self._busy = False
                await call.hang_up()
                call.close()
        except Failed as failed:
            return call.result(failed.code, failed.description, failed.fill)


def _create_custom_passcode(call: Call, option: Mapping[str, object]) -> Work:
    passcode = text(option, "passcode")
    if not re.fullmatch(r"[0-9]{4,9}", passcode):
        raise Failed(11003, "passcode must be 4 to 9 digits")
    start, end = millis(option, "startDate"), millis(option, "endDate")
    call.on_disconnect = callback(option, "disconnectCallback")
    key = admin_key(option)
    key.needs(Feature.PASSCODE)
    return _add(call, key, passcode, _window(start, end, key.zone))


async def _add(call: Call, key: Key, passcode: str, window: tuple[bytes, bytes]) -> Result:
    await call.find(key)
    client = await call.open(key)
    call.battery = await client.run(add_passcode(key.keys, passcode, window))
    return call.result(0, passcode=passcode)


def _window(start: int, end: int, zone: timedelta) -> tuple[bytes, bytes]:
    """The lock-local date5 of two times in ms; both 0 is permanent (ttlock-ble 8)."""
    if start == end == 0:
        return PERMANENT
    if end < start:
        raise Failed(11003, "endDate must not be before startDate")
    return _date(start, zone, "startDate"), _date(end, zone, "endDate")


def _date(moment: int, zone: timedelta, name: str) -> bytes:
    try:
        return date5(_EPOCH + timedelta(milliseconds=moment) + zone)
    except (ValueError, OverflowError):
        raise Failed(11003, f"{name} is not in the years 2000 to 2099 that a lock knows") from None
