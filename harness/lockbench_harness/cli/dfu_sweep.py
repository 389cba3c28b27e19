"""`lockbench dfu sweep`: every power cut and every link fault of an upgrade."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from lockbench_protocol import LocalError

from lockbench_harness.cli import INTERRUPTED

if TYPE_CHECKING:
    from lockbench_harness.faults.plan import Scenario
    from lockbench_harness.sweep.plans import Work
    from lockbench_harness.sweep.tally import Tally

_FAULTS = ("power", "link", "second")
_TEARS = "none,torn,done"
_STARTS = "clean,stale,full,hidden"
_PARITIES = {"lower": slice(0, 1), "upper": slice(1, 2), "both": slice(0, 2)}


@click.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option(
    "--faults", default="power,link", show_default=True, help="Kinds of faults: power, link, second."
)
@click.option("--tear", default=_TEARS, show_default=True, help="What a cut leaves of an operation.")
@click.option(
    "--parity",
    type=click.Choice(list(_PARITIES)),
    default="both",
    show_default=True,
    help="Old image's bank.",
)
@click.option(
    "--start",
    default=_STARTS,
    show_default=True,
    help="States of the other bank; link faults take the first.",
)
@click.option("--board", default="b87", show_default=True)
@click.option("--dialect", default="tt", show_default=True, help="How the lock's OTA server behaves.")
@click.option("--client", default="ttlock", show_default=True, help="How the sender behaves.")
@click.option("--pdu", type=int, default=0, help="Bytes of image in a data PDU, if the client may choose.")
@click.option("--mutant", default="", help="A named faulty bootloader instead of the sound one.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option("--jobs", type=click.IntRange(min=1), default=os.cpu_count() or 1, show_default="all cores")
@click.option("--executor", default="process", show_default=True, help="process, or dask:ADDRESS.")
@click.option("--out", type=click.Path(path_type=Path), metavar="DIR", help="Leave outcomes and plans here.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def sweep(context: click.Context, /, image: Path, out: Path | None, *, as_json: bool, **options: Any) -> None:
    """Upgrade to IMAGE again and again, something else going wrong each time; no lock is needed.

    Each simulation ends in a boot and a verdict. Exit codes: 0 nothing bad, 1 a brick, a lock that takes no
    upgrade any more, or a broken invariant, 2 IMAGE or an option cannot be used, 3 the bench itself broke,
    130 it was interrupted.
    """
    from concurrent.futures.process import BrokenProcessPool

    from lockbench_harness.sweep import report
    from lockbench_harness.sweep.pool import open_executor
    from lockbench_harness.sweep.pool import sweep as run

    begun = time.perf_counter()
    try:
        scenario = _scenario(image, options)
        work = _work(scenario, options)
        with open_executor(options["executor"], options["jobs"]) as executor, _progress() as progress:
            try:
                tally, distinct = run(work, executor, deepen=_second(options), progress=progress)
            except KeyboardInterrupt:
                click.echo("Interrupted: waiting for the simulations that run.", err=True)
                raise
        facts = report.summary(tally, distinct, time.perf_counter() - begun)
        plans = report.write(out, tally, facts, image.name) if out else []
    except KeyboardInterrupt:
        click.echo("Nothing can be said about this sweep, and nothing was written.", err=True)
        context.exit(INTERRUPTED)
    except BrokenProcessPool:
        click.echo("A worker process died; nothing can be said about this sweep.", err=True)
        context.exit(3)
    click.echo(json.dumps(facts) if as_json else _words(facts, plans, out))
    broken = any(row["broken"] for row in facts["invariants"].values())
    context.exit(1 if broken or {"BRICK", "stuck"} & facts["outcomes"].keys() else 0)


def _scenario(image: Path, options: dict[str, Any]) -> Scenario:
    """LocalError when the image is none, or does not fit: it would be refused before the first erase."""
    from dataclasses import replace

    from lockbench_emulator.boot.board import load_board
    from lockbench_emulator.boot.mutants import mutant
    from lockbench_protocol.telink.image import declared_size
    from lockbench_protocol.telink.inspect import Severity, inspect_image

    from lockbench_harness.faults.plan import Given
    from lockbench_harness.sweep.plans import scenario_for

    try:
        data = image.read_bytes()
    except OSError as error:
        raise LocalError(f"{image} cannot be read: {error.strerror}") from None
    board = load_board(options["board"])
    inspection = inspect_image(data, board)
    scenario = scenario_for(Given.of(data), board_name=board.name, seed=options["seed"])
    size = declared_size(data)
    if size > min(board.limit, len(data)):
        room = f"the file has {len(data)}, a bank of board {board.name} {board.limit}"
        raise LocalError(f"the image declares {size} bytes: {room}")
    mutant(options["mutant"])
    for finding in inspection.findings:
        if finding.severity is Severity.ERROR:
            click.echo(f"Note: {image}, at {finding.offset:#x}: {finding.text}.", err=True)
    return replace(
        scenario,
        dialect_name=options["dialect"],
        client_name=options["client"],
        pdu_length=options["pdu"],
        mutant=options["mutant"],
    )


def _work(scenario: Scenario, options: dict[str, Any]) -> list[Work]:
    from dataclasses import replace

    from lockbench_emulator.boot.power import settling

    from lockbench_harness.sweep.plans import cut_work, link_work
    from lockbench_harness.sweep.pool import split_for

    faults, tears, starts = (options[name].split(",") for name in ("faults", "tear", "start"))
    for fault in faults:
        if fault not in _FAULTS:
            raise LocalError(f"no kind of faults {fault!r}; known: {', '.join(_FAULTS)}")
    for tear in tears:
        settling(tear)
    banks = scenario.board.banks[_PARITIES[options["parity"]]]
    if scenario.board.overwrites:
        banks = scenario.board.banks[:1]  # no image ever runs from the other
    scenario.client, scenario.dialect  # noqa: B018 - unknown names are told before anything runs
    work: list[Work] = []
    if "power" in faults or "second" in faults:
        work += split_for(cut_work(scenario, tears, banks, starts), options["jobs"])
    if "link" in faults:
        # where the lock starts from makes no difference to what its link loses
        work += link_work(replace(scenario, bank=banks[0], start=starts[0]))
    return work


def _second(options: dict[str, Any]) -> Callable[[Tally], Sequence[Work]]:
    """A second cut at each operation that follows, after one cut of each verdict, stage and bank."""
    from lockbench_harness.sweep.deep import second_cuts
    from lockbench_harness.sweep.pool import split_for

    def deepen(tally: Tally) -> Sequence[Work]:
        if "second" not in options["faults"].split(","):
            return ()
        return split_for(
            second_cuts(list(tally.classes.values()), options["tear"].split(",")), options["jobs"]
        )

    return deepen


@contextmanager
def _progress() -> Iterator[Callable[[int, int], None]]:
    """A bar on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        yield lambda _done, _all: None
        return
    from rich.console import Console
    from rich.progress import Progress

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("simulating", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _words(facts: dict[str, Any], plans: list[Path], out: Path | None) -> str:
    from lockbench_harness.sweep.report import PAGE

    count = f"{facts['simulations']:,} simulations, {facts['distinct']:,} distinct flash states"
    lines = [f"{count}, {facts['retries']:,} confirmed by a real upgrade, in {facts['seconds']:.1f} s"]
    lines += [f"  {count:>9,}  {name}" for name, count in facts["outcomes"].items()]
    for name, row in facts["invariants"].items():
        if row["broken"]:
            lines.append(f"  {name} is broken in {row['broken']:,}: {row['text']}")
    lines += [f"  lockbench dfu replay {shlex.quote(str(plan))}" for plan in plans]
    lines += [f"  {out / PAGE}"] if out else []
    return "\n".join(lines)
