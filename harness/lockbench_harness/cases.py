"""What a case is: a number of the catalogue, a requirement in one sentence, an exchange and an expectation.

A case module imports from here. It sees a bench, never an emulator; what it draws comes from Hypothesis, what
it needs of a target is said by words of the capability file.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import itertools
import pkgutil
import re
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, cast

from lockbench_protocol import LocalError

from lockbench_harness.clock import BUDGET
from lockbench_harness.verdicts import Expectation, expect, warn

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

    from lockbench_harness.machines import Machine

__all__ = ["CAP", "MUST", "SHOULD", "Case", "Expectation", "Level", "case", "expect", "warn"]


class Level(StrEnum):
    """How much a requirement binds. A SHOULD that fails is a warning, unless the run is strict."""

    MUST = "MUST"
    SHOULD = "SHOULD"
    CAP = "CAP"  # binds a target that declares the capability; such a case names it in `needs`


MUST, SHOULD, CAP = Level.MUST, Level.SHOULD, Level.CAP

# The groups of the catalogue, in its order.
GROUPS: dict[str, str] = {
    "COD": "Codec and framing",
    "ADV": "Advertising and discovery",
    "SES": "Session, authentication, unlock",
    "PWD": "Passcodes",
    "CLK": "Clock",
    "LOG": "Operation log",
    "DFU": "Firmware upgrade",
    "PFL": "Power failure during an upgrade",
    "IMG": "Firmware images and packages",
    "PLG": "The plug-in's contract",
    "SAS": "dding SaaS endpoints",
    "CBK": "dding callbacks",
    "AIO": "AIOT upgrade API",
    "TTC": "TTLock cloud",
    "SEC": "Security and abuse",
    "SOK": "Soak",
}
LINKS = ("bare", "air")

Body = Callable[..., Coroutine[Any, Any, None]]

_ID = re.compile(r"([A-Z]{3})/([1-9][0-9]*)")
_IMPORTED_BY_SUITE = "test_"  # case modules are named test_<group>.py, so that pytest finds them


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One row of the catalogue, ready to run."""

    id: str  # "PWD/6"
    clause: str  # where the requirement comes from: "ttlock-ble 5.8, plug-in error 20"
    level: Level
    requirement: str  # one sentence
    needs: tuple[str, ...]
    links: tuple[str, ...]  # the links it wants; it runs on each that the target offers
    examples: int  # at effort quick
    budget: float  # virtual seconds that an example may take
    no_mutant: str  # why no faulty lock can fail it; empty: one does, or should
    strategies: dict[str, SearchStrategy[object]]
    home: str  # the module it was written in
    body: Body | None  # a coroutine function (bench, **values); or else
    machine: type[Machine] | None

    @property
    def group(self) -> str:
        return self.id.partition("/")[0]

    @property
    def order(self) -> tuple[int, int]:
        return order(self.id)

    @property
    def draws(self) -> bool:
        """Whether more than one example makes sense."""
        return self.machine is not None or bool(self.strategies)

    def seed(self, run_seed: int) -> int:
        """The same in every process, however many cases run beside it."""
        digest = hashlib.sha256(f"{run_seed}:{self.id}".encode()).digest()
        return int.from_bytes(digest[:4], "big")


def case(
    id: str,  # noqa: A002 - the catalogue's word
    *,
    clause: str,
    level: Level = Level.MUST,
    needs: Sequence[str] = (),
    links: Sequence[str] = ("air",),
    examples: int = 10,
    budget: float = BUDGET,
    no_mutant: str = "",
    **strategies: SearchStrategy[Any],
) -> Callable[[Body | type[Machine]], Case]:
    """Make a case of `async def test_...(bench, **values)`, or of a `Machine`.

    The first line of its docstring is the requirement. Hypothesis draws `values` from `strategies`; without
    any there is one example. Raises LocalError at import when the row is wrong.
    """

    def make(written: Body | type[Machine]) -> Case:
        is_class = isinstance(written, type)
        made = Case(
            id=id,
            clause=clause,
            level=level,
            requirement=_requirement(id, written),
            needs=tuple(needs),
            links=tuple(links),
            examples=examples,
            budget=budget,
            no_mutant=no_mutant,
            strategies=dict(strategies),
            home=written.__module__,
            body=None if is_class else cast("Body", written),
            machine=cast("type[Machine]", written) if is_class else None,
        )
        _check(made)
        return made

    return make


def order(id: str) -> tuple[int, int]:  # noqa: A002 - the catalogue's word
    """Where the id stands in the catalogue."""
    found = _ID.fullmatch(id)
    if found is None or found[1] not in GROUPS:
        raise LocalError(f"{id!r} is no case id; one looks like PWD/6, with a group of {', '.join(GROUPS)}")
    return list(GROUPS).index(found[1]), int(found[2])


def _requirement(id: str, written: object) -> str:  # noqa: A002 - the catalogue's word
    text = inspect.cleandoc(written.__doc__ or "")
    if not text:
        raise LocalError(f"{id}: the docstring must say the requirement in its first line")
    return text.partition("\n")[0]


def _check(made: Case) -> None:
    order(made.id)
    if not made.clause:
        raise LocalError(f"{made.id}: the clause is empty")
    if not made.links or not set(made.links) <= set(LINKS):
        raise LocalError(f"{made.id}: links must be of {', '.join(LINKS)}")
    if made.level is Level.CAP and not made.needs:
        raise LocalError(f"{made.id}: a CAP case names the capability in `needs`")
    if made.examples < 1:
        raise LocalError(f"{made.id}: a case has at least one example")
    if made.machine is not None and made.strategies:
        raise LocalError(f"{made.id}: the rules of a machine have the strategies, the case has none")


def load(suite: str) -> list[Case]:
    """All cases of the package `suite`, in catalogue order. Raises LocalError for a double id."""
    package = importlib.import_module(suite)
    found: list[Case] = []
    for module in sorted(pkgutil.iter_modules(package.__path__), key=lambda module: module.name):
        if module.name.startswith(_IMPORTED_BY_SUITE):
            found += cases_of(vars(importlib.import_module(f"{suite}.{module.name}")).values())
    return in_order(found)


def cases_of(values: Iterable[object]) -> list[Case]:
    return [value for value in values if isinstance(value, Case)]


def in_order(cases: Iterable[Case]) -> list[Case]:
    ordered = sorted(cases, key=lambda case: case.order)
    for one, next_one in itertools.pairwise(ordered):
        if one.id == next_one.id and one is not next_one:
            raise LocalError(f"{one.id} is written twice, in {one.home} and in {next_one.home}")
    return ordered


def select(cases: Sequence[Case], words: Sequence[str]) -> tuple[list[Case], list[str]]:
    """The cases that the words name (ids or groups, in any case), and the words that name none."""
    wanted = {word: word.upper() for word in words}
    chosen = [case for case in cases if not words or {case.id, case.group} & set(wanted.values())]
    known = {case.id for case in chosen} | {case.group for case in chosen}
    return chosen, [word for word, upper in wanted.items() if upper not in known]
