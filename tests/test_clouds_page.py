"""docs/clouds.md is made of a run of every cloud case: what reaches each endpoint, code and event.

`python tests/test_clouds_page.py` runs them and writes it anew.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from unittest import mock

from lockbench_harness.cases import Case, load
from lockbench_harness.client import receiver
from lockbench_harness.stage import Setting
from lockbench_harness.targets.dding import DdingRefused
from lockbench_harness.targets.emulated import EmulatedTarget
from lockbench_harness.trial import Trial
from lockbench_harness.verdicts import Verdict
from lockbench_protocol.cloud.aiot.codes import ERRORS as AIOT_CODES
from lockbench_protocol.cloud.aiot.models import ENDPOINTS as AIOT
from lockbench_protocol.cloud.aiot.models import PREFIXES
from lockbench_protocol.cloud.dding.codes import ERRORS as DDING_CODES
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS as DDING
from lockbench_protocol.cloud.dding.events import EVENTS
from lockbench_protocol.cloud.ttlock import ENDPOINTS as TTLOCK
from lockbench_protocol.cloud.ttlock import ERRORS as TTLOCK_CODES

PAGE = Path(__file__).parents[1] / "docs" / "clouds.md"
GROUPS = ("SAS", "CBK", "TTC", "AIO")
SEED = 1  # of the run
MORE = ("SEC/12", "SEC/14", "SEC/17")
HEAD = """# The clouds: what reaches their endpoints, codes and events

