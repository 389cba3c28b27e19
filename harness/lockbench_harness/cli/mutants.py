"""`lockbench mutants`: which case finds which faulty lock, cloud or client; the sound ones pass it."""

from __future__ import annotations

import json
import os
import sys
from itertools import groupby
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

    from lockbench_harness.cases import Case
    from lockbench_harness.hunt import Findings, Hunt


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Processes; by default one a core.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(names: tuple[str, ...], jobs: int | None, *, as_json: bool) -> None:
    """Let the cases judge locks, clouds and clients that are known to be faulty.

    Each mutant names the cases that find it; NAME is a mutant, without any all are judged. What finds one the
    sound lock must pass. `lockbench conform CASE --lock mutant:NAME` shows what a case sees.

    Exit codes: 0 all were found, 1 one was not or the sound lock failed, 2 wrong use, 3 the bench broke.
    """
    from lockbench_harness.hunt import judge_all, unfound
    from lockbench_harness.mutants import MUTANTS, mutant

    wanted = [mutant(name).name for name in names] or list(MUTANTS)
    findings = judge_all(wanted, min(jobs or _cores(), len(wanted)), _silent if as_json else _tell)
    missing = [] if names else unfound(findings.hunts)
    if as_json:
        click.echo(json.dumps(_plain(findings, missing), ensure_ascii=False))
    else:
        _summary(findings, missing)
    sys.exit(findings.exit_code)


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _silent(_hunt: Hunt) -> None:
    pass


def _tell(hunt: Hunt) -> None:
    from lockbench_harness.mutants import mutant

    killed = " ".join(hunt.killed_by) or "nobody"
    click.echo(f"{hunt.name:<28}{killed:<32}{hunt.seconds:6.1f} s  {mutant(hunt.name).says}")
    for met in hunt.missed_by:
        click.secho(f"  {met.case} does not find it: {met.verdict} {met.words}".rstrip(), fg="red")


def _summary(findings: Findings, missing: Sequence[Case]) -> None:
    for reference, met in findings.wronged:
        where = f"the sound lock of profile {reference.profile}, on {reference.link}"
        click.secho(f"{met.case} is no proof: {met.verdict} of {where}. {met.words}", fg="red")
    found = len(findings.hunts) - len(findings.survivors)
    cases = len({id_ for one in findings.hunts for id_ in one.killed_by})
    click.echo(f"\n{found} of {len(findings.hunts)} mutants found by {cases} cases, {findings.seconds:g} s")
    _list("MUST cases that find no mutant:", [case for case in missing if not case.no_mutant])
    for why in dict.fromkeys(case.no_mutant for case in missing if case.no_mutant):
        _list(
            f"MUST cases without a mutant, because {why}:", [one for one in missing if one.no_mutant == why]
        )


def _list(title: str, cases: Sequence[Case]) -> None:
    if cases:
        click.echo(title)
    for group, found in groupby(cases, key=lambda case: case.group):
        click.echo(f"  {group}  {' '.join(case.id.partition('/')[2] for case in found)}")


def _plain(findings: Findings, missing: Sequence[Case]) -> dict[str, object]:
    return {
        "mutants": [
            {
                "name": one.name,
                "killed_by": one.killed_by,
                "missed_by": [met.case for met in one.missed_by],
                "seconds": one.seconds,
            }
            for one in findings.hunts
        ],
        "sound_fails": [{"case": met.case, "profile": ref.profile} for ref, met in findings.wronged],
        "must_without_mutant": [case.id for case in missing if not case.no_mutant],
        "no_mutant": {case.id: case.no_mutant for case in missing if case.no_mutant},
        "seconds": findings.seconds,
    }
