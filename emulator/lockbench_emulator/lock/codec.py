"""How a lock hides the data of its frames: AES on V3, XOR on V2S (ttlock-ble 3.4, 3.5)."""

from __future__ import annotations

from random import Random
from typing import Protocol

from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.frame import AES, Frame
from lockbench_protocol.lock.obfuscation import choose_seed, obfuscate, reveal


class Codec(Protocol):
    def open(self, frame: Frame, key: bytes) -> bytes: ...  # raises CipherError

    def seal(self, plain: bytes, key: bytes) -> tuple[int, bytes]: ...  # the `encrypt` byte and the data


class AesCodec:
    def open(self, frame: Frame, key: bytes) -> bytes:
        return cipher(key).decrypt(frame.data) if frame.data else b""

    def seal(self, plain: bytes, key: bytes) -> tuple[int, bytes]:
        return AES, cipher(key).encrypt(plain)


class XorCodec:
    """The seed travels in the `encrypt` byte; there is no key."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def open(self, frame: Frame, key: bytes) -> bytes:  # noqa: ARG002 - the shape of all codecs
        return reveal(frame.data + bytes((frame.encrypt,)))

    def seal(self, plain: bytes, key: bytes) -> tuple[int, bytes]:  # noqa: ARG002 - the shape of all codecs
        seed = choose_seed(self._chance)
        return seed, obfuscate(plain, seed)[:-1]


def codec_of(protocol_version: int, chance: Random) -> Codec:
    return AesCodec() if protocol_version == 3 else XorCodec(chance)
