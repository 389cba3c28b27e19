"""Somebody else's client on the bench: what an adapter may do, and what becomes of it."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from lockbench_conformance.app import check_error
from lockbench_harness.adapter import process
from lockbench_harness.cases import load
from lockbench_harness.judge import run_case
from lockbench_harness.plan import Plan
from lockbench_harness.report.row import Row
from lockbench_harness.suite import SUITE
from lockbench_harness.verdicts import Expectation, Unreachable, Verdict
from lockbench_protocol import LocalError

ADAPTERS = Path(__file__).parents[2] / "examples" / "adapters"
SOUND = ADAPTERS / "client" / "adapter.js"
CASES = {case.id: case for case in load(SUITE)}

START = """
import json, os, sys, time
def say(**message): print(json.dumps(message), flush=True)
ok = {"errorCode": 0, "errorMsg": "ok", "description": ""}
heard = map(json.loads, sys.stdin)
next(heard); say(type="start", protocol=1, client="toy"); call = next(heard)
"""


def judged(case_id: str, *command: str | Path, examples: int = 100) -> Row:
    """`examples` at most, each of which starts the command."""
    plan = Plan("emulated", instead="exec:" + " ".join(f"'{word}'" for word in command))
    case = CASES[case_id]
    return run_case(replace(case, examples=min(case.examples, examples)), plan.target(), plan)


def of_toy(tmp_path: Path, lines: str) -> Row:
    file = tmp_path / "toy.py"
    file.write_text(START + lines)
    return judged("PLG/23", sys.executable, file)


@pytest.mark.parametrize(
    ("lines", "seen"),
    [
        ("sys.exit('lost my way')", "exit status 1: lost my way"),
        ("print('hello', flush=True); time.sleep(60)", "hello"),
        ("print('{' * 100000, flush=True); time.sleep(60)", "{{{"),
        ("print('x' * 2**21, flush=True); time.sleep(60)", "a longer one"),
        ("say(type='result', id=7, value=ok); time.sleep(60)", "'id': 7"),
        ("say(type='result', id=1, value=[]); time.sleep(60)", '"value": []'),
        ("say(type='callback', id=1, name='callback', value=ok); time.sleep(60)", "'callback'"),
        ("say(type='callback', id=3, name='callback', value=ok); time.sleep(60)", "3"),
        ("say(type='result', id=1, value=ok); say(type='result', id=1, value=ok); next(heard)", "'result'"),
        ("say(type='result', id=1, value=ok); time.sleep(60)", "running"),
        ("time.sleep(60)", "None"),
        ("[say(type='callback', id=1, name='x', value={}) for _ in range(20000)]", "'x'"),
    ],
)
def test_what_an_adapter_does_wrong_is_a_failure_that_says_so(
    tmp_path: Path, lines: str, seen: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(process, "CALL_SECONDS", 1.5)
    row = of_toy(tmp_path, lines)
    assert row.verdict is Verdict.FAIL, row.detail
    assert row.detail is not None
    assert seen in row.detail.seen


@pytest.mark.parametrize("code", [None, "0", True, [1], 4711])
def test_a_result_without_a_code_of_the_table_is_a_failure_of_the_client(code: Any) -> None:
    with pytest.raises(Expectation, match="errorCode|have the code"):
        check_error({"errorCode": code, "errorMsg": "ok", "description": ""})


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("say(type='unsupported', id=1, why='no such call here')", "no such call here"),
        ("sys.exit(127)", "127"),
    ],
)
def test_what_an_adapter_cannot_do_is_unsupported(tmp_path: Path, lines: str, words: str) -> None:
    row = of_toy(tmp_path, lines)
    assert (row.verdict, row.examples) == (Verdict.UNSUPPORTED, 0)
    assert row.detail is not None
    assert words in row.detail.words


def test_nothing_of_an_adapter_is_left(tmp_path: Path) -> None:
    row = of_toy(
        tmp_path,
        f"""
