"""What a scenario means in bytes: the flash it begins with, whole images by bank, the client's writes.

All of it is derived once a scenario and process; nothing here depends on a fault.
"""

from __future__ import annotations

import hashlib
from copy import copy
from functools import lru_cache

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.factory import install
from lockbench_emulator.boot.flash import BLANK, SECTOR, Flash, Snapshot
from lockbench_emulator.boot.mutants import Mutant, mutant
from lockbench_protocol.telink.image import (
    ALGORITHMS,
    CHECKED,
    MARK,
    ROW,
    check_value,
    declared_size,
    make_image,
)

from lockbench_harness.client.ota import OtaSender, Preset, Step, load_preset
from lockbench_harness.faults.plan import Firmware, Scenario

__all__ = ["Scene", "Whole", "scene_of"]

_HIDDEN_AT = 0x200  # between the probes of every wipe that is known (telink-ota 7.4)


class Whole:
    """An image as it lies in a bank when it runs: the sectors it fills, the last one only in part."""

    def __init__(self, image: bytes, mark_offset: int) -> None:
        self.image = image[: declared_size(image)]
        self.sound = _is_sound(image)  # is its check value right?
        self._mark = range(mark_offset, mark_offset + len(MARK))
        padded = self.image.ljust(-(-len(self.image) // SECTOR) * SECTOR, b"\xff")
        self.sectors = [padded[at : at + SECTOR] for at in range(0, len(padded), SECTOR)]
        self.end = len(padded)

    def runs(self, flash: Flash, bank: int) -> bool:
        """Does `bank` hold it? The mark does not count: whether it lets the image run is not asked here."""
        found = flash.sectors(bank, bank + self.end)
        if found == self.sectors:
            return True
        if found[1:-1] != self.sectors[1:-1]:
            return False
        cells = bytearray(b"".join(found)[: len(self.image)])
        cells[self._mark.start : self._mark.stop] = MARK
        return cells == self.image

    def adopt(self, flash: Flash, bank: int) -> None:
        """Use the sectors of `flash` from now on: equal ones that are the same object compare at once."""
        found = flash.sectors(bank, bank + self.end)
        if found == self.sectors:
            self.sectors = found


class Scene:
    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self.board: Board = scenario.board
        self.mutant: Mutant = mutant(scenario.mutant)
        self.dialect: ServerDialect = self.mutant.dialect(scenario.dialect)
        self._whole: dict[tuple[Firmware, int], Whole] = {}
        self._known: dict[tuple[int, int], tuple[Firmware, Whole]] = {}  # by id, kept alive
        self._staged: dict[int, tuple[Firmware, tuple[bytes, ...]]] = {}  # likewise
        self.first_cells: Snapshot = self._first_cells()
        self.data = list(self.first_cells[self.board.data_region // SECTOR :])
        self.blank = [BLANK] * (self.board.limit // SECTOR)
        banks = self.board.banks
        self.erasable = {at for bank in banks for at in range(bank, bank + self.board.limit, SECTOR)}

    def flash(self) -> Flash:
        return Flash.of(self.first_cells)

    def whole(self, firmware: Firmware, bank: int) -> Whole:
        known = self._known.get((id(firmware), bank))
        if known is not None:
            return known[1]
        if (firmware, bank) not in self._whole:
            self._whole[firmware, bank] = Whole(firmware.data(), self.board.mark_offset)
        whole = self._whole[firmware, bank]
        self._known[id(firmware), bank] = firmware, whole
        return whole

    def runs(self, firmware: Firmware, flash: Flash, bank: int) -> bool:
        """Does `bank` hold this image, whole?"""
        return self.whole(firmware, bank).runs(flash, bank)

    def next_after(self, sent: Firmware) -> Firmware:
        """Another image than the one that was sent."""
        return self.scenario.new if sent == self.scenario.other else self.scenario.other

    def staged(self, firmware: Firmware) -> tuple[bytes, ...]:
        """What a transfer asks each sector to hold: the mark byte still FF, 00 where it writes nothing."""
        known = self._staged.get(id(firmware))
        if known is not None:
            return known[1]
        image = bytearray(firmware.data()[: declared_size(firmware.data())])
        image[self.board.mark_offset] = 0xFF
        rows = bytes(image).ljust(-(-len(image) // ROW) * ROW, b"\xff")
        padded = rows.ljust(-(-len(rows) // SECTOR) * SECTOR, b"\x00")
        staged = tuple(padded[at : at + SECTOR] for at in range(0, len(padded), SECTOR))
        self._staged[id(firmware)] = firmware, staged
        return staged

    def sender(self, firmware: Firmware) -> OtaSender:
        """A client that has sent nothing yet."""
        return copy(_sender(self.scenario.client, firmware)[0])

    def script(self, firmware: Firmware) -> tuple[Step, ...]:
        """What the client writes when nothing goes wrong."""
        return _sender(self.scenario.client, firmware)[1]

    @property
    def next_client(self) -> Preset:
        """Who comes after a failure: the same client if it speaks the dialect, else one that does."""
        client, wire = self.scenario.client, self.dialect.wire
        if client.wire == wire:
            return client
        return load_preset("ttlock" if wire == "tt" else "telink-ios")

    def next_script(self, firmware: Firmware) -> tuple[Step, ...]:
        return _sender(self.next_client, firmware)[1]

    def _first_cells(self) -> Snapshot:
        board, scenario = self.board, self.scenario
        flash = Flash(board.flash_size)
        room = board.flash_size - board.data_region
        flash.load(board.data_region, hashlib.shake_128(b"the lock's data").digest(room))
        install(flash, board, scenario.old.data(), scenario.bank)
        other = board.other(scenario.bank)
        if scenario.start in ("stale", "full"):
            image = scenario.other.data()
            if scenario.start == "full":
                image = make_image(board.limit - 12, "0.0.1", scenario.seed, mark_offset=board.mark_offset)
            install(flash, board, image, other)
            flash.load(other + board.mark_offset, bytes(self.dialect.invalidate))
        elif scenario.start == "hidden":
            middle = declared_size(scenario.new.data()) // 2 // SECTOR * SECTOR
            flash.load(other + middle + _HIDDEN_AT, bytes(16))
        elif scenario.start == "tail":
            flash.load(other + board.limit - SECTOR, bytes(16))
        return tuple(BLANK if sector == BLANK else sector for sector in flash.snapshot())


def _is_sound(data: bytes) -> bool:
    size = declared_size(data)
    if not 0x24 <= size <= len(data) or data[6] != CHECKED or data[7] not in ALGORITHMS:
        return False
    return check_value(data, data[7]) == int.from_bytes(data[size - 4 : size], "little")


@lru_cache(maxsize=8)
def _sender(client: Preset, firmware: Firmware) -> tuple[OtaSender, tuple[Step, ...]]:
    sender = OtaSender(firmware.data(), client)
    return sender, tuple(sender.script())


@lru_cache(maxsize=16)
def scene_of(scenario: Scenario) -> Scene:
    return Scene(scenario)
