"""A lock whose clock drifts as a quartz does, judged by the cases of the clock."""

from pathlib import Path

import pytest
from lockbench_harness import hunt
from lockbench_harness.judge import run_case
from lockbench_harness.plan import Plan
from lockbench_harness.verdicts import Verdict


@pytest.mark.parametrize(
    ("ppm", "verdict"), [(50, Verdict.PASS), (-50, Verdict.PASS), (52, Verdict.FAIL), (-52, Verdict.FAIL)]
)
def test_a_month_at_fifty_ppm_shifts_the_windows_and_is_a_quartz_s(
    tmp_path: Path, ppm: int, verdict: Verdict
) -> None:
    profile = tmp_path / "drifting.toml"
    profile.write_text(f'extends = "strict"\n[clock]\ndrift_ppm = {ppm}\n')
    plan = Plan("emulated", profile=str(profile))
    assert run_case(hunt.cases()["CLK/4"], plan.target(), plan).verdict is verdict
