"""A cloud that is somebody else's, judged by its address: here ours, in another process."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from lockbench_harness.cases import load
from lockbench_harness.judge import run_case
from lockbench_harness.plan import Plan
from lockbench_harness.report import folder
from lockbench_harness.suite import SUITE
from lockbench_harness.verdicts import Unreachable, Verdict
from lockbench_protocol import LocalError

CASES = {case.id: case for case in load(SUITE)}


@pytest.fixture(scope="module")
def cloud(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """Its address, and the file with an account there."""
    command = [sys.executable, "-m", "lockbench", "serve", "--cloud", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:  # noqa: S603 - our own command
        assert process.stdout is not None
        found = json.loads(process.stdout.readline())["clouds"]["ttlock"]
        account = tmp_path_factory.mktemp("cloud") / "account.json"
        account.write_text(json.dumps(found["account"]))
        yield found["address"], account
        process.terminate()
        assert process.wait(10) == 0


@pytest.mark.parametrize("case_id", ["TTC/1", "TTC/3", "TTC/16"])
def test_its_cases_need_no_hands_there(cloud: tuple[str, Path], case_id: str, tmp_path: Path) -> None:
    address, account = cloud
    folder.prepare(tmp_path)
    plan = Plan("emulated", instead=address, credentials=str(account), out=tmp_path)
    row = run_case(CASES[case_id], plan.target(), plan)
    assert row.verdict is Verdict.PASS, row.detail
    assert row.reproduce.split()[-4:] == ["--cloud", address, "--credentials", str(account)]
    trace = next((tmp_path / folder.SCRATCH).glob("*.ndjson")).read_text()
    for secret in json.loads(account.read_text()).values():
        assert secret not in trace.replace(address, "")


def test_what_needs_hands_there_is_unsupported(cloud: tuple[str, Path]) -> None:
    address, account = cloud
    plan = Plan("emulated", instead=address, credentials=str(account))
    row = run_case(CASES["TTC/8"], plan.target(), plan)
    assert row.verdict is Verdict.UNSUPPORTED


def test_wrong_accounts_and_addresses_end_the_run_in_a_sentence(
    cloud: tuple[str, Path], tmp_path: Path
) -> None:
    address, account = cloud
    known = json.loads(account.read_text())
    (tmp_path / "wrong.json").write_text(json.dumps(known | {"clientSecret": "0" * 16}))
    (tmp_path / "short.json").write_text('{"clientId": "a"}')
    (tmp_path / "text.json").write_text("clientId: a")
    for url, file, kind, words in (
        (address, "wrong.json", Unreachable, "does not take the account"),
        ("http://127.0.0.1:9", str(account), Unreachable, "cannot be reached"),
        (address, "short.json", LocalError, "clientId, clientSecret, username, password"),
        (address, "text.json", LocalError, "is not JSON"),
        (address, "none.json", LocalError, "No such file"),
        (address, "", LocalError, "needs --credentials"),
    ):
        path = str(tmp_path / file) if file and "/" not in file else file
        plan = Plan("emulated", instead=url, credentials=path)
        with pytest.raises(kind, match=words):
            run_case(CASES["TTC/1"], plan.target(), plan)
