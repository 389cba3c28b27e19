"""Somebody else's client as what is judged, at an emulated lock: `--client exec:COMMAND`.

Time is virtual but for the calls of the client. Its radio is its own phone, so no faults of ours are in it;
what the phone hears may still be bad.
"""

from __future__ import annotations

import asyncio
import json
import shlex
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import cast

from lockbench_protocol import LocalError
from lockbench_protocol.errors import Language
from lockbench_protocol.plugin import Version

from lockbench_harness.adapter.plugin import ForeignPlugin
from lockbench_harness.client.call import CloudAccess
from lockbench_harness.client.plugin import Plugin
from lockbench_harness.clock import Time
from lockbench_harness.links import Link
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.emulated import DEFAULT_PROFILE, UNIX_START, EmulatedTarget
from lockbench_harness.trace import Mask, Trace

SCHEME = "exec:"
OURS = frozenset({"phone"})  # of what the bench has with its own client only


class ClientTarget:
    """The program `argv`, beside the lock of another target."""

    time = Time.SHARED

    def __init__(self, name: str, argv: Sequence[str], lock: EmulatedTarget) -> None:
        self.name = name
        self.profile = lock.profile
        self.mask = Mask()
        own = lock.capabilities
        self.capabilities = replace(own, offers=own.offers - OURS)
        self._argv = argv
        self._lock = lock
        lock.outside = True

    def open(self, *, seed: int, link: str, trace: Trace) -> AbstractAsyncContextManager[LockBench]:
        return self._open(seed, link, trace)

    @asynccontextmanager
    async def _open(self, seed: int, link: str, trace: Trace) -> AsyncIterator[LockBench]:
        loop = asyncio.get_running_loop()
        async with self._lock.open(seed=seed, link=link, trace=trace) as bench, AsyncExitStack() as stack:

            def foreign(
                phone: Link, cloud: CloudAccess | None, language: Language, version: Version
            ) -> Plugin:
                plugin = ForeignPlugin(
                    self._argv,
                    phone,
                    bench.credentials,
                    stack,
                    now=lambda: UNIX_START + loop.time(),
                    cloud=cloud,
                    language=language,
                    version=version,
                    note=lambda way, message: trace.event("adapter", way=way, line=json.dumps(message)),
                )
                return cast("Plugin", plugin)  # it has the calls of the contract, and no more is used

            bench.foreign = foreign
            yield bench


def make(name: str, profile: str, credentials: Path | None) -> ClientTarget:
    """The maker of `exec:COMMAND`, at the emulated lock of the profile."""
    if credentials is not None:
        raise LocalError("a client is judged at an emulated lock, which brings its own credentials")
    command = name.removeprefix(SCHEME)
    try:
        argv = shlex.split(command)
    except ValueError as error:
        raise LocalError(f"{name}: {error}") from error
    if not argv:
        raise LocalError(f"{SCHEME} needs the command that starts the client")
    return ClientTarget(name, argv, EmulatedTarget(profile or DEFAULT_PROFILE))
