"""What a request carries, read strictly: one JSON object, or pairs. ValueError for what is none."""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

Json = dict[str, object]


def read_object(text: str) -> Json:
    """One JSON object; ValueError when it is none, has a key twice, holds NaN or is too deep."""
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=refuse_constant)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _unique(pairs: list[tuple[str, object]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def read_pairs(text: str) -> list[tuple[str, str]]:
    """The pairs of a query or a form, in order."""
    return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)
