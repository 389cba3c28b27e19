"""Hands at a served lock, and a lock that outlives the command that serves it."""

import asyncio
import json
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.device import LockDevice
from lockbench_emulator.profiles import load_profile
from lockbench_harness import clock
from lockbench_harness.cli import cli
from lockbench_harness.door.hands import ACTIONS, ControlDoor, ask, hands_at
from lockbench_harness.door.state import State, keeping
from lockbench_protocol import LocalError

WORDS = {
    "keys": ["123456"], "card": ["4711"], "finger": ["17"], "key": ["open"], "thumb": ["close"],
    "door": ["open"], "fob": ["55:44:33:22:11:C2", "1"], "bolt": ["on"], "obstacle": ["off"],
    "battery": ["15"], "power": ["on"],
}  # fmt: skip


def door(profile: str = "full") -> ControlDoor:
    device = LockDevice(load_profile(profile), seed=1)
    return ControlDoor(device, lambda hand: hand(1.0))


words = (
    st.none()
    | st.integers()
    | st.text(max_size=5)
    | st.lists(st.text(max_size=5) | st.integers(), max_size=3)
)
requests = st.dictionaries(st.sampled_from(["do", "with"]), words)


@given(st.binary(max_size=60) | requests.map(lambda row: json.dumps(row).encode()))
def test_any_line_gets_an_answer(line: bytes) -> None:
    answer = door().answer(line)
    assert answer.keys() in ({"ok"}, {"error"})
    json.dumps(answer)


@pytest.mark.parametrize("action", sorted(ACTIONS))
def test_every_action_can_be_done_and_says_what_it_takes(action: str) -> None:
    control = door()
    words = WORDS.get(action, [])
    assert len(words) == len(ACTIONS[action].arguments.split())
    assert "ok" in control.answer(json.dumps({"do": action, "with": words}).encode())
    assert "takes" in control.answer(json.dumps({"do": action, "with": [*words, "more"]}).encode())["error"]
    for at in range(len(words)):
        bad = [*words[:at], "x", *words[at + 1 :]]
        assert "must be" in str(
            control.answer(json.dumps({"do": action, "with": bad}).encode())
        ) or "no " in str(control.answer(json.dumps({"do": action, "with": bad}).encode()))


def test_what_happened_is_told() -> None:
    device = LockDevice(load_profile("full"), seed=1)
    control = ControlDoor(device, lambda hand: hand(1.0))
    code = device.memory.admin_passcode
    told = control.answer(json.dumps({"do": "keys", "with": [code]}).encode())["ok"]
    assert [event["what"] for event in told["happened"]] == ["bolt", "log", "keypad"]
    assert told["lock"]["open"] is True


@contextmanager
def serving(*arguments: str) -> Iterator[tuple[Any, dict[str, Any]]]:
    argv = [
        sys.executable,
        "-m",
        "lockbench",
        "serve",
        "--attach",
        "tcp-server:127.0.0.1:0",
        "--json",
        *arguments,
    ]
    process = subprocess.Popen(argv, text=True, stdout=subprocess.PIPE)  # noqa: S603 - our own words
    assert process.stdout is not None
    try:
        yield process, json.loads(process.stdout.readline())
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0
        process.stdout.close()


def run(*arguments: str) -> Any:
    return CliRunner().invoke(cli, ["lock", *arguments])


def test_a_person_opens_a_served_lock_and_finds_it_so_in_the_next_run(tmp_path: Path) -> None:
    file = tmp_path / "lock.json"
    with serving("--state", str(file), "--seed", "5") as (_, shown):
        hands = shown["hands"]
        assert stat.S_IMODE(Path(hands).parent.stat().st_mode) == 0o700
        code = json.loads(Path(shown["credentials"]).read_text())["admin_passcode"]
        assert json.loads(run("--at", hands, "--json", "look").output)["lock"]["open"] is False
        assert "bolt    unlocked=yes" in run("--at", hands, "keys", code).output
        assert "power   on=no" in run("--at", hands, "power", "off").output
        assert "boot" in run("--at", hands, "power", "on").output
        assert "battery=15" in run("--at", hands, "battery", "15").output
        refused = run("--at", hands, "battery", "101")
        assert (refused.exit_code, refused.output) == (2, "lockbench: '101' must be a number up to 100\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with serving("--state", str(file)) as (_, again):
        assert again["address"] == shown["address"]
        look = json.loads(run("--at", again["hands"], "--json").output)["lock"]
        assert (look["open"], look["battery"]) == (True, 15)
    gone = run("--at", hands, "touch")
    assert gone.exit_code == 2
    assert "no lock answers" in gone.output


def test_a_program_that_exec_runs_finds_the_hands_in_its_environment(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys;"
        "sys.exit(subprocess.call([sys.executable, '-m', 'lockbench', 'lock', 'key', 'open']))"
    )
    state = tmp_path / "lock.json"
    argv = [
        sys.executable,
        "-m",
        "lockbench",
        "exec",
        "--state",
        str(state),
        "--",
        sys.executable,
        "-c",
        program,
    ]
    ended = subprocess.run(argv, text=True, capture_output=True, timeout=60, check=False)  # noqa: S603 - likewise
    assert "bolt    unlocked=yes" in ended.stdout
    assert json.loads(state.read_text())["unlocked"] is True


def kept(path: Path, device: LockDevice, **changes: object) -> None:
    state = State(path, {"profile": "full", "seed": 1, "paired": True})
    state.save(device, 3.0)
    data = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({key: value for key, value in data.items() if value is not None}))


