"""One case's line of the report. All of it is plain data: it travels between processes as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from lockbench_harness.inputs import Json
from lockbench_harness.verdicts import Verdict


@dataclass(frozen=True, slots=True)
class Detail:
    """Why a case did not simply pass."""

    words: str  # a sentence or two
    expected: str = ""
    seen: str = ""
    where: str = ""  # "lockbench_conformance.test_pwd, line 41"
    frames: tuple[str, ...] = ()  # of an error of the bench: the way to it, innermost last


@dataclass(frozen=True, slots=True)
class Row:
    """What `report.json` says of one case."""

    id: str
    clause: str
    level: str
    verdict: Verdict
    requirement: str
    seconds: float  # of wall time, the only field that differs between two equal runs
    seed: int  # of the case
    examples: int  # over all links; shrinking is not counted
    reproduce: str
    links: Mapping[str, Verdict]  # the verdict on each link that ran
    detail: Detail | None = None
    warnings: tuple[str, ...] = ()
    inputs: Json = None  # of the failure, shrunk: values by name, or a list of steps
    failure_file: str = ""  # below the report's directory
    expected_failure: str = ""  # the reason, when the target is known to fail this case

    @property
    def group(self) -> str:
        return self.id.partition("/")[0]

    @property
    def counts_as_failure(self) -> bool:
        return self.verdict is Verdict.FAIL and not self.expected_failure

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Row:
        detail = data["detail"]
        return cls(
            **{
                **data,
                "verdict": Verdict(data["verdict"]),
                "links": {link: Verdict(verdict) for link, verdict in data["links"].items()},
                "warnings": tuple(data["warnings"]),
                "detail": Detail(**{**detail, "frames": tuple(detail["frames"])}) if detail else None,
            }
        )
