"""`lockbench exec` as its user meets it."""

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from lockbench_harness.cli import cli

SCAN = """
import asyncio, json, os
from bleak import BleakScanner

async def main():
    with open(os.environ["LOCKBENCH_CREDENTIALS"]) as file:
        found = json.load(file)
    device = await BleakScanner.find_device_by_address(found["address"], timeout=20)
    print(sorted(found), bool(found["aes_key"]), device.address == found["address"], flush=True)

asyncio.run(main())
"""
KEYS = ["address", "admin_passcode", "admin_ps", "aes_key", "lock_data", "lock_version", "name", "unlock_key"]


@pytest.mark.parametrize("unpaired", [False, True])
def test_a_program_finds_the_lock_by_its_credentials(
    capfd: pytest.CaptureFixture[str],
    unpaired: bool,
) -> None:
    options = ["--unpaired"] if unpaired else []
    result = CliRunner().invoke(cli, ["exec", *options, "--", sys.executable, "-c", SCAN])
    assert (result.exit_code, result.stderr) == (0, "")
    assert capfd.readouterr().out == f"{KEYS} {not unpaired} True\n"


def test_a_program_without_a_radio_is_told_why_and_keeps_its_status() -> None:
    result = CliRunner().invoke(cli, ["exec", "sh", "-c", "exit 5"])
    assert result.exit_code == 5
    assert result.stderr.startswith("lockbench: the program never opened the radio: it started no Python")


def test_json_is_one_object_and_the_program_prints_elsewhere(capfd: pytest.CaptureFixture[str]) -> None:
    program = [sys.executable, "-c", "print('hello')"]
    result = CliRunner().invoke(cli, ["exec", "--seed", "7", "--json", "--", *program])
    shown = json.loads(result.stdout)
    assert (shown["status"], shown["opened"], shown["why"], shown["seed"]) == (
        0,
        False,
        "it never imported bleak",
        7,
    )
    assert "hello" in capfd.readouterr().err


def test_the_same_seed_gives_the_same_lock(capfd: pytest.CaptureFixture[str]) -> None:
    source = "import os; print(open(os.environ['LOCKBENCH_CREDENTIALS']).read(), flush=True)"
    seen = []
    for seed in ("1", "1", "2"):
        CliRunner().invoke(cli, ["exec", "--seed", seed, "--", sys.executable, "-c", source])
        seen.append(capfd.readouterr().out)
    assert seen[0] == seen[1] != seen[2]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ([], "Missing argument"),
        (["--profile", "nice", "--", "true"], "no profile 'nice'"),
        (["--", "/no/such/program"], "cannot run /no/such/program"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(arguments: list[str], sentence: str, tmp_path: Path) -> None:
    result = CliRunner().invoke(cli, ["exec", *arguments])
    assert result.exit_code == 2
    assert sentence in result.stderr
