"""NOR flash: a program only clears, a snapshot stays, the supply fails where it is told to."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.boot import power
from lockbench_emulator.boot.flash import BLANK, PAGE, SECTOR, Flash, Operation, PowerCut
from lockbench_protocol import LocalError

SIZE = 4 * SECTOR


@st.composite
def programs(draw: st.DrawFn) -> tuple[int, bytes]:
    """A program within one page."""
    address = draw(st.integers(0, SIZE - 1))
    room = PAGE - address % PAGE
    return address, draw(st.binary(min_size=1, max_size=min(room, 40)))


erases = st.integers(0, SIZE // SECTOR - 1).map(lambda number: number * SECTOR)
steps = st.lists(programs() | erases, max_size=30)


def run(flash: Flash, todo: list[tuple[int, bytes] | int]) -> None:
    for step in todo:
        if isinstance(step, int):
            flash.erase(step)
        else:
            flash.program(*step)


@given(steps, programs())
def test_a_flash_holds_what_it_reads(todo: list[tuple[int, bytes] | int], given: tuple[int, bytes]) -> None:
    flash = Flash(SIZE)
    run(flash, todo)
    address, data = given
    assert flash.holds(address, data) == (flash.read(address, len(data)) == data)
    assert flash.holds(address, flash.read(address, len(data)))


@given(steps, st.integers(0, 4), st.integers(0, 4), st.booleans())
def test_a_range_is_erased_as_its_sectors_are(
    todo: list[tuple[int, bytes] | int], first: int, last: int, watched: bool
) -> None:
    quick, slow = Flash(SIZE), Flash(SIZE)
    for flash in (quick, slow):
        run(flash, todo)
        flash.hook = (lambda operation: operation.after) if watched else None
    quick.erase_range(first * SECTOR, last * SECTOR)
    for number in range(first, last):
        slow.erase(number * SECTOR)
    assert quick.snapshot() == slow.snapshot()
    assert (quick.operations, quick.erases) == (slow.operations, slow.erases)


@given(steps)
def test_flash_is_what_a_byte_array_with_and_would_be(todo: list[tuple[int, bytes] | int]) -> None:
    flash, model = Flash(SIZE), bytearray(b"\xff" * SIZE)
    run(flash, todo)
    for step in todo:
        if isinstance(step, int):
            model[step : step + SECTOR] = BLANK
        else:
            for at, byte in enumerate(step[1], start=step[0]):
                model[at] &= byte
    assert flash.read(0, SIZE) == bytes(model)
    assert flash.operations == len(todo)
    assert flash.erases.total() == sum(isinstance(step, int) for step in todo)


@given(st.lists(programs(), max_size=20), programs())
def test_a_program_only_clears_bits(todo: list[tuple[int, bytes]], last: tuple[int, bytes]) -> None:
    flash = Flash(SIZE)
    run(flash, list(todo))
    before = int.from_bytes(flash.read(0, SIZE))
    flash.program(*last)
    after = int.from_bytes(flash.read(0, SIZE))
    assert after & ~before == 0


@given(steps, steps)
def test_a_snapshot_does_not_change_and_can_be_put_back(
    first: list[tuple[int, bytes] | int], then: list[tuple[int, bytes] | int]
) -> None:
    flash = Flash(SIZE)
    run(flash, first)
    cells, snapshot = flash.read(0, SIZE), flash.snapshot()
    run(flash, then)
    other = Flash(SIZE)
    other.restore(snapshot)
    assert b"".join(snapshot) == other.read(0, SIZE) == cells
    run(other, then)
    assert other.read(0, SIZE) == flash.read(0, SIZE)


@given(steps, st.integers(0, SIZE - 1), st.binary(max_size=2 * SECTOR))
def test_the_factory_loads_any_cells(todo: list[tuple[int, bytes] | int], at: int, data: bytes) -> None:
    flash = Flash(SIZE)
    run(flash, todo)
    data = data[: SIZE - at]
    model = bytearray(flash.read(0, SIZE))
    model[at : at + len(data)] = data
    flash.load(at, data)
    assert flash.read(0, SIZE) == bytes(model)
    assert flash.operations == len(todo)


@given(
    steps.filter(bool),
    st.data(),
    st.sampled_from([power.not_done, power.half, power.done, power.subset(0x2D)]),
)
def test_a_power_cut_leaves_only_its_own_operation_unfinished(
    todo: list[tuple[int, bytes] | int], data: st.DataObject, settling: power.Settling
) -> None:
    number = data.draw(st.integers(0, len(todo) - 1))
    before = Flash(SIZE)
    run(before, todo[:number])
    seen: list[Operation] = []
    flash = Flash(SIZE)

    def hook(operation: Operation) -> bytes:
        seen.append(operation)
        return power.cut_at(number, settling)(operation)

    flash.hook = hook
    with pytest.raises(PowerCut):
        run(flash, todo)
    cut = seen[-1]
    cells = bytearray(before.read(0, SIZE))
    assert cells[cut.address : cut.address + len(cut.before)] == cut.before
    cells[cut.address : cut.address + len(cut.before)] = settling(cut)
    assert [operation.number for operation in seen] == list(range(number + 1))
    assert flash.read(0, SIZE) == bytes(cells)


@given(st.binary(min_size=1, max_size=4), st.binary(min_size=4, max_size=4), st.integers(0, 255))
def test_a_torn_program_clears_only_bits_that_were_to_be_cleared(
    data: bytes, cells: bytes, mask: int
) -> None:
    before = cells[: len(data)]
    after = bytes(old & new for old, new in zip(before, data, strict=True))
    torn = power.subset(mask)(Operation(0, "program", 0, before, after))
    for old, now, new in zip(before, torn, after, strict=True):
        assert now & ~old == 0
        assert new & ~now == 0


def test_the_subsets_of_a_mark_write_are_sixteen() -> None:
    mark = Operation(0, "program", 8, b"\xff", b"\x4b")
    settled = {power.subset(mask)(mark) for mask in range(16)}
    assert len(settled) == 16
    assert power.subset(0)(mark) == b"\xff"
    assert power.subset(15)(mark) == b"\x4b"


def test_a_blank_lock_is_one_sector_and_references_to_it() -> None:
    flash = Flash()
    assert len(flash.snapshot()) == 256
    assert len({id(sector) for sector in flash.snapshot()}) == 1


def test_an_erased_sector_is_shared_again() -> None:
    flash = Flash(SIZE)
    flash.program(0, b"\x00")
    flash.erase(0)
    assert flash.snapshot()[0] is BLANK


def test_protected_cells_silently_stay() -> None:
    flash = Flash(SIZE)
    flash.program(0, b"\x12")
    flash.protected = range(SECTOR)
    flash.program(0, b"\x00")
    flash.erase(0)
    flash.program(SECTOR, b"\x34")
    assert flash.read(0, 1) + flash.read(SECTOR, 1) == b"\x12\x34"
    assert flash.operations == 4


def test_a_brown_out_is_a_hook_that_leaves_the_cells_alone() -> None:
    flash = Flash(SIZE)
    flash.hook = power.not_done
    flash.program(0, b"\x00")
    assert flash.read(0, 1) == b"\xff"


@pytest.mark.parametrize(
    ("address", "data"), [(PAGE - 1, b"ab"), (0, b""), (SIZE, b"a"), (-1, b"a"), (SIZE - 1, b"ab")]
)
def test_a_program_outside_a_page_or_the_flash_is_refused(address: int, data: bytes) -> None:
    with pytest.raises(LocalError):
        Flash(SIZE).program(address, data)


@pytest.mark.parametrize("address", [1, -SECTOR, SIZE])
def test_an_erase_of_no_sector_is_refused(address: int) -> None:
    with pytest.raises(LocalError):
        Flash(SIZE).erase(address)


def test_a_snapshot_of_another_size_is_refused() -> None:
    with pytest.raises(LocalError, match="4 sectors does not fit 256"):
        Flash().restore(Flash(SIZE).snapshot())


def test_a_flash_of_broken_sectors_is_refused() -> None:
    with pytest.raises(LocalError, match="4097"):
        Flash(4097)
