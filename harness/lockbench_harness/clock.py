"""Virtual time for everything in one process, real time when an outside party is attached.

Rules: the clock starts at 0.0 and moves only when nothing else can run; what cannot be honest on a jumping
clock (threads, name look-ups) is refused; a run ends with a result or with a named error, never by hanging.
"""

from __future__ import annotations

import asyncio
import selectors
import time
import weakref
from collections.abc import Callable, Coroutine, Generator, Iterable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

BUDGET = 3600.0  # virtual seconds a case may take
TURNS = 5_000_000  # loop turns at one instant; a whole upgrade on an instant link takes about 100,000
GRACE = 60.0  # virtual seconds in which cancelled tasks may clean up
REAL_GRACE = 6.0  # the same by the wall clock
CANCELS = 3  # tries within the grace


class Time(StrEnum):
    """Whose clock a target goes by."""

    VIRTUAL = "virtual"  # all of it is in this process
    REAL = "real"  # an outside party is attached
    SHARED = "shared"  # virtual, but for the time in which an outside party is waited for


class ClockError(Exception):
    """The bench's own fault: a run that cannot go on, or that left failures behind."""


class Deadlock(ClockError):
    """Nothing is left to run, and the main task is not done."""


class BudgetSpent(ClockError):
    """The main task is not done within its budget of virtual seconds."""


class Livelock(ClockError):
    """Callbacks run without end at one instant."""


class RealTimeNeeded(ClockError):
    """A thread or a name look-up was asked for; on a jumping clock its time-outs would fire first."""


class Strays(ClockError):
    """The main task is done, but these failures were nobody's: of tasks never awaited, of callbacks."""

    def __init__(self, failures: list[BaseException]) -> None:
        super().__init__("failures that nobody awaited: " + "; ".join(map(_sentence, failures)))
        self.failures = failures


class _JumpingSelector(selectors.DefaultSelector):
    """Polls without waiting; asks the loop to jump when no I/O is ready and no callback is due."""

    idle: Callable[[bool], None]  # set by the loop; the argument says whether a timer is left
    waits = False  # for an outside party, by the wall clock

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.waits:
            return super().select(timeout)
        ready = super().select(0)
        if not ready and (timeout is None or timeout > 0):
            self.idle(timeout is not None)
        return ready


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop whose `time()` jumps to the next timer when all is quiet."""

    def __init__(self, budget: float = BUDGET) -> None:
        self._now = 0.0
        self._turns = 0
        self.limit = budget
        self._blocks = 0  # in which another process is waited for
        self._ahead: float | None = None  # of the wall clock, in such a block
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)
        self._jumping.idle = self._jump

    def time(self) -> float:
        return self._now if self._ahead is None else time.monotonic() + self._ahead

    @contextmanager
    def outside(self) -> Iterator[None]:
        """Inside the block time passes by the wall: another process is waited for. Blocks may overlap."""
        if not self._blocks:
            self._ahead = self._now - time.monotonic()
            self._jumping.waits = True
        self._blocks += 1
        try:
            yield
        finally:
            self._blocks -= 1
            if not self._blocks:
                self._now, self._ahead = self.time(), None
                self._jumping.waits = False
                self._turns = 0

    def _jump(self, timer_left: bool) -> None:  # noqa: FBT001 - one private caller
        if not timer_left:
            raise Deadlock(f"nothing is left to run at {self._now:.3f} s, but {_waiting(self)}")
        # The base class has just dropped cancelled timers from the head of this heap.
        due: float = self._scheduled[0].when()  # type: ignore[attr-defined]  # typeshed hides the heap
        if due > self.limit:
            raise BudgetSpent(f"{self.limit:g} virtual seconds are spent, but {_waiting(self)}")
        self._now = max(self._now, due)
        self._turns = 0

    def _run_once(self) -> None:
        self._turns += 1
        if self._turns > TURNS:
            self._turns = 0
            raise Livelock(f"{TURNS} loop turns passed at {self._now:.3f} s; {_waiting(self)}")
        super()._run_once()  # type: ignore[misc]  # typeshed hides it; counting here costs least

    def run_in_executor(self, executor: object, func: Callable[..., object], *args: object) -> NoReturn:  # noqa: ARG002 - asyncio's signature
        name = getattr(func, "__qualname__", repr(func))
        raise RealTimeNeeded(f"{name} wants a thread, which virtual time does not have; use run_real")

    async def getaddrinfo(self, host: object, port: object, **_kind: object) -> NoReturn:
        raise RealTimeNeeded(
            f"looking up {host}:{port} needs a thread, which virtual time does not have; use a Unix socket"
        )

    async def getnameinfo(self, sockaddr: object, flags: int = 0) -> NoReturn:  # noqa: ARG002 - asyncio's signature
        raise RealTimeNeeded(f"looking up {sockaddr!r} needs a thread, which virtual time does not have")


class RealLoop(asyncio.SelectorEventLoop):
    """The wall's pace, counted from 0 like virtual time."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        super().__init__()

    def time(self) -> float:
        return time.monotonic() - self._start


