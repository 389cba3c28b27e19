"""A failure as a file: small, readable, and repeatable without Hypothesis.

It holds the target's name, the profile, the seed, and the inputs or steps; never captured bytes.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from lockbench_protocol import LocalError

from lockbench_harness import inputs
from lockbench_harness.inputs import Json, Step
from lockbench_harness.stage import Setting, Stage, run_body

if TYPE_CHECKING:
    from lockbench_harness.cases import Case
    from lockbench_harness.machines import Machine
    from lockbench_harness.trace import Mask, Trace

FORMAT = 1


class Misfit(LocalError):
    """The file is in order, but the case is not the one that it was made for."""


@dataclass(frozen=True, slots=True)
class Failure:
    """One failing example. It has `steps` when its case is a machine, else `inputs`."""

    case: str
    target: str
    profile: str
    seed: int  # of the case
    link: str
    inputs: Mapping[str, Json] | None = None
    steps: Sequence[Step] | None = None

    @property
    def plain(self) -> Json:
        """The inputs or steps, for a reader."""
        if self.steps is not None:
            return [{step.rule: step.values} for step in self.steps]
        return dict(self.inputs or {})

    def to_json(self, words: str, mask: Mask) -> str:
        """`words` tell the reader what went wrong."""
        examples: dict[str, object] = (
            {"inputs": self.inputs}
            if self.steps is None
            else {"steps": [asdict(step) for step in self.steps]}
        )
        data = {
            "format": FORMAT,
            "case": self.case,
            "target": self.target,
            "profile": self.profile,
            "seed": self.seed,
            "link": self.link,
            **examples,
            "why": words,
        }
        return json.dumps(mask.value(data), indent=2, ensure_ascii=False) + "\n"


def load(path: Path) -> Failure:
    """Raises LocalError that names the file and what is wrong with it."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise LocalError(f"{path} is not JSON") from error
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise LocalError(f"{path} is no failure file of format {FORMAT}")
    for key, kind in _KINDS.items():
        if not isinstance(data.get(key), kind) or isinstance(data.get(key), bool):
            raise LocalError(f"{path}: {key} is missing or has the wrong type")
    return Failure(
        case=data["case"],
        target=data["target"],
        profile=data["profile"],
        seed=data["seed"],
        link=data["link"],
        inputs=_mapping(data.get("inputs"), path),
        steps=_steps(data.get("steps"), path),
    )


_KINDS: dict[str, type] = {"case": str, "target": str, "profile": str, "seed": int, "link": str}


def _mapping(value: object, path: Path) -> dict[str, Json] | None:
    if value is not None and not isinstance(value, dict):
        raise LocalError(f"{path}: inputs must be an object")
    return value


def _steps(value: object, path: Path) -> list[Step] | None:
    if value is None:
        return None
    try:
        if not isinstance(value, list):
            raise TypeError
        return [Step(str(step["rule"]), dict(step["values"])) for step in value]
    except (TypeError, KeyError, ValueError) as error:
        raise LocalError(f"{path}: steps must be a list of rule and values") from error


def repeat(failure: Failure, case: Case, setting: Setting, trace: Trace) -> None:
    """Run the failing example once more. Raises what the case raises, `Misfit` when the file does not fit."""
    if case.machine is not None:
        _repeat_steps(failure, case.machine, setting, trace)
    elif case.body is not None:
        values = _values(failure.inputs or {})
        if values.keys() != case.strategies.keys():
            raise Misfit(f"the failure does not fit {case.id}: its inputs are {', '.join(values) or 'none'}")
        run_body(case.body, values, setting, trace, case.budget)


def _repeat_steps(failure: Failure, machine_class: type[Machine], setting: Setting, trace: Trace) -> None:
    if failure.steps is None:
        raise Misfit(f"the failure does not fit {failure.case}: it has no steps")
    steps = [(step.rule, _values(step.values)) for step in failure.steps]
    rules = machine_class.rule_names()
    unknown = [name for name, _ in steps if name not in rules]
    if unknown:
        raise Misfit(f"the failure does not fit {failure.case}, which has no rule {unknown[0]!r}")
    machine = machine_class(Stage(setting, trace))
    try:
        for name, values in steps:
            getattr(machine, name)(**values)
    finally:
        machine.teardown()


def _values(plain: Mapping[str, Json]) -> dict[str, object]:
    try:
        return inputs.decode_all(plain)
    except LocalError as error:
        raise Misfit(f"the failure cannot be read: {error}") from error
