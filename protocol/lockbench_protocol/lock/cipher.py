"""AES-128-CBC with PKCS#7 and IV = key (ttlock-ble 3.4), the cipher object made once for each key.

With a fixed IV, CBC decryption is one ECB call and one XOR with the ciphertext shifted by a block. A message
of one block is encrypted by one ECB call too; a longer one goes into one long CBC stream, whose running block
is cancelled in the first block of each message. The cipher itself is pycryptodome's. It reaches its C code by
cffi where that is installed, and then fills a buffer of the caller's in three quarters of the time that a new
one takes; by ctypes it is the other way round.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from importlib.util import find_spec

from lockbench_protocol import LocalError, RemoteError

BLOCK = 16
DEFAULT_KEY = bytes.fromhex("987623e8a923a1bb3d9e7d0378124588")
"""The key of a lock that nobody has paired (ttlock-ble 3.4)."""

FILLS = find_spec("cffi") is not None  # a buffer of ours, because that is quicker

_number = int.from_bytes
_PADS = tuple(bytes([n]) * n for n in range(BLOCK + 1))


class CipherError(RemoteError):
    """The data do not decrypt under this key: wrong length, or wrong padding."""


class Cipher:
    """One key. Not to be shared between threads: the functions keep a buffer and a stream."""

    __slots__ = ("decrypt", "encrypt", "key")

    encrypt: Callable[[bytes], bytes]
    decrypt: Callable[[bytes], bytes]
    """The plaintext; CipherError when the length or the padding is wrong."""

    def __init__(self, key: bytes) -> None:
        if len(key) != BLOCK:
            raise LocalError(f"an AES key has {BLOCK} bytes, not {len(key)}")
        self.key = key
        # closures: what they need is nearer to them than to a method, a tenth of the time of a short message
        self.encrypt, self.decrypt = _encrypting(key), _decrypting(key)


def _encrypting(key: bytes) -> Callable[[bytes], bytes]:
    from Crypto.Cipher import AES

    # blocks are read low byte first, so that a short message needs no shift to stand before its padding
    iv = _number(key, "little")
    masks = tuple(iv ^ _number(bytes(size) + _PADS[BLOCK - size], "little") for size in range(BLOCK))
    first = 0  # key XOR the last ciphertext block of the stream
    stream = AES.new(key, AES.MODE_CBC, iv=key).encrypt
    one_block = AES.new(key, AES.MODE_ECB).encrypt
    buffer = bytearray(BLOCK)
    filled = memoryview(buffer).tobytes if FILLS else None

    def encrypt(plain: bytes) -> bytes:
        nonlocal first
        size = len(plain)
        if size < BLOCK:
            block = (_number(plain, "little") ^ masks[size]).to_bytes(BLOCK, "little")
            if filled is None:
                return one_block(block)
            one_block(block, buffer)
            return filled()
        padded = plain + _PADS[BLOCK - size % BLOCK]
        if first:
            head = _number(padded[:BLOCK], "little") ^ first
            padded = head.to_bytes(BLOCK, "little") + padded[BLOCK:]
        data = stream(padded)
        first = iv ^ _number(data[-BLOCK:], "little")
        return data

    return encrypt


def _decrypting(key: bytes) -> Callable[[bytes], bytes]:
    from Crypto.Cipher import AES

    iv = _number(key, "little")
    all_blocks = AES.new(key, AES.MODE_ECB).decrypt
    buffer = bytearray(BLOCK) if FILLS else None

    def decrypt(data: bytes) -> bytes:
        size = len(data)
        if size == BLOCK:
            chain = iv
        elif not size or size % BLOCK:
            raise CipherError(f"{size} bytes are no whole number of AES blocks")
        else:
            chain = _number(key + data[:-BLOCK], "little")
        if buffer is None:
            plain = (_number(all_blocks(data), "little") ^ chain).to_bytes(size, "little")
        else:
            filled = buffer if size == BLOCK else bytearray(size)
            all_blocks(data, filled)
            plain = (_number(filled, "little") ^ chain).to_bytes(size, "little")
        pad = plain[-1]
        if 0 < pad <= BLOCK and plain.endswith(_PADS[pad]):
            return plain[:-pad]
        raise CipherError("wrong padding: another key, or damaged data")

    return decrypt


@lru_cache(maxsize=256)
def cipher(key: bytes) -> Cipher:
    """The cipher of this key, made once."""
    return Cipher(key)
