"""Where a plain sweep does not look: every subset of a mark write, second cuts, and the other dark corners.

Each function gives the plans of one corner (telink-ota 7.1, 7.2, 7.6, 7.7); what must come of them stands in
the spec, and in the tests and cases that use them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from lockbench_protocol.telink.image import declared_size

from lockbench_harness.faults.image import Put, Sign
from lockbench_harness.faults.plan import Plan, Scenario
from lockbench_harness.faults.power import BrownOut, Cut, Marginal
from lockbench_harness.sweep.outcome import Stage
from lockbench_harness.sweep.plans import Cuts
from lockbench_harness.sweep.story import record, spoiled
from lockbench_harness.sweep.tally import Tally, tally

__all__ = [
    "brown_out_of_the_new_mark",
    "byte_in_between",
    "erase_values",
    "marginal_marks",
    "mark_subsets",
    "operation_of",
    "representatives",
    "second_cuts",
]


def operation_of(plan: Plan, stage: Stage, *, containing: int | None = None) -> int:
    """The first operation of a stage, or the first that touches an address."""
    for number, moment in enumerate(record(plan).moments):
        operation = moment.operation
        touches = containing is None or 0 <= containing - operation.address < len(operation.after)
        if moment.stage is stage and touches:
            return number
    raise LookupError(f"the story has no operation of the stage {stage}")


def mark_subsets(scenario: Scenario, stage: Stage) -> Iterator[Plan]:
    """A cut in the write of a mark, every subset of the bits it clears: 16 of a byte, 16,384 of the word."""
    base = Plan(scenario)
    number = operation_of(base, stage)
    operation = record(base).moments[number].operation
    before, after = (int.from_bytes(cells, "little") for cells in (operation.before, operation.after))
    for mask in range(1 << (before & ~after).bit_count()):
        yield Plan(scenario, (Cut(number, f"bits:{mask:x}"),))


def erase_values(scenario: Scenario, stage: Stage) -> Iterator[Plan]:
    """A cut in the erase of a sector with a mark, the mark byte settling at each of 256 values."""
    base = Plan(scenario)
    mark = scenario.board.mark_offset
    moments = record(base).moments
    address = next(
        moment.operation.address
        for moment in moments
        if moment.stage is stage and moment.operation.address in scenario.board.banks
    )
    number = operation_of(base, stage, containing=address)
    for value in range(256):
        yield Plan(scenario, (Cut(number, f"byte:{mark}={value:02x}"),))


def representatives(work: Sequence[Cuts]) -> list[Plan]:
    """One cut for each verdict, stage and bank among all that `work` holds."""
    total = Tally()
    for cuts in work:
        total.add(tally(cuts, confirm_every=0))
    return list(total.classes.values())


def second_cuts(plans: Sequence[Plan], tears: Sequence[str]) -> list[Cuts]:
    """After each of these cuts: a second one at every operation of the boot and the retry that follow."""
    work = []
    for plan in plans:
        last = max(fault.operation for fault in plan.faults if isinstance(fault, Cut))
        work.append(Cuts(replace(plan, retry=True), tuple(tears), from_operation=last + 1))
    return work


def brown_out_of_the_new_mark(scenario: Scenario) -> Plan:
    """The new-mark write alone does nothing."""
    return Plan(scenario, (BrownOut(operation_of(Plan(scenario), Stage.NEW_MARK)),))


def marginal_marks(scenario: Scenario) -> Iterator[Plan]:
    """A cut in each mark write leaves its cell marginal: it reads as 4B at one start and not at the next."""
    board = scenario.board
    for stage, bank in ((Stage.NEW_MARK, board.other(scenario.bank)), (Stage.OLD_MARK, scenario.bank)):
        cut = Cut(operation_of(Plan(scenario), stage), "none")
        for reads in ((0x4B, 0xFF), (0xFF, 0x4B), (0x4B, 0x4B), (0xFF, 0xFF)):
            yield Plan(scenario, (cut, Marginal(bank, reads)))


def byte_in_between(scenario: Scenario, value: int) -> Scenario:
    """The scenario with `value` where the ROM looks between the banks, in the image of the lower one, signed.

    LookupError when the ROM does not look there, or the image does not reach so far.
    """
    board = scenario.board
    first, second = board.banks
    runs_there = scenario.bank == first
    image = scenario.old if runs_there else scenario.new
    for candidate in board.rom_candidates:
        at = candidate + board.mark_offset - first
        if first < candidate < second and at < declared_size(image.data()):
            spoilt = spoiled(image, (Put(at, bytes([value])), Sign()))
            return replace(scenario, old=spoilt) if runs_there else replace(scenario, new=spoilt)
    raise LookupError(f"the ROM of board {board.name} looks nowhere inside this image")
