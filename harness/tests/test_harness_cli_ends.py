"""How any command ends: wrong use is one sentence and exit 2, a fault of the bench a traceback and exit 3."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner, Result
from lockbench_harness.cli import Lazy, cli
from lockbench_protocol import LocalError


def ended(error: Exception, monkeypatch: pytest.MonkeyPatch) -> Result:
    @click.command()
    def command() -> None:
        raise error

    monkeypatch.setattr(Lazy, "get_command", lambda *_: command)
    return CliRunner().invoke(cli, ["any"])


def test_what_cannot_be_done_is_one_sentence_and_exit_2(monkeypatch: pytest.MonkeyPatch) -> None:
    result = ended(LocalError("no lock is called 'x'"), monkeypatch)
    assert (result.exit_code, result.stdout) == (2, "")
    assert result.stderr == "lockbench: no lock is called 'x'\n"


def test_a_fault_of_the_bench_is_told_with_its_traceback_and_exit_3(monkeypatch: pytest.MonkeyPatch) -> None:
    result = ended(KeyError("x"), monkeypatch)
    assert (result.exit_code, result.stdout) == (3, "")
    first, *_, last = result.stderr.splitlines()
    assert first.startswith("Traceback")
    assert last == "lockbench: the bench broke: KeyError: 'x'"


@pytest.mark.parametrize(("error", "code"), [(click.UsageError("so not"), 2), (click.exceptions.Exit(5), 5)])
def test_what_click_raises_is_clicks_to_tell(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = ended(error, monkeypatch)
    assert result.exit_code == code
    assert "broke" not in result.stderr