Made of a run of every cloud case at quick effort by `python tests/test_clouds_page.py`; a test fails when it
is stale. `lockbench conform ID` runs one. In brackets: codes that an endpoint lists and no case meets there.
*fault*: only a fault of the bench brings the code about; a test gives every endpoint every code that it lists
so, and one endpoint all codes of the tables. *control*: no endpoint gives it, but the bench's hands do.
"""


@dataclass(frozen=True, slots=True)
class Cloud:
    name: str
    rows: tuple[Any, ...]
    codes: Mapping[int, tuple[str, str]]
    events: tuple[str, ...]
    group: tuple[str, ...]
    by_fault: frozenset[int]  # listed codes that no honest state of the cloud brings about


WEBHOOK = "1"  # notifyType of a letter with records
CLOUDS = (
    Cloud(
        "dding SaaS V1.6",
        DDING,
        DDING_CODES,
        tuple(event.name for event in EVENTS if event.section),
        ("SAS", "CBK", "SEC"),
        frozenset({14003, 15000}),
    ),
    Cloud(
        "TTLock open platform",
        TTLOCK,
        TTLOCK_CODES,
        (WEBHOOK,),
        ("TTC",),
        frozenset({-2018, 90000}),
    ),
    Cloud(
        "AIOT OTA",
        AIOT,
        AIOT_CODES,
        ("ota_upgrade_progress", "ota_upgrade_result"),
        ("AIO",),
        frozenset({429, 500, 901}),
    ),
)


@dataclass
class Seen:
    """What a run of the cases met; the values are their ids, in catalogue order."""

    answers: dict[tuple[str, int], list[str]] = field(default_factory=lambda: defaultdict(list))  # path, code
    events: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    controls: dict[int, list[str]] = field(default_factory=lambda: defaultdict(list))


@cache
def seen() -> Seen:
    """Run the cases. A failing one is no proof of anything."""
    found, target = Seen(), EmulatedTarget("strict")
    for case in load("lockbench_conformance"):
        if not case.id.startswith(tuple(f"{group}/" for group in GROUPS)) and case.id not in MORE:
            continue
        trial = Trial(case, Setting(target, "bare", case.seed(SEED)), "quick", shrink=False)
        with _noting(case, found):
            trial.run()
        assert trial.verdict in (Verdict.PASS, Verdict.WARN), f"{case.id}: {trial.detail}"
        for row in map(json.loads, trial.trace.splitlines()):
            if row["kind"] == "cloud" and row["errcode"] is not None:
                _add(found.answers[row["path"], row["errcode"]], case)
    return found


def _add(ids: list[str], case: Case) -> None:
    if case.id not in ids:
        ids.append(case.id)


def _noting(case: Case, found: Seen) -> ExitStack:
    """While the case runs: which events come in, and with what the controls refuse."""
    letter, refused = receiver.Letter, DdingRefused

    def note_letter(at: float, raw: bytes, body: receiver.Json, event: str, headers: Any) -> receiver.Letter:
        _add(found.events[event], case)
        return letter(at, raw, body, event, headers)

    def note_refusal(code: int) -> Exception:
        _add(found.controls[code], case)
        return refused(code)

    stack = ExitStack()
    stack.enter_context(mock.patch.object(receiver, "Letter", note_letter))
    stack.enter_context(mock.patch("lockbench_harness.targets.emulated_dding.DdingRefused", note_refusal))
    return stack


def paths(row: Any) -> tuple[str, ...]:
    """All under which an endpoint is met."""
    if row in DDING:
        found: tuple[str, ...] = row.paths(strict=False)
        return found
    return tuple(prefix + row.path for prefix in PREFIXES) if row in AIOT else (row.path,)


def at_endpoint(row: Any, codes: Iterable[int] | None = None) -> list[str]:
    """The cases that met this endpoint, with one of these codes if any are given."""
    wanted = None if codes is None else set(codes)
    return _in_order(
        ids
        for (path, code), ids in seen().answers.items()
        if path in paths(row) and (wanted is None or code in wanted)
    )


def with_code(cloud: Cloud, code: int) -> list[str]:
    known = {path for row in cloud.rows for path in paths(row)}
    answers = (ids for (path, met), ids in seen().answers.items() if met == code and path in known)
    return _in_order(answers)


def _in_order(many: Iterable[list[str]]) -> list[str]:
    found = {each for ids in many for each in ids}
    return sorted(found, key=lambda each: (each.partition("/")[0], int(each.partition("/")[2])))


def listed(cloud: Cloud) -> set[int]:
    return {code for row in cloud.rows for code in row.codes}


# The page -------------------------------------------------------------------------------------------------


def page() -> str:
    return HEAD + "".join(f"{line}\n" for cloud in CLOUDS for line in _section(cloud))


def _section(cloud: Cloud) -> Iterator[str]:
    yield from ("", f"## {cloud.name}", "", "| endpoint | path | refusals | cases |", "|---|---|---|---|")
    for row in cloud.rows:
        yield f"| {row.name} | `{row.path}` | {_refusals(row)} | {_short(at_endpoint(row))} |"
    yield from ("", "| event | cases |", "|---|---|")
    for event in cloud.events:
        name = "lock records" if event == WEBHOOK else event
        yield f"| {name} | {_short(seen().events[event])} |"
    yield from ("", "| code | meaning | cases |", "|---|---|---|")
    for code, (english, _) in cloud.codes.items():
        ids = with_code(cloud, code)
        words = _short(ids) or (
            f"control: {_short(control)}" if (control := _control(cloud, code)) else "fault"
        )
        yield f"| {code} | {english} | {words} |"


def _control(cloud: Cloud, code: int) -> list[str]:
    return _in_order([seen().controls.get(code, [])]) if cloud.rows is DDING else []


def _refusals(row: Any) -> str:
    met = {code for code in row.codes if at_endpoint(row, [code])}
    rest = " ".join(str(code) for code in sorted(row.codes) if code not in met)
    return " ".join([*(str(code) for code in sorted(met)), *([f"({rest})"] if rest else [])])


def _short(ids: list[str]) -> str:
    """SAS 1 2 3, SEC 12."""
    groups: dict[str, list[str]] = {}
    for each in ids:
        groups.setdefault(each.partition("/")[0], []).append(each.partition("/")[2])
    return ", ".join(f"{group} {' '.join(numbers)}" for group, numbers in groups.items())


def test_the_page_of_the_clouds_is_what_a_run_shows() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "stale: run python tests/test_clouds_page.py"


def test_every_endpoint_and_every_event_has_a_case() -> None:
    for cloud in CLOUDS:
        assert [row.name for row in cloud.rows if not at_endpoint(row)] == []
        assert [event for event in cloud.events if not seen().events[event]] == []


def test_every_code_that_is_listed_or_comes_from_a_control_has_a_case_but_those_of_faults() -> None:
    for cloud in CLOUDS:
        without = {code for code in listed(cloud) if not with_code(cloud, code)}
        assert without == cloud.by_fault
    assert {15008, 15009, 15010, 15011} <= seen().controls.keys()


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
