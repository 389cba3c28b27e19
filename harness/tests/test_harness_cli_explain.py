from __future__ import annotations

import json
import subprocess
import sys

import pytest
from click.testing import CliRunner, Result
from lockbench_harness.cli import cli
from lockbench_protocol.errors import error_codes


def explain(*arguments: str) -> Result:
    return CliRunner().invoke(cli, ["explain", *arguments])


@pytest.mark.parametrize("number", [-4, 0, 20, 10304, 11016, 99999])
def test_a_code_is_explained_in_both_languages_with_cause_and_next_step(number: int) -> None:
    result = explain(str(number))
    code = error_codes()[number]
    assert result.exit_code == 0
    for text in (str(number), code.zh, code.en, code.cause, code.step):
        assert text in result.output


def test_json_without_a_code_lists_all_of_them_and_nothing_else() -> None:
    rows = json.loads(explain("--json").stdout)["codes"]
    assert [row["code"] for row in rows] == list(error_codes())
    assert set(rows[0]) == {"code", "since", "until", "zh", "en", "cause", "next", "instead"}


def test_json_with_a_code_is_one_object() -> None:
    assert json.loads(explain("11016", "--json").stdout)["code"] == 11016


@pytest.mark.parametrize(("argument", "sentence"), [("4", "no error code 4"), ("--nope", "not '--nope'")])
def test_a_wrong_code_is_one_sentence_and_exit_2(argument: str, sentence: str) -> None:
    result = explain(argument)
    assert (result.exit_code, result.stdout) == (2, "")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


def test_explaining_loads_no_heavy_library() -> None:
    program = (
        "import sys; from lockbench_harness.cli import cli; cli(['explain', '11016'], standalone_mode=False);"
        "print(sorted({'bumble', 'aiohttp', 'pydantic', 'jinja2', 'rich', 'Crypto'} & set(sys.modules)))"
    )
    out = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True, text=True)  # noqa: S603 - our own program
    assert out.stdout.endswith("[]\n")


@pytest.mark.parametrize("number", [20, 10014, 10034, 10305, 11013])
def test_a_code_is_provoked_and_what_passed_is_shown(number: int) -> None:
    shown = json.loads(explain(str(number), "--provoke", "--json").stdout)
    assert (shown["code"], shown["verdict"]) == (number, "pass")
    kinds = [event["kind"] for event in shown["trace"]]
    assert kinds[0] == "provoke"
    assert shown["trace"][-1] | {"kind": "told", "errorCode": number} == shown["trace"][-1]


def test_a_code_out_of_reach_says_why() -> None:
    result = explain("130", "--provoke")
    assert result.exit_code == 0
    assert "unreachable" in result.output
    assert "gateway" in result.output


def test_provoking_without_a_code_is_one_sentence_and_exit_2() -> None:
    result = explain("--provoke")
    assert (result.exit_code, result.stdout, result.stderr) == (2, "", "lockbench: --provoke needs a code\n")
