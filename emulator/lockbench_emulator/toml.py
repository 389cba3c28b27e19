"""Strict TOML: a table has exactly the keys of its dataclass, each of the declared type.

An unknown, missing or mistyped key is a LocalError that names file and key. A field that is a dataclass is a
table in the table.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lockbench_protocol import LocalError

__all__ = ["build", "load", "names", "parse", "read", "typed"]

T = TypeVar("T")


def _folder(kind: str) -> Traversable:
    return files("lockbench_emulator.profiles") / kind


def names(kind: str) -> list[str]:
    """The profiles of a kind ("boards", "dialects", "locks"), in alphabetical order."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in _folder(kind).iterdir() if entry.name.endswith(".toml")
    )


def load(kind: str, name: str, shape: Callable[..., T]) -> T:
    """The profile `name` of that kind as a `shape`, a dataclass whose field `name` is the file's name."""
    if name not in names(kind):
        raise LocalError(f"no profile {name!r} among the {kind}; known: {', '.join(names(kind))}")
    where = f"{kind}/{name}.toml"
    return build(read(_folder(kind) / f"{name}.toml", where), where, shape, name=name)


def read(file: Path | Traversable, where: str) -> dict[str, Any]:
    """The tables of a file; `where` names it in errors."""
    try:
        return parse(file.read_text(encoding="utf-8"), where)
    except UnicodeDecodeError as error:
        raise LocalError(f"{where}: {error}") from None


def parse(text: str, where: str) -> dict[str, Any]:
    """The tables of a text; `where` names it in errors."""
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LocalError(f"{where}: {error}") from None


def build(table: Mapping[str, Any], where: str, shape: Callable[..., T], **given: object) -> T:
    """One table as a `shape`; the fields that are `given` do not stand in it."""
    wanted = {key: kind for key, kind in get_type_hints(shape).items() if key not in given}
    for key in sorted(table.keys() ^ wanted.keys()):
        raise LocalError(f"{where}: key {key!r} is {'missing' if key in wanted else 'unknown'}")
    return shape(**given, **{key: typed(table[key], kind, f"{where}: {key}") for key, kind in wanted.items()})


def typed(value: Any, kind: Any, where: str) -> Any:
    """`value` as a key of type `kind` takes it: lists become tuples, whole numbers serve as seconds."""
    if is_dataclass(kind) and isinstance(kind, type) and isinstance(value, dict):
        return build(value, where, kind)
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(typed(item, get_args(kind)[0], where) for item in value)
    if kind is float and type(value) is int:
        return float(value)
    allowed = get_args(kind)  # of a Literal
    if any(type(value) is type(one) and value == one for one in allowed):
        return value
    if not allowed and type(value) is kind:
        return value
    wanted = (
        " or ".join(map(repr, allowed)) if allowed else "a table" if is_dataclass(kind) else kind.__name__
    )
    raise LocalError(f"{where} is {value!r}, not {wanted}")
