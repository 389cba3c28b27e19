"""The inputs of an example as JSON and back: what a failure file holds.

A small explicit codec: None, bool, int, finite float, str, bytes, datetime, list, tuple, dict, and enums and
frozen dataclasses of registered types. Anything else is refused, so that whatever fails can be repeated.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum, Flag
from typing import Any, TypeVar

from lockbench_protocol import LocalError

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]
C = TypeVar("C", bound=type[Any])

_types: dict[str, type[Any]] = {}


@dataclasses.dataclass(frozen=True, slots=True)
class Step:
    """One step of a machine: the rule's name and its encoded values."""

    rule: str
    values: dict[str, Json]


def register(cls: C) -> C:
    """Let values of this enum or frozen dataclass be inputs (usable as a decorator)."""
    if _types.setdefault(cls.__name__, cls) is not cls:
        raise LocalError(f"two types of inputs are called {cls.__name__}")
    return cls


def encode(value: object) -> Json:
    """Raises LocalError for a value that could not be repeated from a file."""
    if isinstance(value, Flag):
        return {"flags": _name(value), "value": value.value}
    if isinstance(value, Enum):
        return {"enum": _name(value), "member": value.name}
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": repr(value)}
    if isinstance(value, bytes):
        return {"hex": value.hex()}
    if isinstance(value, datetime):
        return {"datetime": value.isoformat()}
    if isinstance(value, list):
        return [encode(item) for item in value]
    if isinstance(value, tuple) and type(value) is tuple:
        return {"tuple": [encode(item) for item in value]}
    if isinstance(value, dict):
        return {"dict": [[encode(key), encode(item)] for key, item in value.items()]}
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {field.name: encode(getattr(value, field.name)) for field in dataclasses.fields(value)}
        return {"type": _name(value), "fields": fields}
    raise LocalError(f"a {type(value).__name__} cannot be an input of a case: it has no form in JSON")


def decode(plain: Json) -> object:
    """Raises LocalError for what `encode` does not write."""
    if isinstance(plain, list):
        return [decode(item) for item in plain]
    if not isinstance(plain, dict):
        return plain
    for keys, read in _READERS:
        if plain.keys() == keys:
            try:
                return read(plain)
            except (TypeError, ValueError, KeyError, AttributeError) as error:
                raise LocalError(f"the input {plain!r} cannot be read: {error}") from error
    raise LocalError(f"the input {plain!r} has no known form")


def encode_all(values: Mapping[str, object]) -> dict[str, Json]:
    return {key: encode(value) for key, value in values.items()}


def decode_all(values: Mapping[str, Json]) -> dict[str, object]:
    return {key: decode(value) for key, value in values.items()}


def _name(value: object) -> str:
    name = type(value).__name__
    if _types.get(name) is not type(value):
        raise LocalError(f"{name} is no registered type of inputs; see lockbench_harness.inputs.register")
    return name


def _type(name: object) -> Any:
    if not isinstance(name, str) or name not in _types:
        raise LocalError(f"{name!r} is no registered type of inputs")
    return _types[name]


# Each form has its own set of keys.
_READERS: tuple[tuple[set[str], Callable[[dict[str, Any]], object]], ...] = (
    ({"hex"}, lambda plain: bytes.fromhex(plain["hex"])),
    ({"float"}, lambda plain: float(plain["float"])),
    ({"datetime"}, lambda plain: datetime.fromisoformat(plain["datetime"])),
    ({"tuple"}, lambda plain: tuple(decode(item) for item in plain["tuple"])),
    ({"dict"}, lambda plain: {decode(key): decode(item) for key, item in plain["dict"]}),
    ({"enum", "member"}, lambda plain: _type(plain["enum"])[plain["member"]]),
    ({"flags", "value"}, lambda plain: _type(plain["flags"])(plain["value"])),
    ({"type", "fields"}, lambda plain: _type(plain["type"])(**decode_all(plain["fields"]))),
)
