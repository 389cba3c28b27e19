"""Does the bench see a mutant? A battery of plans, each played on the mutant and on the sound server.

A mutant is killed by a plan that ends otherwise, and by a sweep of power cuts that shows what the sound one
never shows. It may take the right bank: each parity is asked for itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from lockbench_emulator.boot.board import load_board

from lockbench_harness.faults import Fault
from lockbench_harness.faults.client import EndIndex, Insert, Leave, Restart
from lockbench_harness.faults.image import FlipImage, Put, Sign, SpoilTrailer
from lockbench_harness.faults.link import Drop, Flip, Repeat
from lockbench_harness.faults.plan import STARTS, Made, Plan, Scenario
from lockbench_harness.faults.power import Stuck
from lockbench_harness.sweep.outcome import Verdict
from lockbench_harness.sweep.plans import cut_work, scenario_for
from lockbench_harness.sweep.simulate import simulate
from lockbench_harness.sweep.story import play, record
from lockbench_harness.sweep.tally import tally

__all__ = ["EQUIVALENT", "Kill", "killed", "killers"]

EQUIVALENT = {"commits-whole-word": "the row has programmed the other three bytes already"}
"""Mutants that no observation can tell from the sound server, and why."""

PARITIES = ("lower", "upper")

_TEARS = ("none", "torn", "done")
_BAD = (Verdict.BRICK, Verdict.STUCK)


_WAYS = (("g1m", "telink-ios"), ("g2", "telink-ios"))


def killers(mutant: str, bank: int, *, starts: Sequence[str] = (*STARTS, "tail")) -> Iterator[str]:
    """What kills the mutant with the old image in `bank`, one phrase each; nothing kills an equivalent one.

    Lazy: the first one is soon found, for most.
    """
    for dialect, client in _WAYS:
        scenario = replace(
            scenario_for(Made(1028, "6.4.34", 2)),
            bank=bank,
            client_name=client,
            dialect_name=dialect,
            mutant=mutant,
        )
        for what in chain(_by_battery(scenario, starts), _by_trace(scenario), _by_cuts(scenario)):
            yield f"{dialect}: {what}"


@dataclass(frozen=True, slots=True)
class Kill:
    """What became of one mutant."""

    name: str
    by: dict[str, str]  # parity, the old image's bank -> what kills it first, "" for nothing

    @property
    def expected(self) -> bool:
        """It is killed in a parity, or is known to be equivalent and is not."""
        return any(self.by.values()) != (self.name in EQUIVALENT)


def killed(name: str) -> Kill:
    """Try one mutant in each parity, from a clean bank and from one with dirt at its end."""
    banks = zip(PARITIES, load_board().banks, strict=True)
    return Kill(
        name, {parity: next(killers(name, bank, starts=("clean", "tail")), "") for parity, bank in banks}
    )


def _by_battery(scenario: Scenario, starts: Sequence[str]) -> Iterator[str]:
    for plan in _battery_plans(scenario, starts):
        sound = replace(plan, scenario=replace(plan.scenario, mutant=""))
        if _observed(plan) != _observed(sound):
            faults = ", ".join(str(fault) for fault in plan.faults) or "an upgrade"
            yield f"{plan.scenario.start}: {faults}"


def _battery_plans(scenario: Scenario, starts: Sequence[str]) -> Iterator[Plan]:
    for start in starts:
        for faults in _battery(scenario):
            yield Plan(replace(scenario, start=start), faults)
    yield Plan(replace(scenario, keys=(("board.limit", 0x1000),), new=Made(5000, "6.4.34", 2)))


def _observed(plan: Plan) -> tuple[object, ...]:
    """What can be seen of a lock from outside, and the invariants."""
    outcome, story = simulate(plan, confirm=True), play(plan)
    seen = (outcome.verdict, outcome.result, outcome.believed, outcome.bank, outcome.broken, outcome.retries)
    return *seen, tuple(story.rig.told)


def _by_trace(scenario: Scenario) -> Iterator[str]:
    """The order of flash operations, which only an emulator shows: the failure erase is top-down."""
    big = replace(scenario, old=Made(5000, "0.0.1", 1), new=Made(5000, "6.4.34", 2))
    for faults in ((), (SpoilTrailer(),)):
        traces = [
            [(moment.stage, moment.operation.address) for moment in record(Plan(each, faults)).moments]
            for each in (big, replace(big, mutant=""))
        ]
        if traces[0] != traces[1]:
            yield f"the order of flash operations of an upgrade that {'fails' if faults else 'succeeds'}"


def _battery(scenario: Scenario) -> Iterator[tuple[Fault, ...]]:
    end = 2 + 65
    target = scenario.board.other(scenario.bank)
    yield ()
    yield (SpoilTrailer(),)
    yield (FlipImage(0x200 * 8), Sign())
    yield (Put(0x08, b"\x00"), Sign())
    for pdu in (0, 1, 2, 9, end - 1, end):
        yield (Drop(pdu),)
        yield (Repeat(pdu),)
        yield (Flip(pdu, 3),)
        yield (Flip(pdu, 40 if pdu > 1 else 5),)
        yield (Leave(pdu),)
    yield (Flip(9, 40), Flip(9, 41))
    yield (Flip(9, 40, mended=True),)
    yield (Insert(9, b"\x01\xff"),)
    yield (Insert(2, b"\x01\xff"),)
    yield (Restart(9),)
    yield (EndIndex(3),)
    yield (Stuck(target + 0x100, 0x01, 0x01), Stuck(target + 0x101, 0xFF, 0x00))


def _by_cuts(scenario: Scenario) -> Iterator[str]:
    """The sweep of a sound server has no brick, nothing stuck and no broken invariant."""
    sound = _seen_by_cuts(replace(scenario, mutant=""))
    for what, count in (_seen_by_cuts(scenario) - sound).items():
        yield f"power cuts: {what} in {count} more"


def _seen_by_cuts(scenario: Scenario) -> Counter[str]:
    seen: Counter[str] = Counter()
    for cuts in cut_work(scenario, _TEARS, (scenario.bank,), ("clean", "stale")):
        counted = tally(cuts, confirm_every=0)
        seen.update({f"invariant {name}": count for name, count in counted.broken.items()})
        seen.update({verdict.value: counted.verdicts[verdict] for verdict in (*_BAD, Verdict.SUCCESS_OLD)})
    return seen
