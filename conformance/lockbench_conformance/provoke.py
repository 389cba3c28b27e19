"""What causes each code of the plug-in: one scenario a code, in app, phone, link, lock or cloud.

They stand in `provoke_lock` (what the lock answers) and `provoke_around` (all else).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from random import Random
from typing import TYPE_CHECKING

from lockbench_harness.client.call import Result
from lockbench_harness.phone import Phone
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import CloudBench, Fault
from lockbench_protocol.errors import error_codes
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.lockdata import LockData
from lockbench_protocol.plugin import LATEST, Version

from lockbench_conformance.app import App
from lockbench_conformance.ota import NEW

if TYPE_CHECKING:
    from lockbench_harness.links import Link

LAYERS = ("app", "phone", "link", "lock", "cloud")


class Scene:
    """A lock, and a mini-program of this version of the plug-in near it."""

    def __init__(self, bench: LockBench, version: Version) -> None:
        self.bench = bench
        self.version = version

    def app(self, link: Link | Phone | None = None, cloud: CloudBench | None = None) -> App:
        return App(self.bench, cloud, link=link, version=self.version)

    async def upgrading(self, link: Link | Phone | None = None, fault: Fault | None = None) -> App:
        """An app at a lock for which there is newer firmware; `fault` is what goes wrong in the cloud."""
        cloud = await self.bench.cloud()
        cloud.hands.publish(NEW, self.bench.firmware.image(NEW, 600))
        if fault is not None:
            cloud.hands.fail(fault)
        return self.app(link, cloud)

    def lock_data(self, **changes: object) -> str:
        """The administrator's lockData with other fields."""
        known = LockData.decode(self.bench.credentials.lock_data)
        changed: LockData = replace(known, **changes)  # type: ignore[arg-type]  # fields by name
        return changed.encode(Random(0))  # noqa: S311 - seeds of a codec that hides nothing


Run = Callable[[Scene], Awaitable[Result]]


@dataclass(frozen=True, slots=True)
class Cause:
    """How one code comes about, in a version that has it."""

    code: int
    layer: str  # where the cause is: one of LAYERS
    says: str  # in one line
    run: Run
    version: str = LATEST
    features: tuple[Feature, ...] = ()  # that the lock must have

    def lacking(self, bench: LockBench) -> list[str]:
        """The features that the bench's lock does not have."""
        value = LockData.decode(bench.credentials.lock_data).feature_value or "0"
        return [feature.name.lower() for feature in self.features if not int(value, 16) >> feature & 1]


UNREACHABLE: Mapping[int, str] = {
    **dict.fromkeys(
        range(128, 137), "told by a gateway while it is set up by Bluetooth; none is emulated so"
    ),
    38: "told by a lock that cannot join its network; an emulated one has no network to join",
    10011: "about a gateway that is set up by Bluetooth; none is emulated so",
    11008: "about the floors of a lift controller, which is another device",
    11012: "about a hotel's card encoder, which is another device",
    11014: "about a hotel's card encoder, which is another device",
}
"""Codes that no emulated part can cause, and why."""


def causes() -> dict[int, Cause]:
    """By code, ascending: every code that is not unreachable."""
    from lockbench_conformance import provoke_around, provoke_lock

    rows = [*provoke_around.ROWS, *provoke_lock.ROWS]
    found = {row.code: row for row in sorted(rows, key=lambda row: row.code)}
    assert len(found) == len(rows)
    assert found.keys() | UNREACHABLE.keys() == set(error_codes())
    return found


async def provoke(row: Cause, bench: LockBench) -> Result:
    """Let it happen; what the app was told in the end."""
    return await row.run(Scene(bench, Version(row.version)))
