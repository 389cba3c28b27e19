"""`lockbench dfu run` with the OTA sender alone, on an emulated lock of each dialect."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from lockbench_harness.cli import cli
from lockbench_protocol.telink.image import make_image


def typed(*words: object) -> Result:
    return CliRunner().invoke(cli, ["dfu", "run", *(str(word) for word in words)])


def facts(*words: object) -> dict[str, Any]:
    done = typed(*words, "--json")
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.output)
    return found


@pytest.fixture
def image(tmp_path: Path) -> Path:
    path = tmp_path / "fw.bin"
    path.write_bytes(make_image(1028, "6.4.34", 1))
    return path


@pytest.mark.parametrize("dialect", ["tt", "g1", "g1m", "g2"])
def test_each_dialect_takes_an_upgrade_from_the_client_that_suits_it(image: Path, dialect: str) -> None:
    found = facts(image, "--dialect", dialect)
    assert (found["old_version"], found["version"], found["dialect"]) == ("6.4.33", "6.4.34", dialect)
    assert found["bytes_per_second"] > 500


def test_loss_costs_time_and_nothing_else_and_the_same_seed_loses_the_same(image: Path) -> None:
    kept, lost = facts(image, "--loss", 0), facts(image, "--loss", 0.5)
    again = facts(image, "--loss", 0.5)
    assert lost["version"] == "6.4.34"
    assert lost["lock_seconds"] > kept["lock_seconds"]
    assert lost["lock_seconds"] == again["lock_seconds"]


def test_longer_pdus_and_shorter_pauses_are_faster(image: Path) -> None:
    slow = facts(image, "--dialect", "g2", "--pdu", 16, "--interval", 0.05)
    fast = facts(image, "--dialect", "g2", "--pdu", 240, "--interval", 0)
    assert (slow["pdu"], fast["pdu"]) == (16, 240)
    assert slow["lock_seconds"] > 10 * fast["lock_seconds"]


def test_an_upgrade_that_the_lock_refuses_is_exit_1_and_says_what_runs(tmp_path: Path) -> None:
    data = bytearray(make_image(1028, "6.4.34", 1))
    data[-1] ^= 0xFF
    (tmp_path / "bad.bin").write_bytes(data)
    done = typed(tmp_path / "bad.bin", "--dialect", "tt")
    assert done.exit_code == 1
    assert "the check of the whole image failed" in done.output
    assert "the lock runs 6.4.33" in done.output


def test_ctrl_c_before_the_first_write_says_that_nothing_was_written(
    image: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_words: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("lockbench_harness.cli.dfu_run._on_emulator", interrupted)
    done = typed(image, "--loss", 0)
    assert done.exit_code == 130
    assert "nothing was written" in done.output


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["--dialect", "g9"], "no profile 'g9' among the dialects"),
        (["--client", "nobody"], "no OTA client 'nobody'"),
        (["--client", "fwupd", "--pdu", "32"], "sends 16 bytes in a data PDU, always"),
        (["--dialect", "g2", "--pdu", "17"], "not 17"),
        (["--provoke", "11016", "--loss", "0"], "--provoke is about the whole way"),
        (["--yes-flash", "C0:00:00:00:00:01"], "about a lock that --lock names"),
        (["--lock", "tcp-client:127.0.0.1:1", "--loss", "0.1"], "--loss is about emulated air"),
        (["--lock", "tcp-client:127.0.0.1:1"], "needs --credentials FILE"),
        (["--lock", "tcp-client:127.0.0.1:1", "--dialect", "g1m"], "--yes-flash ADDRESS"),
        (["--lock", "x", "--dialect", "g1m", "--yes-flash", "me"], "'me' is no address"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_2(image: Path, words: list[str], sentence: str) -> None:
    done = typed(image, *words)
    assert done.exit_code == 2, done.output
    assert len(done.output.splitlines()) == 1
    assert sentence in done.output


def test_a_client_of_another_dialect_is_told_that_the_lock_does_not_speak_it(image: Path) -> None:
    done = typed(image, "--dialect", "tt", "--client", "pvvx")
    assert done.exit_code == 2
    assert "no OTA characteristic" in done.output