@given(st.lists(st.tuples(st.sampled_from(["1234", "5678", "admin"]), st.floats(0, 400)), max_size=8))
def test_a_kept_lock_knows_what_it_knew(tmp_path_factory: Any, tries: list[tuple[str, float]]) -> None:
    device = LockDevice(load_profile("full"), seed=1)
    now = 0.0
    for code, wait in tries:
        now += wait
        device.enter_code(device.memory.admin_passcode if code == "admin" else code, now)
    path = tmp_path_factory.mktemp("kept") / "lock.json"
    state = State(path, {"profile": "full", "seed": 1, "paired": True})
    state.save(device, now)
    again = State.load(path).make("full", 1, paired=True, interval=0.02)
    assert list(again.memory.log.items()) == list(device.memory.log.items())
    assert again.memory.admin == device.memory.admin
    assert again.memory.unlocked == device.memory.unlocked
    left = max(0, device.memory.keypad_locked_until - round(now * 1000))
    assert left - 10_000 <= again.memory.keypad_locked_until <= left
    assert 0 <= (again.clock.local(0.0) - device.clock.local(now)).total_seconds() < 10
    assert again.chance.random() != device.chance.random()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"format": 2}, "holds no lock of format 1"),
        ({"flash": "AAAA"}, "the lock in it cannot be read"),
        ({"flash": "é"}, "the lock in it cannot be read"),
        ({"flash": 5}, "flash must be a str"),
        ({"seed": "1"}, "seed must be a int"),
        ({"unlocked": 1}, "unlocked must be a bool"),
        ({"battery": True}, "battery must be a int"),
        ({"local": "yesterday"}, "the lock in it cannot be read"),
        ({"address": "C2:00:00:00:00:00"}, "is not that of its seed"),
        ({"lives": None}, "lives must be a int"),
        ({"profile": "nothing"}, "no profile 'nothing'"),
    ],
)
def test_a_bad_file_is_one_sentence_and_exit_2(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    path = tmp_path / "lock.json"
    kept(path, LockDevice(load_profile("full"), seed=1), **changes)
    for command, rest in (
        ("serve", ["--attach", "tcp-server:127.0.0.1:0"]),
        ("exec", ["--", "true"]),
    ):
        result = CliRunner().invoke(cli, [command, "--state", str(path), *rest])
        assert result.exit_code == 2
        assert words in result.output
        assert result.output.count("\n") == 1


@pytest.mark.parametrize("text", ["", "[", "[]", "\x00", "[" * 100_000])
def test_what_is_no_json_is_no_lock(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lock.json"
    path.write_text(text)
    with pytest.raises(LocalError, match="holds no lock"):
        State.load(path)


def test_another_profile_than_the_files_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    kept(path, LockDevice(load_profile("full"), seed=1))
    result = CliRunner().invoke(cli, ["exec", "--state", str(path), "--profile", "open", "--", "true"])
    assert result.exit_code == 2
    assert "holds a lock of profile full and seed 1, not of open and 1" in result.output


def test_a_flash_that_unfolds_without_end_is_refused(tmp_path: Path) -> None:
    import base64
    import zlib

    path = tmp_path / "lock.json"
    bomb = base64.b64encode(zlib.compress(bytes(1 << 24))).decode()
    kept(path, LockDevice(load_profile("full"), seed=1), flash=bomb)
    with pytest.raises(LocalError, match="does not have the"):
        State.load(path).make("full", 1, paired=True, interval=0.02)


def test_a_change_reaches_the_file_while_the_lock_is_served(tmp_path: Path) -> None:
    path = tmp_path / "lock.json"
    device = LockDevice(load_profile("full"), seed=1)
    state = State(path, {"profile": "full", "seed": 1, "paired": True})

    async def serve() -> None:
        async with keeping(device, state):
            device.enter_code("9999", 1.0)
            await asyncio.sleep(3)
            assert list(State.load(path).make("full", 1, paired=True, interval=1).memory.log)

    clock.run(serve())


def test_a_socket_that_talks_without_end_is_hung_up_on(tmp_path: Path) -> None:
    async def talk() -> None:
        device = LockDevice(load_profile("full"), seed=1)
        async with hands_at(device, lambda hand: hand(time.monotonic()), tmp_path) as path:
            assert path is not None
            reader, writer = await asyncio.open_unix_connection(path)
            writer.write(b"x" * 100_000)
            assert await reader.read() == b""
            writer.close()
            found = await asyncio.to_thread(ask, path, "touch", [])
            assert found["lock"]["powered"]

    clock.run_real(talk())
