"""`lockbench dfu run --lock`: a lock in another process, over HCI, as a user at a terminal writes it."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from lockbench_protocol.telink.image import make_image

LOCKBENCH = [sys.executable, "-m", "lockbench"]
DEADLINE = 60.0  # seconds after which a test that waits for another process fails


class Served(NamedTuple):
    spec: str
    credentials: str
    address: str


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    server = subprocess.Popen(  # noqa: S603 - our own program
        [*LOCKBENCH, "serve", "--attach", "tcp-server:127.0.0.1:0", "--json"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )
    assert server.stdout is not None
    facts = json.loads(server.stdout.readline())
    spec = facts["attached"][0].replace("tcp-server", "tcp-client")
    yield Served(spec, facts["credentials"], facts["address"])
    server.send_signal(signal.SIGTERM)
    assert server.wait(timeout=20) == 0
    server.stdout.close()


def image(folder: Path, version: str) -> Path:
    path = folder / "fw.bin"
    path.write_bytes(make_image(2048, version, 1))
    return path


def words(path: Path, lock: Served, *more: str) -> list[str]:
    known = ["--lock", lock.spec, "--credentials", lock.credentials]
    return [*LOCKBENCH, "dfu", "run", str(path), *known, *more]


def ran(command: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(  # noqa: S603 - our own program
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=DEADLINE, check=False
    )


def typed(command: list[str], answer: str) -> tuple[int, str]:
    """Run it at a terminal, and answer its question; gives the exit code and all that was shown."""
    child, terminal = pty.fork()
    if child == 0:  # pragma: no cover - the other process
        os.execve(command[0], command, {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"})  # noqa: S606
    shown, answered, until = b"", False, time.monotonic() + DEADLINE
    while time.monotonic() < until:
        if select.select([terminal], [], [], 1.0)[0]:
            try:
                shown += os.read(terminal, 65536)
            except OSError:  # the other end is closed
                break
        if b"Its address: " in shown and not answered:
            os.write(terminal, answer.encode() + b"\n")
            answered = True
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), shown.decode("utf-8", "replace")


def test_without_a_terminal_and_a_word_nothing_is_written(served: Served, tmp_path: Path) -> None:
    done = ran(words(image(tmp_path, "6.5.1"), served))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "--yes-flash ADDRESS" in done.stderr


@pytest.mark.parametrize("answer", ["C0:00:00:00:00:01", "yes", ""])
def test_a_wrong_address_typed_back_writes_nothing(served: Served, tmp_path: Path, answer: str) -> None:
    code, shown = typed(words(image(tmp_path, "6.5.1"), served), answer)
    assert code == 2
    assert served.address in shown
    assert "nothing was written" in shown


def test_the_address_typed_back_flashes_the_lock_and_a_bar_shows_speed_and_time_left(
    served: Served, tmp_path: Path
) -> None:
    code, shown = typed(words(image(tmp_path, "6.5.2"), served), served.address.lower())
    assert code == 0, shown
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert re.search(r"transferring .* 100 % +[\d,]+ bytes/s +[\d.]+ s left", plain)
    assert "the lock runs 6.5.2" in plain


def test_yes_flash_needs_no_terminal_and_a_pipe_gets_plain_lines(served: Served, tmp_path: Path) -> None:
    done = ran(words(image(tmp_path, "6.5.3"), served, "--yes-flash", served.address))
    assert done.returncode == 0, done.stderr
    assert "\x1b" not in done.stdout
    assert re.search(r"^transferring  100 %  [\d,]+ bytes/s", done.stdout, re.MULTILINE)
    assert "6.5.3 now" in done.stdout


def test_ctrl_c_says_what_was_written_and_the_next_upgrade_succeeds(served: Served, tmp_path: Path) -> None:
    path = image(tmp_path, "6.5.4")
    slow = words(path, served, "--yes-flash", served.address, "--interval", "0.2")
    process = subprocess.Popen(  # noqa: S603 - our own program
        slow, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    assert process.stdout is not None
    assert process.stdout.readline().startswith("transferring")
    process.send_signal(signal.SIGINT)
    rest, _ = process.communicate(timeout=DEADLINE)
    assert process.returncode == 130
    assert "interrupted" in rest
    assert "nothing committed: the lock runs its old image" in rest
    done = ran(words(path, served, "--yes-flash", served.address, "--json"))
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert (facts["version"], facts["lock_result"]) == ("6.5.4", "success")


def test_who_cannot_be_reached_is_one_sentence(served: Served, tmp_path: Path) -> None:
    nobody = served._replace(spec="tcp-client:127.0.0.1:1")
    done = ran(words(image(tmp_path, "6.5.5"), nobody, "--yes-flash", served.address))
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
