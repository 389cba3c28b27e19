"""A plan: all that one simulation needs to know, and so its reproduction. Equal plans, equal outcomes.

As JSON it stands in a file beside the images that it names and that cannot be made again.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TypeVar, get_type_hints

from lockbench_emulator import toml
from lockbench_emulator.boot.board import Board, load_board
from lockbench_emulator.boot.dialect import ServerDialect, load_dialect
from lockbench_protocol import LocalError
from lockbench_protocol.telink.image import make_image

from lockbench_harness.client.presets import Preset, load_preset
from lockbench_harness.faults import Fault
from lockbench_harness.faults.wire import from_json, to_json

__all__ = ["STARTS", "Firmware", "Given", "Made", "Plan", "Scenario", "load_plan", "save_plan"]

STARTS = ("clean", "stale", "full", "hidden")
"""The start states of telink-ota 12. `tail` is one more: dirt in the last sector that an image may fill."""


@dataclass(frozen=True, slots=True)
class Made:
    """An image that `make_image` makes."""

    size: int
    version: str
    seed: int
    algorithm: int = 2
    mark_offset: int = 0x08

    def data(self) -> bytes:
        return _made(self)


@lru_cache(maxsize=16)
def _made(made: Made) -> bytes:
    image = make_image(
        made.size, made.version, made.seed, algorithm=made.algorithm, mark_offset=made.mark_offset
    )
    return image[: (made.size - 4) // 16 * 16 + 4]


@dataclass(frozen=True, slots=True)
class Given:
    """An image of the user's; its bytes travel with the plan, in JSON they stand in a file of that name."""

    sha256: str
    content: bytes = field(default=b"", repr=False, compare=False)

    def data(self) -> bytes:
        return self.content

    @classmethod
    def of(cls, content: bytes) -> Given:
        return cls(hashlib.sha256(content).hexdigest(), content)


Firmware = Made | Given
Key = int | float | bool | str | tuple[int, ...]


@dataclass(frozen=True)
class Scenario:
    """What is upgraded to what, by whom, from which state."""

    old: Firmware  # what runs
    new: Firmware  # what is sent
    other: Firmware  # what is sent when the first attempt has failed, and what a stale bank holds
    bank: int = 0  # where the old image runs
    start: str = "clean"  # of the inactive bank: one of STARTS, or tail
    board_name: str = "b87"
    dialect_name: str = "tt"
    client_name: str = "ttlock"
    pdu_length: int = 0  # of a client that may choose it; 0: the client's own
    keys: tuple[tuple[str, Key], ...] = ()  # keys of the dialect, or of the board after "board.", and values
    mutant: str = ""  # `lockbench_emulator.boot.mutants`
    seed: int = 0  # of torn cells

    def __post_init__(self) -> None:
        if self.start not in (*STARTS, "tail"):
            raise LocalError(f"no start state {self.start!r}; known: {', '.join(STARTS)}, tail")
        if self.bank not in self.board.banks:
            raise LocalError(f"board {self.board.name} has no bank at {self.bank:#x}")

    @cached_property
    def board(self) -> Board:
        return _with_keys(load_board(self.board_name), self.keys, "board.")

    @cached_property
    def dialect(self) -> ServerDialect:
        return _with_keys(load_dialect(self.dialect_name), self.keys, "")

    @cached_property
    def client(self) -> Preset:
        preset = load_preset(self.client_name)
        return replace(preset, pdu_length=self.pdu_length) if self.pdu_length else preset


@dataclass(frozen=True, slots=True)
class Plan:
    """One simulation."""

    scenario: Scenario
    faults: tuple[Fault, ...] = ()
    retry: bool = False  # after the first cut the client comes back and sends `other`, until another cut


Profile = TypeVar("Profile", Board, ServerDialect)


def _with_keys(profile: Profile, keys: tuple[tuple[str, Key], ...], prefix: str) -> Profile:
    """The profile with the keys that are meant for it changed."""
    known = get_type_hints(type(profile))
    for key, value in keys:
        name = key.removeprefix(prefix)
        if key.startswith("board.") != bool(prefix):
            continue
        if name not in known:
            raise LocalError(f"profile {profile.name} has no key {name!r}")
        profile = replace(profile, **{name: toml.typed(value, known[name], name)})
    return profile


def save_plan(plan: Plan, file: Path) -> None:
    """Write the plan, and beside it the images that cannot be made again."""
    scenario = plan.scenario
    for firmware in (scenario.old, scenario.new, scenario.other):
        if isinstance(firmware, Given):
            (file.parent / _name(firmware)).write_bytes(firmware.content)
    file.write_text(json.dumps(to_json(plan), indent=1) + "\n", encoding="utf-8")


def load_plan(file: Path) -> Plan:
    """The plan in a file. LocalError says what is wrong with it, or with an image beside it."""
    try:
        value = json.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{file} cannot be read: {error.strerror}") from None
    except (ValueError, RecursionError):
        raise LocalError(f"{file} is no JSON") from None
    plan: Plan = from_json(value, Plan, "the plan")
    scenario = plan.scenario
    old, new, other = (_found(firmware, file) for firmware in (scenario.old, scenario.new, scenario.other))
    return replace(plan, scenario=replace(scenario, old=old, new=new, other=other))


def _name(firmware: Given) -> str:
    return f"{firmware.sha256[:16]}.bin"


def _found(firmware: Firmware, plan: Path) -> Firmware:
    if isinstance(firmware, Made):
        return firmware
    if not re.fullmatch("[0-9a-f]{64}", firmware.sha256):
        raise LocalError("the plan names an image by what is no SHA-256")
    file = plan.parent / _name(firmware)
    try:
        given = Given.of(file.read_bytes())
    except OSError as error:
        raise LocalError(f"{file}, which the plan needs, cannot be read: {error.strerror}") from None
    if given != firmware:
        raise LocalError(f"{file} is not the image that the plan names")
    return given
