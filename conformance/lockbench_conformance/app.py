"""A mini-program that calls the plug-in and keeps all that it is told (plug-in documents).

Cases name a cause by the code that the newest version has for it; `Version.code` says how others tell it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import replace
from random import Random
from typing import NoReturn

from lockbench_harness.cases import Expectation, expect
from lockbench_harness.client.call import Result
from lockbench_harness.links import Link
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import CloudBench
from lockbench_protocol.errors import error_codes
from lockbench_protocol.lock.lockdata import LockData
from lockbench_protocol.plugin import LATEST, Field, Version, contract

PLUGIN = LATEST
NEWEST = Version()
UPGRADING_VERSIONS = [step for step in contract().versions if Version(step).has("enterDfuMode")]
OK, SYNC_FAILED, LINK_ENDED = 0, 11018, 10003
STEP, LAST_CALLBACK = -2, -1  # while they exist
PREPARING, UPGRADING, FETCHING, DONE, NOT_SYNCED = 1, 2, 3, 4, 5  # types of enterDfuMode
UPGRADE = ("dfu", "plugin", "cloud faults", "clock")  # what an upgrade by the plug-in needs
RESULTS = ("CreateCustomPasscodeResult", "EnterDfuModeResult")


class App:
    """`steps` has what callback was told, `ends` what disconnectCallback was told."""

    def __init__(
        self,
        bench: LockBench,
        cloud: CloudBench | None = None,
        *,
        link: Link | None = None,
        version: Version = NEWEST,
    ) -> None:
        self.version = version
        self.steps: list[Result] = []
        self.ends: list[Result] = []
        self.lock_data = bench.credentials.lock_data
        self.plugin = bench.plugin(cloud, link=link, version=version)
        self._cloud = cloud

    async def add(self, **changes: object) -> Result:
        """createCustomPasscode. A change to None takes the option out."""
        good: dict[str, object] = {
            "passcode": "13562461",
            "startDate": "0",
            "endDate": "0",
            "lockData": self.lock_data,
            "disconnectCallback": self.ends.append,
        }
        arguments = self.version.arguments("createCustomPasscode", _changed(good, changes))
        return await in_time("createCustomPasscode", self.plugin.create_custom_passcode(*arguments))

    async def upgrade(self, **changes: object) -> Result:
        """enterDfuMode, its callbacks counted anew. A change to None takes the option out."""
        self.steps.clear()
        self.ends.clear()
        good: dict[str, object] = {
            "dfuPackageInfo": self._cloud.package_info() if self._cloud else None,
            "lockData": self.lock_data,
            "callback": self.steps.append,
            "disconnectCallback": self.ends.append,
        }
        arguments = self.version.arguments("enterDfuMode", _changed(good, changes))
        return await in_time("enterDfuMode", self.plugin.enter_dfu_mode(*arguments))


async def in_time(method: str, call: Awaitable[Result]) -> Result:
    """The call, which must settle within the seconds of the contract."""
    seconds = contract().methods[method].seconds
    try:
        async with asyncio.timeout(seconds):
            return await call
    except TimeoutError:
        raise Expectation(f"the end of {method}", f"a result within {seconds:g} s", None) from None


def _changed(good: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in (good | changes).items() if value is not None}


async def upgrading_app(
    bench: LockBench, firmware: str, size: int = 600, *, link: Link | None = None, version: Version = NEWEST
) -> tuple[App, CloudBench]:
    """An app, with this version of the plug-in, at a lock for which the cloud has just published firmware."""
    cloud = await bench.cloud()
    cloud.hands.publish(firmware, bench.firmware.image(firmware, size))
    return App(bench, cloud, link=link, version=version), cloud


async def during(call: asyncio.Task[Result], happens: asyncio.Event) -> None:
    """Wait for what happens while the call is under way. A call that ends first raises its error."""
    waiting = asyncio.create_task(happens.wait())
    await asyncio.wait({call, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    if not happens.is_set():
        raise Expectation("the call", "under way", call.result())


def lock_data_with(bench: LockBench, **changes: object) -> str:
    """The administrator's lockData with other fields."""
    known = LockData.decode(bench.credentials.lock_data)
    return replace(known, **changes).encode(Random(0))  # type: ignore[arg-type]  # noqa: S311 - fields by name; seeds of a codec that hides nothing


