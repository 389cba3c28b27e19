"""The supply fails at each flash operation of an upgrade: one whole image boots (telink-ota 7.6)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.boot import power
from lockbench_emulator.boot.board import Board, load_board
from lockbench_emulator.boot.dialect import ServerDialect, load_dialect
from lockbench_emulator.boot.factory import install, read_image, running_version
from lockbench_emulator.boot.flash import SECTOR, Flash, Operation, PowerCut, Snapshot
from lockbench_emulator.boot.rom import boot
from lockbench_emulator.boot.server import OtaServer
from lockbench_emulator.boot.startup import power_up, wipe
from lockbench_protocol.telink import ota
from lockbench_protocol.telink.image import check_value, make_image

BOARD = load_board("b87")
TT = load_dialect("tt")
OLD = make_image(8192 + 4, "6.4.33", 1)
NEW = make_image(8192 + 4, "6.4.34", 2)
STALE = make_image(12288 + 4, "6.4.32", 3)
PARITIES = BOARD.banks
BYTES = (power.not_done, power.half, power.done)


@dataclass(frozen=True)
class Moment:
    """The cells before an operation, and the operation."""

    cells: Snapshot
    operation: Operation


def factory(bank: int, *, stale: bytes = b"", old: bytes = OLD) -> Flash:
    """OLD runs from `bank`; the other may hold an image that ran before, its mark cleared."""
    flash = Flash(BOARD.flash_size)
    install(flash, BOARD, old, bank)
    if stale:
        other = BOARD.other(bank)
        install(flash, BOARD, stale, other)
        flash.load(other + BOARD.mark_offset, b"\x00")
    return flash


def record(flash: Flash) -> list[Moment]:
    """From now on, each operation of `flash` with the cells it finds."""
    moments: list[Moment] = []

    def hook(operation: Operation) -> bytes:
        moments.append(Moment(flash.snapshot(), operation))
        return operation.after

    flash.hook = hook
    return moments


def upgrade(
    flash: Flash,
    image: bytes,
    *,
    make: Callable[[Flash, Board, ServerDialect, int], OtaServer] = OtaServer,
    dialect: ServerDialect = TT,
) -> int | None:
    """Power on, send `image`, let the server finish, power on again."""
    bank = power_up(flash, BOARD, dialect)
    assert bank is not None
    server = make(flash, BOARD, dialect, bank)
    pdus = ota.data_pdus(image)
    for value in (b"\x00\xff", b"\x01\xff", *pdus, ota.end(len(pdus) - 1, ota.EndForm.CRC)):
        server.write(value, 0)
    server.disconnected(0)
    server.advance(60)
    return power_up(flash, BOARD, dialect)


def after_cut(moment: Moment, settling: power.Settling) -> Flash:
    flash = Flash(BOARD.flash_size)
    flash.restore(moment.cells)
    flash.load(moment.operation.address, settling(moment.operation))
    return flash


def outcome(flash: Flash, old: bytes = OLD, new: bytes = NEW) -> str:
    """What boots."""
    bank = power_up(flash, BOARD, TT)
    if bank is None:
        return "brick"
    return {old: "old", new: "new"}.get(read_image(flash, BOARD, bank), "mixture")


def cuts(moments: list[Moment]) -> Iterator[tuple[int, str, str]]:
    """Every cut with its settling and what boots after it; each subset of the bits of a mark write."""
    for number, moment in enumerate(moments):
        for settling in BYTES:
            yield number, settling.__name__, outcome(after_cut(moment, settling))
        if len(moment.operation.before) == 1:
            for mask in range(16):
                yield number, f"bits {mask:x}", outcome(after_cut(moment, power.subset(mask)))


@pytest.mark.parametrize("stale", [b"", STALE], ids=["clean", "stale"])
@pytest.mark.parametrize("bank", PARITIES)
def test_every_single_cut_ends_in_one_whole_image(bank: int, stale: bytes) -> None:
    flash = factory(bank, stale=stale)
    moments = record(flash)
    assert upgrade(flash, NEW) == BOARD.other(bank)
    booted = [(number, what) for number, _, what in cuts(moments)]
    assert Counter(what for _, what in booted).keys() == {"old", "new"}
    new_mark = next(i for i, m in enumerate(moments) if m.operation.after == b"\x4b")
    assert all(what == "old" for number, what in booted if number < new_mark)
    assert all(what == "new" for number, what in booted if number > new_mark + 1)


@pytest.mark.parametrize("bank", PARITIES)
def test_between_the_marks_the_lower_bank_wins(bank: int) -> None:
    flash = factory(bank)
    moments = record(flash)
    upgrade(flash, NEW)
    seen: dict[str, Counter[str]] = {"new": Counter(), "old": Counter()}
    for moment in moments:
        if len(moment.operation.before) == 1:
            mark = "new" if moment.operation.after == b"\x4b" else "old"
            seen[mark].update(outcome(after_cut(moment, power.subset(mask))) for mask in range(16))
    if bank == 0:
        assert seen == {"new": {"old": 16}, "old": {"old": 1, "new": 15}}
    else:
        assert seen == {"new": {"old": 15, "new": 1}, "old": {"new": 16}}


@pytest.mark.parametrize("bank", PARITIES)
def test_every_single_cut_of_a_failed_upgrade_leaves_the_old_image(bank: int) -> None:
    flash = factory(bank, stale=STALE)
    moments = record(flash)
    assert upgrade(flash, NEW[:-1] + bytes([NEW[-1] ^ 1])) == bank
    assert {what for _, _, what in cuts(moments)} == {"old"}


@given(st.sampled_from(PARITIES), st.integers(0, 600), st.sampled_from(BYTES), st.integers(0, 20))
def test_after_a_cut_and_another_cut_a_retry_succeeds(
    bank: int, first: int, settling: power.Settling, second: int
) -> None:
    flash = factory(bank, stale=STALE)
    for number in (first, flash.operations + second):
        flash.hook = power.cut_at(number, settling)
        try:
            upgrade(flash, NEW)
        except PowerCut:
            continue
    flash.hook = None
    retry = make_image(5000, "7.0.0", 9)
    booted = upgrade(flash, retry)
    assert booted is not None
    assert read_image(flash, BOARD, booted) == retry[:4996]


class OldMarkFirst(OtaServer):
    """A mutant: the old mark is cleared before the new one is set."""

    def commit(self) -> bool:
        new, old = self._new + self._board.mark_offset, self._old + self._board.mark_offset
        self._flash.program(old, b"\x00")
        self._flash.program(new, b"\x4b")
        return True


@pytest.mark.parametrize("bank", PARITIES)
def test_the_reverse_commit_order_bricks_exactly_where_the_spec_says(bank: int) -> None:
    flash = factory(bank)
    moments = record(flash)
    upgrade(flash, NEW, make=OldMarkFirst)
    bricks = Counter(
        (number, name.split()[0]) for number, name, what in cuts(moments) if what not in ("old", "new")
    )
    first = next(i for i, m in enumerate(moments) if m.operation.after == b"\x00")
    assert bricks == {
        (first, "bits"): 15,
        (first, "done"): 1,
        (first + 1, "not_done"): 1,
        (first + 1, "half"): 1,  # of one byte, half is none
        (first + 1, "bits"): 15,
    }


def test_the_operations_of_a_128_kib_upgrade_are_those_of_the_model() -> None:
    """telink-ota 7.6: each operation in three styles, both parities, clean and stale: 98,922."""
    old, new = make_image(131072, "6.4.33", 1), make_image(131072, "6.4.34", 2)
    operations = []
    for stale in (b"", old):
        flash = factory(0, stale=stale, old=old)
        upgrade(flash, new)
        operations.append(flash.operations)
    assert operations == [8192 + 2 + 33, 8192 + 2 + 33 + 33]
    assert 3 * 2 * sum(operations) == 98_922


def test_a_four_byte_invalidation_can_leave_a_lower_bank_that_restarts_for_ever() -> None:
    for bank, loops in ((0, 1), (0x40000, 0)):
        flash = factory(bank)
        install(flash, BOARD, NEW, BOARD.other(bank))
        flash.load(bank + BOARD.mark_offset, b"\x4b\x4e\x4c\x14")  # torn: the low byte is still 4B
        assert (power_up(flash, BOARD, TT) is None) == bool(loops)


@pytest.mark.parametrize("marks", range(16))
def test_the_rom_runs_the_lowest_marked_candidate(marks: int) -> None:
    flash = Flash(BOARD.flash_size)
    marked = [place for bit, place in enumerate(BOARD.rom_candidates) if marks >> bit & 1]
    for place in marked:
        flash.load(place + BOARD.mark_offset, b"\x4b")
    assert boot(flash, BOARD) == (min(marked) if marked else None)


def test_a_mark_in_the_middle_of_an_image_is_a_brick() -> None:
    flash = factory(0x40000)
    flash.load(0x20008, b"\x4b")
    assert boot(flash, BOARD) == 0x20000
    assert power_up(flash, BOARD, TT) is None


@given(st.sampled_from(PARITIES), st.sets(st.integers(0, BOARD.limit // SECTOR - 1), max_size=6), st.data())
def test_the_wipe_erases_what_its_probes_see_and_the_next_two_sectors(
    bank: int, dirty: set[int], data: st.DataObject
) -> None:
    flash = factory(bank)
    other = BOARD.other(bank)
    for sector in dirty:
        probe = data.draw(st.sampled_from(TT.wipe_probes)) + data.draw(st.integers(0, 3))
        flash.load(other + sector * SECTOR + probe, b"\x7f")
    wipe(flash, BOARD, TT, bank)
    wiped = {(address - other) // SECTOR for address in flash.erases}
    assert dirty <= wiped <= {sector + more for sector in dirty for more in range(3)}
    assert wiped <= set(range(BOARD.limit // SECTOR))
    assert flash.read(other, BOARD.limit) == b"\xff" * BOARD.limit
    assert read_image(flash, BOARD, bank) == OLD


def test_an_unclamped_wipe_can_erase_the_running_image() -> None:
    for clamp, survivor in ((True, 0x40000), (False, None)):
        dialect = replace(TT, wipe_clamp=clamp)
        flash = factory(0x40000)
        flash.load(BOARD.limit - SECTOR, b"\x00")
        power_up(flash, BOARD, dialect)
        assert power_up(flash, BOARD, dialect) == survivor


def test_residue_between_the_probes_fails_one_attempt_and_heals() -> None:
    flash = factory(0)
    flash.load(0x40000 + 0x200, b"\x00")
    assert upgrade(flash, NEW) == 0
    assert upgrade(flash, NEW) == 0x40000


@pytest.mark.parametrize("cleaned", [False, True])
def test_residue_under_a_row_of_ff_stays_unless_the_failed_row_is_cleaned(cleaned: bool) -> None:
    dialect = replace(TT, clean_failed_row=cleaned)
    body = bytearray(make_image(8192 + 4, "6.4.34", 2))
    body[SECTOR : SECTOR + 16] = b"\xff" * 4 + b"\x55" * 12
    image = bytes(body[:-4]) + check_value(bytes(body), 2).to_bytes(4, "little")
    flash = factory(0)
    flash.load(0x40000 + SECTOR + 4, b"\x00")  # no probe sees it, and the row leaves the first probe FF
    booted = [upgrade(flash, image, dialect=dialect) for _ in range(2)]
    assert booted == [0, 0x40000 if cleaned else 0]


def test_the_version_that_runs_is_read_from_its_bank() -> None:
    flash = factory(0)
    upgrade(flash, NEW)
    assert running_version(flash, BOARD, 0x40000) == "6.4.34"
