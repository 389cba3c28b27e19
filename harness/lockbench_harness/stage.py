"""One example under way: a fresh loop, a freshly opened bench, and its trace.

A function case is one coroutine. A machine keeps its loop and its bench between the steps that Hypothesis
draws, so its bench is held open by a task of its own: what opened it also closes it.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from lockbench_harness import clock, inputs

if TYPE_CHECKING:
    from contextlib import AbstractAsyncContextManager

    from lockbench_harness.cases import Body
    from lockbench_harness.machines import Machine
    from lockbench_harness.targets import Bench, Target
    from lockbench_harness.trace import Trace

T = TypeVar("T")

REAL_BUDGET = 120.0  # wall seconds that one example, or one step, may take on a real-time target


@dataclass(frozen=True, slots=True)
class Setting:
    """On what an example runs."""

    target: Target
    link: str
    seed: int  # of the case

    def open(self, trace: Trace) -> AbstractAsyncContextManager[Bench]:
        return self.target.open(seed=self.seed, link=self.link, trace=trace)


def run_body(body: Body, values: Mapping[str, object], setting: Setting, trace: Trace, budget: float) -> None:
    """Run one example of a function case to its end. Raises what the body raises, or a `ClockError`."""

    async def main() -> None:
        async with setting.open(trace) as bench:
            await body(bench, **values)

    if setting.target.time is clock.Time.REAL:
        clock.run_real(_in_time(main()))
    else:
        clock.run(main(), budget=budget)


async def _in_time(work: Coroutine[Any, Any, T]) -> T:
    async with asyncio.timeout(REAL_BUDGET):
        return await work


class Stage:
    """One example of a machine case."""

    def __init__(
        self, setting: Setting, trace: Trace, ended: Callable[[BaseException | None], None] = lambda _: None
    ) -> None:
        """`ended` is called once, with what ended the example."""
        self.steps: list[inputs.Step] = []  # taken so far, the failing one included
        self.trace = trace
        self._ended = ended
        self._setting = setting
        self._failures: list[BaseException] = []
        self._over = asyncio.Event()
        self._host: asyncio.Task[None] | None = None
        self._loop = clock.VirtualLoop() if setting.target.time is not clock.Time.REAL else clock.RealLoop()
        self._loop.set_exception_handler(lambda _loop, context: self._failures.append(_failure(context)))
        self._runner = asyncio.Runner(loop_factory=lambda: self._loop)

    def open(self, machine: Machine) -> None:
        try:
            self._run(self._start(machine))
        except BaseException:
            self.close()
            raise

    def take(self, name: str, values: dict[str, object], work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Record the step, then run it, and the check after it."""
        step = inputs.Step(name, inputs.encode_all(values))
        self.steps.append(step)
        self.trace.event("step", rule=step.rule, values=step.values)
        return self._run(work())

    def close(self) -> None:
        """Close the bench and the loop. What fails here is raised, unless an error is already on its way."""
        under_way = sys.exception()
        if isinstance(self._loop, clock.VirtualLoop):
            self._loop.limit = self._loop.time() + clock.GRACE
        for work in (self._end, self._runner.close):
            try:
                work()
            except Exception as error:  # noqa: BLE001 - an error of the clean-up must not hide the first one
                self._failures.append(error)
        failures = [failure for failure in self._failures if failure is not under_way]
        if under_way is not None:
            for failure in failures:
                under_way.add_note(f"meanwhile: {type(failure).__name__}: {failure}")
            self._ended(under_way)
            return
        fault = None if not failures else failures[0] if len(failures) == 1 else clock.Strays(failures)
        self._ended(fault)
        if fault is not None:
            raise fault

    def _end(self) -> None:
        if self._host is not None:
            self._over.set()
            self._run(_result(self._host))

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._runner.run(_in_time(work) if self._setting.target.time is clock.Time.REAL else work)

    async def _start(self, machine: Machine) -> None:
        opened = asyncio.get_running_loop().create_future()
        self._host = asyncio.create_task(self._hold(machine, opened), name="bench")
        await asyncio.wait({opened, self._host}, return_when=asyncio.FIRST_COMPLETED)
        if self._host.done():
            host, self._host = self._host, None
            host.result()
        await machine.begin()
        await machine.check()

    async def _hold(self, machine: Machine, opened: asyncio.Future[None]) -> None:
        async with self._setting.open(self.trace) as bench:
            machine.bench = bench
            opened.set_result(None)
            await self._over.wait()


async def _result(task: asyncio.Task[T]) -> T:
    return await task


def _failure(context: dict[str, Any]) -> BaseException:
    exception = context.get("exception")
    return exception if isinstance(exception, BaseException) else clock.ClockError(str(context["message"]))
