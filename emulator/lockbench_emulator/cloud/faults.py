"""What can go wrong in a cloud, as data: the bench provokes with it what no honest cloud would answer."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random
from typing import ClassVar, Literal

PACKAGES = "/packages/"
"""Stands for every firmware package in `Fault.path`."""
ALL = "*"
"""Stands for every path in `Fault.path`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong, on every call of a path or the next `times`.

    With `errcode` and `status` nothing was done; with the others the call is done and its answer suffers.
    """

    __pydantic_config__: ClassVar = {"extra": "forbid"}

    path: str  # of the endpoint, PACKAGES or ALL
    errcode: int | None = None  # refuse with this code, and do nothing
    status: int | None = None  # answer with this HTTP status and no body
    cut: int | None = None  # close the connection after this many bytes of the body
    without: tuple[str, ...] = ()  # leave these fields out of the reply
    package: Literal["short", "garbled", "blank"] | None = None  # file: cut, undecryptable, holding no image
    times: int | None = None  # None: until cleared
    nth: int = 1  # it begins with the nth call from now
    probability: float = 1.0  # that a call meets it
    seconds: float = 0.0  # that the answer waits
    reset: bool = False  # reset the connection instead of answering
    drip: float = 0.0  # s after each byte of the body
    bad_json: bool = False  # the body is one byte short of JSON


NONE = Fault("")


class Faults:
    """The faults that are switched on, first come first served. `chance` is for their probabilities."""

    def __init__(self, chance: Random | None = None) -> None:
        self._chance = chance or Random(0)  # noqa: S311 - an emulated cloud repeats itself
        self._waiting: list[Fault] = []

    def add(self, fault: Fault) -> None:
        self._waiting.append(fault)

    def clear(self) -> None:
        self._waiting.clear()

    def take(self, path: str) -> Fault:
        """The fault that this call meets; NONE when it meets none."""
        for index, fault in enumerate(self._waiting):
            if fault.path not in (path, ALL):
                continue
            if fault.nth > 1:
                self._waiting[index] = replace(fault, nth=fault.nth - 1)
            elif fault.probability >= 1 or self._chance.random() < fault.probability:
                if fault.times is not None:
                    left = fault.times - 1
                    self._waiting[index : index + 1] = [replace(fault, times=left)] if left else []
                return fault
        return NONE
