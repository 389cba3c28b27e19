"""The clock of the clouds of a bench, which can be put forward and stopped, and what falls due meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

LONGEST = 10 * 366 * 86_400
"""How far the clock can be put forward at once, s."""


class SkippingClock:
    """Seconds since 1970, as `base` gives them and as much later as was skipped."""

    def __init__(self, base: Callable[[], float]) -> None:
        self._base = base
        self._skipped = 0.0
        self._frozen: float | None = None

    def __call__(self) -> float:
        return (self._base() if self._frozen is None else self._frozen) + self._skipped

    def skip(self, seconds: float) -> None:
        self._skipped += seconds

    def freeze(self) -> None:
        """From now on it moves only when it is put forward."""
        if self._frozen is None:
            self._frozen = self._base()

    def thaw(self) -> None:
        """It goes on from where it stands."""
        if self._frozen is not None:
            self._skipped += self._frozen - self._base()
            self._frozen = None


class Party(Protocol):
    """A cloud with work that falls due, ms since 1970."""

    def next_due(self) -> int | None: ...

    def run_due(self) -> int: ...  # how many pieces


class Times:
    """Public methods are operations of `/_bench/time/`. `wake` tells sleepers that the time changed."""

    def __init__(self, clock: SkippingClock, parties: list[Party], wake: Callable[[], None]) -> None:
        self._clock = clock
        self._parties = parties
        self._wake = wake

    def now(self) -> int:
        """ms since 1970."""
        return round(self._clock() * 1000)

    def advance(self, seconds: float) -> int:
        """Put the clock forward; what falls due meanwhile is done at its time. How many pieces."""
        if not 0 <= seconds <= LONGEST:
            raise ValueError(f"the clock goes forward by 0 to {LONGEST} s, not by {seconds}")
        end, done = self._clock() + seconds, 0
        while (due := self._next_due()) is not None and due <= end * 1000:
            self._clock.skip(max(due / 1000 - self._clock(), 0.001 if done else 0))
            done += sum(party.run_due() for party in self._parties)
        self._clock.skip(max(end - self._clock(), 0))
        self._wake()
        return done

    def freeze(self) -> None:
        self._clock.freeze()
        self._wake()

    def thaw(self) -> None:
        self._clock.thaw()
        self._wake()

    def _next_due(self) -> int | None:
        return min((due for party in self._parties if (due := party.next_due()) is not None), default=None)
