"""The four dialects on one server core: what comes of good and bad transfers in each (telink-ota 4, 5)."""

from __future__ import annotations

import zlib
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.boot.board import Board, load_board
from lockbench_emulator.boot.dialect import ServerDialect, load_dialect
from lockbench_emulator.boot.factory import install, read_image
from lockbench_emulator.boot.flash import Flash, Operation
from lockbench_emulator.boot.server import OtaServer
from lockbench_emulator.boot.startup import power_up
from lockbench_emulator.gatt import Disconnect, Effect, Happened, Notify, Reboot
from lockbench_protocol.telink import ota
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import declared_size, make_image
from lockbench_protocol.telink.mutate import put, sign

B87, B85, B91 = load_board("b87"), load_board("b85"), load_board("b91")
G1, G1M, G2, TT = (load_dialect(name) for name in ("g1", "g1m", "g2", "tt"))
SIZE = 4100
NEW = make_image(SIZE, "6.4.34", 2)
OTHER = make_image(SIZE + 160, "7.0.0", 3)
START = ota.command("START")
LENGTHS = [16 * rows for rows in range(1, 16)]


class Bench:
    """A server that runs an old image from bank 0, and a link that is up until the server ends it."""

    def __init__(self, dialect: ServerDialect, board: Board = B87) -> None:
        self.board, self.dialect = board, dialect
        self.flash = Flash(board.flash_size)
        self.old = make_image(SIZE, "6.4.33", 1, mark_offset=board.mark_offset)
        install(self.flash, board, self.old)
        self.now = 100.0
        self.seen: list[Effect] = []
        self.start_up()

    def start_up(self) -> None:
        bank = power_up(self.flash, self.board, self.dialect)
        assert bank is not None
        self.bank = bank
        self.server = OtaServer(self.flash, self.board, self.dialect, bank)

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
            self.start_up()

    @property
    def told(self) -> list[str]:
        return [effect.value.hex() for effect in self.seen if isinstance(effect, Notify)]

    @property
    def verdicts(self) -> list[object]:
        found = [effect.detail for effect in self.seen if isinstance(effect, Happened)]
        return [detail["result"] for detail in found if detail["what"] in ("verdict", "refused")]

    @property
    def image(self) -> bytes:
        return read_image(self.flash, self.board, self.bank)


def start(length: int, *, compare: bool = False) -> bytes:
    return (
        START if length == 16 else ota.command("START_EXT", pdu_length=length, version_compare=int(compare))
    )


def transfer(image: bytes, length: int = 16) -> list[bytes]:
    pdus = ota.data_pdus(image, length)
    return [start(length), *pdus, ota.end(len(pdus) - 1)]


@given(st.sampled_from(LENGTHS), st.integers(84, 9000), st.sampled_from([1, 2]), st.sampled_from([B87, B91]))
def test_an_image_of_any_size_travels_in_pdus_of_any_length(
    length: int, size: int, algorithm: int, board: Board
) -> None:
    image = make_image(size, "6.4.34", 2, algorithm=algorithm, mark_offset=board.mark_offset)
    image = image[: declared_size(image)]
    bench = Bench(G2, board)
    bench.write(*transfer(image, length))
    bench.wait(5)
    assert bench.told == ["06ff0000"]
    assert bench.image == image


@given(st.sampled_from([G1, G1M, G2, TT]), st.integers(84, 3000), st.sampled_from([B87, B91]))
def test_every_dialect_takes_an_image_in_pdus_of_16(dialect: ServerDialect, size: int, board: Board) -> None:
    image = make_image(size, "6.4.34", 2, mark_offset=board.mark_offset)
    image = image[: declared_size(image)]
    bench = Bench(dialect, board)
    bench.write(*transfer(image))
    bench.wait(5)
    assert bench.told == {"g1": [], "tt": ["03ff00"]}.get(dialect.name, ["06ff0000"])
    assert bench.image == image


