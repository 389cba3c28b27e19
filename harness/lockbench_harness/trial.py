"""One case on one link: Hypothesis draws, a bench is opened for each example, and errors become a verdict."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import hypothesis
from hypothesis.errors import HypothesisException, UnsatisfiedAssumption
from hypothesis.stateful import run_state_machine_as_test

from lockbench_harness import inputs, provider
from lockbench_harness.clock import Time
from lockbench_harness.failures import Failure
from lockbench_harness.plan import EFFORTS, OUTSIDE_EXAMPLES
from lockbench_harness.report.detail import describe
from lockbench_harness.report.row import Detail
from lockbench_harness.stage import Setting, Stage, run_body
from lockbench_harness.trace import Fields, Trace
from lockbench_harness.verdicts import Unreachable, Unsupported, Verdict, hearing, judge

if TYPE_CHECKING:
    from lockbench_harness.cases import Body, Case
    from lockbench_harness.inputs import Json, Step
    from lockbench_harness.machines import Machine


class Trial:
    """All examples of the case on this link, the first failure and what it shrank to. Read it after `run`."""

    def __init__(self, case: Case, setting: Setting, effort: str, *, shrink: bool = True) -> None:
        self.setting = setting
        self.verdict = Verdict.PASS
        self.examples = 0
        self.detail: Detail | None = None
        self.failure: Failure | None = None
        self.warnings: list[str] = []
        self._case = case
        self._effort = effort
        self._outside = setting.target.time is not Time.VIRTUAL
        self._shrink = shrink and not self._outside
        self._kept: list[str] = []  # traces of examples
        self._failed: BaseException | None = None  # the latest failing example
        self._declined = ""  # why the target could not do what an example asked for
        self._last_trace = ""  # of it

    @property
    def trace(self) -> str:
        """Of as many examples as a quick run has, and of the failing one."""
        return "".join(self._kept) + self._last_trace

    @property
    def _final(self) -> BaseException | None:
        """The failure after which nothing more is tried: nothing is shrunk, or there is no lock.

        Hypothesis runs a failing example once more, which then ends before it begins.
        """
        final = not self._shrink or isinstance(self._failed, Unreachable)
        return self._failed if final else None

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
            if self._declined and not self.examples:
                self.verdict, self.detail = Verdict.UNSUPPORTED, Detail(self._declined)
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
        examples = self._case.examples * EFFORTS[self._effort]
        return provider.rules(
            min(examples, OUTSIDE_EXAMPLES) if self._outside else examples, steps=steps, shrink=self._shrink
        )

    def _run_body(self, body: Body, values: Mapping[str, object]) -> None:
        trace = Trace(self.setting.target.mask)
        encoded = inputs.encode_all(values)
        self._begin(trace, inputs=encoded)
        try:
            run_body(body, values, self.setting, trace, self._case.budget)
        except Unsupported as error:  # of these values only: others may do
            self._declined = str(error)
        except BaseException as error:
            self._end(error, trace, inputs=encoded)
            raise
        else:
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
