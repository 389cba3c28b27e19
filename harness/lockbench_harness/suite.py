"""The pytest plugin `lockbench-cases`: each case is one item, judged in whatever process pytest runs it.

The row of a case travels in `report.user_properties`; the collector, in the controlling process, builds the
report. Without cases in the session the plugin does nothing and imports nothing.
"""

from __future__ import annotations

import json
import sys
from fnmatch import fnmatch
from functools import cache
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from lockbench_protocol import LocalError

if TYPE_CHECKING:
    from lockbench_harness.cases import Case
    from lockbench_harness.plan import Plan
    from lockbench_harness.report.row import Row
    from lockbench_harness.targets import Target
    from lockbench_harness.verdicts import Unreachable

SUITE = "lockbench_conformance"  # the package that holds our cases
ROW, UNREACHABLE = "lockbench_row", "lockbench_unreachable"  # names of user properties
UNMATCHED, TROUBLE = "no such case or group", "wrong suite"  # what a worker may say of its collection
COLLECTOR = "lockbench-collector"
# scheme of what is judged instead of a lock -> its option, and what a case needs that judges such
INSTEAD = {"exec": ("--client", "plugin"), **dict.fromkeys(("http", "https"), ("--cloud", "cloud"))}


def pytest_addoption(parser: pytest.Parser) -> None:
    add = parser.getgroup("lockbench", "lockbench conformance").addoption
    add("--lockbench-lock", default="emulated", metavar="NAME", help="the target to judge")
    add("--lockbench-instead", default="", metavar="NAME", help="what to judge instead of a lock")
    add("--lockbench-profile", default="", metavar="NAME", help="the target's profile")
    add("--lockbench-credentials", default="", metavar="FILE", help="the credentials file of a real lock")
    add("--lockbench-capabilities", default="", metavar="FILE", help="what is known of the target")
    add("--lockbench-seed", default=1, type=int, metavar="N", help="the seed of the run")
    add("--lockbench-effort", default="quick", choices=("quick", "full", "soak"), help="how many examples")
    add("--lockbench-strict", action="store_true", default=False, help="a SHOULD binds too")
    add("--lockbench-only", action="append", default=[], metavar="CASE", help="a case id or a group")
    add("--lockbench-suite", default=SUITE, metavar="PACKAGE", help="the cases, when they are not ours")
    add("--lockbench-out", default="", metavar="DIR", help="write the report to this folder")


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Build a report, if one is asked for and `lockbench conform` does not already."""
    controls = not hasattr(config, "workerinput")
    if controls and config.getoption("lockbench_out") and not config.pluginmanager.has_plugin(COLLECTOR):
        from lockbench_harness.collector import Collector
        from lockbench_harness.report import folder

        plan = plan_of(config)
        assert plan.out is not None  # noqa: S101 - just looked
        folder.prepare(plan.out)
        config.pluginmanager.register(Collector(plan), COLLECTOR)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Module | None:
    """Collect the suite's modules also where the user's own `python_files` would not."""
    config = parent.config
    if not file_path.name.startswith("test_") or file_path.parent != home_of(
        config.getoption("lockbench_suite")
    ):
        return None
    if any(fnmatch(file_path.name, pattern) for pattern in config.getini("python_files")):
        return None
    return pytest.Module.from_parent(parent, path=file_path)


@cache
def home_of(suite: str) -> Path | None:
    try:
        spec = find_spec(suite)
    except ImportError:
        return None
    return Path(spec.origin).resolve().parent if spec and spec.origin else None


def pytest_pycollect_makeitem(collector: pytest.Collector, name: str, obj: object) -> CaseItem | None:
    cases = sys.modules.get("lockbench_harness.cases")  # a module without cases does not pay for importing it
    if cases is None or not isinstance(obj, cases.Case):
        return None
    return CaseItem.from_parent(collector, name=f"{name}[{obj.id}]", case=obj)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Choose the cases that were asked for, and put them in the catalogue's order."""
    ours = [item for item in items if isinstance(item, CaseItem)]
    if not ours:
        return
    from lockbench_harness.cases import in_order, select

    by_case = {item.case: item for item in ours}
    try:
        chosen, unmatched = select(in_order(by_case), config.getoption("lockbench_only"))
    except LocalError as error:
        chosen, unmatched = [], []
        _tell(config, TROUBLE, [str(error)])
    if instead := config.getoption("lockbench_instead"):
        _, need = INSTEAD[instead.partition(":")[0]]
        chosen = [case for case in chosen if need in case.needs]
        if not chosen and not unmatched:
            _tell(config, TROUBLE, [f"no case that was asked for judges a {need}"])
    if unmatched:
        chosen = []
        _tell(config, UNMATCHED, unmatched)
    others = [item for item in items if not isinstance(item, CaseItem)]
    config.hook.pytest_deselected(items=[item for item in ours if item.case not in chosen])
    items[:] = others + [by_case[case] for case in chosen]


