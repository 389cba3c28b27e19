"""JSON Schema (2020-12) of one version of the plug-in: options, results, what callbacks get, and codes.

A callback stands as `true`: JSON has no functions; what it is called with is in `$defs` under its own name.
"""

from __future__ import annotations

from typing import Any

from lockbench_protocol.errors import error_codes
from lockbench_protocol.plugin import Field, Version, contract

__all__ = ["schema"]

_TYPES = {"text": "string", "number": "integer"}


def schema(version: Version) -> dict[str, Any]:
    """`$defs` has each object that a method of this version takes or gives; `properties` the methods."""
    methods = [row for row in contract().methods.values() if version.has(row.name)]
    used = {name for row in methods for name in (row.option, row.result) if name} | {"TTLockError"}
    for name in [*used]:
        used |= {
            kind for field in contract().objects[name] for kind in _named(field) if kind in contract().objects
        }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"The plug-in {version}",
        "type": "object",
        "properties": {
            row.name: {
                "type": "object",
                "properties": {
                    **({"option": _reference(row.option)} if row.option else {}),
                    "result": _reference(row.result),
                },
            }
            for row in methods
        },
        "$defs": {name: _object(name, version) for name in sorted(used)},
    }


def _named(field: Field) -> list[str]:
    return field.type.split()[1:]


def _reference(name: str) -> dict[str, str]:
    return {"$ref": f"#/$defs/{name}"}


def _object(name: str, version: Version) -> dict[str, Any]:
    fields = version.fields(name)
    return {
        "type": "object",
        "properties": {key: _property(field, version) for key, field in fields.items()},
        "required": [key for key, field in fields.items() if field.required],
    }


def _property(field: Field, version: Version) -> Any:
    kind = field.type.partition(" ")[0]
    if kind == "function":
        return True
    if kind == "object":
        return _reference(_named(field)[0])
    found: dict[str, Any] = {"type": _TYPES[kind]}
    if field.name == "errorCode":
        found["enum"] = [number for number, row in error_codes().items() if row.live(version.worth)]
    if field.least is not None:
        found["minimum"] = field.least
    if field.most is not None:
        found["maximum"] = field.most
    if not field.current(version.worth):
        found["deprecated"] = True
    return found
