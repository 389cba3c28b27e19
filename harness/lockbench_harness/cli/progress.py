"""What a person sees while the cases run: a bar on a terminal, one line a case in a pipe."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Protocol, TextIO

from lockbench_harness.report.words import tell, visible
from lockbench_harness.verdicts import Verdict

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from lockbench_harness.report import Report
    from lockbench_harness.report.row import Row

STYLES = {
    Verdict.PASS: "green",
    Verdict.FAIL: "red",
    Verdict.WARN: "yellow",
    Verdict.UNSUPPORTED: "bright_black",
    Verdict.BROKEN: "magenta",
}
GRAVE = frozenset({Verdict.FAIL, Verdict.BROKEN})


class Teller(Protocol):
    def case(self, row: Row, total: int) -> None: ...  # a case is done, of `total` (0 while unknown)

    def summary(self, report: Report) -> None: ...


@contextmanager
def teller(stream: TextIO) -> Iterator[Teller]:
    """Whoever suits the stream. `stream` must stay ours while pytest captures the standard output."""
    if not stream.isatty():
        yield Lines(stream)
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn

    console = Console(file=stream, highlight=False)
    columns = (
        SpinnerColumn(),
        BarColumn(bar_width=28),
        MofNCompleteColumn(),
        TextColumn("{task.description}"),
    )
    progress = Progress(*columns, console=console, transient=True)
    with progress:
        task = progress.add_task("starting", total=None)

        def show(words: str, done: int, total: int) -> None:
            progress.update(task, description=words, completed=done, total=total or None)

        bar = Bar(console, show)
        yield bar
    bar.print_summary()


class Lines:
    """For pipes and logs."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def case(self, row: Row, total: int) -> None:  # noqa: ARG002 - a line stands alone
        examples = f"{row.examples} example{'' if row.examples == 1 else 's'}"
        self._print(f"{row.id:<8}{row.verdict.value:<12} {examples:>14}  {visible(row.requirement)}")
        if row.verdict in GRAVE:
            for line in list(tell(row))[1:]:
                self._print(line)

    def summary(self, report: Report) -> None:
        self._print("")
        for name, cells in _table(report):
            self._print(f"{name:<36}" + "".join(f"{cell:>13}" for cell in cells))
        for line in _remarks(report):
            self._print(line)

    def _print(self, line: str) -> None:
        print(line, file=self._stream, flush=True)


class Bar:
    """For a terminal: what fails is told above the bar."""

    def __init__(self, console: Console, show: Callable[[str, int, int], None]) -> None:
        self._console = console
        self._show = show
        self._seen: Counter[Verdict] = Counter()
        self._report: Report | None = None

    def case(self, row: Row, total: int) -> None:
        self._seen[row.verdict] += 1
        told = "  ".join(
            f"[{STYLES[verdict]}]{count} {verdict.value}[/]" for verdict, count in sorted(self._seen.items())
        )
        self._show(f"{told}  [bright_black]{row.id}[/]", self._seen.total(), total)
        if row.verdict in GRAVE:
            first, *rest = tell(row)
            self._console.print(first, style=STYLES[row.verdict], markup=False, soft_wrap=True)
            for line in rest:
                self._console.print(line, markup=False, soft_wrap=True)

    def summary(self, report: Report) -> None:
        self._report = report

    def print_summary(self) -> None:
        """Once the bar is gone."""
        if self._report is None:
            return
        self._console.print(_rich_table(self._report))
        for line in _remarks(self._report):
            self._console.print(line, markup=False, soft_wrap=True)


def _rich_table(report: Report) -> Table:
    from rich.table import Table
    from rich.text import Text

    header, *rows = _table(report)
    table = Table(box=None, padding=(0, 2, 0, 0))
    table.add_column(header[0])
    for name in header[1]:
        table.add_column(Text(name, style=STYLES[Verdict(name)]), justify="right")
    for name, cells in rows:
        table.add_row(
            Text(name), *(Text(cell, style="" if cell != "0" else "bright_black") for cell in cells)
        )
    return table


def _table(report: Report) -> Iterator[tuple[str, list[str]]]:
    """A header, a line for each group, and the sums."""
    from lockbench_harness.report import counts

    sums = counts(report.rows)
    yield "", list(reversed(sums))
    for group in report.groups:
        yield f"{group.name} {group.title}", [str(count) for count in reversed(group.counts.values())]
    yield "all", [str(count) for count in reversed(sums.values())]


def _remarks(report: Report) -> Iterator[str]:
    from lockbench_harness.report import expected, folder

    if known := expected(report.rows):
        yield f"{known} of these failures are known of this target and do not count."
    yield from (visible(note) for note in report.notes)
    if report.plan.out is not None:
        for name in (folder.HTML, folder.JSON, folder.JUNIT):
            yield str(report.plan.out / name)
