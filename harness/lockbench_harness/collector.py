"""What the controlling process hears of the cases, wherever they run, and makes a report of."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

import pytest

from lockbench_harness import cases
from lockbench_harness.judge import broken_row
from lockbench_harness.report import Report, folder
from lockbench_harness.report.row import Row
from lockbench_harness.suite import ROW, TROUBLE, UNMATCHED, UNREACHABLE

if TYPE_CHECKING:
    from lockbench_harness.plan import Plan


_CASE = re.compile(r"\[[A-Z]{3}/[0-9]+\]$")  # at the end of a case's node id


class Collector:
    """A pytest plugin. Its `report` is complete once the session is over."""

    def __init__(self, plan: Plan, tell: Callable[[Row, int], None] = lambda _row, _total: None) -> None:
        self.total = 0  # cases in the session, 0 until known
        self.unmatched: list[str] = []  # words of the user that name nothing
        self.unreachable = ""  # a sentence, when there is no target
        self.report: Report | None = None
        self._plan = plan
        self._tell = tell
        self._rows: dict[str, Row] = {}
        self._troubles: list[str] = []  # of the bench, beyond any one case
        self._interrupted = False

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        self._expect(item.nodeid for item in session.items)

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self._expect(ids)

    def _expect(self, ids: Iterable[str]) -> None:
        self.total = max(self.total, sum(bool(_CASE.search(nodeid)) for nodeid in ids))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        self.hear(getattr(node, "workeroutput", {}))

    def hear(self, output: Mapping[str, list[str]]) -> None:
        """What the collecting process could not do."""
        self.unmatched = output.get(UNMATCHED, self.unmatched)
        for words in output.get(TROUBLE, []):
            self._trouble(words)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        properties = dict(report.user_properties)
        if UNREACHABLE in properties:
            self.unreachable = str(properties[UNREACHABLE])
        elif ROW in properties:
            self._hear(Row.from_json(json.loads(str(properties[ROW]))))
        elif report.failed:
            self._hear_of_death(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        if report.failed:
            self._trouble(f"{report.nodeid} cannot be collected: {report.longreprtext.strip()}")

    def pytest_internalerror(self, excrepr: object) -> None:
        self._trouble(f"pytest broke: {excrepr}")

    def pytest_keyboard_interrupt(self, excinfo: pytest.ExceptionInfo[BaseException]) -> None:
        if isinstance(excinfo.value, pytest.Session.Interrupted):  # by pytest itself, not by a person
            self._trouble(str(excinfo.value))
        else:
            self._interrupted = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        if self.unreachable or self.unmatched:
            if self._plan.out is not None:
                folder.discard(self._plan.out)
            return
        if not self._interrupted and len(self._rows) < self.total:
            self._trouble(f"{self.total - len(self._rows)} cases were not judged")
        self.report = Report(
            plan=self._plan,
            target=self._plan.target(),
            rows=tuple(sorted(self._rows.values(), key=lambda row: cases.order(row.id))),
            troubles=tuple(self._troubles),
            interrupted=self._interrupted,
        )
        if self._plan.out is not None:
            self.report.save(self._plan.out)

    def _hear(self, row: Row) -> None:
        if row.id not in self._rows:  # setup, call and teardown report the same properties
            self._rows[row.id] = row
            self._tell(row, self.total)

    def _hear_of_death(self, report: pytest.TestReport) -> None:
        """The worker died at this case, or pytest itself failed around it."""
        words = f"The bench broke: {report.longreprtext.strip().rpartition(chr(10))[2]}"
        for case in cases.load(self._plan.suite):
            if report.nodeid.endswith(f"[{case.id}]"):
                self._hear(broken_row(case, self._plan, words))
                return
        self._trouble(f"{report.nodeid}: {words}")

    def _trouble(self, words: str) -> None:
        if words not in self._troubles:
            self._troubles.append(words)
