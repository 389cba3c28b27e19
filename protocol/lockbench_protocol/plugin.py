"""The plug-in's contract: what each version and edition of it takes and gives.

The rows are data (`plugin.toml`, `errors.toml`). The client, its checks, the schema files and the page in
docs/ read the same rows.
"""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from types import MappingProxyType
from typing import Any, Literal

from lockbench_protocol import LocalError
from lockbench_protocol.errors import error_codes, told_as, version_key

EDITIONS = ("online", "offline")
Edition = Literal["online", "offline"]
LATEST = "3.1.0"


class NotAvailable(LocalError):
    """This version of the plug-in has no such method."""


@dataclass(frozen=True, slots=True)
class Field:
    """One option or one field of a result. Versions are those of the online edition."""

    name: str
    type: str  # "text", "number", "object NAME", "function NAME"
    says: str
    cases: tuple[str, ...]  # what shows it
    required: bool = False
    since: str | None = None
    until: str | None = None  # first version without it
    deprecated: str | None = None  # first version whose documents say so
    printed: str | None = None  # the documents' type, where it cannot be right
    least: int | None = None
    most: int | None = None

    def live(self, version: str) -> bool:
        """Whether this version has it."""
        at = version_key(version)
        return version_key(self.since or version) <= at and (
            self.until is None or at < version_key(self.until)
        )

    def current(self, version: str) -> bool:
        """Whether this version has it and does not call it deprecated."""
        return self.live(version) and (
            self.deprecated is None or version_key(version) < version_key(self.deprecated)
        )


@dataclass(frozen=True, slots=True)
class Method:
    """One method. `option` and `result` name objects; `seconds` is by when a call has settled."""

    name: str
    says: str
    online: str  # first version of each edition
    offline: str
    option: str | None
    result: str
    positional: tuple[str, ...]  # the arguments of 2.x
    seconds: float
    cases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Promise:
    """What the documents say beyond methods and fields, and what shows it."""

    says: str
    cases: tuple[str, ...]


@dataclass(frozen=True)
class Contract:
    methods: Mapping[str, Method]
    objects: Mapping[str, tuple[Field, ...]]  # with the fields of what they extend in front
    offline: Mapping[str, str]  # offline version -> online version that it is worth
    readings: Mapping[str, str]
    promises: tuple[Promise, ...]

    @property
    def versions(self) -> list[str]:
        """The online versions with which something comes or goes, in order."""
        fields = [field for each in self.objects.values() for field in each]
        found = {method.online for method in self.methods.values()}
        found |= {
            version for field in fields for version in (field.since, field.until, field.deprecated) if version
        }
        found |= {version for row in error_codes().values() for version in (row.since, row.until) if version}
        return sorted(found, key=version_key)


@dataclass(frozen=True, slots=True)
class Version:
    """One release of the plug-in. LocalError when the edition is unknown or the number is none."""

    number: str = LATEST
    edition: Edition = "online"

    def __post_init__(self) -> None:
        version_key(self.number)
        if self.edition not in EDITIONS:
            raise LocalError(f"an edition of the plug-in is online or offline, not {self.edition!r}")

    def __str__(self) -> str:
        return self.number if self.edition == "online" else f"{self.number} offline"

    @property
    def worth(self) -> str:
        """The online version whose fields and codes it has."""
        if self.edition == "online":
            return self.number
        rows = contract().offline
        reached = [first for first in rows if version_key(first) <= version_key(self.number)]
        if not reached:
            return "0.0.0"
        first = max(reached, key=version_key)
        return self.number if rows[first] == first else rows[first]

    @property
    def takes_object(self) -> bool:
        """Whether a method takes one option object (3.0.0)."""
        return version_key(self.worth) >= version_key(contract().readings["option_object"])

    def has(self, method: str) -> bool:
        row = contract().methods[method]
        first = row.online if self.edition == "online" else row.offline
        return version_key(first) <= version_key(self.number)

    def method(self, name: str) -> Method:
        """Its row. NotAvailable before its first version."""
        row = contract().methods[name]
        if not self.has(name):
            first = row.online if self.edition == "online" else row.offline
            raise NotAvailable(f"the plug-in {self} has no {name}; {self.edition} it came with {first}")
        return row

    def arguments(self, method: str, option: Mapping[str, object]) -> list[object]:
        """How a call of this version is given its options: as one object, or in order."""
        if self.takes_object:
            return [option]
        return [option.get(name) for name in contract().methods[method].positional]

    def fields(self, name: str) -> dict[str, Field]:
        """The fields of the object that this version has, by name; those called deprecated too."""
        return dict(_fields(self, name))

    def gives(self, name: str) -> frozenset[str]:
        """The names of the fields that results of this version hold: those not deprecated."""
        return _given(self, name)

    def code(self, number: int) -> int:
        """The code by which this version tells what `number` means."""
        return told_as(number, self.worth)


@cache
def _fields(version: Version, name: str) -> Mapping[str, Field]:
    worth = version.worth
    return {field.name: field for field in contract().objects[name] if field.live(worth)}


@cache
def _given(version: Version, name: str) -> frozenset[str]:
    worth = version.worth
    return frozenset(key for key, field in _fields(version, name).items() if field.current(worth))


@cache
def contract() -> Contract:
    """The whole table, read once."""
    data = tomllib.loads(files("lockbench_protocol").joinpath("plugin.toml").read_text("utf-8"))
    objects: dict[str, tuple[Field, ...]] = {}
    for name, rows in data["objects"].items():
        base = objects[rows[0]["extends"]] if "extends" in rows[0] else ()
        objects[name] = (*base, *map(_field, rows))
    methods = {
        name: Method(
            name=name,
            option=row.get("option"),
            positional=tuple(row["positional"]),
            cases=tuple(row["cases"]),
            **{key: row[key] for key in ("says", "online", "offline", "result", "seconds")},
        )
        for name, row in data["methods"].items()
    }
    return Contract(
        MappingProxyType(methods),
        MappingProxyType(objects),
        MappingProxyType(data["offline"]),
        MappingProxyType(data["readings"]),
        tuple(Promise(row["says"], tuple(row["cases"])) for row in data["promises"]),
    )


def _field(row: Mapping[str, Any]) -> Field:
    values = {key: value for key, value in row.items() if key not in ("extends", "cases")}
    return Field(cases=tuple(row["cases"]), **values)


def misfit(name: str, given: object, version: Version, where: str = "option") -> str | None:
    """What is wrong with `given` as the object `name` of this version, in a sentence; None when it fits."""
    if not isinstance(given, Mapping):
        return f"{where} must be an object"
    for key, field in version.fields(name).items():
        value = given.get(key)
        if value is None and not field.required:
            continue
        kind, _, inner = field.type.partition(" ")
        if kind == "object":
            wrong = misfit(inner, value, version, key)
        else:
            wrong = None if _FITS[kind](value) else f"{key} must be a {kind}"
        if wrong:
            return wrong
    return None


_FITS: Mapping[str, Callable[[object], bool]] = {
    "text": lambda value: isinstance(value, str) and value != "",
    "number": lambda value: isinstance(value, int) and not isinstance(value, bool),
    "function": callable,
}
