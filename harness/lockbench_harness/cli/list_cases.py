"""`lockbench list`: the cases, from the suite itself."""

from __future__ import annotations

import json
from itertools import groupby

import click
from lockbench_protocol import LocalError

from lockbench_harness.cases import GROUPS, Case, load, select
from lockbench_harness.suite import SUITE


@click.command()
@click.argument("words", metavar="[CASE_OR_GROUP]...", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--suite", default=SUITE, hidden=True, help="The package that holds the cases.")
def command(words: tuple[str, ...], suite: str, *, as_json: bool) -> None:
    """List the cases: id, level, requirement."""
    cases, unmatched = select(load(suite), words)
    if unmatched or not cases:
        raise LocalError(f"no case and no group is called {' or '.join(unmatched) or suite}")
    if as_json:
        click.echo(json.dumps({"cases": [_plain(case) for case in cases]}, ensure_ascii=False))
    else:
        _print(cases)


def _plain(case: Case) -> dict[str, object]:
    return {
        "id": case.id,
        "clause": case.clause,
        "level": case.level,
        "requirement": case.requirement,
        "needs": list(case.needs),
        "links": list(case.links),
        "examples": case.examples if case.draws else 1,
    }


def _print(cases: list[Case]) -> None:
    for name, group in groupby(cases, key=lambda case: case.group):
        rows = list(group)
        click.secho(f"{name}  {GROUPS[name]} ({len(rows)})", bold=True)
        for case in rows:
            needs = f"  [{', '.join(case.needs)}]" if case.needs else ""
            click.echo(f"  {case.id:<8}{case.level:<8}{case.requirement}{needs}")
