"""What the READMEs tell a newcomer: commands that exist, links that lead somewhere, upgrades that end so."""

from __future__ import annotations

import json
import re
import shlex
from contextlib import suppress
from pathlib import Path

import click
import pytest
from click.testing import CliRunner
from lockbench_harness.cli import cli

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
PAGES = ("README.md", "examples/README.md")
BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
LINK = re.compile(r"\]\(([^)#]+)\)")


def shown(text: str) -> list[list[str]]:
    """The words of each lockbench command in console blocks and code spans."""
    lines = [line[2:] for block in BLOCK.findall(text) for line in block.splitlines() if line[:2] == "$ "]
    spans = SPAN.findall(BLOCK.sub("", text))
    single = [part for line in (*lines, *spans) for part in re.split(r";|&&", line)]
    words = [
        [word for word in shlex.split(part, comments=True) if not word.startswith("PYTHON")]
        for part in single
    ]
    return [found[1:] for found in words if found[1:] and found[0] == "lockbench"]


def parse(words: list[str]) -> None:
    command: click.Command = cli
    while isinstance(command, click.Group):
        _, found, words = command.resolve_command(click.Context(command), words)
        assert found is not None
        command = found
    with suppress(click.MissingParameter):  # a page may name a command and no more
        command.make_context("lockbench", words)


@pytest.mark.parametrize(
    "words", [words for page in PAGES for words in shown((ROOT / page).read_text())], ids=shlex.join
)
def test_each_command_of_a_readme_is_understood(words: list[str]) -> None:
    parse(words)


@pytest.mark.parametrize("page", PAGES)
def test_each_link_leads_to_a_file(page: str) -> None:
    links = LINK.findall((ROOT / page).read_text())
    assert links
    assert [link for link in links if not ((ROOT / page).parent / link).exists()] == []


def test_the_cases_that_the_default_lock_does_not_support_are_named() -> None:
    from lockbench_harness.targets.emulated import DEFAULT_PROFILE, EmulatedTarget

    offers = EmulatedTarget(DEFAULT_PROFILE).capabilities.offers
    cases = json.loads(invoke("list", "--json"))["cases"]
    unsupported = {case["id"] for case in cases if not offers.issuperset(case["needs"])}
    (told,) = re.findall(r"so ([A-Z0-9/, \n]+and [A-Z0-9/]+)\s+are unsupported", README)
    assert set(re.findall(r"[A-Z]+/\d+", told)) == unsupported


def test_the_upgrades_go_as_they_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    block = BLOCK.search(README.partition("## Upgrades")[2])
    assert block
    last = ""
    for words in shown(block.group(0)):
        last = invoke(*words)
    assert "errorCode 11016" in last
    assert "lock     opens and closes" in last


def invoke(*words: str) -> str:
    done = CliRunner().invoke(cli, words)
    assert done.exit_code == 0, f"{shlex.join(words)}\n{done.output}"
    return done.stdout
