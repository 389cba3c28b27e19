"""`lockbench dfu mutants`: does the bench see faulty bootloaders, and in which parity?"""

from __future__ import annotations

import json
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lockbench_harness.sweep.kill import Kill


@click.command()
@click.argument("names", metavar="[NAME]...", nargs=-1)
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="all cores")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def mutants(context: click.Context, names: tuple[str, ...], jobs: int, *, as_json: bool) -> None:
    """Play upgrades and cuts on faulty bootloaders and on the sound one, and say what tells them apart.

    The parity is the bank of the old image. NAME is a mutant; without any all are tried. Exit codes: 0 each
    is killed in a parity, or is known to be equivalent, 1 not so, 2 wrong use.
    """
    from lockbench_emulator.boot.mutants import MUTANTS, mutant

    from lockbench_harness.sweep.kill import killed

    wanted = [mutant(name).name for name in names] or list(MUTANTS)
    kills = []
    with ProcessPoolExecutor(min(jobs, len(wanted)), multiprocessing.get_context("spawn")) as pool:
        for kill in pool.map(killed, wanted):
            kills.append(kill)
            if not as_json:
                _tell(kill)
    if as_json:
        rows = [{"name": kill.name, "expected": kill.expected, "by": kill.by} for kill in kills]
        click.echo(json.dumps({"mutants": rows}))
    context.exit(0 if all(kill.expected for kill in kills) else 1)


def _tell(kill: Kill) -> None:
    from lockbench_emulator.boot.mutants import MUTANTS

    from lockbench_harness.sweep.kill import EQUIVALENT

    says = MUTANTS[kill.name].says if kill.name in MUTANTS else ""
    click.echo(f"{kill.name}: {says}")
    if not any(kill.by.values()):
        click.echo(f"  equivalent: {EQUIVALENT[kill.name]}" if kill.name in EQUIVALENT else "  never killed")
        return
    for parity, what in kill.by.items():
        click.echo(f"  {parity:<6} {what or 'not told from the sound one'}")
