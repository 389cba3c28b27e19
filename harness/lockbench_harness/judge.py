"""From a case and a target to a row of the report.

The order of an example is: draw the inputs, open the bench on a fresh loop, run the body, close the bench.
A case that runs on two links draws the same inputs on both.
"""

from __future__ import annotations

import functools
import shlex
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis
from hypothesis.errors import HypothesisException, UnsatisfiedAssumption
from hypothesis.stateful import run_state_machine_as_test

from lockbench_harness import inputs, provider, targets
from lockbench_harness.cases import Body, Case, Level
from lockbench_harness.failures import Failure
from lockbench_harness.report import folder
from lockbench_harness.report.detail import describe
from lockbench_harness.report.row import Detail, Row
from lockbench_harness.stage import Setting, Stage, run_body
from lockbench_harness.suite import SUITE
from lockbench_harness.trace import Fields, Trace
from lockbench_harness.verdicts import GRAVITY, Unreachable, Verdict, hearing, judge

if TYPE_CHECKING:
    from lockbench_harness.inputs import Json, Step
    from lockbench_harness.machines import Machine
    from lockbench_harness.targets import Target

EFFORTS = {"quick": 1, "full": 10, "soak": 100}  # times the examples of the case
REAL_TIME_EXAMPLES = 5  # at most, a case, when the wall clock runs


@dataclass(frozen=True, slots=True)
class Plan:
    """What the user asked for."""

    lock: str
    profile: str = ""
    credentials: str = ""  # path
    seed: int = 1
    effort: str = "quick"
    strict: bool = False
    out: Path | None = None
    suite: str = SUITE

    def target(self) -> Target:
        """Raises LocalError."""
        credentials = Path(self.credentials) if self.credentials else None
        return targets.make(self.lock, profile=self.profile, credentials=credentials)

    def pytest_options(self) -> list[str]:
        """As the suite's plugin reads them."""
        values = {
            "lock": self.lock,
            "profile": self.profile,
            "credentials": self.credentials,
            "seed": self.seed,
            "effort": self.effort,
            "out": self.out or "",
            "suite": self.suite,
        }
        options = [f"--lockbench-{name}={value}" for name, value in values.items()]
        return [*options, "--lockbench-strict"] if self.strict else options

    def reproduce(self, case_id: str) -> str:
        """The command that repeats this case as it ran."""
        words = ["lockbench", "conform", case_id, "--seed", str(self.seed), "--lock", self.lock]
        for option, value in (("--profile", self.profile), ("--credentials", self.credentials)):
            words += [option, value] if value else []
        words += ["--effort", self.effort] if self.effort != "quick" else []
        words += ["--strict"] if self.strict else []
        words += ["--suite", self.suite] if self.suite != SUITE else []
        return shlex.join(words)


def run_case(case: Case, target: Target, plan: Plan) -> Row:
    """Judge the case on each link it wants. Raises Unreachable, and nothing else of its own."""
    started = time.perf_counter()
    trials = [
        _Trial(case, Setting(target, link, case.seed(plan.seed)), plan) for link in _links(case, target)
    ]
    for trial in trials:
        trial.run()
    gravest = max(trials, key=lambda trial: GRAVITY.index(trial.verdict), default=None)
    verdict, detail = _level(case, plan, gravest) if gravest else _unsupported(case, target)
    row = Row(
        id=case.id,
        clause=case.clause,
        level=case.level,
        verdict=verdict,
        requirement=case.requirement,
        seconds=round(time.perf_counter() - started, 3),
        seed=case.seed(plan.seed),
        examples=sum(trial.examples for trial in trials),
        reproduce=plan.reproduce(case.id),
        links={trial.setting.link: trial.verdict for trial in trials},
        detail=detail,
        warnings=tuple(dict.fromkeys(words for trial in trials for words in trial.warnings)),
        inputs=gravest.failure.plain if gravest and gravest.failure else None,
    )
    if plan.out is not None:
        folder.save_trace(plan.out, case.id, "".join(trial.trace for trial in trials))
        if gravest and gravest.failure and detail:
            text = gravest.failure.to_json(detail.words, target.mask)
            row = replace(row, failure_file=folder.save_failure(plan.out, case.id, text))
    return Row.from_json(target.mask.value(_known(row, target).to_json()))


def broken_row(case: Case, plan: Plan, words: str) -> Row:
    """The row of a case whose process did not live to give one."""
    return Row(
        id=case.id,
        clause=case.clause,
        level=case.level,
        verdict=Verdict.BROKEN,
        requirement=case.requirement,
        seconds=0.0,
        seed=case.seed(plan.seed),
        examples=0,
        reproduce=plan.reproduce(case.id),
        links={},
        detail=Detail(words),
    )


def _level(case: Case, plan: Plan, trial: _Trial) -> tuple[Verdict, Detail | None]:
    """A SHOULD binds only a strict run."""
    mild = case.level is Level.SHOULD and not plan.strict and trial.verdict is Verdict.FAIL
    return (Verdict.WARN if mild else trial.verdict), trial.detail


def _unsupported(case: Case, target: Target) -> tuple[Verdict, Detail]:
    return Verdict.UNSUPPORTED, Detail(_missing(case, target))


