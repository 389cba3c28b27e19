"""The page of a sweep: one file, no outside resource, hostile text shown as text.

Tables stand there without script; with it the heat map, the timeline and the wear are plotly's, which is 4.7
MB of the page.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from lockbench_protocol.telink.image import declared_size, version_of

from lockbench_harness.faults.plan import Plan
from lockbench_harness.pages import template
from lockbench_harness.report.words import visible
from lockbench_harness.sweep.outcome import SIGNS, Outcome, Stage, Verdict
from lockbench_harness.sweep.picture.folding import GRAVEST, View, views, wear
from lockbench_harness.sweep.picture.timeline import LANES, Event, timeline
from lockbench_harness.sweep.tally import Tally

__all__ = ["render"]

MEANINGS: dict[Verdict, str] = {
    Verdict.OLD: "the whole old image runs, and the next upgrade succeeds",
    Verdict.NEW: "the whole new image runs",
    Verdict.RECOVERABLE: "a whole image runs; the next upgrade needs more than one attempt",
    Verdict.STUCK: "a whole image runs, and no later upgrade succeeds",
    Verdict.SUCCESS_OLD: "the client took the upgrade for a success, and the old image runs",
    Verdict.FAILURE_NEW: "the client took the upgrade for a failure, and the new image runs",
    Verdict.BRICK: "nothing runs, or a mixture, or it restarts for ever",
}
SHORT: dict[Stage, str] = {Stage.NEW_WIPE: "new wipe", Stage.OLD_WIPE: "old wipe"}
MOST_BLOCKS = 300  # rows of one table
MOST_EVENTS = 400
IDLE = 10.0  # seconds without an event that the timeline leaves out


def render(
    name: str, folder: Path, tally: Tally, facts: dict[str, Any], bad: Sequence[tuple[Path, Plan, Outcome]]
) -> str:
    """`bad` are the plans that lie beside the page, and what they come to."""
    base = _base(tally)
    seen = views(tally.strips)
    story = bad[0][1] if bad else base
    events = [] if story is None else list(timeline(story))[:MOST_EVENTS]
    worn = wear(tally.strips)
    return template(__name__, "page.html.j2").render(
        name=name,
        folder=folder,
        facts=facts,
        told=[verdict for verdict in GRAVEST if tally.verdicts[verdict]],
        gravest=GRAVEST,
        signs=SIGNS,
        meanings=MEANINGS,
        scenario=None if base is None else base.scenario,
        version=None if base is None else version_of(base.scenario.new.data()),
        size=None if base is None else declared_size(base.scenario.new.data()),
        views=seen,
        most=MOST_BLOCKS,
        story=story,
        bad=bad,
        events=events,
        kinds=_kinds(tally),
        wear=worn,
        plotly=_plotly(),
        script=_script(),
        data=_island(
            {
                "verdicts": [[SIGNS[verdict], verdict.value] for verdict in GRAVEST],
                "views": [_heat(view) for view in seen],
                "lanes": LANES,
                "events": _shown(events),
                "wear": worn,
            }
        ),
    )


def _base(tally: Tally) -> Plan | None:
    """The plainest upgrade of the sweep."""
    if tally.strips:
        return min((strip.base for strip in tally.strips), key=lambda plan: len(plan.faults))
    return next((Plan(plan.scenario) for plan in tally.firsts.values()), None)


def _heat(view: View) -> dict[str, Any]:
    """Rows of the heat map from the top; a cell is [gravity, number of its block] or null."""
    columns = view.columns()
    stages = [stage for stage in Stage if any(block.stage is stage for block in view.blocks)]
    rows, cells = [], []
    for stage in stages:
        own = [(number, block) for number, block in enumerate(view.blocks) if block.stage is stage]
        covering = [
            next((row for row in own if row[1].first <= low <= row[1].last), None) for low, _ in columns
        ]
        for at, tear in enumerate(view.tears):
            rows.append(f"{SHORT.get(stage, stage.value)} · {tear}")
            cells.append([found and [GRAVEST.index(found[1].verdicts[at]), found[0]] for found in covering])
    commit = [
        n
        for n, (low, _) in enumerate(columns)
        if any(b.commits and b.first <= low <= b.last for b in view.blocks)
    ]
    blocks = [[block.stage.value, block.first, block.last, block.operations] for block in view.blocks]
    return {
        "words": view.words,
        "columns": columns,
        "rows": rows,
        "cells": cells,
        "blocks": blocks,
        "commit": commit,
    }


def _shown(events: Sequence[Event]) -> list[dict[str, Any]]:
    """Events for the plot; `x` and `x2` are seconds with the idle ones left out."""
    shown, left_out, last = [], 0.0, 0.0
    for event in events:
        if event.start - last > IDLE:
            left_out += event.start - last - 1
        last = max(last, event.end)
        shown.append(
            {
                "lane": event.lane,
                "words": visible(event.words),
                "start": event.start,
                "x": round(event.start - left_out, 4),
                "x2": round(event.end - left_out, 4),
                "place": event.first if event.first == event.last else f"{event.first} to {event.last}",
                "count": event.count,
            }
        )
    return shown


def _kinds(tally: Tally) -> dict[str, Counter[Verdict]]:
    kinds: dict[str, Counter[Verdict]] = {}
    for (kind, verdict), count in sorted(tally.kinds.items(), key=lambda item: item[0][0]):
        kinds.setdefault(kind, Counter())[verdict] += count
    return kinds


def _island(value: Any) -> str:
    """JSON that may stand inside a script element."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace("&", "\\u0026")


@cache
def _script() -> str:
    return (files(__package__) / "page.js").read_text(encoding="utf-8")


@cache
def _plotly() -> str:
    from plotly.offline import get_plotlyjs

    source: str = get_plotlyjs()
    return source.replace("</script", "<\\/script")
