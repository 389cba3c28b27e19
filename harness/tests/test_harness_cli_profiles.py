"""`lockbench profiles`."""

import json
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner
from lockbench_emulator.profiles import LockProfile, keys, load_profile, names
from lockbench_harness.cli import cli


def test_every_key_of_a_profile_has_a_meaning_and_a_source_and_no_other_has() -> None:
    profile = load_profile("default")
    written = [
        f"{table.name}.{key.name}"
        for table in fields(LockProfile)
        if table.name != "name"
        for key in fields(getattr(profile, table.name))
    ]
    assert [key.name for key in keys()] == written
    assert all(key.means and key.source for key in keys())


def test_the_models_are_listed() -> None:
    shown = json.loads(CliRunner().invoke(cli, ["profiles", "--json"]).output)
    assert [row["name"] for row in shown["profiles"]] == names()
    assert len(names()) >= 8
    text = CliRunner().invoke(cli, ["profiles"]).output
    assert "v2s" in text
    assert "(V2S)" in text


@pytest.mark.parametrize("name", names())
def test_a_profile_is_shown_with_every_key_and_what_it_changes(name: str) -> None:
    shown = json.loads(CliRunner().invoke(cli, ["profiles", name, "--json"]).output)
    assert [row["key"] for row in shown["keys"]] == [key.name for key in keys()]
    text = CliRunner().invoke(cli, ["profiles", name]).output
    assert ("\n* " in text) == any(row["value"] != row["default"] for row in shown["keys"])


def test_a_profile_of_ones_own_is_shown_and_an_unknown_one_is_exit_2(tmp_path: Path) -> None:
    own = tmp_path / "own.toml"
    own.write_text('extends = "default"\n[clock]\ndrift_ppm = 20.0\n')
    assert "* clock.drift_ppm" in CliRunner().invoke(cli, ["profiles", str(own)]).output
    result = CliRunner().invoke(cli, ["profiles", "nothing"])
    assert result.exit_code == 2
    assert "no profile 'nothing'" in result.stderr
