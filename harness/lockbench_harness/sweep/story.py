"""The story of a plan: start, attempt, cut, start again, and attempts after that, until it rests.

A story that is recorded keeps the device as it was before each flash operation, so that a cut there can be
simulated from there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import blake2b

from lockbench_emulator.boot.flash import SECTOR, Snapshot
from lockbench_protocol import RemoteError
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.mutate import flip_bit, put, sign, spoil_trailer
from lockbench_protocol.telink.ota import decode

from lockbench_harness.faults import ClientFault, ImageFault, LinkFault, PowerFault
from lockbench_harness.faults.image import Append, FlipImage, Put, Shorten, Sign, SpoilTrailer
from lockbench_harness.faults.link import LostResult
from lockbench_harness.faults.plan import Firmware, Given, Plan
from lockbench_harness.sweep.attempt import attempt
from lockbench_harness.sweep.fit import ATTEMPTS
from lockbench_harness.sweep.rig import Checkpoint, Moment, Rig
from lockbench_harness.sweep.scene import Scene, scene_of

__all__ = ["Recording", "Story", "digest", "play", "play_link", "record", "sector_digest", "spoiled"]


@dataclass
class Story:
    """Where it ended."""

    rig: Rig
    ran: Firmware  # what ran when the last attempt began
    sent: Firmware  # what it sent
    believed: bool  # what the client takes it for


@dataclass
class Recording:
    scene: Scene
    story: Story
    moments: list[Moment]
    digests: list[int] = field(default_factory=list)  # of the cells of each moment, and of the last ones
    parts: list[int] = field(default_factory=list)  # the share of the sector that the operation then changes

    def cells_after(self, number: int) -> Snapshot:
        """The flash between operation `number` and the next one."""
        if number + 1 < len(self.moments):
            return self.moments[number + 1].cells
        return self.story.rig.flash.snapshot()


def spoiled(firmware: Firmware, faults: Sequence[ImageFault]) -> Firmware:
    """The image that is really sent."""
    if not faults:
        return firmware
    data = firmware.data()
    for fault in faults:
        match fault:
            case FlipImage(bit):
                data = flip_bit(data, bit)
            case Put(offset, value):
                data = put(data, offset, value)
            case Shorten(length):
                data = data[:length]
            case Append(more):
                data += more
            case SpoilTrailer():
                data = spoil_trailer(data)
            case Sign():
                data = sign(data)
    return Given.of(data)


def play_link(plan: Plan) -> Story | None:
    """The story of a plan with one link fault, from the write where it strikes; None where that cannot be."""
    rest = tuple(fault for fault in plan.faults if not isinstance(fault, LinkFault))
    link = [fault for fault in plan.faults if isinstance(fault, LinkFault)]
    if len(link) != 1 or isinstance(link[0], LostResult) or plan.scenario.start == "hidden" or plan.retry:
        return None
    if not all(isinstance(fault, ImageFault) for fault in rest):
        return None
    points = _points(Plan(plan.scenario, rest))
    at = link[0].pdu
    if at >= len(points):
        return None
    scene, old = scene_of(plan.scenario), plan.scenario.old
    rig, sent = (
        Rig(scene),
        spoiled(plan.scenario.new, [fault for fault in rest if isinstance(fault, ImageFault)]),
    )
    believed = attempt(rig, sent, old, link, resumed=(at, points[at]))
    _judge_words(rig)
    return Story(rig, old, sent, believed)


@lru_cache(maxsize=2)
def _points(plan: Plan) -> list[Checkpoint]:
    """The device before each write of the attempt, as long as nothing goes wrong."""
    rig, points = Rig(scene_of(plan.scenario)), list[Checkpoint]()
    rig.start()
    images = [fault for fault in plan.faults if isinstance(fault, ImageFault)]
    attempt(rig, spoiled(plan.scenario.new, images), plan.scenario.old, points=points)
    return points


def play(plan: Plan, *, record: bool = False, kind: type[Rig] = Rig) -> Story:
    """Run the whole story, on a device of that kind."""
    scene = scene_of(plan.scenario)
    scenario = plan.scenario
    link = [fault for fault in plan.faults if isinstance(fault, LinkFault)]
    client = [fault for fault in plan.faults if isinstance(fault, ClientFault)]
    power = [fault for fault in plan.faults if isinstance(fault, PowerFault)]
    sent = spoiled(scenario.new, [fault for fault in plan.faults if isinstance(fault, ImageFault)])
    rig = kind(scene, power, record=record)
    rig.sent = sent
    rig.start()
    story = Story(rig, scenario.old, sent, believed=False)
    if not rig.cuts:
        story.believed = attempt(rig, sent, scenario.old, link, client)
        if rig.result is Result.FLASH and scenario.start == "hidden" and not rig.cuts:
            story.believed = attempt(rig, sent, scenario.old)
    if rig.cuts == 1 and plan.retry:
        _retry(story, scenario.other)
    while rig.unsettled:
        rig.start()
    _judge_words(rig)
    return story


def _retry(story: Story, firmware: Firmware) -> None:
    """After a cut the client sends another image, as often as it takes."""
    rig, scene = story.rig, story.rig.scene
    candidates = (story.sent, story.ran)
    for _ in range(ATTEMPTS):
        if rig.bank is None:
            return
        running = next((each for each in candidates if scene.runs(each, rig.flash, rig.bank)), None)
        if running is None:
            return
        cuts = rig.cuts
        story.ran, story.sent = running, firmware
        story.believed = attempt(rig, firmware, running)
        if rig.cuts > cuts or _runs(rig, firmware):
            return


def _runs(rig: Rig, firmware: Firmware) -> bool:
    return rig.bank is not None and rig.scene.runs(firmware, rig.flash, rig.bank)


def _judge_words(rig: Rig) -> None:
    """I9 and I10: wear, and what was told."""
    if max(rig.flash.erases.values(), default=0) > 2 + rig.cuts:
        rig.breaks("I9")
    wire = rig.scene.dialect.on_the_wire()
    for value in rig.told:
        try:
            if value[:2] == wire.result_head:
                wire.result(value)
            else:
                decode(value, wire, "server")
        except RemoteError:
            rig.breaks("I10")


@lru_cache(maxsize=3)
def record(plan: Plan) -> Recording:
    """The story of a plan with each of its flash operations. Some 50 MB for an image of 128 KiB."""
    story = play(plan, record=True)
    scene = story.rig.scene
    for firmware in {plan.scenario.old, plan.scenario.new, story.sent}:
        for bank in scene.board.banks:
            scene.whole(firmware, bank).adopt(story.rig.flash, bank)
    moments = story.rig.moments
    recording = Recording(scene, story, moments)
    _digest(recording)
    return recording


def _digest(recording: Recording) -> None:
    """Each operation changes one sector, so one sector is digested for each."""
    first = recording.scene.first_cells
    parts = [sector_digest(number, cells) for number, cells in enumerate(first)]
    total = 0
    recording.digests.append(total)
    for index, moment in enumerate(recording.moments):
        number = moment.operation.address // SECTOR
        part = sector_digest(number, recording.cells_after(index)[number])
        recording.parts.append(parts[number])
        total ^= parts[number] ^ part
        parts[number] = part
        recording.digests.append(total)


def sector_digest(number: int, cells: bytes) -> int:
    """64 bits that stand for these cells in this sector."""
    value = int.from_bytes(blake2b(cells, digest_size=8).digest(), "little")
    return value * (2 * number + 1) & 0xFFFFFFFFFFFFFFFF


def digest(scene: Scene, cells: Snapshot) -> int:
    """64 bits that stand for a whole flash: for what differs from the first cells of the scene."""
    total = 0
    for number, (first, sector) in enumerate(zip(scene.first_cells, cells, strict=True)):
        if first is not sector:
            total ^= sector_digest(number, first) ^ sector_digest(number, sector)
    return total
