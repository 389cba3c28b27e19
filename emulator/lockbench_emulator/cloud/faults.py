"""What can go wrong in a cloud, as data: the bench provokes with it what no honest cloud would answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

PACKAGES = "/packages/"
"""Stands for every firmware package in `Fault.path`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, on every call of a path or the next `times`."""

    path: str  # of the endpoint, or PACKAGES
    errcode: int | None = None  # refuse with this code, and do nothing
    status: int | None = None  # answer with this HTTP status and no body
    cut: int | None = None  # close the connection after this many bytes of the body
    without: tuple[str, ...] = ()  # leave these fields out of the reply
    package: Literal["short", "garbled", "blank"] | None = None  # file: cut, undecryptable, holding no image
    times: int | None = None  # None: until cleared


NONE = Fault("")


class Faults:
    """The faults that are switched on, first come first served."""

    def __init__(self) -> None:
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, path: str) -> Fault:
        """The fault that this call meets; NONE when it meets none."""
        for index, fault in enumerate(self._waiting):
            if fault.path == path:
                if fault.times is not None:
                    left = fault.times - 1
                    self._waiting[index : index + 1] = [replace(fault, times=left)] if left else []
                return fault
        return NONE