def flipped(value: bytes, bit: int) -> bytes:
    cells = bytearray(value)
    cells[bit // 8] ^= 1 << bit % 8
    return bytes(cells)


@given(st.sampled_from(LENGTHS), st.data())
def test_a_flipped_bit_of_image_or_crc_is_a_crc_error_at_any_length(length: int, data: st.DataObject) -> None:
    writes = transfer(NEW, length)
    pdu = data.draw(st.integers(1, len(writes) - 2))
    bit = data.draw(st.integers(16, len(writes[pdu]) * 8 - 1))
    size_field = pdu == 1 and 0x1A * 8 <= bit < 0x1E * 8  # read before the CRC: the length depends on it
    writes[pdu] = flipped(writes[pdu], bit)
    bench = Bench(G2)
    bench.write(*writes)
    bench.wait(5)
    assert bench.told == ["06ff0300"] or (size_field and bench.told == ["06ff0900"])
    assert bench.image == bench.old


@given(st.sampled_from(LENGTHS), st.data())
def test_a_lost_pdu_and_a_repeated_one_are_sequence_errors_in_g2(length: int, data: st.DataObject) -> None:
    for mistake in ("lost", "twice"):
        writes = transfer(NEW, length)
        pdu = data.draw(st.integers(1, len(writes) - 2))
        writes[pdu : pdu + 1] = [] if mistake == "lost" else [writes[pdu]] * 2
        bench = Bench(G2)
        bench.write(*writes)
        last_lost = mistake == "lost" and pdu == len(writes) - 1
        assert bench.told == ["06ff0500" if last_lost else "06ff0100"]
        bench.wait(5)
        assert bench.image == bench.old
        bench.seen.clear()
        bench.write(*transfer(OTHER, length))
        bench.wait(5)
        assert bench.told == ["06ff0000"]


@pytest.mark.parametrize(
    ("dialect", "verdict", "told"),
    [
        (G1, "sequence", []),
        (G1M, "success", ["06ff0000"]),
        (G2, "sequence", ["06ff0100"]),
        (TT, "sequence", ["03ff01"]),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_repeated_pdu_is_what_the_dialect_makes_of_it(
    dialect: ServerDialect, verdict: str, told: list[str]
) -> None:
    bench = Bench(dialect)
    writes = transfer(NEW)
    bench.write(*writes[:40], writes[39], *writes[40:])
    assert (bench.verdicts, bench.told) == ([verdict], told)


@pytest.mark.parametrize(
    ("dialect", "verdict"),
    [(G1, "check"), (G1M, "check"), (TT, "check"), (G2, "mark")],
    ids=lambda value: getattr(value, "name", None),
)
def test_a_missing_mark_has_a_number_of_its_own_only_in_g2(dialect: ServerDialect, verdict: str) -> None:
    bench = Bench(dialect)
    bench.write(*transfer(NEW[:8] + bytes(4) + NEW[12:]))
    wire = dialect.on_the_wire()
    expected = wire.notification(Result[verdict.upper()])
    assert bench.told == ([] if expected is None else [expected.hex()])
    bench.wait(5)
    assert bench.image == bench.old


@pytest.mark.parametrize("dialect", [G1, G1M, TT, G2], ids=lambda dialect: dialect.name)
def test_an_image_of_128_kib_is_refused_by_the_board_with_124_before_the_first_erase(
    dialect: ServerDialect,
) -> None:
    bench = Bench(dialect, B85)
    operations: list[Operation] = []

    def hook(operation: Operation) -> bytes:
        operations.append(operation)
        return operation.after

    bench.flash.hook = hook
    image = make_image(128 * 1024, "6.4.34", 1)
    for value in transfer(image):
        bench.write(value)
        if bench.verdicts:
            break
    assert bench.verdicts == ["size"]
    assert {operation.kind for operation in operations} == {"program"}
    bench.wait(5)
    assert bench.image == bench.old
    top = max(operation.address for operation in operations)
    assert top < B85.banks[1] + (16 if dialect is G2 else B85.limit)


# G2, telink-ota 4.4 and 5.1


@pytest.mark.parametrize(
    ("writes", "told"),
    [
        (["0000" + "00" * 18], ["06ff0600"]),  # data before START
        (["02ff0000ffff"], ["06ff0600"]),  # END before START
        (["20ff"], ["06ff0200"]),  # unknown
        (["07ff"], ["06ff0200"]),
        (["10ff" + "00" * 18], ["06ff8200"]),  # no secure boot here
        (["00ff", "00ff" + "ff" * 18], []),  # VERSION of any length has no reply
        (["01ff", "01ff"], ["06ff0600"]),
        (["01ff", "03fff001"], ["06ff0600"]),
        (["03fff000", "01ff"], ["06ff0600"]),
        (["03ff1400"], ["06ff0900"]),  # N = 20
        (["03ff0000"], ["06ff0900"]),
        (["03fff0"], ["06ff0200"]),
        (["03ff1000" + "00" * 16], []),
        (["01ff", "00000000"], ["06ff0900"]),  # a short PDU
        (["01ff", "0000000000"], ["06ff0200"]),  # an odd one
        (["01ff", "0050" + "00" * 18], ["06ff0200"]),  # an index beyond the limit
        (["01ff", "0500" + "00" * 18], ["06ff0100"]),
    ],
)
def test_g2_answers_what_is_out_of_order_or_malformed(writes: list[str], told: list[str]) -> None:
    bench = Bench(G2)
    bench.write(*map(bytes.fromhex, writes))
    assert bench.told == told
    bench.wait(5)
    bench.seen.clear()
    if told:
        assert bench.flash.operations == 0
        bench.write(*transfer(NEW))
        assert bench.told == ["06ff0000"]


@pytest.mark.parametrize(
    ("asked", "reply", "started"),
    [
        ("04ff226401", "05ff216401", []),  # 6.4.34 over 6.4.33
        ("04ff216401", "05ff216400", ["06ff0800"]),  # equal
        ("04ff206401", "05ff216400", ["06ff0800"]),  # lower
        ("04ff206400", "05ff216401", []),  # lower, but nobody compares
    ],
)
def test_only_a_higher_version_replaces_a_lower_one_when_asked(
    asked: str, reply: str, started: list[str]
) -> None:
    bench = Bench(G2)
    bench.write(bytes.fromhex(asked), start(240, compare=True))
    assert bench.told == [reply, *started]


def test_a_comparison_that_nobody_asked_for_is_accepted() -> None:
    bench = Bench(G2)
    bench.write(start(240, compare=True))
    assert bench.told == []


def test_a_pdu_length_above_the_cap_of_the_chip_is_not_supported() -> None:
    bench = Bench(replace(G2, largest_pdu=64))
    bench.write(start(80))
    assert bench.told == ["06ff0f00"]


def test_a_last_pdu_padded_to_the_full_length_is_refused_unless_the_key_says_otherwise() -> None:
    pdus = ota.data_pdus(NEW, 64)
    padded = ota.data_pdu(len(pdus) - 1, pdus[-1][2:-2].ljust(64, b"\xff"))
    told = []
    for last_pdu in ("rows", "rows or full"):
        bench = Bench(replace(G2, last_pdu=last_pdu))
        bench.write(start(64), *pdus[:-1], padded, ota.end(len(pdus) - 1))
        told.append(bench.told)
    assert told == [["06ff0900"], ["06ff0000"]]


@pytest.mark.parametrize(("kind", "head"), [("pdus", "08ff"), ("bytes", "09ff")])
def test_progress_is_notified_every_so_many_pdus(kind: str, head: str) -> None:
    bench = Bench(replace(G2, schedule=kind, schedule_step=20))  # type: ignore[arg-type]  # both are allowed
    bench.write(*transfer(NEW, 64))
    numbers = [int.from_bytes(bytes.fromhex(value)[2:], "little") for value in bench.told[:-1]]
    assert {value[:4] for value in bench.told[:-1]} == {head}
    unit = 1 if kind == "pdus" else 64
    assert numbers == [20 * unit, 40 * unit, 60 * unit]
    assert bench.told[-1] == "06ff0000"


def test_progress_in_bytes_stops_at_the_declared_size() -> None:
    bench = Bench(replace(G2, schedule="bytes", schedule_step=65))
    bench.write(*transfer(NEW, 64))
    assert bench.told[0] == "09ff" + SIZE.to_bytes(4, "little").hex()


@pytest.mark.parametrize(
    ("pauses", "told", "at"),
    [
        ([5.1], "06ff0c00", 105.0),  # nothing after START
        ([4.0, 5.1], "06ff0c00", 109.0),
        ([4.9] * 8, "06ff0d00", 130.0),  # each gap is fine, the sum is not
    ],
)
def test_g2_has_a_time_for_the_gap_and_one_for_the_whole(pauses: list[float], told: str, at: float) -> None:
    bench = Bench(G2)
    pdus = iter(ota.data_pdus(NEW))
    bench.write(START)
    heard = None
    for pause in pauses:
        until = bench.now + pause
        while (due := bench.server.deadline()) is not None and due <= until and heard is None:
            bench.now = due
            bench.took(bench.server.advance(due))
            heard = bench.now if bench.told else None
        bench.now = until
        bench.write(next(pdus))
    assert bench.told == [told]
    assert heard == at


def test_a_refused_attempt_of_g2_ends_the_link_cleans_and_stays() -> None:
    bench = Bench(G2)
    bench.write(START, *ota.data_pdus(NEW)[:9], ota.end(8))
    assert bench.told == ["06ff0500"]
    bench.wait(1)
    assert Disconnect() in bench.seen
    assert Reboot() not in bench.seen
    assert bench.flash.read(0x40000, 4096) == b"\xff" * 4096
    assert not bench.server.busy


@pytest.mark.parametrize(
    ("key", "parts", "reboots"),
    [("reboot", False, True), ("stay", False, False), ("disconnect, reboot", True, True)],
)
def test_what_follows_a_failure_is_a_key(key: str, parts: bool, reboots: bool) -> None:
    bench = Bench(replace(G2, after_failure=key))  # type: ignore[arg-type]  # all are allowed
    bench.write(START, *ota.data_pdus(NEW)[:9], ota.end(8))
    bench.wait(5)
    assert (Disconnect() in bench.seen, Reboot() in bench.seen) == (parts, reboots)
    assert bench.flash.read(0x40000, 4096) == b"\xff" * 4096
    bench.write(*transfer(OTHER))
    bench.wait(5)
    assert bench.image == OTHER[: SIZE + 160]


def test_a_lost_link_fails_at_once_in_g2_and_is_left_to_the_timer_elsewhere() -> None:
    seen = {}
    for dialect in (G1, G1M, G2, TT):
        bench = Bench(dialect)
        bench.write(*transfer(NEW)[:40])
        bench.disconnect()
        bench.wait(1)
        seen[dialect.name] = (bench.verdicts, bench.told)
        bench.wait(600)
        assert bench.verdicts == (["link"] if dialect is G2 else ["timeout"])
        assert bench.flash.read(0x40000, 4096) == b"\xff" * 4096
        assert bench.image == bench.old
    assert seen == {"g1": ([], []), "g1m": ([], []), "g2": (["link"], []), "tt": ([], [])}


def test_g2_says_when_it_unlocks_the_flash() -> None:
    bench = Bench(G2)
    bench.write(*transfer(NEW))
    told = [effect.detail["what"] for effect in bench.seen if isinstance(effect, Happened)]
    assert told == ["start", "flash unlocked", "verdict", "flash locked"]


def test_an_old_image_that_protects_its_flash_refuses_one_that_does_not() -> None:
    bench = Bench(replace(G2, flash_protection=True))
    bench.flash.load(0x15, b"\x01")
    bench.write(*transfer(NEW, 64))
    assert bench.told == ["06ff1100"]


@pytest.mark.parametrize("length", [16, 32, 240])
@pytest.mark.parametrize("offset", range(0x12, 0x16))
def test_a_server_may_ask_for_the_product_of_the_old_image(length: int, offset: int) -> None:
    """telink-ota 4.1 point 3, an option; 6: manufacturer code and image type."""
    other = sign(put(NEW, offset, b"?"))
    for image, same, told in ((NEW, True, "06ff0000"), (other, True, "06ff0700"), (other, False, "06ff0000")):
        bench = Bench(replace(G2, same_product=same))
        bench.write(*transfer(image, length))
        assert bench.told == [told]


def test_a_maker_may_begin_the_check_value_elsewhere() -> None:
    """telink-ota 6.1."""
    usual, makers = 0xFFFFFFFF, 0x12345678
    body = NEW[: declared_size(NEW) - 4]
    own = body + (zlib.crc32(body, makers ^ 0xFFFFFFFF) ^ 0xFFFFFFFF).to_bytes(4, "little")
    for init, good, bad in ((usual, NEW, own), (makers, own, NEW)):
        for image, told in ((good, "06ff0000"), (bad, "06ff0700")):
            bench = Bench(replace(G2, check_init=init))
            bench.write(*transfer(image, 64))
            assert bench.told == [told]


def test_a_pdu_is_programmed_page_by_page_and_a_row_by_row() -> None:
    lengths: dict[str, list[int]] = {}
    for program in ("pdu", "rows"):
        bench = Bench(replace(G2, program=program))
        seen = lengths.setdefault(program, [])

        def hook(operation: Operation, seen: list[int] = seen) -> bytes:
            seen.append(len(operation.after))
            assert operation.address % 256 + len(operation.after) <= 256
            return operation.after

        bench.flash.hook = hook
        bench.write(start(240), *ota.data_pdus(NEW, 240)[:2])
    assert lengths == {"pdu": [240, 16, 224], "rows": [16] * 30}


# G1m and G1


def test_what_comes_after_the_verdict_is_still_written_by_the_mesh_source() -> None:
    """telink-ota 4.1 point 8. Other data in that time spoils what is committed two seconds later."""
    bench = Bench(G1M)
    bench.write(*transfer(NEW), START, ota.data_pdus(OTHER)[0])
    bench.wait(5)
    assert bench.told == ["06ff0000"]
    assert bench.image not in (NEW, bench.old)


def test_data_before_start_is_erased_by_the_legacy_library_when_the_link_ends() -> None:
    bench = Bench(G1)
    bench.write(*ota.data_pdus(NEW)[:9])
    bench.wait(1000)
    assert bench.flash.read(0x40000, 8) == NEW[:8]
    bench.disconnect()
    assert bench.flash.read(0x40000, 4096) == b"\xff" * 4096
    assert not bench.server.busy


def test_the_legacy_library_has_one_timer_from_start() -> None:
    bench = Bench(G1)
    pdus = ota.data_pdus(NEW)
    bench.write(START)
    for pdu in pdus[:19]:
        bench.wait(30)
        bench.write(ota.command("VERSION"), pdu)
    assert bench.verdicts == []
    bench.wait(31)
    assert bench.verdicts == ["timeout"]
    assert bench.told == []


@pytest.mark.parametrize("dialect", [G1, G1M, TT], ids=lambda dialect: dialect.name)
def test_a_client_of_g2_hears_nothing_from_the_others(dialect: ServerDialect) -> None:
    bench = Bench(dialect)
    bench.write(bytes.fromhex("04ff226401"), *transfer(NEW, 240))
    bench.wait(700)
    assert bench.told == []
    assert bench.image == bench.old


def test_bytes_beyond_the_declared_size_are_told_as_the_dialect_says() -> None:
    told = {}
    for dialect in (G1, G1M, G2, TT):
        bench = Bench(dialect)
        bench.write(*transfer(NEW + bytes(1340)))
        told[dialect.name] = (bench.verdicts[0], bench.told)
        bench.wait(5)
        assert bench.image == bench.old
    assert told == {
        "g1": ("incomplete", []),
        "g1m": ("incomplete", ["06ff0500"]),
        "g2": ("invalid", ["06ff0200"]),
        "tt": ("incomplete", ["03ff04"]),
    }


@pytest.mark.parametrize(
    ("strict", "end", "told"),
    [
        (False, ota.end(0x1F, ota.EndForm.PADDED), "06ff0000"),  # fwupd's wrong index goes unseen
        (True, ota.end(0x1F, ota.EndForm.PADDED), "06ff0500"),
        (True, ota.end(0x1F, ota.EndForm.CRC), "06ff0500"),
        (True, ota.end(256, ota.EndForm.CRC), "06ff0000"),
        (True, bytes.fromhex("02ff"), "06ff0000"),
    ],
)
def test_a_strict_server_reads_the_first_six_bytes_of_any_end(strict: bool, end: bytes, told: str) -> None:
    dialect = replace(G2, end_index="first six bytes") if strict else G2
    bench = Bench(dialect)
    bench.write(*transfer(NEW)[:-1], end)
    assert bench.told == [told]
