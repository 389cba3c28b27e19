"""Which plans a sweep runs: every cut of an upgrade, every fault of its link.

Cuts are many and alike, so they travel as one small record, and whoever simulates them counts the operations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from lockbench_protocol.telink.image import declared_size, version_of

from lockbench_harness.client.ota import OtaSender
from lockbench_harness.faults import Fault
from lockbench_harness.faults.image import SpoilTrailer
from lockbench_harness.faults.link import Drop, Flip, LostResult, Part, Repeat, Silence, Swap
from lockbench_harness.faults.plan import Firmware, Made, Plan, Scenario
from lockbench_harness.faults.power import Cut
from lockbench_harness.sweep.story import record

_MENDED = 600  # data PDUs in an image up to which a bit of each is mended

__all__ = ["Cuts", "Work", "cut_work", "link_faults", "link_work", "scenario_for"]


@dataclass(frozen=True, slots=True)
class Cuts:
    """Every flash operation of a plan's story, cut in each of some ways; or one part of them."""

    base: Plan
    tears: tuple[str, ...]
    part: int = 0
    parts: int = 1
    from_operation: int = 0  # such as the one after an earlier cut

    def operations(self) -> range:
        first, last = self.from_operation, len(record(self.base).moments)
        share = -(-(last - first) // self.parts)
        return range(first + share * self.part, min(first + share * (self.part + 1), last))

    def plan(self, operation: int, tear: str) -> Plan:
        return replace(self.base, faults=(*self.base.faults, Cut(operation, tear)))

    def plans(self) -> Iterator[Plan]:
        for operation in self.operations():
            for tear in self.tears:
                yield self.plan(operation, tear)

    def split(self, parts: int) -> list[Cuts]:
        return [replace(self, part=part, parts=parts) for part in range(parts)]


Work = Cuts | tuple[Plan, ...]
"""What one worker is given at a time."""


def scenario_for(new: Firmware, *, board_name: str = "b87", seed: int = 0) -> Scenario:
    """An upgrade to `new` from a made image of the same size and a lower version; a third one is made too."""
    plain = Scenario(new, new, new, board_name=board_name)
    size, mark = declared_size(new.data()), plain.board.mark_offset
    old = Made(size, "0.0.1", 2 * seed + 1, mark_offset=mark)
    other = Made(size, _higher(version_of(new.data())), 2 * seed + 2, mark_offset=mark)
    return replace(plain, old=old, other=other, seed=seed)


def _higher(version: str) -> str:
    first = int(version.split(".", maxsplit=1)[0])
    return f"{min(first + 1, 255)}.0.1"


def cut_work(
    scenario: Scenario, tears: Sequence[str], banks: Sequence[int], starts: Sequence[str]
) -> list[Cuts]:
    """One upgrade that succeeds and one that fails at its last data PDU, from each start in each bank."""
    return [
        Cuts(Plan(replace(scenario, bank=bank, start=start), faults), tuple(tears))
        for bank in banks
        for start in starts
        for faults in ((), (SpoilTrailer(),))
    ]


def link_faults(scenario: Scenario, *, every_bit: bool = True) -> Iterator[Fault]:
    """Each write lost, repeated, late and the last before the end of the link; bits of it wrong.

    Every bit of the commands, of the first two and of the last two data PDUs; one seeded bit of each other
    one. With its CRC mended a wrong bit lets the transfer run to its end, so of the others at most some
    hundred are mended.
    """
    sender = OtaSender(scenario.new.data(), scenario.client)
    writes = [step.value for step in sender.script()]
    prelude = len(scenario.client.prelude)
    end = len(writes)
    whole = {*range(prelude + 2), *range(end - 3, end)} if every_bit else set()
    for number, value in enumerate(writes):
        yield Drop(number)
        yield Repeat(number)
        yield Swap(number)
        yield Part(number)
        yield Silence(number)
        bits = range(len(value) * 8) if number in whole else [_chance(scenario.seed, number, len(value) * 8)]
        data = prelude <= number < len(writes) - 1
        mends = data and (number in whole or number % (len(writes) // _MENDED + 1) == 0)
        for bit in bits:
            yield Flip(number, bit)
            if mends and bit < (len(value) - 2) * 8:
                yield Flip(number, bit, mended=True)
    yield LostResult()


def _chance(seed: int, number: int, below: int) -> int:
    drawn = hashlib.blake2b(f"{seed} {number}".encode(), digest_size=8).digest()
    return int.from_bytes(drawn, "little") % below


def link_work(scenario: Scenario, size: int = 500) -> list[Work]:
    """The link faults of one upgrade, some hundred plans at a time."""
    plans = [Plan(scenario, (fault,)) for fault in link_faults(scenario)]
    return [tuple(plans[at : at + size]) for at in range(0, len(plans), size)]
