"""The door itself: each visitor gets a central of its own, and every request gets exactly one answer.

Whatever a visitor leaves behind, dead or alive, is released: scans, attempts to connect, links.
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Coroutine
from contextlib import AbstractAsyncContextManager, aclosing, suppress
from typing import Any

from lockbench_harness.door import wire
from lockbench_harness.door.held import Fields, Held, Refusal, refused
from lockbench_harness.door.wire import Code, Id, Malformed, encode
from lockbench_harness.links import Link, Sighting

LinkFactory = Callable[[], AbstractAsyncContextManager[Link]]

MAX_PENDING = 1024  # requests of one visitor that wait for their answers
MAX_UNREAD = 4 * 2**20  # bytes a visitor may leave unread before it is shut out
ADVERTS_UNREAD = 65536  # bytes unread above which it gets no more advertisements
ROUND = 0.5  # seconds of one scan; a scan that lasts is many rounds, so advertisers show up again and again
PATIENCE = 10.0  # seconds for what a visitor left to end by itself


class Door:
    """`link_factory` gives the central of one visitor, for as long as the visitor stays."""

    def __init__(self, link_factory: LinkFactory) -> None:
        self.token = ""  # asked for when not empty
        self.opened = False  # somebody scanned or connected
        self._link_factory = link_factory
        self._visits: dict[Visitor, asyncio.Task[None]] = {}

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The callback of an asyncio server."""
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        visitor = Visitor(self, reader, writer)
        self._visits[visitor] = task
        try:
            await visitor.stay(self._link_factory)
        finally:
            del self._visits[visitor]

    async def close(self) -> None:
        """Answer all that wait with `closed`, release every link and hang up."""
        tasks = list(self._visits.values())
        for visitor in list(self._visits):
            visitor.leave()
        if tasks:
            await asyncio.wait(tasks)


