"""The report's files: right counts, hostile text shown as text, and nothing from outside."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.clock import Time
from lockbench_harness.plan import Plan
from lockbench_harness.report import Report, folder, html, junit
from lockbench_harness.report.row import Detail, Row
from lockbench_harness.report.words import tell, visible
from lockbench_harness.trace import Mask
from lockbench_harness.verdicts import Verdict
from lockbench_protocol import LocalError

HOSTILE = "<script>alert(1)</script>\x00\x1b[31m\x85\u202egnp.exe\ud800\ufffe]]>&\"'{{ 7*7 }}"


def row(id: str = "PWD/6", verdict: Verdict = Verdict.PASS, **fields: Any) -> Row:  # noqa: A002 - the catalogue's word
    plain: dict[str, Any] = {
        "id": id,
        "clause": "ttlock-ble 5.8",
        "level": "MUST",
        "verdict": verdict,
        "requirement": "A duplicate is refused.",
        "seconds": 0.25,
        "seed": 12,
        "examples": 20,
        "reproduce": f"lockbench conform {id} --seed 7 --lock emulated",
        "links": {"air": verdict},
        **fields,
    }
    return Row(**plain)


def report(*rows: Row, name: str = "emulated", **fields: Any) -> Report:
    target = SimpleNamespace(name=name, profile="strict", time=Time.VIRTUAL, mask=Mask())
    return Report(Plan(name, seed=7, out=Path("/out")), cast("Any", target), rows, **fields)


def failed(id: str = "PWD/6", text: str = "20", **fields: Any) -> Row:  # noqa: A002 - the catalogue's word
    detail = Detail(f"It took {text}", expected=f"refused {text}", seen=text, where="test_pwd, line 4")
    return row(id, Verdict.FAIL, detail=detail, inputs={"code": text}, **fields)


class Reader(HTMLParser):
    """Collects the text, the tags and the attributes of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.said = ""
        self.tags: set[str] = set()
        self.links: set[str] = set()
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.links |= {
            value or "" for name, value in attrs if name in {"src", "href", "srcset", "data", "action"}
        }

    def handle_data(self, data: str) -> None:
        self.said += data


@given(st.text(st.characters(categories=None)))
def test_any_text_from_a_lock_is_shown_in_html_and_junit_and_breaks_neither(text: str) -> None:
    told = report(failed(text=text, requirement=f"Name {text}", warnings=(text,)), name=text)
    read = Reader(html.render(told))
    assert "script" not in read.tags
    assert visible(text).strip() in read.said
    tree = ET.fromstring(junit.render(told))  # noqa: S314 - written by us
    case = tree.find(".//testcase")
    assert case is not None
    assert len(tree.findall(".//testcase")) == 1
    # XML folds line ends and tabs of attributes; all else is there as it was written
    assert "".join(visible(text).split()) in "".join((case.get("name") or "").split())


@given(st.text(st.characters(categories=None)))
def test_visible_text_has_no_character_that_acts(text: str) -> None:
    shown = visible(text)
    assert visible(shown) == shown
    assert all(char == "\n" or char.isprintable() or char.isspace() for char in shown)
    shown.encode()


