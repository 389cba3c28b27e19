"""A lock that is somebody else's: reached by HCI over any Bumble transport, opened with a credentials file.

It lives in real time and stays the same lock from example to example, so each one begins by clearing its
passcodes and reading its log. Its secrets are masked in everything that leaves the bench.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from importlib.resources import files
from pathlib import Path

from lockbench_protocol import LocalError, RemoteError

from lockbench_harness.client.operations import clear_passcodes, codes_in, read_log
from lockbench_harness.clock import Time
from lockbench_harness.credentials import Credentials
from lockbench_harness.targets import Bench, Capabilities, load_capabilities
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.trace import Mask, Trace
from lockbench_harness.verdicts import Unreachable


class RemoteTarget:
    """One real lock, or an emulated one in another process."""

    time = Time.REAL

    def __init__(self, name: str, credentials: Credentials) -> None:
        self.name = name
        self.profile = ""
        self.credentials = credentials
        self.capabilities: Capabilities = load_capabilities(files(__package__) / "remote.toml")
        self.mask = Mask()
        self._visited = False
        own = credentials
        for secret in (own.aes_key, own.admin_ps, own.unlock_key, own.lock_data, own.admin_passcode):
            self.mask.add(secret)

    def open(self, *, seed: int, link: str, trace: Trace) -> AbstractAsyncContextManager[Bench]:  # noqa: ARG002 - it has one link
        return self._open(seed, trace)

    @asynccontextmanager
    async def _open(self, seed: int, trace: Trace) -> AsyncIterator[LockBench]:
        from lockbench_harness.links.bumble import BumbleLink

        try:
            link = await BumbleLink.open(self.name, seed=seed)
        except LocalError as error:
            raise Unreachable(f"{self.name} cannot be reached: {error}") from error
        async with link:
            bench = LockBench(link, self.credentials, trace)
            try:
                await self._tidy(bench)
            except RemoteError as error:
                raise Unreachable(
                    f"the lock {self.credentials.address} cannot be opened with its credentials: {error}"
                ) from error
            yield bench

    async def _tidy(self, bench: LockBench) -> None:
        async with bench.session() as client:
            await client.run(clear_passcodes(bench.keys))
            records = await client.run(read_log(new=True))
        if not self._visited:  # whatever people typed before the bench came is nobody's business
            for code in codes_in(records):
                self.mask.add(code)
        self._visited = True


def make(name: str, profile: str, credentials: Path | None) -> RemoteTarget:
    """The maker of all transports of Bumble."""
    if profile:
        raise LocalError("a profile is of an emulated lock; a remote lock is what it is")
    if credentials is None:
        raise LocalError(f"{name} needs --credentials FILE: the keys of the lock that is reached there")
    found = Credentials.load(credentials)
    if not found.paired:
        raise LocalError(f"{credentials}: the lock is not paired, there are no keys to judge it with")
    return RemoteTarget(name, found)