class Visitor:
    """One client of the door."""

    def __init__(self, door: Door, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._door = door
        self._reader = reader
        self._writer = writer
        self._leaving = asyncio.Event()
        self._requests: set[asyncio.Task[None]] = set()
        self._held: dict[int, Held] = {}
        self._scan: Scan | None = None

    def leave(self) -> None:
        self._leaving.set()

    async def stay(self, link_factory: LinkFactory) -> None:
        try:
            async with aclosing(self._lines()) as lines:
                if await self._greet(lines):
                    async with link_factory() as link:
                        try:
                            await self._serve(lines, link)
                        finally:
                            await self._release()
        except ConnectionError:
            pass  # the visitor died
        finally:
            self._writer.close()
            with suppress(ConnectionError):
                await self._writer.wait_closed()

    async def _lines(self) -> AsyncGenerator[bytes | None, None]:
        """Until the visitor hangs up or is asked to leave; None stands for a line that was too long."""
        cutter = wire.Lines()
        leaving = asyncio.ensure_future(self._leaving.wait())
        try:
            while not leaving.done():
                reading = asyncio.ensure_future(self._reader.read(wire.MAX_LINE))
                await asyncio.wait({reading, leaving}, return_when=asyncio.FIRST_COMPLETED)
                if not reading.done():
                    reading.cancel()
                    return
                chunk = reading.result()
                if not chunk:
                    return
                for line in cutter.feed(chunk):
                    yield line
        finally:
            leaving.cancel()

    async def _greet(self, lines: AsyncIterator[bytes | None]) -> bool:
        """The first line must be a fitting hello; anything else is answered and shut out."""
        async for line in lines:
            request_id: Id | None = None
            try:
                request_id, request = _parse(line)
                self._welcome(request)
            except Malformed as error:
                self._answer(error.id, Refusal(Code.BAD_REQUEST, str(error)).message)
                return False
            except Refusal as refusal:
                self._answer(request_id, refusal.message)
                return False
            self._answer(request_id, {"ok": {"version": wire.VERSION}})
            return True
        return False

    def _welcome(self, request: wire.Request) -> None:
        if not isinstance(request, wire.Hello):
            raise Refusal(Code.BAD_REQUEST, "the first line must be hello")
        if request.version != wire.VERSION:
            text = f"this door speaks version {wire.VERSION}, not {request.version}"
            raise Refusal(Code.VERSION, text, version=wire.VERSION)
        if self._door.token and not hmac.compare_digest(self._door.token.encode(), request.token.encode()):
            raise Refusal(Code.TOKEN, "this token does not open the door")

    async def _serve(self, lines: AsyncIterator[bytes | None], link: Link) -> None:
        async for line in lines:
            try:
                request_id, request = _parse(line)
            except Malformed as error:
                self._answer(error.id, Refusal(Code.BAD_REQUEST, str(error)).message)
                continue
            if len(self._requests) >= MAX_PENDING:
                self._answer(request_id, Refusal(Code.BUSY, f"{MAX_PENDING} requests wait already").message)
                continue
            try:
                work = self._work(request, link)
            except Refusal as refusal:
                self._answer(request_id, refusal.message)
                continue
            task = asyncio.ensure_future(self._settle(request_id, work))
            self._requests.add(task)
            task.add_done_callback(self._requests.discard)

    def _work(self, request: wire.Request, link: Link) -> Coroutine[None, None, Fields]:
        """What answers the request. Who holds which number is settled at once, in the order of the lines."""
        match request:
            case wire.Hello():
                raise Refusal(Code.BAD_REQUEST, "hello was said already")
            case wire.Scan(on):
                self._door.opened = True
                return self._scanning(link, on=on)
            case wire.Connect(number):
                if number in self._held and not self._held[number].over:
                    raise Refusal(Code.BAD_REQUEST, f"connection {number} is in use")
                self._door.opened = True
                held = self._held[number] = Held(number, self._tell)
                return held.connect(link, request)
            case wire.Discover(number):
                return self._holding(number).discover()
            case wire.Read(number, characteristic):
                return self._holding(number).read(characteristic)
            case wire.Write(number):
                return self._holding(number).write(request)
            case wire.Notify(number, characteristic, on):
                return self._holding(number).notify(characteristic, on=on)
            case wire.Disconnect(number):
                return self._holding(number).disconnect()

    def _holding(self, number: int) -> Held:
        if number not in self._held:
            raise Refusal(Code.NO_CONNECTION, f"there is no connection {number}")
        return self._held[number]

    async def _settle(self, request_id: Id, work: Coroutine[None, None, Fields]) -> None:
        try:
            result: Fields = {"ok": await work}
        except Exception as error:  # noqa: BLE001 - every request gets an answer, also when the bench is at fault
            refusal = refused(error)
            if refusal.word is Code.BROKEN:
                context = {"message": "a request broke the door", "exception": error}
                asyncio.get_running_loop().call_exception_handler(context)
            elif self._leaving.is_set():
                refusal = Refusal(Code.CLOSED, "the door closed")
            result = refusal.message
        self._answer(request_id, result)
        with suppress(ConnectionError):
            await self._writer.drain()

    async def _scanning(self, link: Link, *, on: bool) -> Fields:
        if on and self._scan is None:
            self._scan = Scan(link, self._sighted)
        elif not on and self._scan is not None:
            scan, self._scan = self._scan, None
            await asyncio.wait({scan.stop()})
        return {}

    def _sighted(self, sighting: Sighting) -> None:
        if self._writer.transport.get_write_buffer_size() <= ADVERTS_UNREAD:
            self._tell({"event": "advertisement", **_shown(sighting)})

    async def _release(self) -> None:
        tasks: set[asyncio.Future[Any]] = set(self._requests)
        tasks.update(asyncio.ensure_future(held.disconnect()) for held in self._held.values())
        if self._scan is not None:
            tasks.add(self._scan.stop())
        if tasks:
            _, late = await asyncio.wait(tasks, timeout=PATIENCE)
            for task in late:
                task.cancel()

    def _answer(self, request_id: Id | None, result: Fields) -> None:
        self._tell({"id": request_id, **result})

    def _tell(self, message: Fields) -> None:
        transport = self._writer.transport
        if transport.get_write_buffer_size() > MAX_UNREAD:
            transport.abort()
        elif not transport.is_closing():
            self._writer.write(encode(message))


class Scan:
    """Round after round, until it is stopped; never cancelled, for a link may be talking to a controller."""

    def __init__(self, link: Link, tell: Callable[[Sighting], None]) -> None:
        self._link = link
        self._tell = tell
        self._wanted = True
        self._task = asyncio.ensure_future(self._rounds())

    def stop(self) -> asyncio.Task[None]:
        """Gives the task that ends soon."""
        self._wanted = False
        return self._task

    async def _rounds(self) -> None:
        while self._wanted:
            await self._link.scan(ROUND, until=self._show)

    def _show(self, sighting: Sighting) -> bool:
        if self._wanted:
            self._tell(sighting)
        return not self._wanted


def _parse(line: bytes | None) -> tuple[Id, wire.Request]:
    if line is None:
        raise Malformed(f"the line is longer than {wire.MAX_LINE} bytes")
    return wire.parse(line)


def _shown(sighting: Sighting) -> Fields:
    return {
        "address": sighting.address,
        "name": sighting.name,
        "manufacturer": sighting.manufacturer.hex(),
        "services": list(sighting.services),
        "rssi": sighting.rssi,
        "data": sighting.data.hex(),
        "scan_response": sighting.scan_response.hex(),
    }
