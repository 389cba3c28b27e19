"""The secrets of a real lock, and how they vanish from every trace, report, file and message."""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Literal

HIDDEN = "***"
_ORDERS: tuple[Literal["big", "little"], ...] = ("big", "little")
SHORTEST = 4  # characters, digits or bytes; a shorter secret would hide half of every text


class Mask:
    """A set of secrets. Empty, it changes nothing."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._numbers: set[int] = set()
        self._order: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._forms)

    def add(self, secret: bytes | str | int) -> None:
        """Hide `secret` from now on.

        Text as it stands and as hex; bytes as hex, base64 and Python's repr; a number in digits, and as
        4 bytes in either order.
        """
        if isinstance(secret, int):
            if len(str(secret)) < SHORTEST:
                return
            self._numbers.add(secret)
        elif len(secret) < SHORTEST:
            return
        self._forms |= _forms(secret)
        # longest first: a secret that contains another one goes as a whole
        self._order = sorted(self._forms, key=lambda form: (-len(form), form))

    def text(self, text: str) -> str:
        for form in self._order:
            text = text.replace(form, HIDDEN)
        return text

    def value(self, value: Any) -> Any:
        """Plain data of JSON, with every secret in it hidden."""
        if not self._forms:
            return value
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, int) and not isinstance(value, bool):
            return HIDDEN if value in self._numbers else value
        if isinstance(value, Mapping):
            return {self.text(str(key)): self.value(item) for key, item in value.items()}
        return [self.value(item) for item in value] if isinstance(value, list | tuple) else value


def _forms(secret: bytes | str | int) -> set[str]:
    if isinstance(secret, int):
        fits = 0 <= secret < 1 << 32
        return {str(secret)}.union(*(_hex(secret.to_bytes(4, order)) for order in _ORDERS if fits))
    if isinstance(secret, str):
        return {secret, json.dumps(secret)[1:-1], repr(secret)[1:-1], *_hex(secret.encode())}
    return {*_hex(secret), b64encode(secret).decode().rstrip("="), repr(secret)[2:-1]}


def _hex(raw: bytes) -> set[str]:
    lower = {raw.hex(), raw.hex(" "), raw.hex(":"), raw.hex(",")}
    return lower | {form.upper() for form in lower}
