"""Every cut, every lost packet: simulate upgrades that go wrong, and say what became of each.

`simulate(plan)` is a pure function of a picklable plan; `sweep` runs any number of them on any executor.
"""

from __future__ import annotations

from lockbench_harness.sweep.outcome import Outcome, Verdict
from lockbench_harness.sweep.simulate import simulate

__all__ = ["Outcome", "Verdict", "simulate"]
