"""Locks that cut, check, hide or answer frames wrongly (ttlock-ble 3, 4)."""

from __future__ import annotations

from dataclasses import replace
from random import Random

from Crypto.Cipher import AES
from Crypto.Util.Padding import pad, unpad
from lockbench_protocol.lock import envelope
from lockbench_protocol.lock.cipher import DEFAULT_KEY, CipherError
from lockbench_protocol.lock.crc import crc8
from lockbench_protocol.lock.frame import AES as AES_FRAME
from lockbench_protocol.lock.frame import CHUNK, MAGIC, TAIL, Frame, Reassembler, decode
from lockbench_protocol.lock.status import Status

from lockbench_emulator.gatt import Effect
from lockbench_emulator.lock.codec import AesCodec, Codec
from lockbench_emulator.lock.handlers import HANDLERS
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.mutants.row import Mutant, faulty

_OVERHEAD = 15  # bytes of a frame around its data
_LENGTH_AT = 11
_SMALL_BUFFER = 64


def _fits(raw: bytes) -> bool:
    return len(raw) >= _OVERHEAD and len(raw) == _OVERHEAD + raw[_LENGTH_AT] and raw[:2] == MAGIC


class _CrcUnchecked(Lock):
    def _answer(self, raw: bytes, now: float, *, busy: bool) -> None:
        super()._answer(raw[:-3] + bytes((crc8(raw[:-3]),)) + TAIL, now, busy=busy)


class _SmallBuffer(Lock):
    def _answer(self, raw: bytes, now: float, *, busy: bool) -> None:
        if len(raw) <= _SMALL_BUFFER:
            super()._answer(raw, now, busy=busy)


class _OwnSceneOnly(Lock):
    def _answer(self, raw: bytes, now: float, *, busy: bool) -> None:
        if raw[4] in (1, self.profile.model.scene):
            super()._answer(raw, now, busy=busy)


class _AnyByteKeepsLink(Lock):
    def receive(self, chunk: bytes, now: float, *, busy: bool = False) -> list[Effect]:
        self.heard(now)
        return super().receive(chunk, now, busy=busy)


class _NoScene(Lock):
    def frame(self, command: int, data: bytes, encrypt: int) -> Frame:
        return replace(super().frame(command, data, encrypt), scene=0)


class _LineEndStream(Reassembler):
    def feed(self, chunk: bytes) -> list[bytes]:
        *lines, self._buffer = (self._buffer + chunk).split(TAIL)
        return [raw for line in lines if _fits(raw := line + TAIL)]


class _LineEnd(Lock):
    stream_class = _LineEndStream


class _MagicStream(Reassembler):
    def feed(self, chunk: bytes) -> list[bytes]:
        waiting = self._buffer + chunk
        self.reset()
        return super().feed(waiting[max(waiting.rfind(MAGIC), 0) :])


class _Magic(Lock):
    stream_class = _MagicStream


class _ShortWriteStream(Reassembler):
    def feed(self, chunk: bytes) -> list[bytes]:
        found = super().feed(chunk)
        if len(chunk) < CHUNK:
            self.reset()
        return found


class _ShortWrite(Lock):
    stream_class = _ShortWriteStream


class _OneFrameStream(Reassembler):
    def feed(self, chunk: bytes) -> list[bytes]:
        found = super().feed(chunk)
        if found:
            self.reset()
        return found[:1]


class _OneFrame(Lock):
    stream_class = _OneFrameStream


class _LengthStream(Reassembler):
    def feed(self, chunk: bytes) -> list[bytes]:
        self._buffer += chunk
        found = []
        while len(self._buffer) > _LENGTH_AT:
            size = _OVERHEAD + self._buffer[_LENGTH_AT]
            if len(self._buffer) < size:
                break
            raw, self._buffer = self._buffer[:size], self._buffer[size:]
            found += [raw] if _fits(raw) and raw.endswith(TAIL) else []
        return found


class _Length(Lock):
    stream_class = _LengthStream


class _HalfFrameStream(_LengthStream):
    def reset(self) -> None:
        pass


class _HalfFrame(Lock):
    stream_class = _HalfFrameStream


class _NoTailStream(Reassembler):
    def feed(self, chunk: bytes) -> list[bytes]:
        found = super().feed(chunk)
        raw = self._buffer
        if len(raw) > _LENGTH_AT and len(raw) >= (end := 13 + raw[_LENGTH_AT]):
            self.reset()
            found += [raw[:end] + TAIL] if crc8(raw[: end - 1]) == raw[end - 1] else []
        return found


class _NoTail(Lock):
    stream_class = _NoTailStream


class _ZeroIvCodec(AesCodec):
    def open(self, frame: Frame, key: bytes) -> bytes:
        try:
            return (
                unpad(AES.new(key, AES.MODE_CBC, iv=bytes(16)).decrypt(frame.data), 16) if frame.data else b""
            )
        except ValueError as error:
            raise CipherError(str(error)) from None

    def seal(self, plain: bytes, key: bytes) -> tuple[int, bytes]:
        return AES_FRAME, AES.new(key, AES.MODE_CBC, iv=bytes(16)).encrypt(pad(plain, 16))


