"""AES-128-CBC with PKCS#7 and IV = key (ttlock-ble 3.4), the cipher object made once for each key.

With a fixed IV, CBC decryption is one ECB call and one XOR with the ciphertext shifted by a block; encryption
is one long CBC stream whose running block is cancelled in the first block of each message. The cipher itself
is pycryptodome's.
"""

from __future__ import annotations

from functools import lru_cache

from lockbench_protocol import LocalError, RemoteError

BLOCK = 16
DEFAULT_KEY = bytes.fromhex("987623e8a923a1bb3d9e7d0378124588")
"""The key of a lock that nobody has paired (ttlock-ble 3.4)."""

_PADS = tuple(bytes([n]) * n for n in range(BLOCK + 1))


class CipherError(RemoteError):
    """The data do not decrypt under this key: wrong length, or wrong padding."""


class Cipher:
    """One key. Not to be shared between threads: the encrypting stream has a state."""

    __slots__ = ("_decrypt", "_encrypt", "_first", "_iv", "key")

    def __init__(self, key: bytes) -> None:
        from Crypto.Cipher import AES

        if len(key) != BLOCK:
            raise LocalError(f"an AES key has {BLOCK} bytes, not {len(key)}")
        self.key = key
        self._iv = int.from_bytes(key, "big")
        self._first = 0  # key XOR the last ciphertext block of the stream
        self._encrypt = AES.new(key, AES.MODE_CBC, iv=key).encrypt
        self._decrypt = AES.new(key, AES.MODE_ECB).decrypt

    def encrypt(self, plain: bytes) -> bytes:
        padded = plain + _PADS[BLOCK - len(plain) % BLOCK]
        if self._first:
            head = int.from_bytes(padded[:BLOCK], "big") ^ self._first
            padded = head.to_bytes(BLOCK, "big") + padded[BLOCK:]
        data: bytes = self._encrypt(padded)
        self._first = self._iv ^ int.from_bytes(data[-BLOCK:], "big")
        return data

    def decrypt(self, data: bytes) -> bytes:
        """The plaintext; CipherError when the length or the padding is wrong."""
        size = len(data)
        if not size or size % BLOCK:
            raise CipherError(f"{size} bytes are no whole number of AES blocks")
        chain = int.from_bytes(self.key + data[:-BLOCK], "big")
        plain = (int.from_bytes(self._decrypt(data), "big") ^ chain).to_bytes(size, "big")
        pad = plain[-1]
        if not 1 <= pad <= BLOCK or plain[-pad:] != _PADS[pad]:
            raise CipherError("wrong padding: another key, or damaged data")
        return plain[:-pad]


@lru_cache(maxsize=256)
def cipher(key: bytes) -> Cipher:
    """The cipher of this key, made once."""
    return Cipher(key)
