"""The lock's clock: local time, no zone, as 43 set it (ttlock-ble 5.5)."""

from __future__ import annotations

from datetime import datetime, timedelta


class LockClock:
    """Runs from a local time at a moment of the bench's monotonic clock (seconds)."""

    def __init__(self, local: datetime, now: float = 0.0) -> None:
        self._local = local
        self._since = now

    def set(self, local: datetime, now: float) -> None:
        self._local, self._since = local, now

    def local(self, now: float) -> datetime:
        """Naive local time, whole seconds."""
        return self._local + timedelta(seconds=int(now - self._since + 1e-6))
