"""A lock in another process, reached only through HCI over TCP, gets the verdicts of the lock in this one."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

LOCKBENCH = [sys.executable, "-m", "lockbench"]
CASES = ["COD/3", "ADV/2", "SES/4", "PWD/6", "PWD/9", "LOG/3", "DFU/1"]


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[str, str]]:
    """The target's name, and the credentials file that `serve` printed."""
    server = subprocess.Popen(  # noqa: S603 - our own program
        [*LOCKBENCH, "serve", "--attach", "tcp-server:127.0.0.1:0"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert server.stdout is not None
    printed = ""
    while "tcp-server:" not in printed:
        line = server.stdout.readline()
        assert line, f"serve ended: {printed}"
        printed += line
    port = re.search(r"tcp-server:127\.0\.0\.1:(\d+)", printed)
    credentials = re.search(r"\S+\.json", printed)
    assert port is not None
    assert credentials is not None
    yield f"tcp-client:127.0.0.1:{port[1]}", credentials[0]
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=20) == 0
    server.stdout.close()
    assert not Path(credentials[0]).exists()


def verdicts(out: Path, *words: str) -> dict[str, dict[str, str]]:
    done = subprocess.run(  # noqa: S603 - our own program
        [*LOCKBENCH, "conform", *CASES, "--json", "--jobs", "1", "--out", str(out), *words],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    return {case["id"]: case for case in report["cases"]}


def test_the_verdicts_are_the_same_and_hands_and_clock_are_unsupported(
    served: tuple[str, str], tmp_path: Path
) -> None:
    here = verdicts(tmp_path / "here")
    there = verdicts(tmp_path / "there", "--lock", served[0], "--credentials", served[1])
    unsupported = {case for case, row in there.items() if row["verdict"] == "unsupported"}
    assert unsupported == {"PWD/9", "DFU/1"}
    assert {case: row["verdict"] for case, row in there.items() if case not in unsupported} == {
        case: row["verdict"] for case, row in here.items() if case not in unsupported
    }
    assert all(int(row["examples"]) <= 5 for row in there.values())
    secret = json.loads(Path(served[1]).read_text())["aes_key"]
    for artefact in (tmp_path / "there").iterdir():
        if artefact.is_file():
            assert secret not in artefact.read_text()
