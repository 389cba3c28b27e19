"""`lockbench conform` and `pytest --pyargs`, as their users start them, on a toy lock with a planted bug."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from click.testing import CliRunner
from lockbench_harness.cli import cli

TOY_LOCK = """
import asyncio
from contextlib import asynccontextmanager
from lockbench_harness.clock import Time
from lockbench_harness.targets import Capabilities
from lockbench_harness.trace import Mask
from lockbench_harness.verdicts import Unreachable

class Bench:
    def __init__(self, trace):
        self.codes, self.trace = set(), trace

    async def add(self, code):
        self.trace.event("tx", code=code)
        await asyncio.sleep(0.1)
        known = code in self.codes and not code.startswith("7")  # the bug
        self.codes.add(code)
        self.trace.event("rx", status=20 if known else 0, codes=len(self.codes))
        return 20 if known else 0

class Toy:
    profile, time = "", Time.VIRTUAL

    def __init__(self, name, known):
        self.name, self.mask = name, Mask()
        self.capabilities = Capabilities(("bare", "air"), frozenset({"passcodes"}), known)

    @asynccontextmanager
    async def open(self, *, seed, link, trace):
        if "gone" in self.name:
            raise Unreachable("nothing answers at toy:1")
        yield Bench(trace)

def make(rest, profile, credentials): return Toy("python:toy_lock:make", {})
def gone(rest, profile, credentials): return Toy("python:toy_lock:gone", {})
def known(rest, profile, credentials):
    return Toy("python:toy_lock:known", {"PWD/6": "bug 12", "PWD/27": "bug 12"})
