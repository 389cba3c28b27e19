"""The firmware package of the TTLock cloud: a file under AES, its address and key in an obfuscated text."""

from __future__ import annotations

import json

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.cipher import CipherError, cipher
from lockbench_protocol.lock.obfuscation import FieldError, decode_field, encode_field


class PackageError(RemoteError):
    """What the cloud gave is no firmware package."""


def pack_firmware(image: bytes, key: str) -> bytes:
    """The file at the package's address: the image under AES-CBC, key and IV the 16 ASCII bytes of `key`."""
    return cipher(key.encode("ascii")).encrypt(image)


def unpack_firmware(data: bytes, key: str) -> bytes:
    """The image inside; PackageError when key or file are wrong."""
    if len(key) != 16 or not key.isascii():
        raise PackageError("the key of a firmware package has 16 ASCII characters")
    try:
        return cipher(key.encode("ascii")).decrypt(data)
    except CipherError as error:
        raise PackageError(f"the firmware package does not decrypt: {error}") from None


def seal_package(url: str, key: str, seed: int) -> str:
    """The `firmwarePackage` text of upgradeCheck: address and key in one obfuscated JSON."""
    return encode_field(json.dumps({"decryptionKey": key, "url": url}, separators=(",", ":")), seed)


def open_package(text: str) -> tuple[str, str]:
    """(address, key) of a `firmwarePackage` text; PackageError when it is none."""
    try:
        row = json.loads(decode_field(text))
        url, key = row["url"], row["decryptionKey"]
    except (FieldError, ValueError, TypeError, KeyError, RecursionError):
        raise PackageError("firmwarePackage does not decode to an address and a key") from None
    if not isinstance(url, str) or not isinstance(key, str):
        raise PackageError("address and key of a firmware package are texts")
    return url, key


def open_key(text: str) -> str:
    """The 16 characters inside a `decryptionKey`; PackageError when it does not decode to as many."""
    try:
        key = decode_field(text)
    except FieldError as error:
        raise PackageError(f"decryptionKey: {error}") from None
    if len(key) != 16:
        raise PackageError(f"decryptionKey hides {len(key)} characters, not 16")
    return key
