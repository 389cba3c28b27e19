"""What a sweep leaves behind: a summary, the outcomes folded, a plan for each bad end, and a page of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from lockbench_protocol import LocalError

from lockbench_harness.faults.plan import Plan, save_plan
from lockbench_harness.faults.wire import to_json
from lockbench_harness.sweep.outcome import INVARIANTS, SIGNS, Outcome, Verdict
from lockbench_harness.sweep.shrink import shrink
from lockbench_harness.sweep.simulate import simulate
from lockbench_harness.sweep.tally import Strip, Tally

__all__ = ["PAGE", "outcome_facts", "summary", "write"]

PAGE = "heatmap.html"
_BY_SIGN = {sign: verdict for verdict, sign in SIGNS.items()}


def summary(tally: Tally, distinct: int, seconds: float) -> dict[str, Any]:
    """The object of `--json`: `simulations`, `distinct` states, `outcomes` by name, `seconds`, and more."""
    return {
        "simulations": tally.simulations,
        "distinct": distinct,
        "outcomes": {
            verdict.value: tally.verdicts[verdict] for verdict in Verdict if tally.verdicts[verdict]
        },
        "seconds": round(seconds, 3),
        "retries": tally.retries,
        "invariants": {
            name: {"text": text, "checked": tally.simulations, "broken": tally.broken[name]}
            for name, text in INVARIANTS.items()
        },
        "bad": [outcome_facts(outcome) for _, outcome in tally.bad],
    }


def outcome_facts(outcome: Outcome) -> dict[str, Any]:
    """An outcome as JSON."""
    return {
        "verdict": outcome.verdict.value,
        "stage": outcome.stage.value if outcome.stage else None,
        "result": outcome.result.name.lower() if outcome.result else None,
        "believed": outcome.believed,
        "bank": outcome.bank,
        "broken": list(outcome.broken),
        "retries": outcome.retries,
        "why": outcome.why,
    }


def write(folder: Path, tally: Tally, facts: dict[str, Any], name: str) -> list[Path]:
    """`summary.json`, `strips.ndjson`, a shrunk plan for each bad end, `heatmap.html`; gives the plans.

    `name` is that of the image, for the page. LocalError when the folder cannot be written.
    """
    from lockbench_harness.sweep import picture

    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "summary.json").write_text(json.dumps(facts, indent=1) + "\n", encoding="utf-8")
        with (folder / "strips.ndjson").open("w", encoding="utf-8") as file:
            for strip in tally.strips:
                file.write(json.dumps(_strip(strip)) + "\n")
        bad = list(_plans(folder, tally))
        page = picture.render(name, folder, tally, facts, bad)
        (folder / PAGE).write_text(page, encoding="utf-8", errors="backslashreplace")
        return [file for file, _, _ in bad]
    except OSError as error:
        raise LocalError(f"{folder} cannot be written: {error.strerror}") from None


def _plans(folder: Path, tally: Tally) -> Iterator[tuple[Path, Plan, Outcome]]:
    """One of each verdict, stage and set of broken invariants is enough to look at."""
    seen = set()
    for plan, outcome in tally.bad:
        kind = (outcome.verdict, outcome.stage, outcome.broken)
        if kind in seen:
            continue
        seen.add(kind)
        file = folder / f"{outcome.verdict.value.lower()}-{len(seen)}.json"
        kept = shrink(plan) if outcome.verdict is Verdict.BRICK else plan
        save_plan(kept, file)
        yield file, kept, simulate(kept)


def _strip(strip: Strip) -> dict[str, Any]:
    """Equal neighbours folded: for each tear, runs of [first operation, last operation, verdict]."""
    runs = {tear: list(_runs(signs, strip.first)) for tear, signs in strip.signs.items()}
    stages, at = [], strip.first
    for stage, length in strip.stages:
        low = strip.addresses[at - strip.first]
        high = strip.addresses[at - strip.first + length - 1]
        stages.append([at, at + length - 1, stage.value, low, high])
        at += length
    return {"base": to_json(strip.base), "first": strip.first, "stages": stages, "runs": runs}


def _runs(signs: str, at: int) -> Iterator[tuple[int, int, str]]:
    for sign, group in groupby(signs):
        length = len(list(group))
        yield at, at + length - 1, _BY_SIGN[sign].value
        at += length
