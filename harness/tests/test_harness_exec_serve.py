"""`lockbench serve` in a process of its own, and hosts that come in by HCI."""

import json
import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from lockbench_harness import clock
from lockbench_harness.cli import cli
from lockbench_harness.cli.serve import is_open_to_others
from lockbench_harness.credentials import Credentials
from lockbench_harness.links.bumble import BumbleLink


@contextmanager
def serving(*arguments: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    """The command, and the first line it prints."""
    argv = [sys.executable, "-m", "lockbench", "serve", *arguments]
    process = subprocess.Popen(argv, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE)  # noqa: S603 - our own words
    assert process.stdout is not None
    try:
        yield process, process.stdout.readline()
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        for pipe in (process.stdout, process.stderr):
            if pipe is not None:
                pipe.close()


def end(process: "subprocess.Popen[str]", number: signal.Signals) -> tuple[int, str, str]:
    process.send_signal(number)
    status = process.wait(timeout=20)
    assert process.stdout is not None
    assert process.stderr is not None
    return status, process.stdout.read(), process.stderr.read()


async def read_model(spec: str, address: str) -> bytes:
    async with await BumbleLink.open(spec) as link:
        connection = await link.connect(address)
        return await connection.read("2a24")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_host_in_another_process_comes_in_over_tcp_and_unix(number: signal.Signals, tmp_path: Path) -> None:
    unix = tmp_path / "hci"
    arguments = ["--attach", "tcp-server:127.0.0.1:0", "--attach", f"unix-server:{unix}", "--json"]
    with serving(*arguments, "--seed", "7") as (process, line):
        shown = json.loads(line)
        credentials = Credentials.load(Path(shown["credentials"]))
        assert (shown["address"], shown["name"]) == (credentials.address, credentials.name)
        assert credentials.paired
        tcp, _ = shown["attached"]
        for spec in (tcp.replace("server", "client"), f"unix-client:{unix}"):
            assert clock.run_real(read_model(spec, credentials.address)) == b"S202T"
        assert end(process, number) == (0, "", "")
    assert not Path(shown["credentials"]).parent.exists()


def test_the_first_json_in_the_text_is_the_credentials_file_whole_in_one_line() -> None:
    with serving("--attach", "tcp-server:127.0.0.1:0", "--unpaired") as (process, line):
        file = Path(next(word for word in line.split() if word.endswith(".json")))
        credentials = Credentials.load(file)
        assert not credentials.paired
        status, out, err = end(process, signal.SIGTERM)
    assert (status, err) == (0, "")
    assert credentials.address in out
    assert "tcp-server:127.0.0.1:" in out


def test_a_server_open_to_other_machines_is_warned_of() -> None:
    with serving("--attach", "tcp-server:0.0.0.0:0") as (process, _):
        _, _, err = end(process, signal.SIGTERM)
    assert "is open to other machines" in err


@pytest.mark.parametrize(
    ("spec", "is_open"),
    [
        ("tcp-server:127.0.0.1:6402", False),
        ("tcp-server:localhost:6402", False),
        ("tcp-server:::1:6402", False),
        ("tcp-server:0.0.0.0:6402", True),
        ("tcp-server::::6402", True),
        ("tcp-server:192.0.2.1:6402", True),
        ("ws-server:bench.example:6402", True),
        ("unix-server:/run/x", False),
        ("pty:/run/x", False),
    ],
)
def test_what_listens_beyond_the_machine_is_known(spec: str, is_open: bool) -> None:
    assert is_open_to_others(spec) is is_open


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "nothing to serve: give --attach SPEC, --cloud or both"),
        (["--attach", "carrier-pigeon:7"], "cannot attach carrier-pigeon:7"),
        (["--attach", "tcp-server:127.0.0.1:x"], "cannot attach tcp-server:127.0.0.1:x"),
        (["--attach", "tcp-server:127.0.0.1:0", "--profile", "nice"], "no profile 'nice'"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(arguments: list[str], sentence: str) -> None:
    result = CliRunner().invoke(cli, ["serve", *arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stdout == ""


def test_a_pty_can_be_attached(tmp_path: Path) -> None:
    link = tmp_path / "pty"
    with serving("--attach", f"pty:{link}", "--json") as (process, _):
        descriptor = os.open(link, os.O_RDWR | os.O_NOCTTY)
        os.write(descriptor, bytes.fromhex("01030c00"))  # HCI Reset (Bluetooth Core, Vol 4 Part E 7.3.2)
        answer = b""
        while len(answer) < 7 and select.select([descriptor], [], [], 20)[0]:
            answer += os.read(descriptor, 64)
        os.close(descriptor)
        assert answer == bytes.fromhex("040e0401030c00")
        assert end(process, signal.SIGTERM)[0] == 0