class NoRadio:
    """A phone on which the use of the radio is a failed expectation."""

    async def scan(self, *_: object, **__: object) -> NoReturn:
        raise Expectation("the radio", "not used", "a scan")

    async def connect(self, *_: object, **__: object) -> NoReturn:
        raise Expectation("the radio", "not used", "a connection")


# What every result must be --------------------------------------------------------------------------------


def expect_code(result: Result, *codes: int, version: Version = NEWEST) -> None:
    """The result has one of these codes, as this version tells them, and is a whole TTLockError of it."""
    seen = result.get("errorCode")
    told = [version.code(code) for code in codes]
    if seen not in told:
        words = " or ".join(map(str, told))
        raise Expectation(f"errorCode of {version}", words, f"{seen} ({result.get('description')})")
    check_error(result, version)


def check_error(result: Result, version: Version = NEWEST) -> None:
    """The fields of TTLockError, of the types that can be meant, with a code that this version has."""
    code = result.get("errorCode")
    expect(type(code), int, "the type of errorCode")
    row = error_codes().get(code) if isinstance(code, int) else None
    expect(row is not None and row.live(version.worth), True, f"does version {version} have the code {code}")
    expect(bool(result.get("errorMsg")), True, "is there an errorMsg")
    expect(code in QUIET or bool(result.get("description")), True, "is an error described")
    known: dict[str, Field] = {}
    for name in RESULTS:
        known |= version.fields(name)
    for name, value in result.items():
        expect(name in known, True, f"does version {version} have the field {name}")
        _check_field(known[name], value)
    lacking = [name for name, field in known.items() if field.required and name not in result]
    expect(lacking, [], "the fields that are missing")


QUIET = (OK, STEP, LAST_CALLBACK)  # codes that are no errors


def _check_field(field: Field, value: object) -> None:
    kind = {"text": str, "number": int}[field.type]
    expect(type(value), kind, f"the type of {field.name}")
    if isinstance(value, int) and field.least is not None and field.most is not None:
        expect(
            field.least <= value <= field.most,
            True,
            f"is {field.name} {value} within {field.least} and {field.most}",
        )


def check_ends(ends: Sequence[Result], version: Version = NEWEST) -> None:
    """disconnectCallback: at most once, with the code for a link that has ended."""
    codes = [end.get("errorCode") for end in ends]
    allowed = [[], [LINK_ENDED], [version.code(LAST_CALLBACK)]]
    expect(codes in allowed, True, f"is the end told once at most, by its code, and not as {codes}")
    for end in ends:
        check_error(end, version)


def check_story(app: App, result: Result) -> None:
    """Types 1, 2 with a progress that never falls, 3, and 4 or 5; whatever ends it early is an error."""
    told = [(step.get("type"), step.get("progress")) for step in app.steps]
    types = [kind for kind, _ in told]
    progress = [percent for _, percent in told]
    expect(types, sorted(types, key=str), "the order of the types")
    expect(types[:1], [PREPARING], "the first type")
    expect((types.count(PREPARING), types.count(FETCHING) <= 1), (1, True), "how often types 1 and 3 come")
    known = (PREPARING, UPGRADING, FETCHING)
    expect(all(kind in known for kind in types), True, f"are the types {types} those of steps")
    expect(all(type(percent) is int for percent in progress), True, "is every progress a whole number")
    numbers = [percent for percent in progress if isinstance(percent, int)]
    expect(numbers, sorted(numbers), "the progress, which never falls")
    expect(all(0 <= percent <= 100 for percent in numbers), True, "is the progress within 0 to 100")
    for step in app.steps:
        expect_code(step, STEP, version=app.version)
    check_ends(app.ends, app.version)
    check_error(result, app.version)
    _check_last(types, numbers, result, app.version)


def _check_last(types: Sequence[object], progress: Sequence[int], result: Result, version: Version) -> None:
    """The code for a failed sync tells, in versions without one of its own, other failures too."""
    kind = result.get("type")
    code = {DONE: OK, NOT_SYNCED: version.code(SYNC_FAILED)}.get(int(kind) if kind is not None else 0)
    if kind is None:
        expect(result["errorCode"] in (OK, SYNC_FAILED), False, "is a success without its type")
        return
    expect(result["errorCode"], code, f"the code of a result of type {kind}")
    expect(list(types[-2:]), [UPGRADING, FETCHING], f"the types before type {kind}")
    expect((progress[-1], result.get("progress")), (100, 100), "the progress at the end")