def run(main: Coroutine[Any, Any, T], *, budget: float = BUDGET) -> T:
    """Run `main` in virtual time, which starts at 0.0, and return its result.

    `budget` is in virtual seconds. Whatever `main` leaves is cancelled and closed.
    Raises what `main` raises, or `Deadlock`, `BudgetSpent`, `Livelock`, `Strays`.
    """
    return _drive(VirtualLoop(budget), main, grace=GRACE)


def run_real(main: Coroutine[Any, Any, T]) -> T:
    """Run `main` by the wall clock, for outside parties: TCP, HCI transports, other processes.

    Raises what `main` raises, or `Strays`.
    """
    return _drive(RealLoop(), main, grace=REAL_GRACE)


def _drive(loop: asyncio.SelectorEventLoop, main: Coroutine[Any, Any, T], *, grace: float) -> T:
    failures: list[BaseException] = []
    tasks: weakref.WeakSet[asyncio.Task[Any]] = weakref.WeakSet()
    loop.set_exception_handler(lambda _loop, context: failures.append(_failure(context)))
    loop.set_task_factory(_task_factory(tasks))
    runner = asyncio.Runner(loop_factory=lambda: loop)
    try:
        result = runner.run(main)
    except BaseException as error:
        failures += _close(runner, loop, grace)
        for failure in failures + _unretrieved(tasks):
            if failure is not error:
                error.add_note(f"meanwhile: {_sentence(failure)}")
        raise
    failures += _close(runner, loop, grace)
    failures += _unretrieved(tasks)
    if failures:
        raise Strays(failures) from failures[0]
    return result


def _close(runner: asyncio.Runner, loop: asyncio.SelectorEventLoop, grace: float) -> list[BaseException]:
    """Cancel what is left and close the loop, in bounded time. Returns what would not end."""
    if isinstance(loop, VirtualLoop):
        loop.limit = loop.time() + 2 * grace
    try:
        runner.run(_cancel_others(grace))
        runner.close()
    except ClockError as error:
        loop.close()
        return [error]
    return []


async def _cancel_others(grace: float) -> None:
    """Cancel all other tasks, oldest first, and again: before Python 3.12 wait_for may lose a cancel."""
    for _ in range(CANCELS):
        others = _in_order(asyncio.all_tasks() - {asyncio.current_task()})
        if not others:
            return
        for task in others:
            task.cancel()
        await asyncio.wait(others, timeout=grace / CANCELS)
    if left := asyncio.all_tasks() - {asyncio.current_task()}:
        raise ClockError(f"{len(left)} tasks would not be cancelled: {_places(left)}")


def _task_factory(
    tasks: weakref.WeakSet[asyncio.Task[Any]],
) -> Callable[..., asyncio.Task[Any]]:
    """Remember each task as long as it lives: a failed one may hang in a cycle until long after the run."""

    def create(
        loop: asyncio.AbstractEventLoop,
        coro: Coroutine[Any, Any, Any] | Generator[Any, None, Any],
        **options: Any,  # context, and from Python 3.13 on also name
    ) -> asyncio.Task[Any]:
        task: asyncio.Task[Any] = asyncio.Task(coro, loop=loop, **options)
        tasks.add(task)
        return task

    return create


def _unretrieved(tasks: weakref.WeakSet[asyncio.Task[Any]]) -> list[BaseException]:
    found = []
    for task in _in_order(tasks):
        if task.done() and not task.cancelled() and task._log_traceback:  # noqa: SLF001 - asyncio has no public word for "never retrieved"
            failure = task.exception()
            if failure is not None:
                found.append(failure)
    return found


def _failure(context: dict[str, Any]) -> BaseException:
    exception = context.get("exception")
    if isinstance(exception, BaseException):
        return exception
    return ClockError(str(context["message"]))


def _sentence(failure: BaseException) -> str:
    return f"{type(failure).__name__}: {failure}".rstrip(": ")


def _waiting(loop: asyncio.AbstractEventLoop) -> str:
    tasks = asyncio.all_tasks(loop)
    if not tasks:
        return "the main future is not done"
    return f"{_places(tasks)} still {'waits' if len(tasks) == 1 else 'wait'}"


def _places(tasks: set[asyncio.Task[Any]]) -> str:
    """Where the oldest tasks wait."""
    places = []
    for task in _in_order(tasks)[:8]:
        stack = task.get_stack(limit=1)
        place = f" at {stack[-1].f_code.co_name}, line {stack[-1].f_lineno}" if stack else ""
        places.append(f"{task.get_name()}{place}")
    return ", ".join(places)


def _in_order(tasks: Iterable[asyncio.Task[Any]]) -> list[asyncio.Task[Any]]:
    """By age, which is the number in a name that asyncio gave; sets have no order that repeats."""
    return sorted(tasks, key=lambda task: (len(task.get_name()), task.get_name()))
