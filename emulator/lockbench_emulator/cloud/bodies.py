"""What a request carries, read strictly: one JSON object, or pairs. ValueError for what is none.

No cloud takes a body that is compressed.
"""

from __future__ import annotations

import json
from urllib.parse import parse_qsl

from aiohttp import web
from lockbench_protocol.nesting import is_shallow

Json = dict[str, object]


def is_coded(request: web.Request) -> bool:
    """Whether the body is another than the bytes that came."""
    return request.headers.get("Content-Encoding", "identity") != "identity"


def read_json(text: str) -> object:
    """A value; ValueError when it is none, has a key twice, holds NaN or is too deep."""
    try:
        found: object = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("too deep") from None
    if not is_shallow(found):
        raise ValueError("too deep")
    return found


def read_object(text: str) -> Json:
    """As `read_json`, and ValueError for what is no object."""
    found = read_json(text)
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _unique(pairs: list[tuple[str, object]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse_constant(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def read_pairs(text: str) -> list[tuple[str, str]]:
    """The pairs of a query or a form, in order."""
    return parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100)


def read_first(text: str) -> Json:
    """The same by name; of repeated names the first counts."""
    found: Json = {}
    for name, value in read_pairs(text):
        found.setdefault(name, value)
    return found
