"""The lock's clock: local time, no zone, as 43 set it (ttlock-ble 5.5), with drift."""

from __future__ import annotations

from datetime import datetime, timedelta

MILLION = 1_000_000
DEFAULT = datetime(2000, 1, 1)  # noqa: DTZ001 - a lock's clock has no zone
"""What a clock shows that lost its power and was not set again."""
LAST = datetime(2099, 12, 31, 23, 59, 59)  # noqa: DTZ001 - a lock's clock has no zone


class LockClock:
    """Runs from a local time at a moment of the bench's monotonic clock (seconds), `drift` ppm too fast."""

    def __init__(self, local: datetime, now: float = 0.0, drift: float = 0.0) -> None:
        self.drift = drift
        self.valid = True  # False after a power loss, until it is set
        self._local = local
        self._since = now

    def set(self, local: datetime, now: float) -> None:
        self._local, self._since = local, now
        self.valid = True

    def lose(self, now: float) -> None:
        """The power was gone: the time is the default one."""
        self._local, self._since = DEFAULT, now
        self.valid = False

    def local(self, now: float) -> datetime:
        """Naive local time, whole seconds; the last one that a lock knows at the end of 2099."""
        elapsed = (now - self._since) * (1 + self.drift / MILLION)
        shown = self._local + timedelta(seconds=int(elapsed + 1e-6))
        return min(shown, LAST)
