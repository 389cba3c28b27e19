"""`simulate(plan)`: one upgrade that goes wrong, to its verdict. Pure: equal plans, equal outcomes, anywhere.

A plan whose last power fault is a cut starts at that cut, from a recording of the story up to there; what
follows, from the boot ROM on, is run anew for every plan. Any other plan is run as a whole.
"""

from __future__ import annotations

from lockbench_emulator.boot.flash import SECTOR, Flash
from lockbench_emulator.boot.power import settling
from lockbench_emulator.boot.startup import power_up
from lockbench_protocol import LocalError

from lockbench_harness.faults.plan import Plan
from lockbench_harness.faults.power import Cut, PowerFault
from lockbench_harness.sweep.judge import Ending, judge
from lockbench_harness.sweep.outcome import Outcome, Stage
from lockbench_harness.sweep.story import Recording, digest, play, play_link, record, sector_digest

__all__ = ["base_of", "simulate", "simulate_cut"]


def simulate(plan: Plan, *, confirm: bool = False) -> Outcome:
    """What becomes of the plan; with `confirm` a real upgrade then proves what I5 says about the next one.

    LocalError when a fault is about an operation or a write that never comes.
    """
    base, cut = base_of(plan)
    if cut is not None:
        return simulate_cut(record(base), cut, confirm=confirm)
    story = play_link(plan) or play(plan)
    rig, scenario = story.rig, plan.scenario
    ending = Ending(
        rig.flash,
        rig.bank,
        story.ran,
        story.sent,
        story.believed,
        rig.last_stage if rig.cuts else None,
        rig.result,
        tuple(sorted(rig.broken)),
        rig.cuts,
        rig.cuts > 0 and scenario.board.overwrites and rig.flash.erases[scenario.board.banks[0]] > 1,
    )
    return judge(rig.scene, ending, digest(rig.scene, rig.flash.snapshot()), confirm=confirm)


def base_of(plan: Plan) -> tuple[Plan, Cut | None]:
    """The plan without its last cut, and that cut; the plan and None where it cannot start there."""
    power = [fault for fault in plan.faults if isinstance(fault, PowerFault)]
    if not power or not all(isinstance(fault, Cut) for fault in power):
        return plan, None
    cuts = [fault for fault in power if isinstance(fault, Cut)]
    last = max(cuts, key=lambda cut: cut.operation)
    rest = tuple(fault for fault in plan.faults if fault is not last)
    return Plan(plan.scenario, rest, plan.retry), last


def simulate_cut(recording: Recording, cut: Cut, *, confirm: bool = False) -> Outcome:
    """The device of a recording, cut at one of its operations."""
    number = cut.operation
    if number >= len(recording.moments):
        raise LocalError(f"operation {number} never comes: there are {len(recording.moments)}")
    moment, scene = recording.moments[number], recording.scene
    operation, state = moment.operation, recording.digests[number]
    if cut.tear == "none":
        flash = Flash.of(moment.cells, number + 1)
    elif cut.tear == "done":
        flash = Flash.of(recording.cells_after(number), number + 1)
        state = recording.digests[number + 1]
    else:
        flash = Flash.of(moment.cells, number + 1)
        cells = settling(cut.tear, scene.scenario.seed)(operation)
        state ^= recording.parts[number] ^ _settle(flash, operation.address, cells)
    bank = power_up(flash, scene.board, scene.dialect)
    broken = recording.story.rig.broken
    ending = Ending(
        flash,
        bank,
        moment.ran,
        moment.sent,
        moment.believed,
        moment.stage,
        moment.result,
        tuple(name for name, at in broken.items() if at <= number) if broken else (),
        1,
        moment.stage is Stage.COPY and scene.board.banks[0] in flash.erases,
    )
    return judge(scene, ending, state, confirm=confirm)


def _settle(flash: Flash, address: int, cells: bytes) -> int:
    """Put torn cells into the flash; gives the digest of their sector."""
    number, offset = divmod(address, SECTOR)
    if len(cells) < SECTOR:
        sector = flash.read(address - offset, SECTOR)
        cells = sector[:offset] + cells + sector[offset + len(cells) :]
    flash.put_sector(number, cells)
    return sector_digest(number, cells)
