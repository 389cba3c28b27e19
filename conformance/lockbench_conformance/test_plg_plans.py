"""PLG: a call of the plug-in under random faults of phone, link, lock and cloud."""

from __future__ import annotations

from lockbench_harness.cases import case
from lockbench_harness.faults.call import CallPlan
from lockbench_harness.targets.bench import LockBench

from lockbench_conformance.plans import judge, plans


@case(
    "PLG/25",
    clause="policy: what a call promises holds whatever goes wrong",
    needs=("plugin", "passcodes", "phone", "dfu", "hands", "cloud faults", "clock", "fresh"),
    links=("bare",),
    examples=100,
    plan=plans,
)
async def test_a_call_keeps_its_promises_whatever_goes_wrong(bench: LockBench, plan: CallPlan) -> None:
    """Under any faults a call settles once and in time, says what it stored, and leaves all in order."""
    await judge(plan, bench)