def overdue(rest, profile, credentials): return Toy("python:toy_lock:overdue", {"PWD/1": "bug 7"})
"""

TOY_CASES = '''
from hypothesis import strategies as st
from lockbench_harness.cases import case, expect, warn
from lockbench_harness.machines import Machine, rule

codes = st.text("0123456789", min_size=4, max_size=9)

@case("PWD/1", clause="toy 1", links=("bare", "air"), code=codes)
async def test_a_new_code(bench, code):
    """A new code is taken; <b>markup</b> is text."""
    assert await bench.add(code) == 0

@case("PWD/6", clause="toy 6", code=codes)
async def test_a_duplicate(bench, code):
    """A code that is there already is refused with 20."""
    await bench.add(code)
    assert await bench.add(code) == 20, "a duplicate was taken"

@case("PWD/8", clause="toy 8", needs=("hands",))
async def test_hands(bench):
    """Somebody presses the keys."""

@case("PWD/9", clause="toy 9")
async def test_a_warning(bench):
    """The clock is right."""
    warn("the clock is late")

@case("PWD/27", clause="toy 27", examples=10)
class TestModel(Machine):
    """The lock agrees with a model."""
    steps = 6

    async def begin(self):
        self.model = set()

    @rule(code=st.sampled_from(["1234", "7777"]))
    async def add(self, code):
        expect(await self.bench.add(code), 20 if code in self.model else 0, "the status of add")
        self.model.add(code)
'''

BROKEN_CASES = '''
import asyncio, os
from lockbench_harness.cases import case

@case("COD/1", clause="toy")
async def test_breaks(bench):
    """The bench breaks."""
    raise KeyError("oops")

@case("COD/2", clause="toy")
async def test_dies(bench):
    """The process dies."""
    os._exit(9)

@case("SOK/1", clause="toy")
async def test_quick(bench):
    """It is quick."""

@case("SOK/2", clause="toy")
async def test_endless(bench):
    """It takes for ever."""
    while True:
        await asyncio.sleep(0)
'''

SUITES = {
    "toy_suite": {"test_pwd.py": TOY_CASES},
    "broken_suite": {"test_cod.py": BROKEN_CASES},
    "empty_suite": {},
    "double_suite": {"test_pwd.py": TOY_CASES, "test_pwd_more.py": TOY_CASES},
    "unread_suite": {"test_pwd.py": TOY_CASES, "test_cod.py": "import nothing_of_this_name\n"},
}


@dataclass
class Ran:
    code: int
    out: str
    err: str
    folder: Path

    @property
    def report(self) -> dict[str, Any]:
        report: dict[str, Any] = json.loads((self.folder / "report.json").read_text())
        return report

    @property
    def verdicts(self) -> dict[str, str]:
        return {case["id"]: case["verdict"] for case in self.report["cases"]}


@pytest.fixture(scope="module")
def toys(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("toys")
    (place / "toy_lock.py").write_text(TOY_LOCK)
    for suite, modules in SUITES.items():
        (place / suite).mkdir()
        for name, text in {"__init__.py": "", **modules}.items():
            (place / suite / name).write_text(text)
    return place


Conform = Callable[..., Ran]


@pytest.fixture(scope="module")
def conform(toys: Path, tmp_path_factory: pytest.TempPathFactory) -> Conform:
    def run(
        *words: str, suite: str = "toy_suite", lock: str = "python:toy_lock:make", **environment: str
    ) -> Ran:
        out = tmp_path_factory.mktemp("out")
        options = ["--suite", suite, "--lock", lock, "--out", str(out)]
        return started(["conform", *words, *options], toys, out, environment)

    return run


def started(words: list[str], toys: Path, out: Path, environment: dict[str, str]) -> Ran:
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "lockbench", *words],
        env={**os.environ, "PYTHONPATH": str(toys), **environment},
        cwd=toys,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    return Ran(done.returncode, done.stdout, done.stderr, out)


@pytest.fixture(scope="module")
def one(conform: Conform) -> Ran:
    return conform("--jobs", "1", PYTHONHASHSEED="1")


@pytest.fixture(scope="module")
def two(conform: Conform) -> Ran:
    return conform("--jobs", "2", PYTHONHASHSEED="2", PYTEST_ADDOPTS="--no-such-option")


def without_seconds(report: dict[str, Any]) -> dict[str, Any]:
    for case in report["cases"]:
        del case["seconds"]
    return report


def test_the_run_ends_with_verdicts_a_summary_and_three_paths(one: Ran) -> None:
    assert one.code == 1
    assert one.err == ""
    assert one.verdicts == {
        "PWD/1": "pass",
        "PWD/6": "fail",
        "PWD/8": "unsupported",
        "PWD/9": "warn",
        "PWD/27": "fail",
    }
    lines = one.out.splitlines()
    assert lines[-3:] == [str(one.folder / name) for name in ("report.html", "report.json", "junit.xml")]
    assert "  repeat: lockbench conform PWD/6 --seed 1 --lock python:toy_lock:make --suite toy_suite" in lines
    assert lines[-4].split() == ["all", "1", "1", "1", "2", "0"]


def test_two_processes_and_another_hash_seed_change_nothing(one: Ran, two: Ran) -> None:
    assert two.code == 1
    trace = (one.folder / "trace.ndjson").read_bytes()
    assert trace
    assert trace == (two.folder / "trace.ndjson").read_bytes()
    assert without_seconds(one.report) == without_seconds(two.report)
    for name in ("PWD-6.json", "PWD-27.json"):
        assert (one.folder / "failures" / name).read_bytes() == (two.folder / "failures" / name).read_bytes()


def test_a_case_alone_repeats_what_it_did_in_the_full_run(one: Ran, conform: Conform) -> None:
    alone = conform("pwd/6", "--json")
    assert alone.code == 1
    told = json.loads(alone.out)
    assert [case["id"] for case in told["cases"]] == ["PWD/6"]
    whole = {case["id"]: case for case in without_seconds(one.report)["cases"]}
    assert without_seconds(alone.report)["cases"] == [whole["PWD/6"]]
    assert (alone.folder / "trace.ndjson").read_text() in (one.folder / "trace.ndjson").read_text()


def test_another_seed_draws_other_values(one: Ran, conform: Conform) -> None:
    other = conform("PWD/1", "--seed", "2")
    assert other.code == 0
    assert (other.folder / "trace.ndjson").read_text() not in (one.folder / "trace.ndjson").read_text()


def test_the_files_are_there_and_hostile_words_are_text(one: Ran) -> None:
    page = (one.folder / "report.html").read_text()
    assert "<b>markup" not in page
    assert "&lt;b&gt;markup&lt;/b&gt; is text" in page
    suites = ET.parse(one.folder / "junit.xml").getroot()  # noqa: S314 - written by us
    assert [len(suite.findall("testcase")) for suite in suites] == [5]
    assert sorted(path.name for path in one.folder.iterdir()) == [
        "failures",
        "junit.xml",
        "report.html",
        "report.json",
        "trace.ndjson",
    ]


def test_known_failures_do_not_count(conform: Conform) -> None:
    assert conform("PWD/6", "PWD/27", "--jobs", "1", lock="python:toy_lock:known").code == 0


def test_a_known_failure_that_passes_fails_the_run(conform: Conform) -> None:
    overdue = conform("PWD/1", lock="python:toy_lock:overdue")
    assert overdue.code == 1
    assert "strike it from that list" in overdue.out


@pytest.mark.parametrize(
    ("words", "lock", "sentence"),
    [
        (
            ["PWD/6", "PWX/1", "--jobs", "1"],
            "make",
            "no case and no group is called PWX/1; see lockbench list",
        ),
        (["COD", "--jobs", "2"], "make", "no case and no group is called COD; see lockbench list"),
        (["--jobs", "2"], "gone", "nothing answers at toy:1"),
    ],
)
def test_words_that_match_nothing_and_no_target_are_one_sentence_and_exit_2(
    conform: Conform, words: list[str], lock: str, sentence: str
) -> None:
    ran = conform(*words, lock=f"python:toy_lock:{lock}")
    assert (ran.code, ran.err) == (2, f"lockbench: {sentence}\n")


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--lock", "zigbee:1"], "no target is called 'zigbee:1'"),
        (["--client", "emulated"], "'emulated' is neither a client nor a cloud"),
        (["--lock", "python:toy_lock:none"], "cannot be made"),
        (["--lock", "python:none"], "cannot be made"),
        (["--suite", "no_suite"], "no package of cases is called 'no_suite'"),
        (["--seed", "x"], "Invalid value"),
        (["--effort", "huge"], "Invalid value"),
    ],
)
def test_wrong_use_is_told_before_anything_starts(
    toys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], sentence: str
) -> None:
    monkeypatch.syspath_prepend(toys)
    out = tmp_path / "out"
    suite = ["--suite", "toy_suite", "--lock", "python:toy_lock:make", "--out", str(out)]
    ended = CliRunner().invoke(cli, ["conform", *suite, *options])
    assert ended.exit_code == 2
    assert sentence in ended.output
    assert not out.exists()


def test_a_run_that_judged_nothing_exits_3(conform: Conform) -> None:
    ran = conform("--jobs", "1", suite="empty_suite")
    assert ran.code == 3
    assert "No case was judged." in ran.out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_module_that_cannot_be_read_breaks_the_run_but_not_the_other_cases(
    conform: Conform, jobs: str
) -> None:
    ran = conform("--jobs", jobs, suite="unread_suite")
    assert ran.code == 3
    assert ran.verdicts["PWD/1"] == "pass"
    assert "nothing_of_this_name" in ran.out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_a_suite_with_an_id_written_twice_judges_nothing(conform: Conform, jobs: str) -> None:
    ran = conform("--jobs", jobs, suite="double_suite")
    assert (ran.code, ran.verdicts) == (3, {})
    assert "PWD/1 is written twice, in double_suite.test_pwd and in double_suite.test_pwd_more" in ran.out


def test_a_case_that_breaks_the_bench_exits_3_and_leaves_a_file(conform: Conform, toys: Path) -> None:
    ran = conform("COD/1", suite="broken_suite")
    assert (ran.code, ran.verdicts) == (3, {"COD/1": "broken"})
    file = str(ran.folder / "failures" / "COD-1.json")
    replayed = started(["replay", file, "--suite", "broken_suite"], toys, ran.folder, {})
    assert replayed.code == 3
    assert "KeyError: 'oops'" in replayed.out


def test_a_process_that_dies_breaks_its_case_and_the_others_go_on(conform: Conform) -> None:
    ran = conform("COD/2", "SOK/1", "--jobs", "2", suite="broken_suite")
    assert ran.code == 3
    assert ran.verdicts == {"COD/2": "broken", "SOK/1": "pass"}
    assert "crashed while running" in ran.out


@pytest.mark.parametrize("jobs", ["1", "2"])
def test_ctrl_c_leaves_a_partial_report_that_says_so(toys: Path, tmp_path: Path, jobs: str) -> None:
    words = ["conform", "SOK", "--suite", "broken_suite", "--lock", "python:toy_lock:make", "--jobs", jobs]
    process = subprocess.Popen(  # noqa: S603 - our own command
        [sys.executable, "-m", "lockbench", *words, "--out", str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(toys)},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert process.stdout is not None
    try:
        assert process.stdout.readline().startswith("SOK/1")
        os.killpg(process.pid, signal.SIGINT)
        rest, _ = process.communicate(timeout=60)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == 130
    assert "The run was interrupted: this report is partial." in rest
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["interrupted"]
    assert [case["id"] for case in report["cases"]] == ["SOK/1"]


LEAKING = """
[tool.pytest.ini_options]
python_files = ["check_*.py"]
python_functions = ["check_*"]
filterwarnings = ["error"]
"""


def test_pytest_itself_gives_the_same_verdicts_whatever_the_users_settings(
    one: Ran, toys: Path, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").write_text(LEAKING)
    out = tmp_path / "out"
    options = [
        "--lockbench-suite=toy_suite",
        "--lockbench-lock=python:toy_lock:make",
        f"--lockbench-out={out}",
    ]
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "pytest", "--pyargs", "toy_suite", *options],
        env={**os.environ, "PYTHONPATH": str(toys)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert "2 failed, 2 passed, 1 skipped" in done.stdout
    assert Ran(1, "", "", out).verdicts == one.verdicts
    assert (out / "trace.ndjson").read_bytes() == (one.folder / "trace.ndjson").read_bytes()


@pytest.mark.parametrize("case", ["PWD-6", "PWD-27"])
def test_replay_repeats_a_failure_and_says_when_it_is_gone(
    one: Ran, toys: Path, tmp_path: Path, case: str
) -> None:
    file = str(one.folder / "failures" / f"{case}.json")
    words = ["replay", file, "--suite", "toy_suite", "--json"]
    again = started(words, toys, one.folder, {})
    assert again.code == 1
    assert json.loads(again.out)["verdict"] == "fail"
    (tmp_path / "toy_lock.py").write_text(TOY_LOCK.replace('and not code.startswith("7")', ""))
    mended = started(words, tmp_path, one.folder, {"PYTHONPATH": f"{tmp_path}{os.pathsep}{toys}"})
    assert mended.code == 0, mended.err
    assert json.loads(mended.out)["verdict"] == "pass"


def test_list_names_the_cases_in_catalogue_order(toys: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(toys)
    listed = CliRunner().invoke(cli, ["list", "PWD", "--suite", "toy_suite", "--json"])
    assert listed.exit_code == 0
    assert [case["id"] for case in json.loads(listed.output)["cases"]][-1] == "PWD/27"
    plain = CliRunner().invoke(cli, ["list", "--suite", "toy_suite"])
    assert "PWD/8   MUST    Somebody presses the keys.  [hands]" in plain.output
    assert CliRunner().invoke(cli, ["list", "DFU", "--suite", "toy_suite"]).exit_code == 2


def test_the_plugins_cost_a_pytest_user_nothing() -> None:
    heavy = [
        "hypothesis",
        "bumble",
        "aiohttp",
        "pydantic",
        "jinja2",
        "rich",
        "click",
        "lockbench_harness.judge",
    ]
    code = (
        "import sys; before = set(sys.modules);"
        "import lockbench_harness.suite, lockbench_harness.pytest_plugin;"
        f"print(sorted((set(sys.modules) - before) & set({heavy})))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own command
    assert done.stdout == "[]\n"
