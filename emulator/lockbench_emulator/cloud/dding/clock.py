"""A cloud's clock that can be put forward, over the clock that it follows."""

from __future__ import annotations

from collections.abc import Callable


class SkippingClock:
    """Seconds since 1970, as `base` gives them and as much later as was skipped."""

    def __init__(self, base: Callable[[], float]) -> None:
        self._base = base
        self._skipped = 0.0

    def __call__(self) -> float:
        return self._base() + self._skipped

    def skip(self, seconds: float) -> None:
        self._skipped += seconds
