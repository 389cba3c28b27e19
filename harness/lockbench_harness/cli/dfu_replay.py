"""`lockbench dfu replay`: one simulated upgrade once more."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click


@click.command()
@click.argument("plan", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def replay(context: click.Context, plan: Path, *, as_json: bool) -> None:
    """Simulate the upgrade in PLAN, which a sweep left behind, and say what becomes of it.

    Exit codes: 0 a whole image runs and takes the next upgrade, 1 not so, or an invariant is broken, 2 PLAN
    cannot be used.
    """
    from lockbench_harness.faults.plan import load_plan
    from lockbench_harness.sweep import Verdict, simulate
    from lockbench_harness.sweep.report import outcome_facts

    loaded = load_plan(plan)
    outcome = simulate(loaded, confirm=True)
    facts = outcome_facts(outcome)
    click.echo(json.dumps(facts) if as_json else _words(facts, [repr(fault) for fault in loaded.faults]))
    context.exit(1 if outcome.broken or outcome.verdict in (Verdict.BRICK, Verdict.STUCK) else 0)


def _words(facts: dict[str, Any], faults: list[str]) -> str:
    lines = [f"{facts['verdict']}{': ' + facts['why'] if facts['why'] else ''}"]
    lines += [f"  fault    {fault}" for fault in faults]
    lines += [
        f"  {name:<8} {facts[name]}"
        for name in ("stage", "result", "bank", "retries")
        if facts[name] is not None
    ]
    lines += [f"  broken   {name}" for name in facts["broken"]]
    return "\n".join(lines)
