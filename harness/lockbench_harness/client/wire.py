"""Frames of one connection, as the client sees them: requests out in chunks, replies and pushes in.

Sans-IO. The only discriminator between a reply and a push is the echoed command (ttlock-ble 4).
"""

from __future__ import annotations

from dataclasses import dataclass

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.cipher import DEFAULT_KEY, CipherError, cipher
from lockbench_protocol.lock.crc import VENDOR
from lockbench_protocol.lock.envelope import Refusal, Reply, unpack
from lockbench_protocol.lock.frame import Frame, FrameError, Reassembler, chunks, decode, encode


class Undecryptable(RemoteError):
    """The lock answers under another key: it may have been reset (plug-in error 10001)."""


class Malformed(RemoteError):
    """The lock sent a frame whose CRC or plaintext is wrong (plug-in error 10034)."""


@dataclass(frozen=True, slots=True)
class Header:
    """What every request of a client carries in its header (ttlock-ble 3.1)."""

    protocol_type: int = 5
    protocol_version: int = 3
    scene: int = 1
    group: int = 1
    org: int = 1


V3 = Header()


class Wire:
    """The state of the byte stream: the key in force and the partial frame."""

    def __init__(self, key: bytes = DEFAULT_KEY, header: Header = V3, table: bytes = VENDOR) -> None:
        self.key = key
        self.header = header
        self._table = table
        self._stream = Reassembler()

    def request(self, opcode: int, plain: bytes) -> list[bytes]:
        """The frame of a request, in writes of at most 20 bytes. Empty plaintext travels without data."""
        head = self.header
        frame = Frame(
            opcode,
            cipher(self.key).encrypt(plain) if plain else b"",
            head.protocol_type,
            head.protocol_version,
            head.scene,
            head.group,
            head.org,
        )
        return chunks(encode(frame, self._table))

    def feed(self, notification: bytes) -> list[Reply | Refusal | RemoteError]:
        """What the notification completed, in order; an error stands for a frame that cannot be read."""
        return [self._read(raw) for raw in self._stream.feed(notification)]

    def _read(self, raw: bytes) -> Reply | Refusal | RemoteError:
        try:
            data = decode(raw, self._table).data
        except FrameError as error:
            return Malformed(f"the lock sent a broken frame: {error}")
        if not data:
            return Undecryptable("the lock answered without data: it cannot read this key")
        try:
            return unpack(cipher(self.key).decrypt(data))
        except CipherError:
            return Undecryptable("the answer of the lock does not decrypt: the lock may have been reset")
        except RemoteError as error:
            return Malformed(str(error))
