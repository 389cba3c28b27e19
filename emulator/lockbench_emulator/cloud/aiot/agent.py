"""Who carries firmware into devices: a protocol, and devices without a bootloader, which only take time.

A door tells the cloud how it gets on: `Upgrades.progressed` with the percentage of its transfer, and
`Upgrades.finished` once, with the version that was read back, or with a cause.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Job:
    """One device shall run this image. `number` names the upgrade when its door tells of it."""

    number: int
    did: str
    version: str
    image: bytes


@dataclass(frozen=True, slots=True)
class Step:
    """What a device without a bootloader does."""

    after: int  # ms since the last one
    percent: int
    cause: str = ""  # key of CAUSES: it ends here, in failure


class Agent(Protocol):
    """The doors of the devices. Called inside a transaction of the cloud."""

    def start(self, job: Job) -> Sequence[Step] | None:
        """Begin. None: the door will tell; else all that it would tell, and when."""


STEPS = tuple(Step(500, percent) for percent in range(10, 101, 10))


class MemoryDevices:
    """Devices that only take their time; `trouble` says at which percentage and why one fails."""

    def __init__(self) -> None:
        self.trouble: dict[str, tuple[int, str]] = {}  # did: percent, key of CAUSES

    def start(self, job: Job) -> Sequence[Step]:
        percent, cause = self.trouble.get(job.did, (101, ""))
        good = [step for step in STEPS if step.percent <= percent]
        return [*good, Step(500, good[-1].percent if good else 0, cause)] if cause else good
