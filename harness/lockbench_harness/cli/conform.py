"""`lockbench conform`: pytest in this process, with our plugin and nothing of the user's."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import click
from lockbench_protocol import LocalError

from lockbench_harness.cli import INTERRUPTED
from lockbench_harness.suite import SUITE

if TYPE_CHECKING:
    from lockbench_harness.collector import Collector
    from lockbench_harness.plan import Plan
    from lockbench_harness.report import Report


# What of the environment would change a run of pytest.
_LEAKS = (
    "PYTEST_ADDOPTS",
    "PYTEST_PLUGINS",
    "PYTEST_DISABLE_PLUGIN_AUTOLOAD",
    "PYTEST_XDIST_AUTO_NUM_WORKERS",
)
_HYPOTHESIS = "HYPOTHESIS_STORAGE_DIRECTORY"


@click.command()
@click.argument("cases", metavar="[CASE_OR_GROUP]...", nargs=-1)
@click.option("--lock", multiple=True, metavar="NAME", help="The target to judge.  [default: emulated]")
@click.option(
    "--client", multiple=True, metavar="exec:COMMAND", help="A client to judge, at the emulated lock."
)
@click.option("--cloud", multiple=True, metavar="URL", help="A TTLock cloud to judge.")
@click.option(
    "--credentials",
    type=click.Path(),
    default="",
    metavar="FILE",
    help="Credentials of a real lock, or the account at the cloud.",
)
@click.option("--profile", multiple=True, metavar="NAME", help="The profile of the emulated lock.")
@click.option(
    "--capabilities", type=click.Path(), default="", metavar="FILE", help="What is known of the target."
)
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True, help="The seed of the run.")
@click.option(
    "--effort",
    type=click.Choice(["quick", "full", "soak"]),
    default="quick",
    show_default=True,
    help="How many examples a case gets: full is 10 times quick, soak 100 times.",
)
@click.option("--jobs", type=click.IntRange(min=1), default=None, help="Processes; by default one a core.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("lockbench-report"),
    show_default=True,
    metavar="DIR",
)
@click.option("--strict", is_flag=True, help="A SHOULD that does not hold is a failure, not a warning.")
@click.option("--json", "as_json", is_flag=True, help="Print the report as one JSON object.")
@click.option("--suite", default=SUITE, hidden=True, help="The package that holds the cases.")
def command(
    cases: tuple[str, ...],
    lock: tuple[str, ...],
    client: tuple[str, ...],
    cloud: tuple[str, ...],
    profile: tuple[str, ...],
    jobs: int | None,
    out: Path,
    *,
    as_json: bool,
    **options: Any,
) -> None:
    """Run the conformance suite and write a report.

    CASE_OR_GROUP is a case id (PWD/6) or a group (PWD); without any, every case runs. With several --lock,
    --client, --cloud or --profile each target gets its report, and a matrix shows them beside each other.

    Exit codes: 0 all hold, 1 a case failed, 2 wrong use or nothing matched, 3 the bench itself broke.
    """
    from lockbench_harness.plan import Plan
    from lockbench_harness.targets import DEFAULT

    judged: list[dict[str, Any]] = [
        {"lock": name} for name in lock or (() if client or cloud else (DEFAULT,))
    ]
    judged += [{"lock": DEFAULT, "instead": name} for name in (*client, *cloud)]
    plans = [
        Plan(**each, profile=name, out=out.resolve(), **options)
        for each in judged
        for name in profile or ("",)
    ]
    try:
        if len(plans) == 1:
            code = _conform(plans[0], cases, jobs or _jobs(cases), as_json=as_json)[0]
        else:
            code = _beside(plans, cases, jobs or _jobs(cases), as_json=as_json)
    except KeyboardInterrupt:
        code = INTERRUPTED
    sys.exit(code)


def _beside(plans: Sequence[Plan], words: tuple[str, ...], jobs: int, *, as_json: bool) -> int:
    """Judge one target after the other, and show them beside each other."""
    from lockbench_harness.report import folder
    from lockbench_harness.report.matrix import Matrix

    for plan in plans:
        plan.target()  # a name that is wrong is said before anything starts
    whole = plans[0].out
    assert whole is not None  # noqa: S101 - the option has a default
    columns = []
    for number, plan in enumerate(plans, 1):
        name = re.sub("[^A-Za-z0-9.]+", "-", f"{plan.instead or plan.lock} {plan.profile}").strip("-")[:40]
        where = f"{number}-{name}"
        if not as_json:
            click.echo(f"{plan.instead or plan.lock} {plan.profile}".rstrip())
        code, report = _conform(replace(plan, out=whole / where), words, jobs, as_json=False, silent=as_json)
        if report is None or report.interrupted:
            return code
        columns.append((where, report))
    matrix = Matrix(columns)
    matrix.save(whole)
    click.echo(
        json.dumps({**matrix.to_json(), "out": str(whole)}) if as_json else str(whole / folder.MATRIX_HTML)
    )
    return matrix.exit_code


def _jobs(words: tuple[str, ...]) -> int:
    """One process a core, but none for nothing."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    only_ids = bool(words) and all("/" in word for word in words)
    return min(cores, len(words)) if only_ids else cores


