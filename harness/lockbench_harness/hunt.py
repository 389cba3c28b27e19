"""Which case finds which mutant, and whether the sound lock passes what found it.

A mutant meets only the cases that it names, each up to the first failing example. The sound lock of the same
profile then meets the same examples.
"""

from __future__ import annotations

import multiprocessing
import os
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from lockbench_harness.cases import Case, Level, load
from lockbench_harness.plan import Plan
from lockbench_harness.stage import Setting
from lockbench_harness.suite import SUITE
from lockbench_harness.trial import Trial
from lockbench_harness.verdicts import Verdict

if TYPE_CHECKING:
    from lockbench_harness.targets import Target

_HYPOTHESIS = "HYPOTHESIS_STORAGE_DIRECTORY"


@dataclass(frozen=True, slots=True)
class Meeting:
    """One case met one lock. `link` is the one on which it failed, or the last one."""

    case: str
    verdict: Verdict
    link: str
    examples: int  # up to the failing one
    words: str  # what failed


@dataclass(frozen=True, slots=True)
class Hunt:
    """What the cases that a mutant names made of it."""

    name: str
    profile: str
    meetings: tuple[Meeting, ...]
    seconds: float

    @property
    def killed_by(self) -> list[str]:
        return [met.case for met in self.meetings if met.verdict is Verdict.FAIL]

    @property
    def missed_by(self) -> list[Meeting]:
        """Cases that are said to find the mutant, and do not."""
        return [met for met in self.meetings if met.verdict is not Verdict.FAIL]


@dataclass(frozen=True, slots=True)
class Reference:
    """A case that the sound lock must pass, with as many examples as it took to find the mutants."""

    profile: str
    case: str
    link: str
    examples: int


def hunt(name: str) -> Hunt:
    """Let the cases that this mutant names judge it."""
    from lockbench_harness.mutants import mutant
    from lockbench_harness.targets.mutant import MutantTarget

    started = time.perf_counter()
    faulty = mutant(name)
    target = MutantTarget(faulty)
    meetings = tuple(_meet(_case(id_), target) for id_ in faulty.killed_by)
    return Hunt(name, faulty.profile, meetings, round(time.perf_counter() - started, 3))


def check(reference: Reference) -> Meeting:
    """Let the case judge the sound lock."""
    from lockbench_harness.targets.emulated import EmulatedTarget

    case = replace(_case(reference.case), examples=reference.examples)
    return _try(case, EmulatedTarget(reference.profile), reference.link)


@dataclass(frozen=True, slots=True)
class Findings:
    """What came of all hunts."""

    hunts: tuple[Hunt, ...]
    sound: tuple[tuple[Reference, Meeting], ...]  # what the sound locks met
    seconds: float

    @property
    def survivors(self) -> list[Hunt]:
        """Mutants that a case which they name did not find."""
        return [one for one in self.hunts if one.missed_by or not one.meetings]

    @property
    def wronged(self) -> list[tuple[Reference, Meeting]]:
        """Cases that a sound lock does not pass."""
        return [(reference, met) for reference, met in self.sound if met.verdict is not Verdict.PASS]

    @property
    def exit_code(self) -> int:
        """3 when the bench broke, 1 when a mutant survived or a sound lock failed."""
        met = [met for one in self.hunts for met in one.meetings] + [met for _, met in self.sound]
        if any(one.verdict is Verdict.BROKEN for one in met):
            return 3
        return 1 if self.survivors or self.wronged else 0


def judge_all(names: Sequence[str], jobs: int, told: Callable[[Hunt], None]) -> Findings:
    """Hunt the mutants in `jobs` processes; `told` hears of each, in their order."""
    started = time.perf_counter()
    with _processes(jobs) as each:
        hunts = []
        for one in each(hunt, names):
            told(one)
            hunts.append(one)
        wanted = _references(hunts)
        sound = tuple(zip(wanted, each(check, wanted), strict=True))
    return Findings(tuple(hunts), sound, round(time.perf_counter() - started, 1))


@contextmanager
def _processes(jobs: int) -> Iterator[Callable[..., Iterator[Any]]]:
    """A `map` over that many processes. Whatever Hypothesis keeps goes into a folder that is deleted."""
    with TemporaryDirectory() as scratch, _environment(_HYPOTHESIS, scratch):
        if jobs == 1:
            yield map
            return
        with ProcessPoolExecutor(jobs, multiprocessing.get_context("spawn")) as pool:
            yield pool.map


@contextmanager
def _environment(name: str, value: str) -> Iterator[None]:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before


def unfound(hunts: Iterable[Hunt]) -> list[Case]:
    """The MUST cases that found no mutant, in catalogue order; some say why they cannot."""
    found = {id_ for one in hunts for id_ in one.killed_by}
    return [case for id_, case in cases().items() if case.level is Level.MUST and id_ not in found]


def _references(hunts: Iterable[Hunt]) -> list[Reference]:
    """What the sound locks must pass after these hunts."""
    most: dict[tuple[str, str, str], int] = {}
    for one in hunts:
        for met in one.meetings:
            key = (one.profile, met.case, met.link)
            if met.verdict is Verdict.FAIL:
                most[key] = max(met.examples, most.get(key, 0))
    return [Reference(*key, examples) for key, examples in most.items()]


@cache
def cases() -> dict[str, Case]:
    """The whole suite, by id."""
    return {case.id: case for case in load(SUITE)}


def _case(id_: str) -> Case:
    return cases()[id_]


def _meet(case: Case, target: Target) -> Meeting:
    """On each link, until one fails."""
    met = Meeting(case.id, Verdict.UNSUPPORTED, "", 0, "")
    offered = target.capabilities
    for link in offered.links if offered.offers.issuperset(case.needs) else ():
        if link not in case.links:
            continue
        met = _try(case, target, link)
        if met.verdict is not Verdict.PASS:
            break
    return met


def _try(case: Case, target: Target, link: str) -> Meeting:
    plan = Plan(target.name)
    trial = Trial(case, Setting(target, link, case.seed(plan.seed)), plan.effort, shrink=False)
    trial.run()
    return Meeting(case.id, trial.verdict, link, trial.examples, trial.detail.words if trial.detail else "")
