"""The plug-in as a case calls it, with somebody else's client behind it.

The client reaches the lock through a door of its own, with the phone, good or bad, that the case chose.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from lockbench_protocol.errors import Language
from lockbench_protocol.plugin import Version, contract

from lockbench_harness.adapter.process import Adapter, Message
from lockbench_harness.client.call import CloudAccess, Result
from lockbench_harness.door.endpoint import listening, private_directory
from lockbench_harness.door.program import environment
from lockbench_harness.door.server import Door
from lockbench_harness.links import Connection, Link, Sighting
from lockbench_harness.verdicts import Expectation

if TYPE_CHECKING:
    from lockbench_harness.credentials import Credentials

FUNCTION = "$callback"  # stands for a function among the options


class ForeignPlugin:
    """The methods of the contract, each carried to the client. `stack` closes what was opened for it."""

    def __init__(
        self,
        argv: Sequence[str],
        link: Link,
        credentials: Credentials,
        stack: AsyncExitStack,
        *,
        now: Callable[[], float],
        cloud: CloudAccess | None,
        language: Language,
        version: Version,
        note: Callable[[str, Message], None],
    ) -> None:
        self.version = version
        self._argv = argv
        self._witness = Witness(link)
        self._credentials = credentials
        self._stack = stack
        self._now = now
        self._start: Message = {
            "plugin": version.number,
            "edition": version.edition,
            "language": language,
            "cloud": cloud.base_url if cloud else None,
        }
        self._note = note
        self._adapter: Adapter | None = None

    async def create_custom_passcode(self, *arguments: object) -> Result:
        return await self._call("createCustomPasscode", arguments)

    async def enter_dfu_mode(self, *arguments: object) -> Result:
        return await self._call("enterDfuMode", arguments)

    async def stop_all_operations(self) -> Result:
        return await self._call("stopAllOperations", ())

    async def finish_operations(self) -> Result:
        return await self._call("finishOperations", ())

    async def _call(self, method: str, arguments: Sequence[object]) -> Result:
        self.version.method(method)
        if self._adapter is None:
            self._adapter = await self._stack.enter_async_context(self._running())
        functions: dict[str, Callable[[Result], object]] = {}
        names = contract().methods[method].positional
        carried = [
            _without_functions(argument, functions, names[at] if at < len(names) else str(at))
            for at, argument in enumerate(arguments)
        ]

        def told(name: str, value: Mapping[str, Any]) -> None:
            if name not in functions:
                raise Expectation("the callback that was told", f"one of {sorted(functions)}", name)
            with suppress(Exception):  # a mistake of the app, not of the client
                functions[name](dict(value))

        result = await self._adapter.call(method, carried, self._now, told)
        self._witness.tell()
        return cast("Result", result)  # a case looks at its types

    @asynccontextmanager
    async def _running(self) -> AsyncIterator[Adapter]:
        with private_directory() as directory:
            file = directory / "credentials.json"
            self._credentials.save(file)
            async with listening(Door(self._witness.link), directory) as endpoint:
                variables = environment(os.environ, endpoint, file, directory / "notes")
                adapter = Adapter(self._argv, {**self._start, "door": endpoint}, variables, self._note)
                try:
                    yield adapter
                finally:
                    await adapter.close()


def _without_functions(value: object, functions: dict[str, Callable[[Result], object]], name: str) -> object:
    """The value as lines carry it. A function is known by the name of its option, or of its place."""
    if callable(value):
        functions[name] = value
        return {FUNCTION: name}
    if not isinstance(value, Mapping):
        return value
    return {key: _without_functions(item, functions, key) for key, item in value.items()}


class Witness:
    """A phone that remembers which expectation was not met while somebody else used it."""

    def __init__(self, phone: Link) -> None:
        self._phone = phone
        self._unmet: Expectation | None = None

    @asynccontextmanager
    async def link(self) -> AsyncIterator[Link]:
        yield self

    def tell(self) -> None:
        if self._unmet is not None:
            raise self._unmet

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]:
        try:
            return await self._phone.scan(seconds, until=until)
        except Expectation as error:
            self._unmet = error
            raise

    async def connect(self, address: str, *, timeout: float = 10.0, mtu: int = 23) -> Connection:  # noqa: ASYNC109 - the interface of links
        try:
            return await self._phone.connect(address, timeout=timeout, mtu=mtu)
        except Expectation as error:
            self._unmet = error
            raise
