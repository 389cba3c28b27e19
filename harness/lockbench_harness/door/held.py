"""One link of a visitor, and what its requests are answered with.

Requests on a link run in the order they came; `disconnect` overtakes them. Once it is over, it stays over.
What a link has begun is never cancelled, for it may be talking to a controller: `disconnect` ends it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

from lockbench_emulator.gatt import Properties
from lockbench_protocol import LocalError, RemoteError

from lockbench_harness.door.wire import Code, Connect, Write
from lockbench_harness.links import AttError, Connection, Link, LinkLost, Missing, NotFound
from lockbench_harness.links.rules import ATT_HEADER, LOCAL_HOST

Fields = dict[str, object]

ATTEMPT = 2.0  # seconds that a link tries in one go; an attempt given up lasts at most as long
PROPERTIES = {bit: (bit.name or "").lower().replace("_", "-") for bit in Properties}  # as bleak words them


class Refusal(Exception):
    """The answer to a request is this error."""

    def __init__(self, word: Code, text: str, **extra: int) -> None:
        super().__init__(text)
        self.word = word
        self.message: Fields = {"error": word.value, "message": text, **extra}


def refused(error: Exception) -> Refusal:
    match error:
        case Refusal():
            return error
        case LinkLost(reason=reason):
            return Refusal(Code.LINK_LOST, str(error), reason=reason)
        case AttError(code=code):
            return Refusal(Code.ATT, str(error), code=code)
        case NotFound():
            return Refusal(Code.NOT_FOUND, str(error))
        case Missing():
            return Refusal(Code.MISSING, str(error))
        case RemoteError():
            return Refusal(Code.FAILED, str(error))
        case LocalError():
            return Refusal(Code.BAD_REQUEST, str(error))
        case _:
            return Refusal(Code.BROKEN, f"the bench broke: {type(error).__name__}: {error}")


class Held:
    """One link of a visitor, from the request to connect until it is over. `tell` sends an event."""

    def __init__(self, number: int, tell: Callable[[Fields], None]) -> None:
        self.number = number
        self.over = False
        self._tell = tell
        self._order = asyncio.Lock()  # fair: requests run in the order they came
        self._connection: Connection | None = None
        self._reason = LOCAL_HOST
        self._subscribed: set[str] = set()

    async def connect(self, link: Link, request: Connect) -> Fields:
        async with self._order:
            try:
                connection = await self._attempts(link, request)
            except BaseException:
                self.over = True
                raise
            if self.over:  # `disconnect` was faster
                with suppress(RemoteError):
                    await connection.disconnect()
                raise LinkLost(self._reason)
            self._connection = connection
            connection.on_lost(self._lost)
            return {"mtu": connection.mtu}

    async def _attempts(self, link: Link, request: Connect) -> Connection:
        """Try until the time is up, or nobody wants it any more."""
        loop = asyncio.get_running_loop()
        end = loop.time() + request.timeout
        while not self.over:
            seconds = min(max(end - loop.time(), 0.001), ATTEMPT)
            try:
                return await link.connect(request.address, timeout=seconds, mtu=request.mtu)
            except NotFound:
                if loop.time() >= end:
                    raise
        raise LinkLost(self._reason)

    async def discover(self) -> Fields:
        async with self._order:
            return {"services": _numbered(self._live().characteristics())}

    async def read(self, characteristic: str) -> Fields:
        async with self._order:
            return {"value": (await self._live().read(characteristic)).hex()}

    async def write(self, request: Write) -> Fields:
        async with self._order:
            connection = self._live()
            room = connection.mtu - ATT_HEADER
            if not request.response and len(request.value) > room:
                text = f"a write command takes at most {room} bytes here, not {len(request.value)}"
                raise Refusal(Code.TOO_LONG, text)
            await connection.write(request.characteristic, request.value, response=request.response)
            return {}

    async def notify(self, characteristic: str, *, on: bool) -> Fields:
        async with self._order:
            connection = self._live()
            if on and characteristic not in self._subscribed:
                await connection.subscribe(
                    characteristic, lambda value: self._notified(characteristic, value)
                )
                self._subscribed.add(characteristic)
            elif not on and characteristic in self._subscribed:
                self._subscribed.discard(characteristic)
                await connection.unsubscribe(characteristic)
            return {}

    async def disconnect(self) -> Fields:
        """End the attempt or the link; nothing is left of it on the air."""
        if self._connection is None:
            self.over = True
            async with self._order:
                return {}
        if not self._connection.lost:
            with suppress(RemoteError):
                await self._connection.disconnect()
        self._lost(LOCAL_HOST)
        return {}

    def _live(self) -> Connection:
        if self._connection is None or self.over or self._connection.lost:
            raise LinkLost(self._reason)
        return self._connection

    def _lost(self, reason: int) -> None:
        if self._connection is not None and not self.over:
            self.over, self._reason = True, reason
            self._tell({"event": "disconnected", "connection": self.number, "reason": reason})

    def _notified(self, characteristic: str, value: bytes) -> None:
        message = {"connection": self.number, "characteristic": characteristic, "value": value.hex()}
        self._tell({"event": "notification", **message})


def _numbered(found: dict[str, tuple[str, int]]) -> list[Fields]:
    """Services in order of discovery, with handles counted as a GATT database would number them."""
    services: dict[str, list[tuple[str, int]]] = {}
    for uuid, (service, properties) in found.items():
        services.setdefault(service, []).append((uuid, properties))
    shown: list[Fields] = []
    handle = 1
    for service, characteristics in services.items():
        rows: list[Fields] = []
        shown.append({"uuid": service, "handle": handle, "characteristics": rows})
        handle += 1
        for uuid, properties in characteristics:
            words = [word for bit, word in PROPERTIES.items() if properties & bit]
            rows.append({"uuid": uuid, "handle": handle, "properties": words})
            handle += 3 if "notify" in words else 2
    return shown
