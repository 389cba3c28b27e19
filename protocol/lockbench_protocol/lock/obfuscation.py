"""The XOR codec of the old generations, met in lockData fields and in decryptionKey (ttlock-ble 3.5, 7.1).

Every byte is XORed with (vendor CRC table entry of the length) XOR seed, and the seed follows as last byte.
The text form prints those bytes as signed decimals with commas, in base64. It hides; it does not protect.
"""

from __future__ import annotations

import base64
import binascii
from random import Random

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.lock.crc import VENDOR


class FieldError(RemoteError):
    """The text is no obfuscated field: the sentence says which layer does not decode."""


def choose_seed(chance: Random) -> int:
    """A seed as clients choose it: 1 to 127."""
    return chance.randint(1, 127)


def obfuscate(plain: bytes, seed: int) -> bytes:
    """`plain` masked, and the seed (1 to 127) behind it."""
    if not 1 <= seed <= 127:
        raise LocalError(f"a seed is 1 to 127, not {seed}")
    return _masked(plain, seed) + bytes([seed])


def reveal(data: bytes) -> bytes:
    """The plain bytes; the seed is the last byte of `data` and may be any."""
    if not data:
        raise FieldError("an obfuscated field has at least its seed")
    return _masked(data[:-1], data[-1])


def encode_field(text: str, seed: int) -> str:
    """An ASCII text in the form of adminPwd, lockKey, ref and decryptionKey."""
    if not text.isascii():
        raise LocalError("an obfuscated field is ASCII")
    signed = (byte - 256 if byte > 127 else byte for byte in obfuscate(text.encode("ascii"), seed))
    return base64.b64encode(",".join(map(str, signed)).encode("ascii")).decode("ascii")


def decode_field(encoded: str) -> str:
    """The ASCII text inside; FieldError when it is not base64 of signed decimals of an ASCII text."""
    try:
        numbers = base64.b64decode(encoded, validate=True).decode("ascii").split(",")
    except (binascii.Error, ValueError):
        raise FieldError("an obfuscated field is base64 of comma-separated numbers") from None
    plain = reveal(bytes(_byte(number) for number in numbers))
    if not plain.isascii():
        raise FieldError("an obfuscated field hides ASCII text")
    return plain.decode("ascii")


def _masked(data: bytes, seed: int) -> bytes:
    mask = VENDOR[len(data) & 0xFF] ^ seed
    return bytes(byte ^ mask for byte in data)


def _byte(number: str) -> int:
    digits = number.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) <= 3) or not -128 <= int(number) <= 127:
        raise FieldError(f"an obfuscated field holds numbers from -128 to 127, not {number[:8]!r}")
    return int(number) & 0xFF
