"""Raw bytes to a lock, and the frames that come back: for what no client would send.

It knows the key of the lock and nothing of opcodes or logins; a case puts its frames together itself.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from Crypto.Cipher import AES
from lockbench_harness.cases import expect
from lockbench_harness.client.lock_client import NOTIFY, WRITE
from lockbench_harness.links import Connection
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.envelope import Refusal, Reply, unpack
from lockbench_protocol.lock.frame import CHUNK, Frame, Reassembler, chunks, decode, encode

PROBE = 0x01
"""The question for the features: every lock answers it, to anyone, and ignores what comes with it."""

ANSWER_SECONDS = 2.5  # the vendor's client waits no longer (ttlock-ble 6)
QUIET_SECONDS = 0.1  # for more answers after the last one; no push comes so soon (ttlock-ble 5.19)
SILENCE_SECONDS = 0.6  # a lock answers within half a second (ttlock-ble 6)


class Line:
    """A connection with FFF4 enabled."""

    def __init__(self, connection: Connection, key: bytes) -> None:
        self.connection = connection
        self.notifications: list[bytes] = []  # as they came
        self._key = key
        self._stream = Reassembler()
        self._raw: list[bytes] = []
        self._heard = asyncio.Event()

    def frame(self, opcode: int, plain: bytes = b"", **header: int) -> bytes:
        """A request as bytes. `header` replaces fields of `Frame`."""
        return encode(Frame(opcode, cipher(self._key).encrypt(plain) if plain else b"", **header))

    async def write(self, pieces: Iterable[bytes]) -> None:
        for piece in pieces:
            await self.connection.write(WRITE, piece)

    async def send(self, raw: bytes) -> None:
        """Bytes in writes of at most 20, as clients cut them."""
        await self.write(chunks(raw, CHUNK))

    async def hear(self, count: int = 1) -> list[Frame]:
        """All frames since the last call. Waits for `count` of them, and a moment longer for more."""
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                while len(self._raw) < count:
                    self._heard.clear()
                    await self._heard.wait()
        except TimeoutError:
            pass  # the case says what was missing
        await asyncio.sleep(QUIET_SECONDS if count else SILENCE_SECONDS)
        frames, self._raw = self._raw, []
        return [decode(raw) for raw in frames]

    async def answers(self, count: int = 1) -> list[Reply | Refusal | None]:
        """As `hear`, decrypted; None is a frame without data."""
        return [self.read(frame) for frame in await self.hear(count)]

    async def ask(self, raw: bytes) -> Reply | Refusal | None:
        """The one answer to this request."""
        await self.send(raw)
        found = await self.answers()
        expect(len(found), 1, "the number of answers")
        return found[0]

    async def expect_silence(self, words: str) -> None:
        expect(await self.answers(0), [], words)

    async def expect_served(self) -> None:
        """A good frame is answered now, once."""
        await self.expect_probed(self.frame(PROBE))

    async def expect_probed(self, raw: bytes) -> None:
        """The bytes, which hold one probe, bring one answer to a probe."""
        await self.send(raw)
        found = [answer for answer in await self.answers() if answer and answer.echo == PROBE]
        expect([type(answer) for answer in found], [Reply], "the answers to the probe")

    def read(self, frame: Frame) -> Reply | Refusal | None:
        return unpack(cipher(self._key).decrypt(frame.data)) if frame.data else None

    def notified(self, value: bytes) -> None:
        self.notifications.append(value)
        self._raw += self._stream.feed(value)
        self._heard.set()


@asynccontextmanager
async def raw_line(bench: LockBench, *, mtu: int = 23, key: bytes | None = None) -> AsyncIterator[Line]:
    """A line to the bench's lock, under its key or another."""
    async with bench.raw(mtu=mtu) as connection:
        line = Line(connection, bench.keys.aes_key if key is None else key)
        await connection.subscribe(NOTIFY, line.notified)
        yield line


def plain_of(key: bytes, block: bytes) -> bytes:
    """The 16 bytes of plaintext whose ciphertext begins with this block."""
    opened: bytes = AES.new(key, AES.MODE_CBC, iv=key).decrypt(block)
    return opened
