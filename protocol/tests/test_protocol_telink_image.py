"""Firmware images: what is made can be read back, what is wrong is named with its offset."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol import LocalError
from lockbench_protocol.telink import ota
from lockbench_protocol.telink.image import (
    ALGORITHMS,
    HEADER,
    check_value,
    declared_size,
    make_image,
    pack_version,
    version_number,
    version_of,
)
from lockbench_protocol.telink.inspect import Severity, inspect_image

VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors/telink-ota.json").read_text())
TINY = bytes.fromhex(VECTORS["tiny_image"]["hex"])
SIZES = st.integers(84, 3000)
VERSIONS = st.tuples(*[st.integers(0, 255)] * 3).map(lambda numbers: ".".join(map(str, numbers)))


@dataclass(frozen=True)
class Layout:
    name: str = "b87"
    banks: tuple[int, ...] = (0, 0x40000)
    limit: int = 0x3F000
    mark_offset: int = 0x08
    rom_candidates: tuple[int, ...] = (0, 0x20000, 0x40000, 0x80000)


BOARD = Layout()


def errors(data: bytes, board: Layout = BOARD) -> list[tuple[int, str]]:
    found = inspect_image(data, board).findings
    return [(finding.offset, finding.text) for finding in found if finding.severity is Severity.ERROR]


@given(SIZES, VERSIONS, st.integers(), st.sampled_from([1, 2]), st.sampled_from([0x08, 0x20]))
def test_a_made_image_is_sound(size: int, version: str, seed: int, algorithm: int, mark_offset: int) -> None:
    data = make_image(size, version, seed, algorithm=algorithm, mark_offset=mark_offset)
    found = inspect_image(data, Layout(mark_offset=mark_offset))
    assert len(data) == size
    assert found.sound
    assert {finding.severity for finding in found.findings} <= {Severity.NOTE}
    assert version_of(data) == version
    assert bytes(data[2:6]) == pack_version(version)
    assert HEADER.parse(data).algorithm == algorithm


@given(SIZES, st.integers())
def test_the_declared_size_is_the_largest_with_the_vendors_remainder_and_the_rest_is_ff(
    size: int, seed: int
) -> None:
    data = make_image(size, "6.4.34", seed)
    declared = declared_size(data)
    assert declared % 16 == 4
    assert 0 <= size - declared < 16
    assert data[declared:] == b"\xff" * (size - declared)


@given(SIZES, VERSIONS, st.integers())
def test_an_image_is_the_same_bytes_for_the_same_wish(size: int, version: str, seed: int) -> None:
    assert make_image(size, version, seed) == make_image(size, version, seed)
    assert make_image(size, version, seed) != make_image(size, version, seed + 1)


@given(SIZES, st.integers(), st.data())
def test_any_flipped_bit_of_an_image_is_found(size: int, seed: int, data: st.DataObject) -> None:
    image = bytearray(make_image(size, "6.4.34", seed))
    bit = data.draw(st.integers(0, declared_size(bytes(image)) * 8 - 1))
    image[bit // 8] ^= 1 << bit % 8
    try:
        assert not inspect_image(bytes(image), BOARD).sound
    except LocalError:
        assert bit // 8 in range(0x08, 0x0C)  # the mark is gone: no Telink image any more


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: TINY[:0x20] + tail))
def test_any_file_is_inspected_or_is_a_local_error(data: bytes) -> None:
    try:
        found = inspect_image(data, BOARD)
    except LocalError as error:
        assert "no" in str(error)
    else:
        assert all(finding.offset <= len(data) for finding in found.findings)


def test_the_bytes_of_an_image_never_change() -> None:
    data = make_image(131072, "6.4.34", 1)
    digest = "d66dfa0072ee19f534e145fc9ad133b892844d4b20eb6ca2e9905008f81977a9"
    assert hashlib.sha256(data).hexdigest() == digest
    assert declared_size(data) == 131060


def test_the_jamcrc_check_value_holds() -> None:
    row = VECTORS["jamcrc"]
    assert f"{ALGORITHMS[2](row['text'].encode()):08x}" == row["value"]


def test_the_tiny_image_is_the_vector() -> None:
    row = VECTORS["tiny_image"]
    digest = hashlib.sha256(TINY).hexdigest()
    assert digest.startswith(row["sha256_begins"])
    assert digest.endswith(row["sha256_ends"])
    assert f"{check_value(TINY, 2):08x}" == row["check_value"]
    assert inspect_image(TINY, BOARD).sound
    assert version_of(TINY) == "1.0.0.0"


def test_the_algorithm_1_image_is_the_vector() -> None:
    row = VECTORS["algorithm_1_image"]
    data = TINY[:7] + bytes([row["byte_7"]]) + TINY[8:-4]
    value = check_value(data + bytes(4), 1)
    assert f"{value:08x}" == row["check_value"]
    image = data + value.to_bytes(4, "little")
    assert inspect_image(image, BOARD).sound
    assert ota.data_pdus(image)[-1].hex() == row["last_pdu"]


def test_the_version_is_packed_most_significant_first() -> None:
    assert pack_version("6.4.34").hex() == "06042200"
    assert pack_version("5.10") > pack_version("5.9")


def test_a_date_at_the_end_of_a_version_stands_only_in_the_text() -> None:
    data = make_image(200, "5.1.0.200305", 1)
    assert data[2:6].hex() == "05010000"
    assert version_of(data) == "5.1.0.200305"


def test_a_foreign_image_gives_its_four_version_bytes() -> None:
    head = bytes.fromhex("2680013099995d024b4e4c545b078800") + bytes(64)
    assert version_of(head) == "1.48.153.153"


@pytest.mark.parametrize(
    "version", ["", "6.", "v6", "6.4.34.1.2", "256.0.0", "6.4.34\n", "1.2.3.12345678901"]
)
def test_what_is_no_version_is_refused(version: str) -> None:
    with pytest.raises(LocalError, match="version"):
        make_image(200, version, 1)


@pytest.mark.parametrize("size", [-1, 0, 83, 1 << 32])
def test_a_size_that_cannot_be_is_refused(size: int) -> None:
    with pytest.raises(LocalError, match=f"an image of {size} bytes cannot be made"):
        make_image(size, "6.4.34", 1)


def test_no_image_of_ours_has_a_mark_byte_where_a_rom_looks_for_one() -> None:
    image = make_image(200 * 1024, "6.4.34", 1)
    assert image[0x20008] == 0xFF


def test_a_mark_byte_where_the_rom_looks_is_named_with_its_offset() -> None:
    image = bytearray(make_image(200 * 1024, "6.4.34", 1))
    image[0x20008] = 0x4B
    texts = dict(errors(bytes(image)))
    assert "would brick" in texts[0x20008]
    image[0x20008] = 0x00
    warnings = [
        finding for finding in inspect_image(bytes(image), BOARD).findings if finding.offset == 0x20008
    ]
    assert [finding.severity for finding in warnings] == [Severity.WARNING]
    elsewhere = Layout(rom_candidates=(0, 0x40000))
    assert 0x20008 not in [finding.offset for finding in inspect_image(bytes(image), elsewhere).findings]


def test_a_zigbee_container_is_refused_with_a_clear_word() -> None:
    with pytest.raises(LocalError, match="Zigbee OTA container"):
        inspect_image(bytes.fromhex("1ef1ee0b") + bytes(52) + make_image(200, "1.0.0", 1), BOARD)


def test_an_image_of_the_other_family_is_named() -> None:
    data = make_image(200, "6.4.34", 1, mark_offset=0x20)
    assert "RISC-V" in errors(data)[0][1]


@pytest.mark.parametrize(
    ("offset", "value", "named"),
    [
        (0x06, "5c", "no check value"),
        (0x07, "03", "algorithm 3 is unknown"),
        (0x08, "ff", "begins with ff instead of 4b"),
        (0x18, "00000000", "fewer than three data PDUs"),
        (0x18, "ffffffff", "the file has 200"),
        (0x18, "00000800", "a bank of board b87 takes 258048"),
    ],
)
def test_a_fault_of_the_header_is_named(offset: int, value: str, named: str) -> None:
    data = bytearray(make_image(200, "6.4.34", 1))
    spoilt = bytes.fromhex(value)
    data[offset : offset + len(spoilt)] = spoilt
    assert any(at == offset and named in text for at, text in errors(bytes(data)))


def test_a_wrong_check_value_is_named_with_both_values() -> None:
    data = bytearray(make_image(196, "6.4.34", 1))
    data[-1] ^= 1
    assert errors(bytes(data))[0][0] == 192


def test_bytes_after_the_declared_size_are_a_note() -> None:
    found = inspect_image(make_image(196, "6.4.34", 1) + b"signature", BOARD)
    assert found.sound
    assert [(finding.severity, finding.offset) for finding in found.findings] == [(Severity.NOTE, 196)]


@given(st.text("0123456789.", min_size=1, max_size=20))
def test_dots_and_digits_that_are_no_version_leave_the_four_bytes(text: str) -> None:
    head = bytes(0x30) + b"version=" + text.encode() + bytes(0x18 - len(text))
    wellformed = all(part for part in text.split("."))
    assert version_of(head) == (text if wellformed else ".".join("0000"))
    assert 0 <= version_number(head) <= 0xFFFF
