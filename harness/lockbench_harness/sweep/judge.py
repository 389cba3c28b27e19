"""The verdict on a device at rest, and the invariants that can be seen there (telink-ota 12)."""

from __future__ import annotations

from typing import NamedTuple

from lockbench_emulator.boot.flash import Flash
from lockbench_emulator.boot.rom import boot
from lockbench_protocol.telink.dialects import Result

from lockbench_harness.faults.plan import Firmware
from lockbench_harness.sweep.fit import attempts_to_fit
from lockbench_harness.sweep.outcome import Outcome, Stage, Verdict
from lockbench_harness.sweep.retry import real_attempts
from lockbench_harness.sweep.scene import Scene

__all__ = ["Ending", "judge"]


class Ending(NamedTuple):
    """A device that has started for the last time."""

    flash: Flash
    bank: int | None  # where an image runs
    ran: Firmware
    sent: Firmware
    believed: bool
    stage: Stage | None
    result: Result | None
    broken: tuple[str, ...]  # invariants that did not hold before
    cuts: int
    recopied: bool = False  # the image was copied over bank 0 again after a cut


def judge(scene: Scene, ending: Ending, state: int, *, confirm: bool = False) -> Outcome:
    """The verdict; with `confirm` a real upgrade is made from here."""
    flash, bank, ran, sent, believed, stage, result, before, cuts, recopied = ending
    broken = [*before, *_broken(scene, flash, cuts)]
    if bank is None:
        return Outcome(
            Verdict.BRICK,
            stage,
            result,
            believed,
            None,
            (*broken, "I1"),
            None,
            state,
            _no_start(scene, ending),
        )
    new = not scene.runs(ran, flash, bank)
    if new and not scene.runs(sent, flash, bank):
        broken.append("I1")
        return Outcome(
            Verdict.BRICK,
            stage,
            result,
            believed,
            bank,
            tuple(broken),
            None,
            state,
            _mixture(scene, flash, bank),
        )
    if not scene.whole(sent if new else ran, bank).sound:
        broken.append("I2")
    if stage is Stage.NEW_WIPE and not new:
        broken.append("I4")
    fits = _fits(scene, flash, bank, sent)
    if not fits:
        broken.append("I5")
    retries = None
    if confirm:
        retries = real_attempts(scene, flash, bank, scene.next_after(sent))
        if retries != fits:
            broken.append("I5")
    verdict = _verdict(fits, new=new, believed=believed, recopied=recopied)
    return Outcome(verdict, stage, result, believed, bank, tuple(broken), retries, state)


def _verdict(fits: int, *, new: bool, believed: bool, recopied: bool) -> Verdict:
    if not fits:
        return Verdict.STUCK
    if new and recopied:
        return Verdict.RECOVERABLE
    if new:
        return Verdict.NEW if believed else Verdict.FAILURE_NEW
    if believed:
        return Verdict.SUCCESS_OLD
    return Verdict.OLD if fits == 1 else Verdict.RECOVERABLE


def _broken(scene: Scene, flash: Flash, cuts: int) -> list[str]:
    """I6, I8 and I9 as far as the cells and the wear since the attempt began tell."""
    broken = []
    if flash.sectors(scene.board.data_region, flash.size) != scene.data:
        broken.append("I8")
    erases = flash.erases
    if erases:
        if not erases.keys() <= scene.erasable:
            broken.append("I6")
        if max(erases.values()) > 2 + cuts:
            broken.append("I9")
    return broken


def _fits(scene: Scene, flash: Flash, bank: int, sent: Firmware) -> int:
    """How many attempts the next upgrade takes, 0 for ever so many."""
    board = scene.board
    start = board.other(bank)
    cells = flash.sectors(start, start + board.limit)
    if cells == scene.blank:
        return 1
    staged = scene.staged(scene.next_after(sent))
    return attempts_to_fit(cells, staged, board, scene.dialect, scene.next_client.pdu_length)


def _no_start(scene: Scene, ending: Ending) -> str:
    board, flash = scene.board, ending.flash
    found = boot(flash, board)
    if found is None:
        return "the boot ROM finds no mark"
    if found not in board.banks:
        return f"the boot ROM takes a byte at {found + board.mark_offset:#x}, inside an image, for a mark"
    if not any(scene.runs(firmware, flash, found) for firmware in (ending.ran, ending.sent)):
        if board.overwrites:
            return "the code that copies the image is itself half copied"
        return f"the boot ROM compares one byte only, and that of the torn bank {found:#x} reads 4b"
    return "the firmware finds its own mark word damaged and restarts for ever"


def _mixture(scene: Scene, flash: Flash, bank: int) -> str:
    mark = flash.read(bank + scene.board.mark_offset, 4).hex()
    return f"bank {bank:#x} runs and is no whole image (mark {mark}): the boot ROM compares one byte only"
