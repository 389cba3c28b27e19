"""The supply of an emulated lock: trouble comes at the operation that was meant, and once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.boot.board import load_board
from lockbench_emulator.boot.flash import Operation
from lockbench_harness.faults.plan import Made, Plan
from lockbench_harness.sweep.plans import scenario_for
from lockbench_harness.sweep.story import record
from lockbench_harness.targets.emulated import make_lock
from lockbench_harness.targets.emulated_supply import EmulatedSupply, place_of


def test_the_operations_of_an_upgrade_are_rows_two_marks_and_erases() -> None:
    scenario = scenario_for(Made(1028, "6.4.34", 2))
    for bank in scenario.board.banks:
        moments = record(Plan(replace(scenario, bank=bank))).moments
        found = Counter(place_of(moment.operation, scenario.board) for moment in moments)
        assert found == {"row": 65, "new mark": 1, "old mark": 1, "erase": 3}, bank


def test_a_word_that_is_zeroed_is_an_old_mark_and_a_row_that_begins_there_is_none() -> None:
    board = load_board("b91")
    at = board.banks[1] + board.mark_offset
    assert place_of(Operation(0, "program", at, bytes(4), bytes(4), bytes(4)), board) == "old mark"
    row = b"\x4b" + bytes(15)
    assert place_of(Operation(0, "program", at, row, row, row), board) == "row"
    assert place_of(Operation(0, "erase", board.data_region, b"", b""), board) == "lock data"


@pytest.mark.parametrize("calmed", [False, True])
@given(nth=st.integers(0, 5))
def test_trouble_comes_at_the_operation_it_was_meant_for_and_once(nth: int, calmed: bool) -> None:
    device, _ = make_lock("strict", 1)
    supply = EmulatedSupply(device, lambda hand: hand(0.0))
    bank = device.board.banks[1]
    supply.weaken("row", nth)
    if calmed:
        supply.calm()
    for row in range(8):
        device.flash.program(bank + 16 * row, b"sixteen bytes...")
    missing = [row for row in range(8) if device.flash.read(bank + 16 * row, 1) == b"\xff"]
    assert missing == ([] if calmed else [nth])
    assert supply.came() is not calmed


def test_a_watchdog_spares_the_clock_and_a_dead_lock_has_none() -> None:
    device, _ = make_lock("padlock", 1)
    supply = EmulatedSupply(device, lambda hand: hand(5.0))
    shown = device.clock.local(5.0)
    supply.reset()
    assert device.alive
    assert device.clock.local(5.0) == shown
    device.cut_power(5.0)
    supply.reset()
    assert not device.alive
