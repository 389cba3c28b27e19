"""The reference client: conversations with one lock over any link."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, TypeVar

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.lock.cipher import DEFAULT_KEY
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.crc import VENDOR
from lockbench_protocol.lock.envelope import Refusal, Reply

from lockbench_harness.client.operations import Exchange, LockRefused, Operation
from lockbench_harness.client.wire import V3, Header, Wire
from lockbench_harness.links import Connection, Link, LinkLost, Missing

T = TypeVar("T")

WRITE, NOTIFY = "fff2", "fff4"
ANSWER_SECONDS = 6.0


class NoAnswer(RemoteError):
    """The lock was silent for too long (plug-in error 10017)."""


class Busy(LocalError):
    """Another conversation with this lock is going on (plug-in error 11013)."""


class AlreadyConnected(LocalError):
    """The link that is asked for is open (plug-in error 10601)."""


class OtherLock(LocalError):
    """The open link goes to another lock than the one that is meant (plug-in error 10602)."""


class LockClient:
    """One central, one lock, one connection at a time.

    `pushes` receives every reply that answers no request. `address` and `key` may be set to those of another
    lock once the link is closed.
    """

    def __init__(
        self,
        link: Link,
        address: str,
        key: bytes = DEFAULT_KEY,
        *,
        header: Header = V3,
        table: bytes = VENDOR,
        answer_seconds: float = ANSWER_SECONDS,
    ) -> None:
        self.link = link
        self.address = address
        self.key = key
        self.connection: Connection | None = None
        self._peer = ""  # the address at the other end of it
        self.pushes: Callable[[Reply | Refusal], None] = lambda _: None
        self._header = header
        self._table = table
        self._answer_seconds = answer_seconds
        self._wire = Wire(key, header, table)
        self._busy = False
        self._awaited: int | None = None
        self._answer: asyncio.Future[Reply | Refusal] | None = None

    async def connect(self, *, seconds: float = 10.0, mtu: int = 23) -> Connection:
        """Connect and enable notifications. LinkLost, NotFound or Missing when that fails.

        AlreadyConnected or OtherLock while a link is open.
        """
        if self.connection is not None and not self.connection.lost:
            self._check_peer()
            raise AlreadyConnected(f"already connected to {self.address}")
        connection = await self.link.connect(self.address, timeout=seconds, mtu=mtu)
        try:
            missing = {WRITE, NOTIFY} - connection.characteristics().keys()
            if missing:
                raise Missing(f"the peer has no characteristic {', '.join(sorted(missing))}")
            self._wire = Wire(self.key, self._header, self._table)
            connection.on_lost(self._lost)
            await connection.subscribe(NOTIFY, self._notified)
        except BaseException:
            await connection.disconnect()
            raise
        self.connection, self._peer = connection, self.address
        return connection

    async def disconnect(self) -> None:
        """End the link; nothing when there is none."""
        connection, self.connection = self.connection, None
        if connection is not None and not connection.lost:
            await connection.disconnect()

    async def run(self, operation: Operation[T]) -> T:
        """Drive one conversation on the open connection. Its errors are RemoteErrors of client and links."""
        if self._busy:
            operation.close()
            raise Busy("another conversation with this lock is not finished")
        self._busy = True
        try:
            exchange = next(operation)
            while True:
                try:
                    reply = await self._exchange(exchange)
                except RemoteError as error:
                    exchange = operation.throw(error)
                else:
                    exchange = operation.send(reply)
        except StopIteration as done:
            result: T = done.value
            return result
        finally:
            self._busy = False

    async def ask(self, opcode: int, plain: bytes) -> bytes:
        """One request of any plaintext; the body of its reply. For payloads out of the ordinary."""
        answer = await self._request(opcode, plain)
        if isinstance(answer, Refusal):
            raise LockRefused(opcode, answer.code, answer.op)
        return answer.body

    async def write_raw(self, chunk: bytes) -> None:
        """Bytes as they are into FFF2."""
        await self._open().write(WRITE, chunk)

    async def ask_values(self, opcode: int, values: Any = None) -> Any:
        """One request without what usually goes before it; its parsed reply."""
        command = COMMANDS[opcode]
        return command.parse_reply(await self.ask(opcode, command.build_request(values)))

    def frame(self, opcode: int, plain: bytes) -> list[bytes]:
        """The writes of a request, not sent."""
        return self._wire.request(opcode, plain)

    async def _exchange(self, exchange: Exchange) -> Any:
        reply = await self.ask_values(exchange.opcode, exchange.values)
        if exchange.key_after:
            self.key = self._wire.key = reply.key
        return reply

    async def _request(self, opcode: int, plain: bytes) -> Reply | Refusal:
        connection = self._open()
        self._awaited = opcode
        self._answer = asyncio.get_running_loop().create_future()
        try:
            for chunk in self._wire.request(opcode, plain):
                await connection.write(WRITE, chunk)
            async with asyncio.timeout(self._answer_seconds):
                return await self._answer
        except TimeoutError:
            raise NoAnswer(f"no answer to 0x{opcode:02x} in {self._answer_seconds:g} s") from None
        finally:
            if self._answer.done() and not self._answer.cancelled():
                self._answer.exception()  # of a link that ended while writing, the write has told
            self._answer = None

    def _open(self) -> Connection:
        if self.connection is None:
            raise LocalError("not connected")
        if self.connection.lost:
            raise LinkLost
        self._check_peer()
        return self.connection

    def _check_peer(self) -> None:
        if self._peer != self.address:
            raise OtherLock(f"connected to {self._peer}, not to {self.address}")

    def _notified(self, value: bytes) -> None:
        for found in self._wire.feed(value):
            waiting = self._answer is not None and not self._answer.done()
            if isinstance(found, RemoteError):
                if waiting and self._answer is not None:
                    self._answer.set_exception(found)
            elif waiting and self._answer is not None and found.echo == self._awaited:
                self._answer.set_result(found)
            else:
                self.pushes(found)

    def _lost(self, reason: int) -> None:
        if self._answer is not None and not self._answer.done():
            self._answer.set_exception(LinkLost(reason))
