"""`lockbench replay`: one failing example once more, without Hypothesis drawing anything."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import click
from lockbench_protocol import LocalError

from lockbench_harness.suite import SUITE

if TYPE_CHECKING:
    from lockbench_harness.failures import Failure
    from lockbench_harness.report.row import Detail
    from lockbench_harness.verdicts import Verdict


@click.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--credentials", type=click.Path(path_type=Path), metavar="FILE", help="Of a real lock.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option("--suite", default=SUITE, hidden=True, help="The package that holds the cases.")
def command(file: Path, credentials: Path | None, suite: str, *, as_json: bool) -> None:
    """Repeat the failure saved in FILE.

    Exit codes: 0 it holds now, or the target declines it, 1 it still fails, 2 the file is bad, 3 the bench
    itself broke.
    """
    from lockbench_harness import failures

    failure = failures.load(file)
    verdict, detail = _repeat(failure, credentials, suite)
    if as_json:
        _print_json(failure, verdict, detail)
    else:
        _print(failure, verdict, detail)
    sys.exit(_EXITS[verdict])


_EXITS = {"pass": 0, "unsupported": 0, "fail": 1, "broken": 3}


def _repeat(failure: Failure, credentials: Path | None, suite: str) -> tuple[Verdict, Detail | None]:
    """Raises LocalError when the file does not fit the suite, or there is no such target."""
    from lockbench_harness import targets
    from lockbench_harness.cases import load
    from lockbench_harness.failures import Misfit, repeat
    from lockbench_harness.report.detail import describe
    from lockbench_harness.report.row import Detail
    from lockbench_harness.stage import Setting
    from lockbench_harness.trace import Trace
    from lockbench_harness.verdicts import Unreachable, Verdict, hearing, judge

    found = [case for case in load(suite) if case.id == failure.case]
    if not found:
        raise LocalError(f"the suite has no case {failure.case!r}")
    target = targets.make(failure.target, profile=failure.profile, credentials=credentials)
    if failure.link not in target.capabilities.links:
        raise LocalError(f"the target {target.name} does not offer the link {failure.link!r}")
    try:
        with hearing([]):
            repeat(failure, found[0], Setting(target, failure.link, failure.seed), Trace(target.mask))
    except (Misfit, Unreachable):
        raise
    except Exception as error:  # noqa: BLE001 - every error becomes a verdict
        verdict = judge(error, found[0].home)
        detail = asdict(describe(error, verdict, found[0].home))
        return verdict, Detail(**target.mask.value(detail))
    return Verdict.PASS, None


def _print(failure: Failure, verdict: Verdict, detail: Detail | None) -> None:
    from lockbench_harness.report.words import tell_detail

    words = {
        "pass": "holds now",
        "unsupported": "is declined by the target",
        "fail": "still fails",
        "broken": "breaks the bench",
    }
    click.echo(f"{failure.case} {words[verdict]} ({failure.target}, {failure.link}, seed {failure.seed})")
    for line in tell_detail(detail):
        click.echo(line)


def _print_json(failure: Failure, verdict: Verdict, detail: Detail | None) -> None:
    told = {"case": failure.case, "verdict": verdict, "detail": asdict(detail) if detail else None}
    click.echo(json.dumps(told))
