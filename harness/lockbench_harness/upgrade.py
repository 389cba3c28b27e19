"""One upgrade from end to end, as the vendor's plug-in does it, on an emulated lock and cloud.

`PROVOCATIONS` names one real cause for each way in which it can go wrong.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.commands.info import InfoType
from lockbench_protocol.telink.image import VERSION_END, declared_size, version_of

from lockbench_harness.client.operations import device_info, lock, unlock
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import PACKAGES, Fault

Step = Mapping[str, object]

_SETTLING = 40.0  # seconds: a lock that was left in the middle of a transfer gives it up after 30


@dataclass(frozen=True, slots=True)
class Provocation:
    """What goes wrong, and the result that it must lead to."""

    words: str
    code: int
    fault: Fault | None = None
    damaged: bool = False  # the published image has a wrong check value
    type: int | None = None  # of the result, when it has one


PROVOCATIONS: dict[str, Provocation] = {
    "11015": Provocation(
        "the cloud says that nothing is newer", 11015, Fault("/v3/lock/getUpgradePackage", errcode=1)
    ),
    "11016": Provocation("the image has a wrong check value", 11016, damaged=True),
    "11017": Provocation("the package does not decrypt", 11017, Fault(PACKAGES, package="garbled")),
    "13013": Provocation("the package is not found", 13013, Fault(PACKAGES, status=404)),
    "11018": Provocation(
        "the cloud refuses to be told", 11018, Fault("/v3/lock/upgradeSuccess", errcode=90000), type=5
    ),
}


@dataclass(slots=True)
class Upgrade:
    """How it went. `steps` are what the plug-in called back; `result` is what it settled with."""

    old_version: str
    image_version: str
    provoked: str
    steps: list[Step] = field(default_factory=list)
    result: Step = field(default_factory=dict)
    version: str = ""  # read back from the lock over 0x90
    cloud_version: str = ""
    usable: bool = False  # it opens and closes afterwards
    seconds: float = 0.0  # of lock time, from the first call to the settled result

    @property
    def expected(self) -> bool:
        """It ended as it must, and the lock is in use again."""
        cause = PROVOCATIONS.get(self.provoked)
        code, kind = (0, 4) if cause is None else (cause.code, cause.type)
        upgraded = kind is not None
        return (
            self.usable
            and self.result.get("errorCode") == code
            and self.result.get("type") == kind
            and self.version == (self.image_version if upgraded else self.old_version)
        )


async def upgrade(
    bench: LockBench, image: bytes, *, provoke: str = "", told: Callable[[Step], None] = lambda _: None
) -> Upgrade:
    """Publish `image` in the bench's cloud and let the plug-in upgrade the lock with it.

    `told` receives each step as the plug-in calls it back.
    """
    cause = PROVOCATIONS.get(provoke)
    done = Upgrade(bench.firmware.version, version_of(image[:VERSION_END]), provoke)
    cloud = await bench.cloud()
    cloud.hands.publish(done.image_version, _damage(image) if cause and cause.damaged else image)
    if cause is not None and cause.fault is not None:
        cloud.hands.fail(cause.fault)

    def step(seen: Step) -> None:
        done.steps.append(seen)
        told(seen)

    loop = asyncio.get_running_loop()
    begun = loop.time()
    done.result = await bench.plugin(cloud).enter_dfu_mode(
        {
            "dfuPackageInfo": cloud.package_info(),
            "lockData": bench.credentials.lock_data,
            "callback": step,
        }
    )
    done.seconds = loop.time() - begun
    cloud.hands.mend()
    done.cloud_version = (await cloud.session.detail(cloud.lock_id)).firmware_revision
    await asyncio.sleep(_SETTLING)
    await _look(bench, done)
    return done


async def _look(bench: LockBench, done: Upgrade) -> None:
    try:
        async with bench.session() as client:
            done.version = await client.run(device_info(InfoType.FIRMWARE))
            await client.run(unlock(bench.keys, 1))
            await client.run(lock(bench.keys, 2))
            done.usable = True
    except RemoteError:
        done.usable = False


def _damage(image: bytes) -> bytes:
    """The same image with another check value."""
    at = declared_size(image) - 1
    return image[:at] + bytes((image[at] ^ 0xFF,)) + image[at + 1 :]
