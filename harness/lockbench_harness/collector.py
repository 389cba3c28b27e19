"""What the controlling process hears of the cases, wherever they run, and makes a report of."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from lockbench_harness import cases
from lockbench_harness.report import Report
from lockbench_harness.report.row import Detail, Row
from lockbench_harness.suite import ROW, UNMATCHED, UNREACHABLE
from lockbench_harness.verdicts import Verdict

if TYPE_CHECKING:
    from lockbench_harness.judge import Plan


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
        self.total = max(self.total, len(session.items))

    @pytest.hookimpl(optionalhook=True)
    def pytest_xdist_node_collection_finished(self, ids: list[str]) -> None:
        self.total = max(self.total, len(ids))

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: object) -> None:
        output: dict[str, list[str]] = getattr(node, "workeroutput", {})
        self.unmatched = output.get(UNMATCHED, self.unmatched)

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

    def pytest_keyboard_interrupt(self) -> None:
        self._interrupted = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self) -> None:
        if self.unreachable or self.unmatched:
            return
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
        words = f"The bench broke: {report.longreprtext.strip()}"
        case_id = report.nodeid.rpartition("[")[2].rstrip("]")
        self._trouble(f"{case_id}: {words}")
        self._hear(
            Row(
                id=case_id,
                clause="",
                level="",
                verdict=Verdict.BROKEN,
                requirement="(the case did not come to its end)",
                seconds=0.0,
                seed=0,
                examples=0,
                reproduce=self._plan.reproduce(case_id),
                links={},
                detail=Detail(words),
            )
        )

    def _trouble(self, words: str) -> None:
        if words not in self._troubles:
            self._troubles.append(words)
