"""`lockbench bench`: how fast the bench is beside its peers, as ratios of one run.

The benchmarks are a floor above this one, so they are found by name, as the cases are.
"""

from __future__ import annotations

import importlib
import json
from dataclasses import asdict
from typing import Any

import click

# subject -> the module whose rows() measures it
_SUBJECTS = {"codec": "lockbench_benchmarks.rows", "lock": "lockbench_benchmarks.lock"}
_HEADS = ("work", "ns", "against", "its ns", "ratio", "goal")


@click.command()
@click.argument("subject", type=click.Choice(sorted(_SUBJECTS)))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(subject: str, *, as_json: bool) -> None:
    """Measure the codec beside the peers that are installed, or the exchanges of the emulated lock.

    Each ratio is of operations in the same time. A minute or so; the table is Markdown, and rows that ours
    loses stay in.
    """
    bench = importlib.import_module(_SUBJECTS[subject])
    machine: dict[str, str] = bench.machine()
    if as_json:
        found = [asdict(row) for row in bench.rows()]
        click.echo(json.dumps({**machine, "missing": bench.missing(), "rows": found}))
        return
    click.echo("; ".join(machine.values()))
    click.echo()
    click.echo(_line(_HEADS))
    click.echo(_line(("---",) * len(_HEADS)))
    for row in bench.rows():
        click.echo(_line(_cells(row)))
    if absent := bench.missing():
        click.echo(f"\nNot installed, so not in the table: {', '.join(absent)}.")


def _cells(row: Any) -> tuple[str, ...]:
    goal = "" if row.goal is None else f"{row.goal:g}" if row.met else f"{row.goal:g}, missed"
    return row.name, f"{row.ns:.0f}", row.against, f"{row.against_ns:.0f}", f"{row.ratio:.2f}", goal


def _line(cells: tuple[str, ...]) -> str:
    widths = (26, 7, 24, 7, 8, 13)
    return "| " + " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True)) + " |"
