"""Mutants as targets, and the command that hunts them all."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from lockbench_emulator import mutants as emulated
from lockbench_harness import hunt, targets
from lockbench_harness.cases import GROUPS
from lockbench_harness.cli import cli
from lockbench_harness.client.mutants import CLIENTS
from lockbench_harness.hunt import Findings, Hunt, Meeting, Reference
from lockbench_harness.judge import run_case
from lockbench_harness.mutants import MUTANTS
from lockbench_harness.plan import Plan
from lockbench_harness.verdicts import Verdict
from lockbench_protocol import LocalError


def met(verdict: Verdict) -> Meeting:
    return Meeting("SES/4", verdict, "bare", 1, "words")


def found(*verdicts: Verdict, sound: Verdict = Verdict.PASS) -> Findings:
    hunts = tuple(Hunt("any-sum-opens", "strict", (met(verdict),), 0.1) for verdict in verdicts)
    return Findings(hunts, ((Reference("strict", "SES/4", "bare", 1), met(sound)),), 0.1)


GROUPED = {
    group: [name for name, row in MUTANTS.items() if row.killed_by[0][:3] == group] for group in GROUPS
}


@pytest.mark.parametrize("group", [group for group, names in GROUPED.items() if names])
def test_every_mutant_is_found_and_the_sound_lock_passes(group: str) -> None:
    findings = hunt.judge_all(GROUPED[group], 1, lambda _: None)
    assert [(one.name, one.missed_by) for one in findings.survivors] == []
    assert findings.wronged == []
    assert findings.exit_code == 0


def test_the_groups_have_all_mutants() -> None:
    assert sorted(name for names in GROUPED.values() for name in names) == sorted(MUTANTS)


def test_two_processes_tell_what_they_found_in_the_order_asked_for() -> None:
    names = ["privacy-ignored", "any-sum-opens"]
    result = CliRunner().invoke(cli, ["mutants", *names, "--jobs", "2", "--json"])
    report = json.loads(result.stdout)
    assert [row["name"] for row in report["mutants"]] == names
    assert not any(row["missed_by"] for row in report["mutants"])
    assert report["sound_fails"] == []
    assert result.exit_code == 0


@pytest.mark.parametrize(
    ("findings", "code"),
    [
        (found(Verdict.FAIL), 0),
        (found(Verdict.FAIL, Verdict.PASS), 1),
        (found(Verdict.UNSUPPORTED), 1),
        (found(Verdict.FAIL, sound=Verdict.FAIL), 1),
        (found(Verdict.FAIL, Verdict.BROKEN), 3),
        (found(Verdict.FAIL, sound=Verdict.BROKEN), 3),
    ],
)
def test_a_survivor_or_a_case_that_fails_the_sound_lock_fails_the_run(findings: Findings, code: int) -> None:
    assert findings.exit_code == code


def test_a_case_that_finds_nothing_is_a_must_without_mutant() -> None:
    missing = [case.id for case in hunt.unfound(found(Verdict.FAIL).hunts)]
    assert "SES/4" not in missing
    assert "SES/5" in missing
    assert "LOG/10" not in missing  # a SHOULD


def test_one_mutant_by_name_shows_what_found_it() -> None:
    result = CliRunner().invoke(cli, ["mutants", "privacy-ignored", "--jobs", "1"])
    assert result.exit_code == 0
    assert "privacy-ignored" in result.stdout
    assert "SES/11" in result.stdout
    assert "1 of 1 mutants found by 1 cases" in result.stdout


def test_an_unknown_mutant_is_wrong_use() -> None:
    for arguments in (["mutants", "nix"], ["conform", "SES/4", "--lock", "mutant:nix"]):
        result = CliRunner().invoke(cli, arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "no mutant is called 'nix'" in result.stderr


def test_a_mutant_as_target_fails_its_case_and_says_how_to_repeat_it() -> None:
    plan = Plan("mutant:any-sum-opens")
    row = run_case(hunt.cases()["SES/4"], plan.target(), plan)
    assert row.verdict is Verdict.FAIL
    assert row.reproduce == "lockbench conform SES/4 --seed 1 --lock mutant:any-sum-opens"


def test_a_mutant_brings_its_own_profile_and_credentials() -> None:
    with pytest.raises(LocalError, match="brings its own profile"):
        targets.make("mutant:any-sum-opens", profile="full")
    with pytest.raises(LocalError, match="brings its own profile"):
        targets.make("mutant:any-sum-opens", credentials=Path("keys.json"))


def test_no_client_mutant_has_the_name_of_a_lock_or_a_cloud() -> None:
    assert not {row.name for row in CLIENTS} & emulated.MUTANTS.keys()
