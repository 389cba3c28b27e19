"""Cases of power and pace judge locks of other dialects and boards, through nothing but a target."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from dataclasses import replace

import pytest
from lockbench_emulator.device import LockDevice
from lockbench_emulator.profiles import load_profile
from lockbench_harness.cases import load
from lockbench_harness.judge import run_case
from lockbench_harness.plan import Plan
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.emulated import EmulatedTarget
from lockbench_harness.trace import Trace
from lockbench_harness.verdicts import Verdict

CASES = {case.id: case for case in load("lockbench_conformance")}


class Other(EmulatedTarget):
    """The strict lock with another bootloader."""

    def __init__(self, dialect: str, board: str) -> None:
        super().__init__("strict")
        profile = load_profile("strict")
        self._profile = replace(
            profile, dfu=replace(profile.dfu, dialect=dialect), model=replace(profile.model, board=board)
        )

    def open(self, *, seed: int, link: str, trace: Trace) -> AbstractAsyncContextManager[LockBench]:
        return self.hang(LockDevice(self._profile, seed=seed), seed=seed, link=link, trace=trace)


@pytest.mark.parametrize(
    ("dialect", "board", "id_"),
    [
        ("tt", "b91", "PFL/3"),
        ("tt", "b85", "IMG/14"),
        ("g1m", "b87", "PFL/3"),
        ("g1m", "tl721x", "PFL/9"),
        ("g1m", "b87", "PFL/13"),
        ("g1m", "b87", "DFU/17"),
        ("g2", "b87", "PFL/2"),
        ("g2", "b87", "DFU/17"),  # in longer PDUs, as the MTU allows
    ],
)
def test_a_case_holds_for_another_bootloader(dialect: str, board: str, id_: str) -> None:
    row = run_case(CASES[id_], Other(dialect, board), Plan("emulated"))
    assert row.verdict is Verdict.PASS, row.detail
