"""Faulty plug-ins: each a small override of the sound one, each a mistake that clients have made.

They stand beside the faulty locks (`lockbench mutants`): a case that does not tell one from the sound client
is blind there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import Any

from lockbench_emulator.mutants import Mutant
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.lockdata import LockData
from lockbench_protocol.plugin import Method, Version, contract

from lockbench_harness.client.call import Call, CloudAccess, Failed, Result, callback, text
from lockbench_harness.client.plugin import Option, Plugin, Work
from lockbench_harness.links import LinkLost, Missing
from lockbench_harness.phone import HostError

__all__ = ["CLIENTS", "ClientMutant"]


@dataclass(frozen=True)
class ClientMutant(Mutant):
    """A sound lock, met by a faulty plug-in."""

    plugins: type[Plugin] = Plugin


def calling(calls: type[Call]) -> type[Plugin]:
    """The plug-in whose calls are these."""
    return type(f"Plugin{calls.__name__}", (Plugin,), {"calls": calls})


def telling(codes: Mapping[int, int]) -> type[Plugin]:
    """A plug-in that tells a cause by another code than its own."""

    class Telling(Call):
        def result(self, code: int, *arguments: Any, **values: Any) -> Result:
            return super().result(codes.get(code, code), *arguments, **values)

    return calling(Telling)


def releasing(release: type[Version]) -> type[Plugin]:
    """A plug-in that is wrong about its own version."""

    class Releasing(Plugin):
        def __init__(self, *arguments: Any, **values: Any) -> None:
            super().__init__(*arguments, **values)
            self.version = release(self.version.number, self.version.edition)

    return Releasing


# Settling -------------------------------------------------------------------------------------------------


class TellsAgain(Plugin):
    async def _run(self, call: Call, option: Option, begin: Callable[[Call, Option], Work]) -> Result:
        result = await super()._run(call, option, begin)
        asyncio.get_running_loop().call_later(1.0, call.tell, callback(option, "disconnectCallback"), result)
        return result


class Hangs(Plugin):
    async def _finish(self, call: Call, work: Work) -> Result:
        try:
            return await super()._finish(call, work)
        except LinkLost:
            await asyncio.Event().wait()
            raise


class TellsEndTwice(Call):
    def _tell_disconnect(self, code: int) -> None:
        told = self.on_disconnect
        super()._tell_disconnect(code)
        self.on_disconnect = told


class StaysBusy(Plugin):
    async def _finish(self, call: Call, work: Work) -> Result:
        running = None
        try:
            task = asyncio.ensure_future(super()._finish(call, work))
            await asyncio.sleep(0)
            running = self._running
            return await task
        finally:
            if call.interrupted:
                self._running = running


# An upgrade's story ---------------------------------------------------------------------------------------


class ProgressFalls(Call):
    def step(self, kind: int, progress: int) -> None:
        super().step(kind, 40 if (kind, progress) == (2, 60) else progress)


class SkipsFetching(Call):
    def step(self, kind: int, progress: int) -> None:
        if kind == 3:
            self.reached = 3
        else:
            super().step(kind, progress)


class HidesFailedSync(Call):
    def result(self, code: int, *arguments: Any, **values: Any) -> Result:
        if values.get("type") == 5:
            return super().result(0, **(values | {"type": 4}))
        return super().result(code, *arguments, **values)


class IgnoresFeatures(Plugin):
    def _enter_dfu_mode(self, call: Call, option: Option, cloud: CloudAccess) -> Work:
        known = LockData.decode(text(option, "lockData"))
        blob = replace(known, feature_value=None).encode(Random(0))  # noqa: S311 - seeds of a codec
        return super()._enter_dfu_mode(call, {**option, "lockData": blob}, cloud)


# Versions and arguments -----------------------------------------------------------------------------------


class AnyCode(Version):
    def code(self, number: int) -> int:
        return number


class AnyField(Version):
    def gives(self, name: str) -> frozenset[str]:
        return Version().gives(name)


class AnyMethod(Version):
    def method(self, name: str) -> Method:
        return contract().methods[name]


class NeedsDeviceId(Plugin):
    async def _run(self, call: Call, option: Option, begin: Callable[[Call, Option], Work]) -> Result:
        if not option.get("deviceId"):
            return call.result(11003, "deviceId must be a text")
        return await super()._run(call, option, begin)


class ObeysDeviceId(Plugin):
    async def _run(self, call: Call, option: Option, begin: Callable[[Call, Option], Work]) -> Result:
        if isinstance(option.get("deviceId"), str):
            call.direct = text(option, "deviceId")
        return await super()._run(call, option, begin)


class OnlyObjects(Plugin):
    def _option(self, method: Method, arguments: tuple[object, ...]) -> object:
        return arguments[0] if self.version.takes_object else super()._option(method, arguments)


class ScansFirst(Plugin):
    async def create_custom_passcode(self, *arguments: object) -> Result:
        await self.phone.scan(0.1)
        return await super().create_custom_passcode(*arguments)


# Results --------------------------------------------------------------------------------------------------


class BatteryAsText(Call):
    def result(self, code: int, *arguments: Any, **values: Any) -> Result:
        told = super().result(code, *arguments, **values)
        return {key: str(value) if key == "electricQuantity" else value for key, value in told.items()}


class ForgetsBattery(Call):
    def result(self, code: int, *arguments: Any, **values: Any) -> Result:
        told = super().result(code, *arguments, **values)
        return {key: value for key, value in told.items() if key != "electricQuantity"}


class ForgetsHost(Call):
    def result(self, code: int, *arguments: Any, **values: Any) -> Result:
        told = super().result(code, *arguments, **values)
        return {key: value for key, value in told.items() if key not in ("errCode", "errMsg")}


class LeavesPlaceholder(Call):
    def failed(self, failed: Failed) -> Result:
        return super().failed(Failed(failed.code, failed.description, failed.host))


class SpeaksChinese(Plugin):
    def __init__(self, *arguments: Any, **values: Any) -> None:
        super().__init__(*arguments, **values | {"language": "zh"})


class TellsMissingAsLost(Call):
    def missing(self, service: str, error: Missing) -> Failed:
        return Failed(10003, f"{service}: {error}")


class Guesses(Call):
    def failure(self, error: RemoteError) -> Failed:
        return Failed(99999, str(error), error if isinstance(error, HostError) else None)


def faulty(name: str, says: str, killed_by: str, plugins: type[Plugin]) -> ClientMutant:
    return ClientMutant(name, says, tuple(killed_by.split()), plugins=plugins)


CLIENTS: tuple[ClientMutant, ...] = (
    faulty("tells-after-settling", "a callback comes a second after the result", "PLG/1", TellsAgain),
    faulty("call-hangs", "a call whose link is lost never settles", "PLG/1 PLG/25", Hangs),
    faulty(
        "end-told-twice",
        "disconnectCallback is called at the loss and at the end",
        "PLG/6",
        calling(TellsEndTwice),
    ),
    faulty("busy-after-stop", "after a stop every call is told that one runs", "PLG/20", StaysBusy),
    faulty("progress-falls", "the progress of an upgrade falls once", "PLG/10", calling(ProgressFalls)),
    faulty("fetching-skipped", "an upgrade goes from type 2 to 4", "PLG/10", calling(SkipsFetching)),
    faulty(
        "sync-failure-hidden", "type 4 where the cloud could not be told", "PLG/11", calling(HidesFailedSync)
    ),
    faulty(
        "upload-opens",
        "the lockData of an upgrade is told as one of a reset lock",
        "PLG/12",
        telling({11006: 10001}),
    ),
    faulty(
        "features-ignored", "a lock that cannot be upgraded is met all the same", "PLG/13", IgnoresFeatures
    ),
    faulty("user-key-unnamed", "a user's key is told as no key", "PLG/14", telling({11005: 10005})),
    faulty(
        "package-unchecked",
        "dfuPackageInfo without a field is told as a failed request",
        "PLG/15",
        telling({11003: 11101}),
    ),
    faulty(
        "dead-token-as-status", "a dead token is told as an HTTP status", "PLG/16", telling({11101: 10305})
    ),
    faulty(
        "domain-as-network",
        "a domain that is not listed is told as no network",
        "PLG/17",
        telling({10302: 11101}),
    ),
    faulty("switch-unseen", "Bluetooth that is off is told as no lock", "PLG/18", telling({10012: 10036})),
    faulty(
        "nearby-as-location", "a refused permission is told as another", "PLG/18", telling({10043: 10015})
    ),
    faulty(
        "desktop-unnamed",
        "a desktop without Bluetooth is told as a broken adapter",
        "PLG/19",
        telling({11002: 10030}),
    ),
    faulty(
        "codes-of-any-version", "a version tells codes that it does not have", "PLG/22", releasing(AnyCode)
    ),
    faulty(
        "fields-of-any-version", "a version gives fields that it does not have", "PLG/2", releasing(AnyField)
    ),
    faulty("methods-of-any-version", "a version has a method before its time", "PLG/7", releasing(AnyMethod)),
    faulty("device-id-needed", "a call without deviceId is refused", "PLG/9", NeedsDeviceId),
    faulty("device-id-obeyed", "deviceId is obeyed after its time", "PLG/9", ObeysDeviceId),
    faulty("arguments-in-order-refused", "3.x takes one object only", "PLG/8", OnlyObjects),
    faulty("radio-before-checks", "a scan starts before the options are looked at", "PWD/3", ScansFirst),
    faulty("battery-as-text", "electricQuantity is a text", "PLG/3", calling(BatteryAsText)),
    faulty("host-forgotten", "errCode and errMsg are never told", "PLG/4", calling(ForgetsHost)),
    faulty("battery-forgotten", "electricQuantity is never told", "PLG/5", calling(ForgetsBattery)),
    faulty(
        "placeholder-left",
        "10101 and 10305 name neither version nor status",
        "PLG/18",
        calling(LeavesPlaceholder),
    ),
    faulty("one-language", "errorMsg is Chinese whatever was chosen", "PLG/23", SpeaksChinese),
    faulty(
        "missing-as-lost",
        "a missing characteristic is told as a lost link",
        "SES/22",
        calling(TellsMissingAsLost),
    ),
    faulty(
        "status-133-as-timeout",
        "Android's status 133 is told as a time-out",
        "SES/23",
        telling({10045: 10002}),
    ),
    faulty("all-errors-one", "every error is told as 99999", "PLG/21", calling(Guesses)),
)