def test_a_hostile_name_is_plain_text_in_every_file(tmp_path: Path) -> None:
    told = report(failed(text=HOSTILE, requirement=HOSTILE), name=HOSTILE)
    folder.prepare(tmp_path)
    told.save(tmp_path)
    page = (tmp_path / folder.HTML).read_text()
    assert "<script" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;\\x00\\x1b[31m" in page
    assert "{{ 7*7 }}" in Reader(page).said
    assert ET.parse(tmp_path / folder.JUNIT).getroot().tag == "testsuites"  # noqa: S314 - written by us
    assert json.loads((tmp_path / folder.JSON).read_text())["target"]


def test_the_page_needs_no_script_and_nothing_from_outside() -> None:
    page = html.render(report(failed(), row("COD/1")))
    read = Reader(page)
    assert not read.tags & {"script", "link", "img", "iframe", "object"}
    assert read.links == {"#PWD/6"}
    assert not re.search(r"url\(|@import|https?:", page)
    assert "default-src 'none'" in page
    assert "prefers-color-scheme" in page


def test_a_page_of_the_whole_catalogue_stays_small() -> None:
    rows = [failed(f"DFU/{n}", text="x" * 4000) for n in range(1, 31)]
    rows += [row(f"SAS/{n}") for n in range(1, 300)]
    assert len(html.render(report(*rows)).encode()) < 1_000_000


def test_failures_come_first_with_what_was_expected_and_seen_and_how_to_repeat_it() -> None:
    said = Reader(html.render(report(row("COD/1"), failed("PWD/6"), row("SES/1")))).said
    card = said[said.index("Needs a look") : said.index("Codec and framing")]
    for words in ("A duplicate is refused.", "Expected", "refused 20", "Seen", 'code = "20"'):
        assert words in card
    assert "lockbench conform PWD/6 --seed 7 --lock emulated" in card


@pytest.mark.parametrize(
    ("rows", "fields", "code"),
    [
        ((row(), row("PWD/7", Verdict.WARN), row("PWD/8", Verdict.UNSUPPORTED)), {}, 0),
        ((row(), failed()), {}, 1),
        ((failed(expected_failure="bug 12"),), {}, 0),
        ((row("PWD/7", Verdict.BROKEN), failed()), {}, 3),
        ((), {}, 3),
        ((row(),), {"troubles": ("a worker died",)}, 3),
    ],
)
def test_the_exit_code_says_how_it_went(rows: tuple[Row, ...], fields: dict[str, Any], code: int) -> None:
    assert report(*rows, **fields).exit_code == code


def test_every_verdict_is_counted_by_group_and_in_all() -> None:
    told = report(row("COD/1"), failed("PWD/6"), row("PWD/8", Verdict.UNSUPPORTED)).to_json()
    assert told["counts"] == {"broken": 0, "fail": 1, "warn": 0, "unsupported": 1, "pass": 1}
    assert list(told["groups"]) == ["COD", "PWD"]
    assert told["groups"]["PWD"] == {"broken": 0, "fail": 1, "warn": 0, "unsupported": 1, "pass": 0}


def test_the_json_names_the_fields_that_are_promised() -> None:
    case = report(failed()).to_json()["cases"][0]
    promised = [
        "id",
        "clause",
        "level",
        "verdict",
        "requirement",
        "seconds",
        "seed",
        "examples",
        "reproduce",
        "links",
        "detail",
    ]
    assert set(promised) <= set(case)


@given(st.sampled_from(Verdict), st.booleans())
def test_a_row_travels_between_processes_unchanged(verdict: Verdict, detailed: bool) -> None:
    one = row(verdict=verdict, warnings=("late",), inputs=[{"add": {"code": "1"}}])
    one = replace(one, detail=Detail("words", frames=("a", "b"))) if detailed else one
    assert Row.from_json(json.loads(json.dumps(one.to_json()))) == one


def test_junit_counts_known_failures_as_skipped() -> None:
    rows = (
        failed("PWD/6"),
        failed("PWD/7", expected_failure="bug 12"),
        row("PWD/8", Verdict.BROKEN),
        row("PWD/9"),
    )
    suite = ET.fromstring(junit.render(report(*rows))).find("testsuite")  # noqa: S314 - written by us
    assert suite is not None
    assert [suite.get(name) for name in ("tests", "failures", "errors", "skipped")] == ["4", "1", "1", "1"]
    failure = suite.find(".//failure")
    assert failure is not None
    assert failure.get("message") == "It took 20"
    assert "repeat: lockbench conform PWD/6" in (failure.text or "")


def test_a_partial_or_real_time_report_says_so() -> None:
    told = report(row(), interrupted=True)
    assert told.notes == ("The run was interrupted: this report is partial.",)
    real = SimpleNamespace(name="tcp-client:x", profile="", time=Time.REAL, mask=Mask())
    real.mask.add("secret key")
    notes = replace(told, target=cast("Any", real), interrupted=False).notes
    assert notes[0].startswith("The target runs in real time: at most 5 examples a case")
    assert "masked" in notes[1]
    assert notes[0] in Reader(html.render(replace(told, target=cast("Any", real), interrupted=False))).said


def test_a_row_is_told_in_plain_words() -> None:
    assert list(tell(failed())) == [
        "PWD/6 fail: A duplicate is refused.",
        "  It took 20",
        "  expected: refused 20",
        "  seen: 20",
        "  at test_pwd, line 4",
        '  inputs: {"code": "20"}',
        "  repeat: lockbench conform PWD/6 --seed 7 --lock emulated",
    ]


def test_a_finished_run_takes_the_place_of_an_earlier_one_and_of_nothing_else(tmp_path: Path) -> None:
    (tmp_path / folder.FAILURES).mkdir()
    (tmp_path / folder.FAILURES / "SES-1.json").write_text("old")
    (tmp_path / folder.FAILURES / "notes.json").write_text("mine")
    folder.prepare(tmp_path)
    folder.save_failure(tmp_path, "PWD/6", "{}")
    folder.save_trace(tmp_path, "PWD/6", "b\n")
    folder.save_trace(tmp_path, "COD/1", "a\n")
    assert (tmp_path / folder.FAILURES / "SES-1.json").exists()
    folder.finish(tmp_path, ["COD/1", "PWD/6", "SEC/1"])
    assert (tmp_path / folder.TRACE).read_text() == "a\nb\n"
    left = sorted(path.name for path in tmp_path.rglob("*"))
    assert left == ["PWD-6.json", "failures", "notes.json", "trace.ndjson"]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LocalError, match="cannot write the report to"):
        folder.prepare(tmp_path / "file")


def test_two_runs_do_not_share_a_folder(tmp_path: Path) -> None:
    with folder.prepared(tmp_path / "out") as scratch:
        (scratch / "PWD-1.ndjson").write_text("{}")
        with (
            pytest.raises(LocalError, match="another run writes to .*--out"),
            folder.prepared(tmp_path / "out"),
        ):
            pass
        assert (scratch / "PWD-1.ndjson").exists()
    with folder.prepared(tmp_path / "out"):
        pass