def _zero_iv(protocol_version: int, chance: Random) -> Codec:  # noqa: ARG001 - the shape of the sound one
    return _ZeroIvCodec()


class _ZeroIv(Lock):
    codec_of = staticmethod(_zero_iv)


class _DefaultKey(Lock):
    """Whoever uses the default key is answered under it."""

    _asked_by_default = False

    @property
    def key(self) -> bytes:
        return DEFAULT_KEY if self._asked_by_default else super().key

    def _answer(self, raw: bytes, now: float, *, busy: bool) -> None:
        try:
            self._asked_by_default = bool(self._codec.open(decode(raw), DEFAULT_KEY))
        except (CipherError, ValueError, LookupError):
            self._asked_by_default = False
        super()._answer(raw, now, busy=busy)
        self._asked_by_default = False


class _NewKey(Lock):
    def _send(self, plain: bytes | None, _key: bytes, now: float, *command: int) -> None:
        super()._send(plain, self.key, now, *command)


class _OpcodeOutside(Lock):
    def _send(self, plain: bytes | None, key: bytes, now: float, *command: int) -> None:
        super()._send(plain, key, now, *(plain[:1] if plain else command))


class _EchoOfTheFrame(Lock):
    def _send(self, plain: bytes | None, key: bytes, now: float, *command: int) -> None:
        super()._send(plain and b"\x54" + plain[1:], key, now, *command)


class _OneCode(Lock):
    def _refuse(self, opcode: int, _status: int, op: int | None, key: bytes, now: float) -> None:
        super()._refuse(opcode, Status.FAILED, op, key, now)


class _UnknownSucceeds(Lock):
    def _refuse(self, opcode: int, status: int, op: int | None, key: bytes, now: float) -> None:
        if opcode in HANDLERS:
            super()._refuse(opcode, status, op, key, now)
        else:
            self._send(envelope.pack(envelope.Reply(opcode)), key, now)


class _PushFirst(Lock):
    """A push that is due goes out in the place of a reply."""

    def _send(self, plain: bytes | None, key: bytes, now: float, *command: int) -> None:
        waiting = envelope.pack(self._pushes.popleft()()) if self._pushes else plain
        super()._send(waiting, key, now, *command)


FRAMES = (
    faulty("other-scene-refused", "a request of another scene is not heard", "COD/1", _OwnSceneOnly),
    faulty("reply-without-scene", "the header of a reply has no scene", "COD/1", _NoScene),
    Mutant(
        "version-unchecked",
        "type and version of a frame do not matter",
        ("COD/2",),
        keys={"session.check_version": False},
    ),
    Mutant(
        "textbook-crc",
        "replies are summed by the textbook's table",
        ("COD/3",),
        keys={"session.reply_textbook_crc": True},
    ),
    faulty("crc-unchecked", "the CRC of a request is not compared", "COD/4", _CrcUnchecked),
    faulty("line-end-ends-frame", "a frame ends at the first CR LF, wherever it is", "COD/5", _LineEnd),
    faulty("magic-begins-frame", "7F 5A begins a frame, wherever it is", "COD/6", _Magic),
    faulty(
        "short-write-ends-frame", "a write of fewer than 20 bytes ends the frame", "COD/7 COD/9", _ShortWrite
    ),
    faulty("garbage-keeps-link", "bytes that are no frame keep a link alive", "SEC/10", _AnyByteKeepsLink),
    faulty("one-frame-a-write", "what follows a frame in the same write is lost", "COD/8", _OneFrame),
    faulty(
        "length-believed",
        "a length byte that lies holds up what follows",
        "COD/10 COD/11 SES/21 SEC/5",
        _Length,
    ),
    faulty("half-frame-stays", "half a frame waits for its end in the next connection", "SES/20", _HalfFrame),
    faulty("tail-unchecked", "a frame is obeyed before its CR LF has come", "COD/12", _NoTail),
    faulty("zero-iv", "the IV of AES-CBC is zero and not the key", "COD/14", _ZeroIv),
    faulty("small-buffer", "a frame of more than 64 bytes is dropped", "COD/15", _SmallBuffer),
    faulty(
        "opcode-outside", "the frame of a reply names the opcode that it answers", "COD/16", _OpcodeOutside
    ),
    faulty("echo-of-the-frame", "the echo in a reply is the 54 of its frame", "COD/16", _EchoOfTheFrame),
    faulty("one-code-for-all", "each refusal has the code 19", "COD/17", _OneCode),
    faulty(
        "unknown-succeeds",
        "an opcode that the lock does not know is a success",
        "COD/22 SES/2",
        _UnknownSucceeds,
    ),
    faulty("default-key-opens", "a paired lock still hears the default key", "COD/14 SEC/4", _DefaultKey),
    faulty(
        "reply-under-new-key",
        "the reply that changes the key travels under the new one",
        "SES/14 SES/15 SES/16",
        _NewKey,
    ),
    faulty("push-swallows-reply", "a push goes out in the place of the reply", "SES/26 SOK/3", _PushFirst),
    Mutant(
        "push-at-once",
        "a push does not wait until the air is quiet",
        ("SES/26",),
        keys={"session.push_quiet": 0.0},
    ),
)
