"""`lockbench bench`: how fast the bench is beside its peers, as ratios of one run.

The benchmarks are a floor above this one, so they are found by name, as the cases are.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from lockbench_protocol import LocalError

# subject -> the module whose rows() measures it
SUBJECTS = {
    "codec": "lockbench_benchmarks.rows",
    "lock": "lockbench_benchmarks.lock",
    "air": "lockbench_benchmarks.air",
    "dfu": "lockbench_benchmarks.dfu",
    "fleet": "lockbench_benchmarks.fleet",
    "sweep": "lockbench_benchmarks.sweep",
    "cloud": "lockbench_benchmarks.cloud",
    "start": "lockbench_benchmarks.start",
}
_HEADS = ("work", "ours", "against", "theirs", "ratio", "goal")
_WIDTHS = (32, 9, 24, 9, 8, 14, 8)
Before = Mapping[tuple[str, str], float]  # (work, against): the ratio of an earlier run


@click.command()
@click.argument("subjects", nargs=-1, type=click.Choice(list(SUBJECTS)))
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.option(
    "--compare",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Show the ratios of an earlier run beside: what --json printed then.",
)
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write a page with a plot there too."
)
def command(
    subjects: tuple[str, ...],
    *,
    as_json: bool,
    compare: Path | None,
    out: Path | None,
) -> None:
    """Measure the codec beside the peers that are installed, the emulated lock, the air and upgrades beside
    bare Bumble, a fleet, the sweep, a cloud, the start; all of them when none is named.

    Each ratio is of operations in the same time. A minute or so; the table is Markdown, and rows that ours
    loses stay in.
    """
    before = _read(compare) if compare else None
    page = importlib.import_module("lockbench_benchmarks.page") if out else None
    if page:
        page.check(out)  # before the minute of measuring
    machine: dict[str, str] = importlib.import_module("lockbench_benchmarks.row").machine()
    modules = [importlib.import_module(SUBJECTS[subject]) for subject in subjects or SUBJECTS]
    missing = [name for module in modules for name in module.missing()]
    measured = (row for module in modules for row in module.rows())
    rows: list[Any] = []
    if not as_json:
        click.echo("; ".join(machine.values()) + "\n")
        for line in table(_kept(measured, rows), before):
            click.echo(line)
        if missing:
            click.echo(f"\nNot installed, so not in the table: {', '.join(missing)}.")
    else:
        rows += measured
        found = [{**asdict(row), **_earlier(row, before)} for row in rows]
        click.echo(json.dumps({**machine, "missing": missing, "rows": found}))
    if page:
        page.write(out, machine, rows, missing)


def table(rows: Iterable[Any], before: Before | None = None) -> Iterator[str]:
    """The lines of a Markdown table, each as its row is measured."""
    heads = _HEADS if before is None else (*_HEADS, "before")
    yield _line(heads)
    yield _line(("---",) * len(heads))
    for row in rows:
        goal = "" if row.goal is None else f"{row.goal:g}" if row.met else f"{row.goal:g}, missed"
        cells = (row.name, amount(row.ours, row.unit), row.against, amount(row.theirs, row.unit))
        more = [f"{ratio:.2f}" for ratio in _earlier(row, before).values()] or [""] * (before is not None)
        yield _line((*cells, f"{row.ratio:.2f}", goal, *more))


def amount(value: float, unit: str) -> str:
    """A cost with three digits or so: 894 ns, 12.3 us, 22.6 ms, 144 MB."""
    for larger in ("us", "ms", "s") if unit == "ns" else ():
        if value < 9999.5:
            break
        value, unit = value / 1000, larger
    return f"{value:.0f} {unit}" if value >= 100 or value == int(value) else f"{value:.1f} {unit}"


def _line(cells: Sequence[str]) -> str:
    padded = (f"{cell:<{width}}" for cell, width in zip(cells, _WIDTHS, strict=False))
    return "| " + " | ".join(padded) + " |"


def _kept(rows: Iterable[Any], into: list[Any]) -> Iterator[Any]:
    for row in rows:
        into.append(row)
        yield row


def _earlier(row: Any, before: Before | None) -> dict[str, float]:
    ratio = before.get((row.name, row.against)) if before else None
    return {} if ratio is None else {"before": ratio}


def _read(file: Path) -> Before:
    """LocalError when it is not what --json printed."""
    try:
        found = json.loads(file.read_text("utf-8"))
        return {(row["name"], row["against"]): float(row["ratio"]) for row in found["rows"]}
    except OSError as error:
        raise LocalError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise LocalError(f"{file} is not what `lockbench bench --json` printed") from None
