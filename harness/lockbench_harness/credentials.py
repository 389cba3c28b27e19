"""The credentials file: what a client must know to open one lock, as JSON that only its owner can read.

The file may belong to a real lock: it is created exclusively with mode 0600, whoever made it removes it, and
no error or `repr` shows a secret.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from lockbench_protocol import LocalError

LOCK_VERSION_KEYS = ("protocolType", "protocolVersion", "scene", "groupId", "orgId")

ADDRESS = re.compile(r"[0-9A-F]{2}(:[0-9A-F]{2}){5}")
_TEXTS = ("address", "name", "aes_key", "lock_data", "admin_passcode")
_NUMBERS = ("admin_ps", "unlock_key")


@dataclass(frozen=True, slots=True)
class Credentials:
    """One lock's address and keys (ttlock-ble 7). In setting mode the keys are empty or 0."""

    address: str  # "C2:11:22:33:44:55"
    name: str
    aes_key: bytes = field(repr=False)  # 16 bytes, or none; hex in the file
    admin_ps: int = field(repr=False)
    unlock_key: int = field(repr=False)
    lock_data: str = field(repr=False)  # the blob of ttlock-ble 7.1
    lock_version: Mapping[str, int] = field(hash=False)  # the five keys of LOCK_VERSION_KEYS
    admin_passcode: str = field(repr=False)

    @property
    def paired(self) -> bool:
        return bool(self.aes_key)

    def to_json(self) -> str:
        return json.dumps(
            {
                "address": self.address,
                "name": self.name,
                "aes_key": self.aes_key.hex(),
                "admin_ps": self.admin_ps,
                "unlock_key": self.unlock_key,
                "lock_data": self.lock_data,
                "lock_version": dict(self.lock_version),
                "admin_passcode": self.admin_passcode,
            },
            indent=2,
        )

    @classmethod
    def from_json(cls, text: str, *, source: str = "the credentials") -> Credentials:
        """Raises LocalError that names `source` and the key that is wrong."""
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise LocalError(f"{source} is not JSON") from error
        if not isinstance(data, dict):
            raise LocalError(f"{source} must hold a JSON object")
        texts = {key: _text(data, key, source) for key in _TEXTS}
        numbers = {key: _number(data, key, source) for key in _NUMBERS}
        address = texts["address"].upper()
        if not ADDRESS.fullmatch(address):
            raise LocalError(f"{source}: address must look like C2:11:22:33:44:55")
        return cls(
            address=address,
            name=texts["name"],
            aes_key=_key(texts["aes_key"], source),
            admin_ps=numbers["admin_ps"],
            unlock_key=numbers["unlock_key"],
            lock_data=texts["lock_data"],
            lock_version=_version(data, source),
            admin_passcode=texts["admin_passcode"],
        )

    def save(self, path: Path) -> None:
        """Create `path` with mode 0600; a file that is there already is a LocalError."""
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError as error:
            raise LocalError(f"{path} exists already; credentials are never written over a file") from error
        except OSError as error:
            raise LocalError(f"cannot create {path}: {error.strerror}") from error
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(self.to_json() + "\n")

    @classmethod
    def load(cls, path: Path) -> Credentials:
        try:
            text = path.read_text(encoding="utf-8")
        except OSError as error:
            raise LocalError(f"cannot read {path}: {error.strerror}") from error
        except UnicodeDecodeError as error:
            raise LocalError(f"{path} is not UTF-8 text") from error
        return cls.from_json(text, source=str(path))


@contextmanager
def saved(credentials: Credentials, path: Path) -> Iterator[Path]:
    """The file exists inside the block and is removed at its end, whatever happens there."""
    credentials.save(path)
    try:
        yield path
    finally:
        with suppress(FileNotFoundError):
            path.unlink()


def _value(data: Mapping[str, object], key: str, source: str) -> object:
    if key not in data:
        raise LocalError(f"{source} has no key {key!r}")
    return data[key]


def _text(data: Mapping[str, object], key: str, source: str) -> str:
    value = _value(data, key, source)
    if not isinstance(value, str):
        raise LocalError(f"{source}: {key} must be a string")
    return value


def _number(data: Mapping[str, object], key: str, source: str) -> int:
    value = _value(data, key, source)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise LocalError(f"{source}: {key} must be a whole number, not negative")
    return value


def _key(text: str, source: str) -> bytes:
    try:
        key = bytes.fromhex(text)
    except ValueError as error:
        raise LocalError(f"{source}: aes_key must be hex digits") from error
    if len(key) not in {0, 16}:
        raise LocalError(f"{source}: aes_key must be 16 bytes (32 hex digits), not {len(key)}")
    return key


def _version(data: Mapping[str, object], source: str) -> dict[str, int]:
    value = _value(data, "lock_version", source)
    if not isinstance(value, dict):
        raise LocalError(f"{source}: lock_version must be an object")
    return {key: _number(value, key, f"{source}: lock_version") for key in LOCK_VERSION_KEYS}
