"""A simpler plan with the same verdict: fewer faults, a clean start, a small image, a plain tear."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from lockbench_protocol import LocalError

from lockbench_harness.faults.plan import Made, Plan
from lockbench_harness.faults.power import Cut
from lockbench_harness.sweep.simulate import base_of, simulate
from lockbench_harness.sweep.story import record

__all__ = ["shrink"]

_SMALL = 1028  # bytes: the smallest image that is still several sectors of nothing, and quick to read
_PLAIN = ("none", "done")


def shrink(plan: Plan) -> Plan:
    """The simplest plan that is found to end with the verdict of `plan`; often `plan` itself."""
    wanted = simulate(plan).verdict
    while True:
        for simpler in _simpler(plan):
            try:
                found = simulate(simpler).verdict
            except LocalError:
                continue  # a fault is about something that the simpler plan does not have
            if found is wanted:
                plan = simpler
                break
        else:
            return plan


def _simpler(plan: Plan) -> Iterator[Plan]:
    for number in range(len(plan.faults)):
        yield replace(plan, faults=plan.faults[:number] + plan.faults[number + 1 :])
    if plan.retry:
        yield replace(plan, retry=False)
    if plan.scenario.start != "clean":
        yield from _same_stage(plan, replace(plan, scenario=replace(plan.scenario, start="clean")))
    yield from _smaller(plan)
    for number, fault in enumerate(plan.faults):
        if isinstance(fault, Cut) and fault.tear not in _PLAIN:
            for tear in _PLAIN:
                plainer = replace(fault, tear=tear)
                yield replace(plan, faults=(*plan.faults[:number], plainer, *plan.faults[number + 1 :]))


def _smaller(plan: Plan) -> Iterator[Plan]:
    scenario = plan.scenario
    old, new, other = scenario.old, scenario.new, scenario.other
    if (
        not (isinstance(old, Made) and isinstance(new, Made) and isinstance(other, Made))
        or new.size <= _SMALL
    ):
        return
    old, new, other = (replace(made, size=_SMALL) for made in (old, new, other))
    yield from _same_stage(plan, replace(plan, scenario=replace(scenario, old=old, new=new, other=other)))


def _same_stage(plan: Plan, simpler: Plan) -> Iterator[Plan]:
    """`simpler` with its last cut at the operations of the stage where that of `plan` falls."""
    base, cut = base_of(plan)
    if cut is None:
        yield simpler
        return
    stage = record(base).moments[cut.operation].stage
    simpler_base, _ = base_of(simpler)
    stages = [moment.stage for moment in record(simpler_base).moments]
    for number, found in enumerate(stages):
        if found is stage and number in (stages.index(stage), len(stages) - 1 - stages[::-1].index(stage)):
            yield replace(simpler_base, faults=(*simpler_base.faults, replace(cut, operation=number)))
