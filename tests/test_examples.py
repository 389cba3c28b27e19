"""`examples/` as its owner has it: copied out of the clone, run there with the commands of its CI file."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
CI = ".github/workflows/locks.yml"
RUN_LINES = re.findall(r"^ +- run: (.+)$", (ROOT / "examples" / CI).read_text(), re.MULTILINE)
HERE = ("pytest", "lockbench exec -- python open_with_bleak.py")  # what takes seconds; the rest is looked up


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return Path(shutil.copytree(ROOT / "examples", tmp_path / "front-door"))


def run(project: Path, line: str) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(  # noqa: S603 - our own programs
        shlex.split(line),
        cwd=project,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{line}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_the_ci_file_runs_what_is_run_here() -> None:
    assert set(HERE) < set(RUN_LINES)


def test_the_tests_of_the_project_pass(project: Path) -> None:
    assert "5 passed" in run(project, HERE[0])


def test_the_bleak_program_opens_the_door_and_decode_explains_its_frames(project: Path) -> None:
    printed = run(project, HERE[1])
    assert re.search(r"^S202T_\w+ is open, its battery is at \d+ %$", printed, re.MULTILINE)
    frames = re.findall(r"^[<>] (\w+)$", printed, re.MULTILINE)
    explained = run(project, f"lockbench decode {' '.join(frames)}")
    assert re.findall(r" command +(.+)$", explained, re.MULTILINE) == [
        "CHECK_USER_TIME, request",
        "reply, or unsolicited",
        "UNLOCK, request",
        "reply, or unsolicited",
    ]


def test_ttlock_ble_in_its_own_environment_opens_the_door(
    project: Path, environment: Callable[[str], Path]
) -> None:
    python = environment("ttlock-ble")
    states = re.findall(
        r"^(\w+) +\((\d), \d+\)$",
        run(project, f"lockbench exec -- {python} open_with_ttlock_ble.py"),
        re.MULTILINE,
    )
    assert states == [("state", "0"), ("unlocked", "1"), ("locked", "0")]


@pytest.mark.parametrize("line", [line for line in RUN_LINES if line not in HERE])
def test_the_other_lines_of_the_ci_file_name_what_there_is(project: Path, line: str) -> None:
    program, command, *words = shlex.split(line)
    if program == "pip":
        assert [command, *words] == ["install", "lockbench", "bleak", "pycryptodome"]
    else:
        assert (program, command) == ("lockbench", "conform")
        assert len(run(project, shlex.join(["lockbench", "list", *words])).splitlines()) > 1
