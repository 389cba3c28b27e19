from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol.lock.crc import TEXTBOOK, VENDOR, Crc8, crc8, crc_of


def bitwise(data: bytes) -> int:
    crc = 0
    for byte in data:
        for bit in range(8):
            out = (crc ^ byte >> bit) & 1
            crc = crc >> 1 ^ (0x8C if out else 0)
    return crc


@given(st.binary())
def test_the_textbook_table_equals_the_polynomial_bit_by_bit(data: bytes) -> None:
    assert crc8(data, TEXTBOOK) == bitwise(data)


@given(st.binary(), st.sampled_from([VENDOR, TEXTBOOK]))
def test_the_crc_over_data_followed_by_its_crc_is_zero(data: bytes, table: bytes) -> None:
    assert crc8(data + bytes([crc8(data, table)]), table) == table[0] == 0


def test_the_tables_differ_in_entry_33_only() -> None:
    assert [i for i in range(256) if VENDOR[i] != TEXTBOOK[i]] == [33]
    assert (VENDOR[33], TEXTBOOK[33]) == (0x07, 0x7D)


@pytest.mark.parametrize("table", [VENDOR, TEXTBOOK])
def test_the_check_value_is_a1_with_both_tables(table: bytes) -> None:
    assert crc8(b"123456789", table) == 0xA1


def test_the_unlock_reply_is_the_vector_that_tells_the_tables_apart() -> None:
    frame = bytes.fromhex(  # TV20
        "7f5a0503020001000154aa206409dd4f20119a93510311779be22b070878f777142f661c707cb12fa92c1804"
    )
    assert (crc8(frame, VENDOR), crc8(frame, TEXTBOOK)) == (0x00, 0xD5)


@given(st.binary(), st.sampled_from([VENDOR, TEXTBOOK]))
def test_the_automaton_walks_to_what_the_table_gives(data: bytes, table: bytes) -> None:
    by_table, walked = Crc8(table), crc_of(table)
    walked.start()
    assert by_table(data) == walked(data) == crc8(data, table)
