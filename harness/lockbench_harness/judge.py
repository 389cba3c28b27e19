"""From a case and a target to a row of the report.

A case runs on each link that it wants and the target offers, with the same inputs on both, and the graver
verdict is the case's. Where an outside party is waited for, it runs on the last of them.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

from lockbench_harness.cases import Case, Level
from lockbench_harness.clock import Time
from lockbench_harness.report import folder
from lockbench_harness.report.row import Detail, Row
from lockbench_harness.stage import Setting
from lockbench_harness.trial import Trial
from lockbench_harness.verdicts import GRAVITY, Verdict

if TYPE_CHECKING:
    from lockbench_harness.plan import Plan
    from lockbench_harness.targets import Target


# words of the capability file: most cases speak to locks of the third generation
OLDER, ANY_GENERATION = "older generation", "any generation"


def run_case(case: Case, target: Target, plan: Plan) -> Row:
    """Judge the case on each link it wants. Raises Unreachable, and nothing else of its own."""
    started = time.perf_counter()
    trials = [
        Trial(case, Setting(target, link, case.seed(plan.seed)), plan.effort) for link in _links(case, target)
    ]
    for trial in trials:
        trial.run()
    gravest = max(trials, key=lambda trial: GRAVITY.index(trial.verdict), default=None)
    verdict, detail = _level(case, plan, gravest) if gravest else _unsupported(case, target)
    row = Row(
        id=case.id,
        clause=case.clause,
        level=case.level,
        verdict=verdict,
        requirement=case.requirement,
        seconds=round(time.perf_counter() - started, 3),
        seed=case.seed(plan.seed),
        examples=sum(trial.examples for trial in trials),
        reproduce=plan.reproduce(case.id),
        links={trial.setting.link: trial.verdict for trial in trials},
        detail=detail,
        warnings=tuple(dict.fromkeys(words for trial in trials for words in trial.warnings)),
        inputs=gravest.failure.plain if gravest and gravest.failure else None,
    )
    if plan.out is not None:
        folder.save_trace(plan.out, case.id, "".join(trial.trace for trial in trials))
        if gravest and gravest.failure and detail:
            text = gravest.failure.to_json(detail.words, target.mask)
            row = replace(row, failure_file=folder.save_failure(plan.out, case.id, text))
    return Row.from_json(target.mask.value(_known(row, target).to_json()))


def broken_row(case: Case, plan: Plan, words: str) -> Row:
    """The row of a case whose process did not live to give one."""
    return Row(
        id=case.id,
        clause=case.clause,
        level=case.level,
        verdict=Verdict.BROKEN,
        requirement=case.requirement,
        seconds=0.0,
        seed=case.seed(plan.seed),
        examples=0,
        reproduce=plan.reproduce(case.id),
        links={},
        detail=Detail(words),
    )


def _level(case: Case, plan: Plan, trial: Trial) -> tuple[Verdict, Detail | None]:
    """A SHOULD binds only a strict run."""
    mild = case.level is Level.SHOULD and not plan.strict and trial.verdict is Verdict.FAIL
    return (Verdict.WARN if mild else trial.verdict), trial.detail


def _unsupported(case: Case, target: Target) -> tuple[Verdict, Detail]:
    return Verdict.UNSUPPORTED, Detail(_missing(case, target))


def _known(row: Row, target: Target) -> Row:
    """Compare with the failures that are known of this target: one that passes fails the run."""
    reason = target.capabilities.expected_failures.get(row.id, "")
    if not reason or row.verdict in {Verdict.UNSUPPORTED, Verdict.BROKEN}:
        return row
    if Verdict.FAIL in row.links.values():
        return replace(row, expected_failure=reason)
    words = f"The case holds, but the target is known to fail it ({reason}): strike it from that list."
    return replace(row, verdict=Verdict.FAIL, detail=Detail(words))


def _links(case: Case, target: Target) -> list[str]:
    if _missing(case, target):
        return []
    wanted = [link for link in target.capabilities.links if link in case.links]
    return wanted if target.time is Time.VIRTUAL else wanted[-1:]


def _missing(case: Case, target: Target) -> str:
    if OLDER in target.capabilities.offers and ANY_GENERATION not in case.needs:
        return "The target is a lock of an older generation."
    absent = [need for need in case.needs if need not in target.capabilities.offers]
    if absent:
        return f"The target does not offer {', '.join(absent)}."
    if not set(case.links) & set(target.capabilities.links):
        return f"The target does not offer the link {' or '.join(case.links)}."
    return ""
