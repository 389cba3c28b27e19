"""The supply of a lock, in a hand that is quick enough for one operation of its flash."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, Protocol

__all__ = ["Place", "Supply"]

Place = Literal["erase", "row", "new mark", "old mark", "lock data"]
"""What an operation does: erase a sector of a bank, write firmware, commit, write what the lock remembers."""


class Supply(Protocol):
    """One trouble at a time: a new one takes the place of the one that has not come."""

    def cut(self, place: Place, nth: int = 0, *, leaves: str = "torn", seed: int = 0) -> None:
        """The supply fails at the operation `nth` (from 0, counted from now) at such a place.

        Its cells settle as `leaves` says: "none" of the operation was done, it was "done", "torn" (some bits
        of a program, some bytes of an erase), "half" (the first half), or "bits:HEX" (a subset of the bits
        that a program clears, lowest first).
        """

    def weaken(self, place: Place, nth: int = 0) -> None:
        """That operation changes nothing, and the lock goes on as if it had."""

    def came(self) -> bool:
        """Has the last trouble come?"""

    def calm(self) -> None:
        """What has not come will not come."""

    def reset(self) -> None:
        """The watchdog restarts the processor: what it did is lost, the clock goes on."""

    def erases(self) -> Mapping[int, int]:
        """How often each sector was erased so far, by its address."""
