"""What the advertisement of some real locks tells late or wrongly (ttlock-ble 10): the profile's `quirks`."""

from __future__ import annotations

from lockbench_emulator.profiles import QuirkPolicy

FULL = 100
SPIKE_AFTER, SPIKE_SECONDS = 60.0, 5.0  # since the link came up; for how long


class Lag:
    """A battery that is full for a moment, and a bolt whose move by hand shows only later."""

    def __init__(self, policy: QuirkPolicy) -> None:
        self._policy = policy
        self._spike: tuple[float, float] | None = None
        self._spiking = False
        self._late_until: float | None = None
        self._late_open = False

    def connected(self, now: float) -> None:
        if self._policy.battery_spike:
            self._spike = (now + SPIKE_AFTER, now + SPIKE_AFTER + SPIKE_SECONDS)

    def moved_by_hand(self, before: bool, after: bool, now: float) -> None:  # noqa: FBT001 - is the bolt open
        if self._policy.hand_lag and before != after:
            self._late_open, self._late_until = before, now + self._policy.hand_lag

    def pass_to(self, now: float) -> None:
        """What was due is over."""
        if self._spike is not None:
            begins, ends = self._spike
            self._spiking = begins <= now < ends
            self._spike = None if now >= ends else self._spike
        if self._late_until is not None and now >= self._late_until:
            self._late_until = None

    def deadline(self) -> float | None:
        due = [] if self._late_until is None else [self._late_until]
        if self._spike is not None:
            due.append(self._spike[1] if self._spiking else self._spike[0])
        return min(due, default=None)

    def battery(self, percent: int) -> int:
        return FULL if self._spiking else percent

    def is_open(self, unlocked: bool) -> bool:  # noqa: FBT001 - is the bolt open
        return unlocked if self._late_until is None else self._late_open
