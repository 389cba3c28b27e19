"""How far a transfer is: a bar with bytes a second and the time left on a terminal, a line a tenth in a pipe.

Seconds are the lock's: an emulated transfer is told at its own speed, however fast the bench is.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import click

__all__ = ["meter"]

Show = Callable[[str, int, float], None]  # words, percent, seconds since the transfer began


@contextmanager
def meter(size: int, *, quiet: bool) -> Iterator[Show]:
    """What shows a transfer of `size` bytes; nothing when `quiet`."""
    if quiet:
        yield lambda _words, _percent, _seconds: None
    elif sys.stdout.isatty():
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f} %  {task.fields[rate]}"),
        )
        with Progress(*columns) as bar:
            task = bar.add_task("starting", total=100, rate="")

            def show(words: str, percent: int, seconds: float) -> None:
                bar.update(task, description=words, completed=percent, rate=_rate(size, percent, seconds))

            yield show
    else:
        told: set[tuple[str, int]] = set()

        def line(words: str, percent: int, seconds: float) -> None:
            if (words, percent // 10) not in told:
                told.add((words, percent // 10))
                click.echo(f"{words:<14}{percent:>3} %  {_rate(size, percent, seconds)}".rstrip())

        yield line


def _rate(size: int, percent: int, seconds: float) -> str:
    sent = size * percent // 100
    if not sent or seconds <= 0:
        return ""
    return f"{sent / seconds:,.0f} bytes/s  {seconds * (100 - percent) / percent:,.1f} s left"
