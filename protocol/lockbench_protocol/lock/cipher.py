"""AES-128-CBC with PKCS#7 and IV = key (ttlock-ble 3.4), the cipher object made once for each key.

With a fixed IV, CBC decryption is one ECB call and one XOR with the ciphertext shifted by a block. A message
of one block is encrypted by one ECB call too; a longer one goes into one long CBC stream, whose running block
is cancelled in the first block of each message. The cipher itself is pycryptodome's.
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

    __slots__ = ("_block", "_decrypt", "_encrypt", "_first", "_iv", "_masks", "key")

    def __init__(self, key: bytes) -> None:
        from Crypto.Cipher import AES

        if len(key) != BLOCK:
            raise LocalError(f"an AES key has {BLOCK} bytes, not {len(key)}")
        self.key = key
        # blocks are read low byte first, so that a short message needs no shift to stand before its padding
        self._iv = int.from_bytes(key, "little")
        padding = (bytes(size) + _PADS[BLOCK - size] for size in range(BLOCK))
        self._masks = tuple(int.from_bytes(pad, "little") ^ self._iv for pad in padding)
        self._first = 0  # key XOR the last ciphertext block of the stream
        self._encrypt = AES.new(key, AES.MODE_CBC, iv=key).encrypt
        block = AES.new(key, AES.MODE_ECB)
        self._block, self._decrypt = block.encrypt, block.decrypt

    def encrypt(self, plain: bytes) -> bytes:
        size = len(plain)
        if size < BLOCK:
            block = int.from_bytes(plain, "little") ^ self._masks[size]
            data: bytes = self._block(block.to_bytes(BLOCK, "little"))
            return data
        padded = plain + _PADS[BLOCK - size % BLOCK]
        if self._first:
            head = int.from_bytes(padded[:BLOCK], "little") ^ self._first
            padded = head.to_bytes(BLOCK, "little") + padded[BLOCK:]
        data = self._encrypt(padded)
        self._first = self._iv ^ int.from_bytes(data[-BLOCK:], "little")
        return data

    def decrypt(self, data: bytes) -> bytes:
        """The plaintext; CipherError when the length or the padding is wrong."""
        size = len(data)
        if size == BLOCK:
            chain = self._iv
        elif not size or size % BLOCK:
            raise CipherError(f"{size} bytes are no whole number of AES blocks")
        else:
            chain = int.from_bytes(self.key + data[:-BLOCK], "little")
        plain = (int.from_bytes(self._decrypt(data), "little") ^ chain).to_bytes(size, "little")
        pad = plain[-1]
        if 0 < pad <= BLOCK and plain.endswith(_PADS[pad]):
            return plain[:-pad]
        raise CipherError("wrong padding: another key, or damaged data")


@lru_cache(maxsize=256)
def cipher(key: bytes) -> Cipher:
    """The cipher of this key, made once."""
    return Cipher(key)
