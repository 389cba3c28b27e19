"""The heat map: what a cut comes to, by flash offset and stage; equal neighbours are one block.

A view is one story, or all stories of a bank with the worst outcome of each operation.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby, pairwise

from lockbench_harness.faults.plan import Plan
from lockbench_harness.sweep.outcome import SIGNS, Stage, Verdict
from lockbench_harness.sweep.tally import Strip

__all__ = ["GRAVEST", "Block", "View", "bank_words", "views", "wear"]

GRAVEST = (
    Verdict.BRICK,
    Verdict.STUCK,
    Verdict.SUCCESS_OLD,
    Verdict.FAILURE_NEW,
    Verdict.RECOVERABLE,
    Verdict.NEW,
    Verdict.OLD,
)
_RANK = {SIGNS[verdict]: rank for rank, verdict in enumerate(GRAVEST)}
COMMIT = (Stage.NEW_MARK, Stage.OLD_MARK)


@dataclass(frozen=True, slots=True)
class Block:
    """Operations of one stage at neighbouring addresses that end alike."""

    stage: Stage
    first: int  # address of the lowest operation
    last: int  # and of the highest
    operations: int
    verdicts: tuple[Verdict, ...]  # one for each tear of the view

    @property
    def commits(self) -> bool:
        return self.stage in COMMIT


@dataclass(frozen=True, slots=True)
class View:
    words: str
    bank: int  # where the old image runs
    tears: tuple[str, ...]
    blocks: tuple[Block, ...]  # by stage, then by address

    @property
    def worst(self) -> Verdict:
        return min((verdict for block in self.blocks for verdict in block.verdicts), key=GRAVEST.index)

    def columns(self) -> list[tuple[int, int]]:
        """Ranges of addresses, none of which a block divides: the columns of the heat map."""
        edges = sorted({edge for block in self.blocks for edge in (block.first, block.last + 1)})
        return [
            (low, high - 1)
            for low, high in pairwise(edges)
            if any(block.first <= low <= block.last for block in self.blocks)
        ]


def views(strips: Sequence[Strip]) -> list[View]:
    """First those of all stories of a bank, then one a story, the gravest first in each."""
    whole, single = [], []
    for bank in sorted({strip.base.scenario.bank for strip in strips}):
        own = [strip for strip in strips if strip.base.scenario.bank == bank]
        stories = {repr(strip.base): strip.base for strip in own}
        if len(stories) > 1:
            words = f"{bank_words(own[0].base)}: the worst of {len(stories)} stories"
            whole.append(_view(words, bank, own))
        for text, base in stories.items():
            parts = [strip for strip in own if repr(strip.base) == text]
            single.append(_view(f"{bank_words(base)}: {_story_words(base)}", bank, parts))
    return [
        *sorted(whole, key=lambda view: GRAVEST.index(view.worst)),
        *sorted(single, key=lambda view: GRAVEST.index(view.worst)),
    ]


def bank_words(base: Plan) -> str:
    scenario = base.scenario
    place = "lower" if scenario.bank == min(scenario.board.banks) else "upper"
    return f"old image in the {place} bank"


def _story_words(base: Plan) -> str:
    faults = ", ".join(str(fault) for fault in base.faults)
    ending = "fails at its last PDU" if faults == "SpoilTrailer()" else faults or "succeeds"
    return f"other bank {base.scenario.start}, the upgrade {ending}"


def _view(words: str, bank: int, strips: Sequence[Strip]) -> View:
    tears = tuple(strips[0].signs)
    ends: dict[Stage, dict[int, list[int]]] = {}
    counts: Counter[tuple[Stage, int]] = Counter()
    for strip in strips:
        stages = [stage for stage, length in strip.stages for _ in range(length)]
        ranks = zip(*([_RANK[sign] for sign in strip.signs[tear]] for tear in tears), strict=True)
        for stage, address, found in zip(stages, strip.addresses, ranks, strict=True):
            counts[stage, address] += 1
            known = ends.setdefault(stage, {}).setdefault(address, list(found))
            for number, rank in enumerate(found):
                known[number] = min(known[number], rank)
    second = max(strips[0].base.scenario.board.banks)
    blocks = [
        block for stage in Stage if stage in ends for block in _fold(stage, ends[stage], counts, second)
    ]
    return View(words, bank, tears, tuple(blocks))


def _fold(
    stage: Stage, ends: dict[int, list[int]], counts: Counter[tuple[Stage, int]], second: int
) -> Iterator[Block]:
    """No block reaches over the beginning of the second bank."""
    for (_, ranks), group in groupby(sorted(ends), key=lambda address: (address >= second, ends[address])):
        addresses = list(group)
        operations = sum(counts[stage, address] for address in addresses)
        yield Block(stage, addresses[0], addresses[-1], operations, tuple(GRAVEST[rank] for rank in ranks))


def wear(strips: Sequence[Strip]) -> list[tuple[int, int, int]]:
    """Erases of each sector in the story that erases it most, equal neighbours folded.

    Each row is the address of the first and of the last sector, and the erases of either.
    """
    stories: dict[str, Counter[int]] = {}
    for strip in strips:
        stories.setdefault(repr(strip.base), Counter()).update(strip.erases)
    most: dict[int, int] = {}
    for counted in stories.values():
        for address, erases in counted.items():
            most[address] = max(erases, most.get(address, 0))
    rows = []
    for erases, group in groupby(sorted(most), key=lambda address: most[address]):
        sectors = list(group)
        rows.append((sectors[0], sectors[-1], erases))
    return rows
