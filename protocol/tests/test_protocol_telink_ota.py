"""OTA PDUs and results: round trips first, then the vectors of telink-ota 10."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.telink import ota
from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.dialects import DIALECTS, G1, G1M, G2, TT, Dialect, Result, dialect

pytestmark = pytest.mark.usefixtures("codecs")
VECTORS: dict[str, Any] = json.loads((Path(__file__).parent / "vectors/telink-ota.json").read_text())
LENGTHS = st.integers(1, 15).map(lambda rows: rows * 16)


def slow_crc16(data: bytes) -> int:
    crc = 0xFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ 0xA001 if crc & 1 else crc >> 1
    return crc


@given(st.binary(max_size=40) | st.binary(min_size=18, max_size=18))
def test_the_fast_crc_is_the_bit_by_bit_crc(data: bytes) -> None:
    assert crc16(data) == slow_crc16(data)


@given(st.binary(max_size=2000), LENGTHS)
def test_data_pdus_carry_the_image_and_only_pad_it(data: bytes, length: int) -> None:
    pdus = [ota.decode(value, G2) for value in ota.data_pdus(data, length)]
    carried = b"".join(bytes(pdu.fields["image"]) for pdu in pdus)
    assert [pdu.fields["index"] for pdu in pdus] == list(range(len(pdus)))
    assert len(carried) % 16 == 0
    assert carried[: len(data)] == data
    assert carried[len(data) :] == b"\xff" * (len(carried) - len(data))
    assert len(carried) - len(data) < 16


@given(st.integers(0, 0xFEFF), LENGTHS.flatmap(lambda n: st.binary(min_size=n, max_size=n)))
def test_the_fast_data_pdu_is_the_schema(index: int, image: bytes) -> None:
    built = ota.data_schema(len(image)).build({"covered": {"value": {"index": index, "image": image}}})
    assert ota.data_pdu(index, image) == built


@given(st.integers(0, 0xFEFF), st.binary(min_size=16, max_size=16), st.integers(0, 159))
def test_a_flipped_bit_in_a_data_pdu_is_found(index: int, image: bytes, bit: int) -> None:
    value = bytearray(ota.data_pdu(index, image))
    value[bit // 8] ^= 1 << bit % 8
    opcode = int.from_bytes(value[:2], "little")
    if opcode >= ota.FIRST_OPCODE:
        return  # the flip made a command of it
    with pytest.raises(RemoteError, match="CRC-16 at byte 18"):
        ota.decode(bytes(value), TT)


@given(
    st.binary(max_size=64), st.sampled_from(list(DIALECTS.values())), st.sampled_from(["client", "server"])
)
def test_any_value_decodes_or_is_a_remote_error(value: bytes, spoken: Dialect, sender: Any) -> None:
    try:
        pdu = ota.decode(value, spoken, sender)
    except RemoteError:
        return
    assert pdu.name in {"DATA", *ota.COMMANDS}


@given(st.sampled_from([G1M, G2, TT]), st.sampled_from(list(Result)))
def test_a_result_told_is_the_result_read(spoken: Dialect, result: Result) -> None:
    try:
        told = spoken.notification(result)
    except LocalError:
        assert result not in spoken.results.values()
        return
    assert told is not None
    assert spoken.result(told) is spoken.told_as.get(result, result)


@pytest.mark.parametrize("row", VECTORS["commands"], ids=lambda row: f"{row['id']} {row['hex']}")
def test_commands_are_the_vectors(row: dict[str, Any]) -> None:
    value, spoken, rest = (
        bytes.fromhex(row["hex"]),
        dialect(row["dialect"]),
        bytes.fromhex(row.get("rest", "")),
    )
    pdu = ota.decode(value, spoken, row["sender"])
    assert pdu.name == row["name"]
    assert {key: pdu.fields[key] for key in row["fields"]} == row["fields"]
    assert pdu.fields.get("rest", b"") == rest
    assert ota.command(row["name"], **row["fields"], rest=rest) == value


@pytest.mark.parametrize("row", VECTORS["results"], ids=lambda row: f"{row['dialect']} {row['hex']}")
def test_results_are_the_vectors(row: dict[str, Any]) -> None:
    spoken, value = dialect(row["dialect"]), bytes.fromhex(row["hex"])
    assert spoken.result(value) is Result[row["result"]]
    assert spoken.notification(Result[row["result"]]) == value
    assert ota.decode(value, spoken, "server").name == "RESULT"


@pytest.mark.parametrize("row", VECTORS["pdus"], ids=lambda row: f"{row['id']} {row['index']}")
def test_data_pdus_are_the_vectors(row: dict[str, Any]) -> None:
    value = bytes.fromhex(row["hex"])
    assert ota.decode(value, G2).fields["index"] == row["index"]
    assert ota.data_pdu(row["index"], value[2:-2]) == value


@pytest.mark.parametrize("row", VECTORS["ends"], ids=lambda row: row["id"])
def test_ends_are_the_vectors(row: dict[str, Any]) -> None:
    value = bytes.fromhex(row["hex"])
    assert ota.end(row["max_index"], ota.EndForm[row["form"]]) == value
    fields = ota.decode(value, TT).fields
    assert (fields["max_index"], fields["complement"]) == (row["max_index"], row["max_index"] ^ 0xFFFF)


@pytest.mark.parametrize("row", VECTORS["padded_commands"], ids=lambda row: row["name"])
def test_padded_commands_are_the_vectors(row: dict[str, Any]) -> None:
    value = bytes.fromhex(row["hex"])
    assert ota.decode(value, G1).name == row["name"]
    assert crc16(value[:-2]) == int.from_bytes(value[-2:], "little")


@pytest.mark.parametrize("length", [16, 32, 64, 80, 128, 240])
def test_an_image_of_86340_bytes_takes_the_pdus_of_the_vectors(length: int) -> None:
    row = VECTORS["pdu_counts"]
    pdus = ota.data_pdus(bytes(row["size"]), length)
    assert [len(pdus), len(pdus[-1])] == row["by_length"][str(length)]


@pytest.mark.parametrize("length", ["16", "64"])
def test_the_tiny_image_travels_as_in_the_vectors(length: str) -> None:
    tiny = VECTORS["tiny_image"]
    pdus = ota.data_pdus(bytes.fromhex(tiny["hex"]), int(length))
    assert [value.hex() for value in pdus] == tiny["transfers"][length]


@pytest.mark.parametrize("transfer", ["16", "16 TTLock", "64"])
def test_the_tiny_image_ends_as_in_the_vectors(transfer: str) -> None:
    form, value = VECTORS["tiny_image"]["ends"][transfer]
    last = len(VECTORS["tiny_image"]["transfers"][transfer.split(maxsplit=1)[0]]) - 1
    assert ota.end(last, ota.EndForm[form]).hex() == value


def test_the_crc_check_values_hold() -> None:
    row = VECTORS["crc16"]
    assert f"{crc16(row['text'].encode()):04x}" == row["value"]
    assert crc16(row["text"].encode()).to_bytes(2, "little").hex() == row["wire"]
    assert f"{crc16(b''):04x}" == row["empty"]


def test_the_bad_pdu_is_told_with_both_crcs() -> None:
    row = VECTORS["bad_pdu"]
    with pytest.raises(RemoteError, match=f"is ca3a, not {row['right_crc']}"):
        ota.decode(bytes.fromhex(row["hex"]), TT)


def test_the_same_number_means_different_things_in_different_dialects() -> None:
    assert TT.results[0x02] is Result.CRC
    assert G2.results[0x02] is Result.INVALID
    assert (TT.number(Result.CRC), G2.number(Result.CRC)) == (0x02, 0x03)


def test_ff03_starts_in_one_dialect_and_ends_in_the_other() -> None:
    assert ota.decode(bytes.fromhex("03fff001"), G2, "client").name == "START_EXT"
    assert ota.decode(bytes.fromhex("03ff00"), TT, "server").name == "RESULT"
    with pytest.raises(RemoteError, match="the client has no PDU ff03 in the tt dialect"):
        ota.decode(bytes.fromhex("03fff001"), TT, "client")


def test_size_and_mark_errors_are_told_as_06_by_a_ttlock_lock() -> None:
    assert TT.notification(Result.SIZE) == TT.notification(Result.MARK) == bytes.fromhex("03ff06")


def test_a_legacy_server_says_nothing() -> None:
    assert G1.notification(Result.SUCCESS) is None
    with pytest.raises(RemoteError, match="never notifies"):
        G1.result(b"\x06\xff\x00\x00")


@pytest.mark.parametrize("value", ["", "03", "03ff", "06ff00", "03ff07"])
def test_what_is_no_result_of_the_dialect_is_a_remote_error(value: str) -> None:
    with pytest.raises(RemoteError):
        TT.result(bytes.fromhex(value))


@pytest.mark.parametrize("length", [0, 20, 256])
def test_a_pdu_length_that_is_no_multiple_of_16_up_to_240_is_refused(length: int) -> None:
    with pytest.raises(LocalError, match="not a multiple of 16 up to 240"):
        ota.data_pdus(b"\0" * 100, length)


def test_an_image_that_runs_out_of_indexes_is_refused() -> None:
    assert len(ota.data_pdus(bytes(0xFF00 * 16))) == 0xFF00
    with pytest.raises(LocalError, match="more than 65280 indexes"):
        ota.data_pdus(bytes(0xFF00 * 16 + 1))


@pytest.mark.parametrize(
    ("name", "fields"),
    [("END", {"max_index": 3}), ("START_EXT", {"pdu_length": 256, "version_compare": 0}), ("NONE", {})],
)
def test_a_command_that_cannot_be_made_is_a_local_error(name: str, fields: dict[str, int]) -> None:
    with pytest.raises(LocalError):
        ota.command(name, **fields)


def test_a_signature_part_carries_its_crc() -> None:
    value = ota.command("SB_PUBKEY_SIGN", opcode=0xFF10, part=bytes(range(16)))
    assert len(value) == 20
    assert ota.decode(value, G2).fields["part"] == bytes(range(16))


def test_an_unknown_dialect_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LocalError, match="known: g1, g1m, g2, tt"):
        dialect("nordic")
