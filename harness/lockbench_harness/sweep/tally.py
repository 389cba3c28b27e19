"""What a worker brings home of many simulations: numbers, a letter for each, the few worth a closer look."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from lockbench_harness.faults.plan import Plan
from lockbench_harness.faults.power import Cut
from lockbench_harness.sweep.outcome import SIGNS, Outcome, Stage, Verdict
from lockbench_harness.sweep.plans import Cuts, Work
from lockbench_harness.sweep.simulate import simulate, simulate_cut
from lockbench_harness.sweep.story import record

__all__ = ["Strip", "Tally", "tally"]

_KEPT = 20  # bad plans that one worker brings home of each verdict
_CONFIRMED = 400  # one simulation in so many ends with a real retry
_BAD = (Verdict.BRICK, Verdict.STUCK)


@dataclass(frozen=True, slots=True)
class Strip:
    """The outcomes of consecutive operations, for the picture: a string of SIGNS for each tear."""

    base: Plan
    first: int  # operation
    addresses: tuple[int, ...]
    stages: tuple[tuple[Stage, int], ...]  # run lengths
    signs: dict[str, str]  # tear -> one sign an operation
    erases: tuple[int, ...]  # addresses of the sectors that these operations erase, in their order


@dataclass
class Tally:
    simulations: int = 0
    retries: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)
    broken: Counter[str] = field(default_factory=Counter)
    kinds: Counter[tuple[str, Verdict]] = field(
        default_factory=Counter
    )  # by last fault, but for cuts in strips
    states: bytes = b""  # 64-bit digests, each once
    strips: list[Strip] = field(default_factory=list)
    bad: list[tuple[Plan, Outcome]] = field(default_factory=list)
    firsts: dict[tuple[Verdict, str], Plan] = field(default_factory=dict)  # of each verdict and start state
    classes: dict[tuple[Verdict, Stage | None, int], Plan] = field(default_factory=dict)  # and stage and bank

    def add(self, other: Tally) -> None:
        """Take in another one; its states are for the caller to unite."""
        self.simulations += other.simulations
        self.retries += other.retries
        self.verdicts += other.verdicts
        self.broken += other.broken
        self.kinds += other.kinds
        self.strips += other.strips
        self.bad += other.bad
        for key, plan in other.firsts.items():
            self.firsts.setdefault(key, plan)
        for kind, plan in other.classes.items():
            self.classes[kind] = min(self.classes.get(kind, plan), plan, key=_place)


def _place(plan: Plan) -> tuple[str, str, int]:
    """Which of two cuts comes first, however the work was split."""
    cut = plan.faults[-1]
    assert isinstance(cut, Cut)  # noqa: S101 - classes hold nothing else
    return repr(plan.scenario), repr(plan.faults[:-1]), cut.operation


def tally(work: Work, *, confirm_every: int = _CONFIRMED) -> Tally:
    """Simulate all of `work`. Pure and picklable, as a worker in another process needs it."""
    counted, states = Tally(), set[int]()
    if isinstance(work, Cuts):
        _cuts(work, counted, states, confirm_every)
    else:
        for number, plan in enumerate(work):
            outcome = simulate(plan, confirm=_is_chosen(number, plan.scenario.seed, confirm_every))
            _count(counted, states, plan, outcome)
    counted.states = array("Q", states).tobytes()
    return counted


def _cuts(work: Cuts, counted: Tally, states: set[int], confirm_every: int) -> None:
    recording, seed = record(work.base), work.base.scenario.seed
    operations = work.operations()
    signs: dict[str, list[str]] = {tear: [] for tear in work.tears}
    for operation in operations:
        for number, tear in enumerate(work.tears):
            chosen = _is_chosen(operation * len(work.tears) + number, seed, confirm_every)
            outcome = simulate_cut(recording, Cut(operation, tear), confirm=chosen)
            signs[tear].append(SIGNS[outcome.verdict])
            _count_cut(counted, states, work, operation, tear, outcome)
    moments = recording.moments[operations.start : operations.stop]
    counted.strips.append(
        Strip(
            work.base,
            operations.start,
            tuple(moment.operation.address for moment in moments),
            tuple(_run_lengths(moment.stage for moment in moments)),
            {tear: "".join(row) for tear, row in signs.items()},
            tuple(moment.operation.address for moment in moments if moment.operation.kind == "erase"),
        )
    )


def _count_cut(
    counted: Tally, states: set[int], work: Cuts, operation: int, tear: str, outcome: Outcome
) -> None:
    counted.simulations += 1
    verdict = outcome.verdict
    counted.verdicts[verdict] += 1
    states.add(outcome.state)
    scenario = work.base.scenario
    start, kind = scenario.start, (verdict, outcome.stage, scenario.bank)
    if kind not in counted.classes:
        counted.classes[kind] = work.plan(operation, tear)
    if (
        (verdict, start) not in counted.firsts
        or verdict in _BAD
        or outcome.broken
        or outcome.retries is not None
    ):
        _look(counted, work.plan(operation, tear), outcome)


def _count(counted: Tally, states: set[int], plan: Plan, outcome: Outcome) -> None:
    counted.simulations += 1
    counted.verdicts[outcome.verdict] += 1
    counted.kinds[type(plan.faults[-1]).__name__ if plan.faults else "", outcome.verdict] += 1
    states.add(outcome.state)
    _look(counted, plan, outcome)


def _look(counted: Tally, plan: Plan, outcome: Outcome) -> None:
    """What is kept of some simulations only."""
    verdict = outcome.verdict
    counted.firsts.setdefault((verdict, plan.scenario.start), plan)
    counted.retries += outcome.retries is not None
    counted.broken.update(set(outcome.broken))
    if (verdict in _BAD or outcome.broken) and sum(row.verdict is verdict for _, row in counted.bad) < _KEPT:
        counted.bad.append((plan, outcome))


def _is_chosen(number: int, seed: int, every: int) -> bool:
    """One in `every`, by chance that the seed decides."""
    return every > 0 and ((number * 2654435761 ^ seed * 40503 + 12345) >> 8) % every == 0


def _run_lengths(stages: Iterator[Stage]) -> Iterator[tuple[Stage, int]]:
    last, length = None, 0
    for stage in stages:
        if stage is last:
            length += 1
            continue
        if last is not None:
            yield last, length
        last, length = stage, 1
    if last is not None:
        yield last, length
