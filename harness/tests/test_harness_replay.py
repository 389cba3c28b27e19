"""Failure files from outside: a bad one is one sentence and exit 2."""

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.cli import cli
from lockbench_harness.failures import FORMAT, Failure, load
from lockbench_harness.inputs import Step
from lockbench_harness.trace import Mask
from lockbench_harness.verdicts import Unsupported
from lockbench_protocol import LocalError

GOOD: dict[str, Any] = {
    "format": FORMAT,
    "case": "PWD/6",
    "target": "emulated",
    "profile": "strict",
    "seed": 12,
    "link": "air",
    "inputs": {"code": "1234"},
}

steps = st.lists(
    st.builds(Step, st.text(), st.dictionaries(st.text(), st.integers() | st.text())), max_size=4
)
inputs = st.dictionaries(st.text(), st.integers() | st.text() | st.none(), max_size=4)


@given(
    st.builds(Failure, st.text(), st.text(), st.text(), st.integers(0), st.text(), inputs=inputs)
    | st.builds(Failure, st.text(), st.text(), st.text(), st.integers(0), st.text(), steps=steps)
)
def test_a_failure_comes_back_from_its_file(
    tmp_path_factory: pytest.TempPathFactory, failure: Failure
) -> None:
    path = tmp_path_factory.getbasetemp() / "failure.json"
    path.write_text(failure.to_json("words", Mask()), encoding="utf-8")
    assert load(path) == failure


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"format": 2}, "no failure file of format 1"),
        ({"case": 6}, "case is missing or has the wrong type"),
        ({"seed": True}, "seed is missing or has the wrong type"),
        ({"link": None}, "link is missing or has the wrong type"),
        ({"inputs": [1]}, "inputs must be an object"),
        ({"steps": {}}, "steps must be a list"),
        ({"steps": [{"rule": "add"}]}, "steps must be a list"),
        ({"steps": [3]}, "steps must be a list"),
    ],
)
def test_a_file_that_is_wrong_is_refused_with_a_sentence(
    tmp_path: Path, change: dict[str, object], words: str
) -> None:
    path = tmp_path / "failure.json"
    path.write_text(json.dumps({**GOOD, **change}))
    with pytest.raises(LocalError, match=words):
        load(path)
    ended = CliRunner().invoke(cli, ["replay", str(path)])
    assert ended.exit_code == 2
    assert len(ended.output.splitlines()) == 1


@pytest.mark.parametrize("text", ["", "[]", "{", "[" * 100_000, "null", "\ufffe"])
def test_a_file_that_is_no_failure_at_all_exits_2(tmp_path: Path, text: str) -> None:
    path = tmp_path / "failure.json"
    path.write_text(text)
    ended = CliRunner().invoke(cli, ["replay", str(path)])
    assert ended.exit_code == 2
    assert len(ended.output.splitlines()) == 1
    assert CliRunner().invoke(cli, ["replay", str(tmp_path / "none.json")]).exit_code == 2


def test_a_failure_that_the_target_now_declines_fails_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def declined(*_: object) -> None:
        raise Unsupported("no such call here")

    monkeypatch.setattr("lockbench_harness.failures.repeat", declined)
    path = tmp_path / "failure.json"
    path.write_text(json.dumps(GOOD))
    ended = CliRunner().invoke(cli, ["replay", str(path)])
    assert (ended.exit_code, ended.stderr) == (0, "")
    assert ended.stdout.startswith("PWD/6 is declined by the target (emulated, air, seed 12)\n")
