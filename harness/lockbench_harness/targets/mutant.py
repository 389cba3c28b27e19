"""A faulty lock, cloud or client as a target: `mutant:NAME`, so that one sees how a case finds it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from lockbench_emulator.mutants import Mutant
from lockbench_protocol import LocalError

from lockbench_harness.client.mutants import ClientMutant
from lockbench_harness.mutants import mutant
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.emulated import EmulatedTarget
from lockbench_harness.trace import Trace

SCHEME = "mutant"


class MutantTarget(EmulatedTarget):
    """It declares the capabilities of the sound lock beside it."""

    def __init__(self, faulty: Mutant) -> None:
        super().__init__(faulty.profile)
        self.name = f"{SCHEME}:{faulty.name}"
        self.profile = ""
        self.cloud_parts = faulty.clouds
        self._faulty = faulty

    def open(self, *, seed: int, link: str, trace: Trace) -> AbstractAsyncContextManager[LockBench]:
        return self._open(seed, link, trace)

    @asynccontextmanager
    async def _open(self, seed: int, link: str, trace: Trace) -> AsyncIterator[LockBench]:
        async with self.hang(self._faulty.make(seed), seed=seed, link=link, trace=trace) as bench:
            if isinstance(self._faulty, ClientMutant):
                bench.plugins = self._faulty.plugins
            yield bench


def make(name: str, profile: str, credentials: Path | None) -> MutantTarget:
    """The maker of `mutant:NAME`."""
    if profile or credentials is not None:
        raise LocalError("a mutant brings its own profile and its own credentials")
    return MutantTarget(mutant(name.partition(":")[2]))
