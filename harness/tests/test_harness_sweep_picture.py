"""The page of a sweep: whole without script, safe against hostile text, true to the outcomes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.faults.plan import Made, Plan
from lockbench_harness.faults.power import Cut
from lockbench_harness.sweep import report
from lockbench_harness.sweep.outcome import SIGNS, Stage, Verdict
from lockbench_harness.sweep.picture.folding import GRAVEST, views, wear
from lockbench_harness.sweep.picture.timeline import timeline
from lockbench_harness.sweep.plans import cut_work, link_work, scenario_for
from lockbench_harness.sweep.tally import Strip, Tally, tally

HOSTILE = "<script>alert(1)</script>\u202e&\x1b[2J.bin"
SMALL = replace(scenario_for(Made(1028, "6.4.34", 2)), mutant="old-mark-first")
VOID = {"meta", "link", "br", "hr", "img", "input"}


class Page(HTMLParser):
    """Its elements must nest; its text and scripts are kept apart."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.open: list[str] = []
        self.seen: Counter[str] = Counter()
        self.links: list[str] = []
        self.words: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen[tag] += 1
        self.links += [value or "" for name, value in attrs if name in ("href", "src")]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in ("p", "li", "td", "tr"):
            while self.open[-1] != tag:
                self.open.pop()
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        (self.scripts if self.open and self.open[-1] == "script" else self.words).append(data)


@pytest.fixture(scope="module")
def swept() -> Tally:
    total = Tally()
    for work in cut_work(SMALL, ("none", "torn", "done"), SMALL.board.banks, ("clean", "stale")):
        total.add(tally(work, confirm_every=0))
    for plans in link_work(SMALL)[:1]:
        total.add(tally(cast("tuple[Plan, ...]", plans)[:40], confirm_every=0))
    return total


@pytest.fixture(scope="module")
def folder(swept: Tally, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sweep")
    report.write(out, swept, report.summary(swept, 5, 1.5), HOSTILE)
    return out


def test_the_page_nests_and_needs_nothing_from_outside(folder: Path) -> None:
    text = (folder / report.PAGE).read_text(encoding="utf-8")
    page = Page(text)
    assert page.open == []
    assert page.seen["table"] >= 4
    assert all("/" not in link and (folder / link).is_file() for link in page.links)
    assert "default-src 'none'" in text


def test_hostile_text_is_shown_as_text(folder: Path) -> None:
    page = Page((folder / report.PAGE).read_text(encoding="utf-8"))
    assert page.seen["script"] == 3
    words = "".join(page.words)
    assert r"<script>alert(1)</script>\u202e&\x1b[2J.bin" in words
    assert "\u202e" not in words
    assert "\x1b" not in words


def test_the_tables_say_without_script_what_the_picture_says(folder: Path, swept: Tally) -> None:
    page = Page((folder / report.PAGE).read_text(encoding="utf-8"))
    island = json.loads(next(text for text in page.scripts if text.startswith("{")))
    words = " ".join("".join(page.words).split())
    assert len(island["views"]) == 2 + 8
    for view in island["views"]:
        assert view["words"] in words
        for stage, first, _, operations in view["blocks"]:
            assert stage in words
            assert f"{first:#07x}" in words
            assert f"{operations:,}" in words
        assert {cell[0] for row in view["cells"] for cell in row if cell} <= set(range(len(GRAVEST)))
    assert island["views"][0]["commit"]
    for file in folder.glob("brick-*.json"):
        assert f"lockbench dfu replay {file}" in words
    for name in (f"I{number}" for number in range(1, 11)):
        assert name in words
    assert "Drop" in words
    assert sum(swept.kinds.values()) == 40


def test_a_sweep_without_cuts_has_a_page_too(tmp_path: Path) -> None:
    counted = tally(cast("tuple[Plan, ...]", link_work(SMALL)[0])[:10], confirm_every=0)
    report.write(tmp_path, counted, report.summary(counted, 5, 1.5), "fw.bin")
    page = Page((tmp_path / report.PAGE).read_text(encoding="utf-8"))
    words = " ".join("".join(page.words).split())
    assert "Faults of the link and others" in words
    assert "One run in time" in words
    assert "Where a power cut ends how" not in words


@given(st.lists(st.sampled_from("onrs?!X"), min_size=1, max_size=40), st.integers(0, 5))
def test_folding_loses_no_operation_and_no_outcome(signs: list[str], gap: int) -> None:
    addresses = tuple(0x40000 + 16 * at + (0x1000 if at > gap else 0) for at in range(len(signs)))
    strip = Strip(Plan(SMALL), 0, addresses, ((Stage.DATA, len(signs)),), {"none": "".join(signs)}, ())
    [view] = views([strip])
    assert sum(block.operations for block in view.blocks) == len(signs)
    for address, sign in zip(addresses, signs, strict=True):
        [block] = [block for block in view.blocks if block.first <= address <= block.last]
        assert [SIGNS[verdict] for verdict in block.verdicts] == [sign]
    for before, after in zip(view.blocks, view.blocks[1:], strict=False):
        assert before.verdicts != after.verdicts
    for low, high in view.columns():
        assert sum(block.first <= low and high <= block.last for block in view.blocks) == 1


def test_of_many_stories_the_gravest_outcome_of_an_operation_is_shown() -> None:
    strips = [
        Strip(Plan(replace(SMALL, start=start)), 0, (0x40000,), ((Stage.DATA, 1),), {"none": sign}, (0, 0))
        for start, sign in (("clean", "o"), ("stale", "X"), ("full", "n"))
    ]
    assert [view.worst for view in views(strips)] == [Verdict.BRICK, Verdict.BRICK, Verdict.NEW, Verdict.OLD]
    assert wear(strips) == [(0, 0, 2)]


def test_a_timeline_shows_pdus_flash_link_and_supply_in_their_order() -> None:
    events = timeline(Plan(replace(SMALL, mutant=""), (Cut(30),)))
    assert [event.lane for event in events[:3]] == ["supply", "supply", "link"]
    [pdus] = [event for event in events if event.words == "data PDU"]
    [rows] = [event for event in events if event.words == "program: data"]
    assert (pdus.first, pdus.last, pdus.count) == ("0", "30", 31)
    assert (rows.first, rows.last, rows.count) == ("0x40000", "0x401e0", 31)
    assert events[-1].words == "the image at 0x0 runs"
    assert any(event.words == "the supply fails at operation 30, program: data" for event in events)
    assert [event.start for event in events] == sorted(event.start for event in events)