def _conform(
    plan: Plan, words: tuple[str, ...], jobs: int, *, as_json: bool, silent: bool = False
) -> tuple[int, Report | None]:
    """The exit code, and the report when there is one."""
    from lockbench_harness.cli.progress import teller
    from lockbench_harness.clock import Time
    from lockbench_harness.collector import Collector
    from lockbench_harness.report import folder
    from lockbench_harness.suite import home_of

    if home_of(plan.suite) is None:
        raise LocalError(f"no package of cases is called {plan.suite!r}")
    target = plan.target()  # a name that is wrong is said before anything starts
    jobs = 1 if target.time is Time.REAL else jobs  # a real lock has one central at a time
    assert plan.out is not None  # noqa: S101 - the option has a default
    with folder.prepared(plan.out) as scratch, _own_output() as stream:
        if as_json or silent:
            collector = Collector(plan)
            _run_pytest(plan, words, jobs, collector, scratch)
        else:
            with teller(stream) as told:
                collector = Collector(plan, told.case)
                _run_pytest(plan, words, jobs, collector, scratch)
                if collector.report is not None:
                    told.summary(collector.report)
        return _end(collector, plan, stream, as_json=as_json), collector.report


def _end(collector: Collector, plan: Plan, stream: TextIO, *, as_json: bool) -> int:
    if collector.unreachable:
        raise LocalError(collector.unreachable)
    if collector.unmatched:
        raise LocalError(
            f"no case and no group is called {' or '.join(collector.unmatched)}; see lockbench list"
        )
    if collector.report is None:
        click.echo("lockbench: pytest did not come to an end", err=True)
        return 3
    if as_json:
        print(json.dumps({**collector.report.to_json(), "out": str(plan.out)}), file=stream, flush=True)
    return INTERRUPTED if collector.report.interrupted else collector.report.exit_code


@contextmanager
def _own_output() -> Iterator[TextIO]:
    """The standard output, out of reach of pytest, which captures what cases print."""
    with os.fdopen(
        os.dup(sys.stdout.fileno()), "w", encoding=sys.stdout.encoding, errors="replace"
    ) as stream:
        yield stream


def _run_pytest(plan: Plan, words: tuple[str, ...], jobs: int, collector: Collector, scratch: Path) -> None:
    import pytest

    from lockbench_harness.suite import COLLECTOR, home_of

    place = str(home_of(plan.suite))
    arguments = [
        *("-c", str(files("lockbench_harness") / "pytest.ini"), "--rootdir", place, "--noconftest"),
        *("--import-mode=importlib", "--continue-on-collection-errors", "--disable-plugin-autoload"),
        *("-p", "lockbench-cases", "-p", "no:cacheprovider", "-p", "no:terminalreporter"),
        *(("-p", "xdist", "-n", str(jobs), "--dist", "worksteal") if jobs > 1 else ()),
        *plan.pytest_options(),
        *(f"--lockbench-only={word}" for word in words),
        place,
    ]

    class Register:
        """Gives the collector its name before the suite's plugin looks for it."""

        def pytest_configure(self, config: pytest.Config) -> None:
            config.pluginmanager.register(collector, COLLECTOR)

    with _own_environment(scratch):
        pytest.main(arguments, plugins=[Register()])


@contextmanager
def _own_environment(scratch: Path) -> Iterator[None]:
    """Without what would change a run of pytest, and with a place for what Hypothesis keeps."""
    before = {name: os.environ.pop(name) for name in (*_LEAKS, _HYPOTHESIS) if name in os.environ}
    os.environ[_HYPOTHESIS] = str(scratch / "hypothesis")
    try:
        yield
    finally:
        del os.environ[_HYPOTHESIS]
        os.environ.update(before)
