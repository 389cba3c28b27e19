"""A mini-program that calls the plug-in and keeps all that it is told (plug-in documents, 3.1.0)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from random import Random
from typing import NoReturn

from lockbench_harness.cases import Expectation, expect
from lockbench_harness.client.call import Result
from lockbench_harness.links import Link
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import CloudBench
from lockbench_protocol.errors import error_code
from lockbench_protocol.lock.lockdata import LockData

PLUGIN = "3.1.0"
OK, SYNC_FAILED, LINK_ENDED = 0, 11018, 10003
PREPARING, UPGRADING, FETCHING, DONE, NOT_SYNCED = 1, 2, 3, 4, 5  # types of enterDfuMode
ERROR_FIELDS = frozenset(("errorCode", "errorMsg", "description", "electricQuantity"))  # of TTLockError


class App:
    """`steps` has what callback was told, `ends` what disconnectCallback was told."""

    def __init__(
        self, bench: LockBench, cloud: CloudBench | None = None, *, link: Link | None = None
    ) -> None:
        self.steps: list[Result] = []
        self.ends: list[Result] = []
        self.lock_data = bench.credentials.lock_data
        self.plugin = bench.plugin(cloud, link=link)
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
        return await self.plugin.create_custom_passcode(_changed(good, changes))

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
        return await self.plugin.enter_dfu_mode(_changed(good, changes))


def _changed(good: dict[str, object], changes: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in (good | changes).items() if value is not None}


async def upgrading_app(
    bench: LockBench, version: str, size: int = 600, *, link: Link | None = None
) -> tuple[App, CloudBench]:
    """An app at a lock for which the cloud has just published this version."""
    cloud = await bench.cloud()
    cloud.hands.publish(version, bench.firmware.image(version, size))
    return App(bench, cloud, link=link), cloud


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


def expect_code(result: Result, *codes: int) -> None:
    """The result has one of these codes, and is a whole TTLockError of 3.1.0."""
    seen = result.get("errorCode")
    if seen not in codes:
        words = " or ".join(map(str, codes))
        raise Expectation("errorCode", words, f"{seen} ({result.get('description')})")
    check_error(result)


def check_error(result: Result) -> None:
    """The fields of TTLockError, of the types that can be meant, with a code that 3.1.0 has."""
    code = result.get("errorCode")
    assert isinstance(code, int)
    row = error_code(code)
    expect(row.live(PLUGIN), True, f"does version {PLUGIN} have the code {code}")
    expect(bool(result.get("errorMsg")), True, "is there an errorMsg")
    expect(type(result.get("description")), str, "the type of description")
    expect(code == OK or bool(result.get("description")), True, "is an error described")
    battery = result.get("electricQuantity", 0)
    expect(type(battery) is int and 0 <= battery <= 100, True, f"is the battery {battery!r} a percentage")


def check_ends(ends: Sequence[Result]) -> None:
    """disconnectCallback: at most once, with the code for a link that has ended."""
    expect([end["errorCode"] for end in ends] in ([], [LINK_ENDED]), True, "is the end told once at most")
    for end in ends:
        check_error(end)


def check_story(app: App, result: Result) -> None:
    """Types 1, 2 with a progress that never falls, 3, and 4 or 5; whatever ends it early is an error."""
    told = [(step.get("type"), step.get("progress")) for step in app.steps]
    types = [kind for kind, _ in told]
    progress = [percent for _, percent in told]
    expect(types, sorted(types, key=str), "the order of the types")
    expect(types[:1], [PREPARING], "the first type")
    expect((types.count(PREPARING), types.count(FETCHING) <= 1), (1, True), "how often types 1 and 3 come")
    expect(set(types) <= {PREPARING, UPGRADING, FETCHING}, True, f"are the types {types} those of steps")
    expect(all(type(percent) is int for percent in progress), True, "is every progress a whole number")
    numbers = [percent for percent in progress if isinstance(percent, int)]
    expect(numbers, sorted(numbers), "the progress, which never falls")
    expect(all(0 <= percent <= 100 for percent in numbers), True, "is the progress within 0 to 100")
    for step in app.steps:
        check_error(step)
    check_ends(app.ends)
    check_error(result)
    _check_last(types, numbers, result)


def _check_last(types: Sequence[object], progress: Sequence[int], result: Result) -> None:
    kind = {OK: DONE, SYNC_FAILED: NOT_SYNCED}.get(int(result["errorCode"]))
    expect(result.get("type"), kind, f"the type of a result with {result['errorCode']}")
    if kind is None:
        return
    expect(list(types[-2:]), [UPGRADING, FETCHING], f"the types before type {kind}")
    expect((progress[-1], result.get("progress")), (100, 100), "the progress at the end")
