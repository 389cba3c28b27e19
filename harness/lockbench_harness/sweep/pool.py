"""`sweep(work, executor)`: any number of simulations on any executor of `concurrent.futures`."""

from __future__ import annotations

import multiprocessing
import signal
import threading
from array import array
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future, ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import Any

from lockbench_protocol import LocalError

from lockbench_harness.faults.plan import Plan
from lockbench_harness.sweep.plans import Cuts, Work
from lockbench_harness.sweep.tally import Tally, tally

__all__ = ["open_executor", "split_for", "sweep"]


def sweep(
    work: Sequence[Work],
    executor: Executor,
    *,
    deepen: Callable[[Tally], Sequence[Work]] = lambda _: (),
    confirm_every: int = 400,
    progress: Callable[[int, int], None] = lambda _done, _all: None,
) -> tuple[Tally, int]:
    """Simulate all of `work`; gives the tally of it all and the number of distinct flash states.

    `deepen` gets the tally of that, and gives what else is simulated then, such as second cuts.

    One simulation in `confirm_every`, by chance from the seed, and the first of each verdict and start state
    end with a real upgrade (telink-ota 12, I5); 0 confirms nothing. `progress` gets the pieces done and all.
    """
    total, states = Tally(), set[int]()
    futures: list[Future[Tally]] = []

    def run(pieces: Sequence[Work]) -> None:
        begun = len(futures)
        futures.extend(executor.submit(tally, piece, confirm_every=confirm_every) for piece in pieces)
        for done, future in enumerate(as_completed(futures[begun:]), start=begun + 1):
            _take(total, states, future.result())
            progress(done, len(futures))

    try:
        run(work)
        run(deepen(total))
        if confirm_every:
            firsts: tuple[Plan, ...] = tuple(total.firsts.values())
            confirmed = executor.submit(tally, firsts, confirm_every=1).result()
            total.retries += confirmed.retries
            known = [plan for plan, _ in total.bad]
            for plan, outcome in confirmed.bad:
                if plan not in known:
                    total.bad.append((plan, outcome))
                    total.broken.update(set(outcome.broken))
    finally:
        for future in futures:
            future.cancel()
    total.strips.sort(key=lambda strip: (repr(strip.base), strip.first))
    return total, len(states)


def _take(total: Tally, states: set[int], part: Tally) -> None:
    digests = array("Q")
    digests.frombytes(part.states)
    states.update(digests)
    total.add(part)


@contextmanager
def open_executor(name: str, jobs: int) -> Iterator[Executor]:
    """ "process": that many processes of this machine; "dask:ADDRESS": the workers of a Dask scheduler there.

    LocalError for another name, when Dask is not installed, or when nobody answers at the address.
    """
    if name == "process":
        context = multiprocessing.get_context("spawn")
        with ProcessPoolExecutor(max_workers=jobs, mp_context=context) as pool:
            _start(pool, jobs)
            yield pool
    elif name.startswith("dask:"):
        with _dask(name.removeprefix("dask:")) as client:
            yield client.get_executor()
    else:
        raise LocalError(f"no executor {name!r}; known: process, dask:ADDRESS")


def _start(pool: Executor, jobs: int) -> None:
    """Start the workers deaf to Ctrl-C, which a terminal sends to all: whoever asked for the work is told."""
    if threading.current_thread() is not threading.main_thread():
        return
    heard = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for _ in range(jobs):
            pool.submit(int)
    finally:
        signal.signal(signal.SIGINT, heard)


def _dask(address: str) -> Any:
    try:
        from distributed import Client
    except ImportError:
        raise LocalError("Dask is not installed: pip install distributed") from None
    try:
        return Client(address, timeout=10)
    except (OSError, ValueError) as error:
        raise LocalError(f"no Dask scheduler answers at {address}: {error}") from None


def split_for(work: Sequence[Cuts], jobs: int) -> list[Work]:
    """Pieces enough that every worker has some: a piece of a story is recorded again by each who gets one."""
    parts = -(-4 * jobs // max(len(work), 1))
    return [piece for cuts in work for piece in cuts.split(parts)]
