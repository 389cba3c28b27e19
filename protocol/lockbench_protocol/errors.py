"""The plug-in's error codes: one table, read by the client, `explain`, the reports and the cases.

The rows are data (`errors.toml`); a code is live in a version from its first up to, not including, its last.
Codes below 128 that a lock sends are the lock's own status numbers (ttlock-ble 4).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from types import MappingProxyType
from typing import Literal

from lockbench_protocol import LocalError

Language = Literal["zh", "en"]


@lru_cache(maxsize=256)
def version_key(version: str) -> tuple[int, ...]:
    """ "3.1.0" as (3, 1, 0), for comparing. LocalError when it is no such version."""
    parts = version.split(".")
    if len(parts) != 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise LocalError(f"a plug-in version looks like 3.1.0, not {version!r}")
    return tuple(map(int, parts))


@dataclass(frozen=True, slots=True)
class ErrorCode:
    """One row. `since` and `until` are versions of the online edition, None where the table gives none."""

    number: int
    since: str | None  # first version that has it
    until: str | None  # first version without it
    zh: str
    en: str
    cause: str  # the likely one
    step: str  # what to do next
    instead: tuple[int, ...] = ()  # codes for versions without it, in order of preference; our reading

    def live(self, version: str) -> bool:
        """Whether the plug-in of this version may report the code."""
        at = version_key(version)
        return (self.since is None or version_key(self.since) <= at) and (
            self.until is None or at < version_key(self.until)
        )

    def text(self, language: Language = "en", **values: str | int) -> str:
        """The message. 10101 takes `version` (the lowest one), 10305 takes `status` (of HTTP); left out, the
        placeholder stays."""
        message = self.zh if language == "zh" else self.en
        for name, value in values.items():
            message = message.replace(f"{{{name}}}", str(value))
        return message

    def as_json(self) -> dict[str, str | int | list[int] | None]:
        return {
            "code": self.number,
            "since": self.since,
            "until": self.until,
            "zh": self.zh,
            "en": self.en,
            "cause": self.cause,
            "next": self.step,
            "instead": list(self.instead),
        }


@cache
def error_codes() -> Mapping[int, ErrorCode]:
    """All 119 codes by number, in ascending order (plug-in documents, error table)."""
    rows = tomllib.loads(files("lockbench_protocol").joinpath("errors.toml").read_text("utf-8"))
    table = {}
    for number, row in sorted((int(key), row) for key, row in rows.items()):
        table[number] = ErrorCode(
            number,
            row.get("since"),
            row.get("until"),
            row["zh"],
            row["en"],
            row["cause"],
            row["next"],
            tuple(row.get("instead", ())),
        )
    return MappingProxyType(table)


def error_code(number: int) -> ErrorCode:
    """The row of this code; LocalError when the table has none."""
    try:
        return error_codes()[number]
    except KeyError:
        raise LocalError(f"the plug-in has no error code {number}") from None


def told_as(number: int, version: str) -> int:
    """The code by which the plug-in of this version tells what `number` means: itself while it is live, else
    the first of its stand-ins that is. LocalError when this version has neither."""
    for candidate in (number, *error_code(number).instead):
        if error_code(candidate).live(version):
            return candidate
    raise LocalError(f"version {version} has neither the code {number} nor one in its place")
