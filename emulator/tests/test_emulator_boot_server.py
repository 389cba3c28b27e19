"""The OTA server in the TTLock dialect: whatever comes, one whole image boots; then verdict by verdict."""

from __future__ import annotations

from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.boot.board import load_board
from lockbench_emulator.boot.dialect import ServerDialect, dialect_names, load_dialect
from lockbench_emulator.boot.factory import install, read_image, running_version
from lockbench_emulator.boot.flash import Flash, Operation
from lockbench_emulator.boot.server import Input, OtaServer, State, table
from lockbench_emulator.boot.startup import power_up
from lockbench_emulator.gatt import Disconnect, Effect, Happened, Notify, Reboot
from lockbench_protocol.telink import ota
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import make_image

BOARD = load_board("b87")
TT = load_dialect("tt")
SIZE = 4100  # two sectors, the second begun with the check value
OLD = make_image(SIZE, "6.4.33", 1)
NEW = make_image(SIZE, "6.4.34", 2)
OTHER = make_image(SIZE + 160, "7.0.0", 3)
ALGORITHM_1 = make_image(SIZE, "6.4.35", 4, algorithm=1)
VERSION, START = ota.command("VERSION"), ota.command("START")
PARITIES = BOARD.banks


def transfer(image: bytes) -> list[bytes]:
    """All writes of the TTLock client."""
    pdus = ota.data_pdus(image)
    return [VERSION, START, *pdus, ota.end(len(pdus) - 1, ota.EndForm.CRC)]


class Bench:
    """A server on a flash with OLD in its running bank, and the clock that the tests turn."""

    def __init__(self, bank: int = 0, dialect: ServerDialect = TT) -> None:
        self.flash = Flash(BOARD.flash_size)
        self.dialect = dialect
        self.now = 100.0
        self.seen: list[Effect] = []
        install(self.flash, BOARD, OLD, bank)
        self.power_up()

    def power_up(self) -> None:
        bank = power_up(self.flash, BOARD, self.dialect)
        assert bank is not None
        self.bank = bank
        self.server = OtaServer(self.flash, BOARD, self.dialect, bank)

    def write(self, *values: bytes) -> None:
        for value in values:
            self.took(self.server.write(value, self.now))

    def disconnect(self) -> None:
        self.took(self.server.disconnected(self.now))

    def wait(self, seconds: float) -> None:
        until = self.now + seconds
        while (due := self.server.deadline()) is not None and due <= until:
            self.now = due
            self.took(self.server.advance(due))
        self.now = until

    def took(self, effects: list[Effect]) -> None:
        self.seen.extend(effects)
        if Disconnect() in effects:
            self.disconnect()
        if Reboot() in effects:
            self.power_up()

    @property
    def told(self) -> list[str]:
        """The notifications so far."""
        return [effect.value.hex() for effect in self.seen if isinstance(effect, Notify)]

    @property
    def version(self) -> str:
        return running_version(self.flash, BOARD, self.bank)

    @property
    def image(self) -> bytes:
        return read_image(self.flash, BOARD, self.bank)


def mutated(value: bytes, at: int, bit: int) -> bytes:
    return bytes(byte ^ (1 << bit) if place == at % len(value) else byte for place, byte in enumerate(value))


values = st.one_of(
    st.binary(max_size=24),
    st.sampled_from(transfer(NEW) + transfer(OTHER)),
    st.builds(mutated, st.sampled_from(transfer(NEW)), st.integers(0, 19), st.integers(0, 7)),
    st.builds(ota.end, st.integers(0, 300), st.sampled_from(list(ota.EndForm))),
    st.builds(ota.data_pdu, st.integers(0, 3), st.binary(min_size=16, max_size=16)),
)
events = st.lists(
    values
    | st.sampled_from(["disconnect", "transfer of new", "half of new", "half of other"])
    | st.floats(0, 40, allow_nan=False),
    max_size=12,
)


def play(bench: Bench, event: bytes | str | float) -> None:
    match event:
        case bytes():
            bench.write(event)
        case float():
            bench.wait(event)
        case "disconnect":
            bench.disconnect()
        case "transfer of new":
            bench.write(*transfer(NEW))
        case "half of new":
            bench.write(*transfer(NEW)[:140])
        case _:
            bench.write(*transfer(OTHER)[:200])


