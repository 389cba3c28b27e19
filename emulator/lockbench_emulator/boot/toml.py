"""Strict TOML: a profile has exactly the keys of its dataclass, each of the declared type.

Profiles are packaged files; an unknown, missing or mistyped key is a LocalError that names file and key.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from lockbench_protocol import LocalError

__all__ = ["build", "load", "names", "parse", "typed"]

T = TypeVar("T")


def _folder(kind: str) -> Traversable:
    return files("lockbench_emulator.profiles") / kind


def names(kind: str) -> list[str]:
    """The profiles of a kind ("boards", "dialects"), in alphabetical order."""
    return sorted(
        entry.name.removesuffix(".toml") for entry in _folder(kind).iterdir() if entry.name.endswith(".toml")
    )


def load(kind: str, name: str, shape: Callable[..., T]) -> T:
    """The profile `name` of that kind as a `shape`, a dataclass whose field `name` is the file's name."""
    if name not in names(kind):
        raise LocalError(f"no profile {name!r} among the {kind}; known: {', '.join(names(kind))}")
    text = (_folder(kind) / f"{name}.toml").read_text(encoding="utf-8")
    return parse(text, name, f"{kind}/{name}.toml", shape)


def parse(text: str, name: str, where: str, shape: Callable[..., T]) -> T:
    """`text` as a `shape`; `where` names it in errors."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise LocalError(f"{where}: {error}") from None
    return build(table, name, where, shape)


def build(table: Mapping[str, Any], name: str, where: str, shape: Callable[..., T]) -> T:
    """One table of a profile as a `shape`."""
    wanted = {key: kind for key, kind in get_type_hints(shape).items() if key != "name"}
    for key in sorted(table.keys() ^ wanted.keys()):
        raise LocalError(f"{where}: key {key!r} is {'missing' if key in wanted else 'unknown'}")
    return shape(
        name=name, **{key: typed(table[key], kind, f"{where}: {key}") for key, kind in wanted.items()}
    )


def typed(value: Any, kind: Any, where: str) -> Any:
    """`value` as a key of type `kind` takes it: lists become tuples, whole numbers serve as seconds."""
    if get_origin(kind) is tuple and isinstance(value, list | tuple):
        return tuple(typed(item, get_args(kind)[0], where) for item in value)
    if kind is float and type(value) is int:
        return float(value)
    allowed = get_args(kind)  # of a Literal
    if allowed and value in allowed:
        return value
    if not allowed and type(value) is kind:
        return value
    wanted = " or ".join(map(repr, allowed)) if allowed else kind.__name__
    raise LocalError(f"{where} is {value!r}, not {wanted}")
