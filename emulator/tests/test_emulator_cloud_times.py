"""The clock of a bench's clouds, and what falls due while it is put forward."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.cloud.times import LONGEST, SkippingClock, Times


class Alarm:
    """Work that falls due at some moments, ms, and notes when it was done."""

    def __init__(self, clock: SkippingClock, dues: list[int]) -> None:
        self._clock = clock
        self.dues = sorted(dues)
        self.done: list[tuple[int, int]] = []  # due, done at

    def next_due(self) -> int | None:
        return self.dues[0] if self.dues else None

    def run_due(self) -> int:
        now, count = round(self._clock() * 1000), 0
        while self.dues and self.dues[0] <= now:
            self.done.append((self.dues.pop(0), now))
            count += 1
        return count


@given(
    st.lists(st.lists(st.integers(0, 20_000), max_size=5), min_size=1, max_size=3),
    st.lists(st.floats(0, 15), max_size=4),
)
def test_what_falls_due_is_done_at_its_time_whoever_it_belongs_to(
    dues: list[list[int]], steps: list[float]
) -> None:
    clock, woken = SkippingClock(lambda: 0.0), []
    alarms = [Alarm(clock, some) for some in dues]
    times = Times(clock, list(alarms), lambda: woken.append(1))
    done = sum(times.advance(step) for step in steps)
    assert abs(times.now() - sum(steps) * 1000) <= 1
    assert len(woken) == len(steps)
    assert done == sum(len(alarm.done) for alarm in alarms)
    for alarm in alarms:
        assert all(0 <= at - due <= len(dues) * 5 for due, at in alarm.done)
        assert all(due >= times.now() for due in alarm.dues) or not steps


def test_a_frozen_clock_moves_only_when_it_is_put_forward() -> None:
    base = [100.0]
    clock = SkippingClock(lambda: base[0])
    times = Times(clock, [], lambda: None)
    times.freeze()
    times.freeze()
    base[0] = 150.0
    assert times.now() == 100_000
    times.advance(7)
    assert times.now() == 107_000
    times.thaw()
    times.thaw()
    base[0] = 151.0
    assert times.now() == 108_000


@pytest.mark.parametrize("seconds", [-1, LONGEST + 1, float("nan"), float("inf")])
def test_the_clock_goes_forward_and_not_too_far(seconds: float) -> None:
    with pytest.raises(ValueError, match="the clock goes forward"):
        Times(SkippingClock(lambda: 0.0), [], lambda: None).advance(seconds)
