"""Frozen records as JSON and back: a record is an object whose `kind` is its class; bytes are hex.

Strict on the way in: a file is hostile text. An unknown kind, a missing, unknown or mistyped field is a
LocalError that says where.
"""

from __future__ import annotations

from dataclasses import MISSING, fields, is_dataclass
from types import UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from lockbench_protocol import LocalError

__all__ = ["from_json", "to_json"]


def to_json(record: Any) -> Any:
    """What `json.dumps` takes."""
    if is_dataclass(record) and not isinstance(record, type):
        values = {field.name: to_json(getattr(record, field.name)) for field in fields(record) if field.repr}
        return {"kind": type(record).__name__, **values}
    if isinstance(record, bytes):
        return record.hex()
    if isinstance(record, tuple | list):
        return [to_json(item) for item in record]
    return record


def from_json(value: Any, shape: Any, where: str = "plan") -> Any:
    """The record of type `shape` (a dataclass, a union of them, or a plain type) that `value` describes."""
    if get_origin(shape) in (Union, UnionType):
        return _one_of(value, get_args(shape), where)
    if get_origin(shape) is tuple:
        return _tuple(value, get_args(shape), where)
    if isinstance(shape, type) and is_dataclass(shape):
        return _record(value, shape, where)
    return _plain(value, shape, where)


def _plain(value: Any, shape: type, where: str) -> Any:
    if shape is bytes and isinstance(value, str):
        try:
            return bytes.fromhex(value)
        except ValueError:
            raise LocalError(f"{where} is no hex text") from None
    if shape is float and type(value) is int:
        return float(value)
    if type(value) is shape:
        return value
    raise LocalError(f"{where} is {value!r}, not of type {shape.__name__}")


def _one_of(value: Any, shapes: tuple[Any, ...], where: str) -> Any:
    records = {shape.__name__: shape for shape in shapes if isinstance(shape, type) and is_dataclass(shape)}
    if records and isinstance(value, dict):
        kind = value.get("kind")
        if kind not in records:
            raise LocalError(f"{where} has kind {kind!r}; known: {', '.join(records)}")
        return _record(value, records[kind], where)
    for shape in shapes:
        if get_origin(shape) is tuple and isinstance(value, list):
            return _tuple(value, get_args(shape), where)
        if get_origin(shape) is Literal and value in get_args(shape):
            return value
        if not is_dataclass(shape) and type(value) is shape:
            return value
    raise LocalError(f"{where} is {value!r}, which is none of what may stand there")


def _tuple(value: Any, shapes: tuple[Any, ...], where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise LocalError(f"{where} is no list")
    if shapes[-1] is Ellipsis:
        return tuple(from_json(item, shapes[0], f"{where}[{n}]") for n, item in enumerate(value))
    if len(value) != len(shapes):
        raise LocalError(f"{where} has {len(value)} items, not {len(shapes)}")
    return tuple(from_json(item, shape, where) for item, shape in zip(value, shapes, strict=True))


def _record(value: Any, shape: Any, where: str) -> Any:
    if not isinstance(value, dict):
        raise LocalError(f"{where} is no object")
    given = {key: item for key, item in value.items() if key != "kind"}
    kinds = get_type_hints(shape)
    wanted = {field.name: field for field in fields(shape) if field.repr}
    for key in given:
        if key not in wanted:
            raise LocalError(f"{where} has an unknown key {key!r}")
    for key, field in wanted.items():
        if key not in given and field.default is MISSING and field.default_factory is MISSING:
            raise LocalError(f"{where} lacks the key {key!r}")
    return shape(**{key: from_json(item, kinds[key], f"{where}.{key}") for key, item in given.items()})