def _known(row: Row, target: Target) -> Row:
    """Compare with the failures that are known of this target: one that passes fails the run."""
    reason = target.capabilities.expected_failures.get(row.id, "")
    if not reason or row.verdict in {Verdict.UNSUPPORTED, Verdict.BROKEN}:
        return row
    if Verdict.FAIL in row.links.values():
        return replace(row, expected_failure=reason)
    words = f"The case holds, but the target is known to fail it ({reason}): strike it from that list."
    return replace(row, verdict=Verdict.FAIL, detail=Detail(words))


def _links(case: Case, target: Target) -> list[str]:
    if _missing(case, target):
        return []
    return [link for link in target.capabilities.links if link in case.links]


def _missing(case: Case, target: Target) -> str:
    absent = [need for need in case.needs if need not in target.capabilities.offers]
    if absent:
        return f"The target does not offer {', '.join(absent)}."
    if not set(case.links) & set(target.capabilities.links):
        return f"The target does not offer the link {' or '.join(case.links)}."
    return ""


class _Trial:
    """One case on one link: all its examples, the first failure and what it shrank to."""

    def __init__(self, case: Case, setting: Setting, plan: Plan) -> None:
        self.setting = setting
        self.verdict = Verdict.PASS
        self.examples = 0
        self.detail: Detail | None = None
        self.failure: Failure | None = None
        self.warnings: list[str] = []
        self._case = case
        self._plan = plan
        self._kept: list[str] = []  # traces of examples
        self._failed: BaseException | None = None  # the latest failing example
        self._last_trace = ""  # of it

    @property
    def trace(self) -> str:
        """Of as many examples as a quick run has, and of the failing one."""
        return "".join(self._kept) + self._last_trace

    @property
    def _final(self) -> BaseException | None:
        """The failure after which nothing more is tried: on a real lock, and where there is none."""
        real = self.setting.target.real_time or isinstance(self._failed, Unreachable)
        return self._failed if real else None

    def run(self) -> None:
        try:
            with hearing(self.warnings):
                self._draw()
        except (KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 - every error becomes a verdict
            if isinstance(self._final, Unreachable):
                raise self._final from None
            self._judge(self._final or error)
        else:
            self.verdict = Verdict.WARN if self.warnings else Verdict.PASS

    def _judge(self, error: BaseException) -> None:
        # a complaint of Hypothesis may carry errors of the case, but it is about the case, not the target
        bench_fault = isinstance(error, HypothesisException)
        self.verdict = Verdict.BROKEN if bench_fault else judge(error, self._case.home)
        self.detail = describe(error, self.verdict, self._case.home)

    def _draw(self) -> None:
        """Run the examples. Raises the error of the smallest failing one."""
        case, seed = self._case, hypothesis.seed(self.setting.seed)
        if case.machine is not None:
            opened = functools.partial(self._open_machine, case.machine)

            def machine() -> Machine:
                return opened()

            with provider.quiet():
                run_state_machine_as_test(seed(machine), settings=self._rules(case.machine.steps))  # type: ignore[arg-type]  # any callable that returns a machine
        elif case.body is not None:
            run = functools.partial(self._run_body, case.body)

            def example(**values: object) -> None:
                run(values)

            with provider.quiet():
                drawn = seed(self._rules()(hypothesis.given(**case.strategies)(example)))
                drawn() if case.strategies else example()

    def _rules(self, steps: int = 1) -> hypothesis.settings:
        real = self.setting.target.real_time
        examples = self._case.examples * EFFORTS[self._plan.effort]
        return provider.rules(
            min(examples, REAL_TIME_EXAMPLES) if real else examples, steps=steps, shrink=not real
        )

    def _run_body(self, body: Body, values: Mapping[str, object]) -> None:
        trace = Trace(self.setting.target.mask)
        encoded = inputs.encode_all(values)
        self._begin(trace, inputs=encoded)
        try:
            run_body(body, values, self.setting, trace)
        except BaseException as error:
            self._end(error, trace, inputs=encoded)
            raise
        self._end(None, trace)

    def _open_machine(self, machine_class: type[Machine]) -> Machine:
        trace = Trace(self.setting.target.mask)
        self._begin(trace)
        stage = Stage(self.setting, trace, lambda error: self._end(error, trace, steps=stage.steps))
        return machine_class(stage)

    def _begin(self, trace: Trace, **fields: Fields) -> None:
        """Head the example's trace."""
        if self._final:
            raise self._final
        trace.event(
            "case",
            id=self._case.id,
            seed=self.setting.seed,
            link=self.setting.link,
            example="shrunk" if self._failed else self.examples + 1,
            **fields,
        )

    def _end(
        self,
        error: BaseException | None,
        trace: Trace,
        *,
        inputs: Mapping[str, Json] | None = None,
        steps: Sequence[Step] | None = None,
    ) -> None:
        if _is_control(error):
            return
        if self._failed is None:
            self.examples += 1
        if error is not None:
            self._failed, self._last_trace = error, trace.text()
            self.failure = Failure(
                case=self._case.id,
                target=self.setting.target.name,
                profile=self.setting.target.profile,
                seed=self.setting.seed,
                link=self.setting.link,
                inputs=inputs,
                steps=tuple(steps) if steps is not None else None,
            )
        elif self._failed is None and self.examples <= self._case.examples:
            self._kept.append(trace.text())


def _is_control(error: BaseException | None) -> bool:
    """Whether Hypothesis, or the user, only stops the example."""
    return error is not None and (
        not isinstance(error, Exception) or isinstance(error, UnsatisfiedAssumption)
    )
