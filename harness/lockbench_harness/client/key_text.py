"""Key texts as clouds, apps and users write them, read into numbers and bytes (ttlock-ble 7).

Every form leads to one value; what has no known form is a RemoteError that does not repeat the text.
"""

from __future__ import annotations

import re

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.cipher import BLOCK
from lockbench_protocol.lock.obfuscation import decode_field

PLAIN_DIGITS = 10  # a number of the lock is no longer; a coded one always is

_HEX = re.compile(rf"[0-9A-Fa-f]{{2}}(?:[,. ]?[0-9A-Fa-f]{{2}}){{{BLOCK - 1}}}")


def read_number(text: str) -> int:
    """adminPwd or lockKey: decimal digits, or the same in the cloud's code."""
    plain = text if len(text) <= PLAIN_DIGITS else decode_field(text)
    if not (plain.isascii() and plain.isdigit()) or int(plain) > 0xFFFFFFFF:
        raise RemoteError("a key of a lock is a number of 32 bits, plain or in the cloud's code")
    return int(plain)


def read_aes_key(text: str) -> bytes:
    """aesKeyStr: 16 bytes in hex, together or parted by commas, dots or spaces."""
    if not _HEX.fullmatch(text):
        raise RemoteError(f"an AES key is {BLOCK} bytes in hex, together or parted by commas, dots or spaces")
    return bytes.fromhex(re.sub("[,. ]", "", text))
