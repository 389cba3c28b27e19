"""The secrets of a real lock, and how they vanish from every text."""

from __future__ import annotations

import json
from base64 import b64encode

HIDDEN = "***"
SHORTEST = 4  # characters or bytes; a shorter secret would hide half of every text


class Mask:
    """A set of secrets. Empty, it changes nothing."""

    def __init__(self) -> None:
        self._forms: set[str] = set()
        self._order: list[str] = []

    def __bool__(self) -> bool:
        return bool(self._forms)

    def add(self, secret: bytes | str) -> None:
        """Hide `secret` from now on: text as it stands and as hex; bytes as hex, base64 and Python's repr."""
        if len(secret) < SHORTEST:
            return
        self._forms |= _forms_of_bytes(secret) if isinstance(secret, bytes) else _forms_of_text(secret)
        # longest first: a secret that contains another one goes as a whole
        self._order = sorted(self._forms, key=lambda form: (-len(form), form))

    def text(self, text: str) -> str:
        for form in self._order:
            text = text.replace(form, HIDDEN)
        return text


def _forms_of_text(secret: str) -> set[str]:
    raw = secret.encode()
    return {secret, json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1], *_hex(raw)}


def _forms_of_bytes(secret: bytes) -> set[str]:
    return {*_hex(secret), b64encode(secret).decode().rstrip("="), repr(secret)[2:-1]}


def _hex(raw: bytes) -> set[str]:
    lower = {raw.hex(), raw.hex(" "), raw.hex(":"), raw.hex(",")}
    return lower | {form.upper() for form in lower}