@given(st.sampled_from(PARITIES), events)
def test_whatever_is_written_one_whole_image_boots(bank: int, todo: list[bytes | str | float]) -> None:
    bench = Bench(bank)
    for event in todo:
        play(bench, event)
    bench.wait(60)
    assert bench.image in (OLD, NEW, OTHER[: SIZE + 160])
    assert bench.server.state is State.IDLE
    assert bench.server.deadline() is None
    data = bench.flash.snapshot()[BOARD.data_region // 4096 :]
    assert set(data) == {b"\xff" * 4096}


@given(st.sampled_from(PARITIES), events)
def test_after_whatever_was_written_an_upgrade_succeeds(bank: int, todo: list[bytes | str | float]) -> None:
    bench = Bench(bank)
    for event in todo:
        play(bench, event)
    bench.wait(60)
    bench.seen.clear()
    bench.write(*transfer(ALGORITHM_1))
    bench.wait(5)
    assert bench.told == ["03ff00"]
    assert bench.image == ALGORITHM_1


@given(st.integers(2, len(transfer(NEW)) - 2), st.sampled_from(PARITIES))
def test_a_lost_data_pdu_is_told_as_01_or_the_last_one_as_04(lost: int, bank: int) -> None:
    bench = Bench(bank)
    writes = transfer(NEW)
    del writes[lost]
    bench.write(*writes)
    bench.wait(5)
    assert bench.told == ["03ff04" if lost == len(writes) - 1 else "03ff01"]
    assert bench.image == OLD


def test_a_lost_start_ends_in_silence() -> None:
    bench = Bench()
    bench.write(VERSION, *transfer(NEW)[2:])
    bench.wait(60)
    assert bench.told == []
    assert bench.image == OLD


@given(st.integers(2, len(transfer(NEW)) - 2), st.integers(0, 15), st.integers(0, 7))
def test_a_flipped_bit_of_the_image_is_told_as_02(pdu: int, at: int, bit: int) -> None:
    bench = Bench()
    writes = transfer(NEW)
    writes[pdu] = mutated(writes[pdu], at + 2, bit)
    bench.write(*writes)
    bench.wait(5)
    assert bench.told == ["03ff02"]
    assert bench.image == OLD


@given(st.integers(0x30, SIZE - 5), st.integers(0, 7))
def test_a_flipped_bit_with_its_crc_mended_is_told_as_06(at: int, bit: int) -> None:
    bench = Bench()
    bench.write(*transfer(mutated(NEW, at, bit)))
    bench.wait(5)
    assert bench.told == ["03ff06"]
    assert bench.image == OLD


@pytest.mark.parametrize("name", dialect_names())
def test_the_table_of_a_dialect_knows_every_state_and_every_input(name: str) -> None:
    inside = {Input.VERDICT, Input.TIME, Input.STAY}
    wanted = set(product(State, set(Input) - inside))
    wanted |= {(state, given) for state in State for given in (Input.VERDICT, Input.TIME)}
    wanted -= {(State.GONE, Input.VERDICT), (State.GONE, Input.TIME)}
    assert set(table(load_dialect(name))) == wanted | {(State.GONE, Input.STAY)}


@pytest.mark.parametrize("bank", PARITIES)
def test_an_upgrade_is_told_at_once_and_committed_after_the_link(bank: int) -> None:
    bench = Bench(bank)
    bench.write(*transfer(NEW))
    assert bench.told == ["03ff00"]
    assert bench.server.verdict is Result.SUCCESS
    operations = bench.flash.operations
    bench.wait(1.99)
    assert Disconnect() not in bench.seen
    bench.wait(0.02)
    assert Disconnect(0x13) in bench.seen
    assert bench.flash.operations == operations  # the marks are as they were
    bench.wait(0.1)
    assert bench.seen[-2:] == [Happened("ota", {"what": "commit", "bank": BOARD.other(bank)}), Reboot()]
    assert (bench.bank, bench.version, bench.image) == (BOARD.other(bank), "6.4.34", NEW)


def test_the_old_image_is_wiped_by_the_new_one() -> None:
    bench = Bench()
    bench.write(*transfer(NEW))
    bench.wait(5)
    assert bench.flash.read(0, BOARD.limit) == b"\xff" * BOARD.limit


def test_upgrade_after_upgrade_goes_from_bank_to_bank() -> None:
    bench = Bench()
    banks = []
    for seed in range(4):
        image = make_image(SIZE, f"7.0.{seed}", seed)
        bench.write(*transfer(image))
        bench.wait(5)
        banks.append(bench.bank)
        assert bench.image == image
    assert banks == [0x40000, 0, 0x40000, 0]


def test_a_client_that_leaves_after_the_verdict_does_not_stop_the_commit() -> None:
    bench = Bench()
    bench.write(*transfer(NEW))
    bench.disconnect()
    bench.wait(2.1)
    assert Disconnect() not in bench.seen
    assert bench.image == NEW


def test_a_link_that_does_not_end_holds_the_commit_for_four_seconds_at_most() -> None:
    bench = Bench()
    server = bench.server
    bench.write(*transfer(NEW))
    assert server.advance(bench.now + 3.99) == [Disconnect()]
    assert server.deadline() == bench.now + 4.0
    assert server.advance(bench.now + 4.0)[-1] == Reboot()


def test_only_the_first_verdict_is_told() -> None:
    bench = Bench()
    pdus = ota.data_pdus(NEW)
    bench.write(START, pdus[0], pdus[2], pdus[5], ota.end(9))
    assert bench.told == ["03ff01"]
    bench.write(START, *pdus, ota.end(len(pdus) - 1))
    bench.wait(5)
    assert bench.told == ["03ff01"]
    assert bench.image == OLD


def test_a_start_after_success_does_not_spoil_what_is_committed() -> None:
    bench = Bench()
    bench.write(*transfer(NEW), START, *ota.data_pdus(OTHER))
    bench.wait(5)
    assert bench.image == NEW


def test_a_repeated_index_is_an_error() -> None:
    bench = Bench()
    pdus = ota.data_pdus(NEW)
    bench.write(START, pdus[0], pdus[1], pdus[1])
    assert bench.told == ["03ff01"]


def test_a_repeated_index_is_ignored_where_the_dialect_says_so() -> None:
    bench = Bench(dialect=replace(TT, repeated_index="ignore"))
    pdus = ota.data_pdus(NEW)
    bench.write(START, pdus[0], *[pdu for pdu in pdus for _ in range(2)], ota.end(len(pdus) - 1))
    assert bench.told == ["03ff00"]


def test_a_start_in_the_middle_rewinds_without_erasing() -> None:
    bench = Bench()
    bench.write(START, *ota.data_pdus(NEW)[:9])
    bench.write(*transfer(NEW))
    assert bench.told == ["03ff00"]
    assert bench.flash.erases.total() == 0


def test_other_data_after_a_start_in_the_middle_is_told_as_03() -> None:
    bench = Bench()
    bench.write(START, *ota.data_pdus(NEW)[:9])
    bench.write(*transfer(OTHER))
    assert bench.told == ["03ff03"]
    bench.wait(5)
    assert bench.image == OLD


@pytest.mark.parametrize(
    ("offset", "value", "told"),
    [
        (0x06, "00", "03ff06"),  # no check value
        (0x07, "03", "03ff06"),  # unknown algorithm
        (0x08, "ff", "03ff06"),  # no mark
        (0x09, "00", "03ff06"),
        (0x18, "00000000", "03ff06"),  # fewer than three rows
        (0x18, "20000000", "03ff06"),
        (0x18, "ffffffff", "03ff04"),  # more than was sent
        (0x18, "24000000", "03ff06"),  # the check value is looked for elsewhere
    ],
)
def test_a_spoilt_header_is_refused(offset: int, value: str, told: str) -> None:
    bench = Bench()
    spoilt = bytes.fromhex(value)
    bench.write(*transfer(NEW[:offset] + spoilt + NEW[offset + len(spoilt) :]))
    assert bench.told == [told]
    bench.wait(5)
    assert bench.image == OLD


def test_a_row_beyond_the_limit_is_not_written_and_told_as_06() -> None:
    bench = Bench()
    image = make_image(BOARD.limit + 4, "6.4.34", 1)
    bench.write(*transfer(image))
    assert bench.told == ["03ff06"]
    assert bench.flash.read(BOARD.other(0) + BOARD.limit, 4096) == b"\xff" * 4096
    bench.wait(5)
    assert bench.image == OLD


def test_an_image_that_fills_the_bank_is_taken() -> None:
    bench = Bench()
    image = make_image(BOARD.limit - 12, "6.4.34", 1)
    bench.write(*transfer(image))
    bench.wait(5)
    assert bench.image == image


@pytest.mark.parametrize(
    ("end", "told"),
    [
        (ota.end(0x100, ota.EndForm.PLAIN), "03ff00"),
        (ota.end(0x1F, ota.EndForm.PLAIN), "03ff04"),  # six bytes, sound complement: compared
        (bytes.fromhex("02ff1f000000"), "03ff00"),  # a wrong complement only skips the comparison
        (ota.end(0x1F, ota.EndForm.CRC), "03ff00"),
        (ota.end(0x1F, ota.EndForm.PADDED), "03ff00"),
        (bytes.fromhex("02ff"), "03ff00"),
        (bytes.fromhex("02ff0001fffe0000"), "03ff00"),  # its CRC is not checked
    ],
)
def test_only_an_end_of_six_bytes_has_its_index_compared(end: bytes, told: str) -> None:
    bench = Bench()
    bench.write(START, *ota.data_pdus(NEW), end)
    assert bench.told == [told]


def test_an_early_end_is_told_as_04() -> None:
    bench = Bench()
    bench.write(START, *ota.data_pdus(NEW)[:50], ota.end(49, ota.EndForm.CRC))
    assert bench.told == ["03ff04"]


def test_bytes_after_the_declared_size_are_told_as_04() -> None:
    bench = Bench()
    bench.write(*transfer(NEW + bytes(1340)))
    assert bench.told == ["03ff04"]


def test_commands_that_the_dialect_lacks_are_taken_for_indexes() -> None:
    for value in ("03fff001", "04ff020101", "10ff", "ffff"):
        bench = Bench()
        bench.write(bytes.fromhex(value))
        assert bench.told == []
        bench.write(START, bytes.fromhex(value))
        assert bench.told == ["03ff01"]


@pytest.mark.parametrize("length", [0, 1])
def test_a_value_of_less_than_two_bytes_is_ignored(length: int) -> None:
    bench = Bench()
    bench.write(START, bytes(length), *ota.data_pdus(NEW), ota.end(256))
    assert bench.told == ["03ff00"]


@pytest.mark.parametrize("length", [2, 4, 19, 21, 36])
def test_a_data_pdu_of_another_length_is_told_as_02(length: int) -> None:
    bench = Bench()
    bench.write(START, ota.data_pdu(0, bytes(32))[:length])
    assert bench.told == ["03ff02"]


def test_data_before_start_is_written_without_a_verdict_and_cleaned_after_the_idle_time() -> None:
    bench = Bench()
    pdus = ota.data_pdus(NEW)
    bench.write(*pdus, ota.end(256), pdus[0])
    assert bench.told == []
    assert bench.flash.read(0x40000, 8) == NEW[:8]
    bench.wait(29.9)
    assert bench.flash.read(0x40000, 8) == NEW[:8]
    bench.wait(0.2)
    assert Reboot() in bench.seen
    assert bench.told == []
    assert bench.image == OLD
    assert bench.flash.read(0x40000, BOARD.limit) == b"\xff" * BOARD.limit


def test_a_lost_end_times_out_without_a_word() -> None:
    bench = Bench()
    bench.write(*transfer(NEW)[:-1])
    bench.wait(30)
    assert bench.told == []
    assert bench.seen[-1] == Reboot()
    assert Happened("ota", {"what": "verdict", "result": "timeout"}) in bench.seen
    assert bench.image == OLD


def test_every_accepted_pdu_holds_the_idle_timer_back() -> None:
    bench = Bench()
    for value in transfer(NEW)[:20]:
        bench.wait(29)
        bench.write(value)
    assert bench.server.state is State.RECEIVING


def test_a_client_that_comes_back_in_time_starts_again() -> None:
    bench = Bench()
    bench.write(*transfer(NEW)[:100])
    bench.disconnect()
    bench.wait(20)
    bench.write(*transfer(NEW))
    bench.wait(5)
    assert bench.image == NEW


def test_a_resumed_transfer_without_start_goes_on_but_one_with_start_begins_at_zero() -> None:
    bench = Bench()
    bench.write(*transfer(NEW)[:100])
    bench.disconnect()
    bench.write(START, *transfer(NEW)[100:])
    assert bench.told == ["03ff01"]


def test_the_server_is_busy_from_the_first_pdu_to_the_reboot() -> None:
    bench = Bench()
    busy = [bench.server.busy]
    bench.write(VERSION)
    busy.append(bench.server.busy)
    bench.wait(30)
    busy.append(bench.server.busy)  # a new server after the reboot
    assert busy == [False, True, False]


def test_protected_flash_is_told_as_03() -> None:
    bench = Bench()
    bench.flash.protected = range(0x40000, 0x80000)
    bench.write(*transfer(NEW))
    assert bench.told == ["03ff03"]


def test_the_failure_erase_goes_from_the_top_down() -> None:
    bench = Bench()
    erased: list[int] = []
    bench.write(START, *ota.data_pdus(OTHER)[:260])

    def hook(operation: Operation) -> bytes:
        erased.append(operation.address)
        return operation.after

    bench.flash.hook = hook
    bench.write(ota.end(259))
    bench.wait(3)
    assert erased == [0x41000, 0x40000]


def test_a_brown_out_of_the_new_mark_bricks_unless_it_is_read_back() -> None:
    for readback, survivor in ((False, None), (True, 0)):
        dialect = replace(TT, commit_readback=readback)
        bench = Bench(dialect=dialect)
        server = bench.server
        bench.write(*transfer(NEW))
        bench.disconnect()
        mark = bench.flash.operations

        def hook(operation: Operation, mark: int = mark) -> bytes:
            return operation.before if operation.number == mark else operation.after

        bench.flash.hook = hook
        server.advance(bench.now + 10)
        assert power_up(bench.flash, BOARD, dialect) == survivor


def test_a_four_byte_invalidation_clears_the_whole_mark_word() -> None:
    bench = Bench(dialect=replace(TT, invalidate=4))
    server = bench.server
    bench.write(*transfer(NEW))
    bench.disconnect()
    server.advance(bench.now + 10)
    assert bench.flash.read(0x06, 8).hex() == "5d02" + "00" * 4 + "5b07"