import subprocess
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open({str(tmp_path / "pids")!r}, "a").write(f"{{os.getpid()}} {{child.pid}} ")
say(type='unsupported', id=1, why='busy')
time.sleep(600)
""",
    )
    assert row.verdict is Verdict.FAIL  # it goes on after bye
    for number in map(int, (tmp_path / "pids").read_text().split()):
        assert not is_running(number)


def is_running(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{number}/stat")
    return not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_client_that_is_not_there_ends_the_run() -> None:
    with pytest.raises(Unreachable, match="nowhere cannot be started: No such file"):
        judged("PLG/23", "nowhere")
    with pytest.raises(LocalError, match="needs the command"):
        Plan("emulated", instead="exec: ").target()


@pytest.mark.parametrize("name", ["skeleton.py", "skeleton.js"])
def test_the_skeletons_do_nothing_and_say_so(name: str) -> None:
    runner = sys.executable if name.endswith("py") else node()
    row = judged("PLG/23", runner, ADAPTERS / name)
    assert row.verdict is Verdict.UNSUPPORTED
    assert row.detail is not None
    assert "is not written yet" in row.detail.words
    assert len((ADAPTERS / name).read_text().splitlines()) <= 31


def test_a_function_that_no_line_carries_is_unsupported() -> None:
    """Before 3.0.0 functions are arguments themselves, not options."""
    assert judged("PLG/2", sys.executable, ADAPTERS / "skeleton.py").verdict is Verdict.UNSUPPORTED


def node() -> str:
    found = shutil.which("node")
    if found is None:
        pytest.skip("there is no node here")
    return found


HELD = "PWD/3 PWD/12 PWD/25 PLG/1 PLG/2 PLG/5 PLG/6 PLG/16 PLG/23 DFU/24 DFU/27 IMG/12 TTC/4"


@pytest.mark.parametrize("case_id", HELD.split())
def test_a_small_client_in_javascript_holds_the_cases_of_ours(case_id: str) -> None:
    row = judged(case_id, node(), SOUND, examples=3)
    assert row.verdict is Verdict.PASS, row.detail


@pytest.mark.parametrize(
    ("file", "sound", "faulty", "case_id"),
    [
        ("passcode.js", "moment + zone", "moment", "PWD/12"),
        ("adapter.js", "session.met || session.connection", "false", "PLG/6"),
        ("upgrade.js", "code: 11018, ", "", "PLG/16"),
        ("upgrade.js", "  step(2, 100)\n", "", "DFU/27"),
        ("passcode.js", "{4,9}$", "{4,}$", "PWD/3"),
    ],
)
def test_a_bug_planted_in_it_is_found(
    tmp_path: Path, file: str, sound: str, faulty: str, case_id: str
) -> None:
    client = tmp_path / "client"
    shutil.copytree(ADAPTERS / "client", client)
    text = (client / file).read_text()
    assert sound in text
    (client / file).write_text(text.replace(sound, faulty))
    row = judged(case_id, node(), client / "adapter.js")
    assert row.verdict is Verdict.FAIL
    assert row.reproduce.endswith("/adapter.js'\"'\"''")


def test_a_known_failure_is_no_news_but_its_mending_is(tmp_path: Path) -> None:
    (tmp_path / "known.toml").write_text('[expected-failures]\n"PLG/23" = "ticket 12"\n')
    (tmp_path / "dies.js").write_text("process.exit(1)")
    for script, counts, reason in ((tmp_path / "dies.js", False, "ticket 12"), (SOUND, True, "")):
        client, known = f"exec:{node()} {script}", str(tmp_path / "known.toml")
        plan = Plan("emulated", instead=client, capabilities=known)
        row = run_case(CASES["PLG/23"], plan.target(), plan)
        assert (row.verdict, row.counts_as_failure, row.expected_failure) == (Verdict.FAIL, counts, reason)
