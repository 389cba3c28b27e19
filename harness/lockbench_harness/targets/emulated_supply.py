"""The supply of an emulated lock: a hook of its flash that waits for one operation."""

from __future__ import annotations

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.flash import Operation, PowerCut
from lockbench_emulator.boot.power import Settling, settling
from lockbench_emulator.device import LockDevice
from lockbench_emulator.site import Act
from lockbench_protocol.telink.image import MARK, MARK_BYTE

from lockbench_harness.targets.supply import Place

__all__ = ["EmulatedSupply", "place_of"]


def place_of(operation: Operation, board: Board) -> Place:
    """Of the firmware's operations only the two of the commit are no longer than a mark and begin at one."""
    if operation.address >= board.data_region:
        return "lock data"
    if operation.kind == "erase":
        return "erase"
    marks = [bank + board.mark_offset for bank in board.banks]
    if operation.address in marks and len(operation.asked) <= len(MARK):
        return "new mark" if operation.asked[0] == MARK_BYTE else "old mark"
    return "row"


class EmulatedSupply:
    """See `Supply`."""

    def __init__(self, device: LockDevice, act: Act) -> None:
        self._device = device
        self._act = act
        self._came = False

    def cut(self, place: Place, nth: int = 0, *, leaves: str = "torn", seed: int = 0) -> None:
        self._await(place, nth, settling(leaves, seed))

    def weaken(self, place: Place, nth: int = 0) -> None:
        self._await(place, nth, None)

    def _await(self, place: Place, nth: int, settle: Settling | None) -> None:
        """Without a settling the supply is only weak."""
        flash, board, left = self._device.flash, self._device.board, nth
        self._came = False

        def hook(operation: Operation) -> bytes:
            nonlocal left
            if place_of(operation, board) != place:
                return operation.after
            left -= 1
            if left >= 0:
                return operation.after
            flash.hook, self._came = None, True
            if settle is None:
                return operation.before
            raise PowerCut(settle(operation))

        flash.hook = hook

    def came(self) -> bool:
        return self._came

    def calm(self) -> None:
        self._device.flash.hook = None

    def reset(self) -> None:
        self._act(self._device.reset)

    def erases(self) -> dict[int, int]:
        return dict(self._device.flash.erases)