def _tell(config: pytest.Config, what: str, words: list[str]) -> None:
    """Tell the controlling process why no case of the session can run."""
    if hasattr(config, "workeroutput"):
        config.workeroutput[what] = words
    elif collector := config.pluginmanager.get_plugin(COLLECTOR):
        collector.hear({what: words})
    else:
        raise pytest.UsageError(f"{what}: {words[0]}")


_PLAN: pytest.StashKey[Plan] = pytest.StashKey()
_TARGET: pytest.StashKey[Target] = pytest.StashKey()
_UNREACHABLE: pytest.StashKey[Unreachable] = pytest.StashKey()


class CaseFailed(Exception):
    """What pytest sees of a row that does not hold."""


class CaseItem(pytest.Item):
    """One case, on all the links that it wants and the target offers."""

    def __init__(self, *, case: Case, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.case = case
        self.extra_keyword_matches.add(case.id)

    def runtest(self) -> None:
        from lockbench_harness.judge import run_case
        from lockbench_harness.verdicts import Unreachable, Verdict

        stash = self.config.stash
        if _PLAN not in stash:
            stash[_PLAN] = plan_of(self.config)
            stash[_TARGET] = stash[_PLAN].target()
        try:
            if gone := stash.get(_UNREACHABLE, None):
                raise gone
            row = run_case(self.case, stash[_TARGET], stash[_PLAN])
        except Unreachable as error:
            stash[_UNREACHABLE] = error
            self.user_properties.append((UNREACHABLE, stash[_TARGET].mask.text(str(error))))
            raise CaseFailed(str(error)) from None
        self.user_properties.append((ROW, json.dumps(row.to_json())))
        for words in row.warnings:
            self.add_report_section("call", "lockbench", f"warning: {words}")
        if row.verdict is Verdict.UNSUPPORTED:
            pytest.skip(row.detail.words if row.detail else "")
        if row.expected_failure:
            pytest.xfail(row.expected_failure)
        if row.verdict in {Verdict.FAIL, Verdict.BROKEN}:
            raise CaseFailed(_told(row))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        if excinfo.errisinstance(CaseFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        return self.path, None, f"{self.case.id} {self.case.requirement}"


def _told(row: Row) -> str:
    from lockbench_harness.report.words import tell

    return "\n".join(tell(row))


def plan_of(config: pytest.Config) -> Plan:
    from lockbench_harness.plan import Plan

    out = config.getoption("lockbench_out")
    return Plan(
        lock=config.getoption("lockbench_lock"),
        profile=config.getoption("lockbench_profile"),
        credentials=config.getoption("lockbench_credentials"),
        seed=config.getoption("lockbench_seed"),
        effort=config.getoption("lockbench_effort"),
        strict=config.getoption("lockbench_strict"),
        out=Path(out).resolve() if out else None,
        suite=config.getoption("lockbench_suite"),
        instead=config.getoption("lockbench_instead"),
        capabilities=config.getoption("lockbench_capabilities"),
    )
