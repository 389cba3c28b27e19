import itertools
import json
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from lockbench_protocol import LocalError
from lockbench_protocol.lock.crc import TEXTBOOK, VENDOR, crc8
from lockbench_protocol.lock.frame import (
    CHUNK,
    HEADER_FIELDS,
    Frame,
    FrameError,
    LegacyFrame,
    Reassembler,
    chunks,
    decode,
    decode_legacy,
    diagnose,
    encode,
    is_legacy,
    mends,
)

pytestmark = pytest.mark.usefixtures("codecs")
VECTORS = json.loads((Path(__file__).parent / "vectors/ttlock-ble.json").read_text())["frames"]
CRLF_AT_A_BORDER = ("7f5a0503020001000154aa10dd48cf6d49c40d0a", "0e6f6c479adc1363c10d0a")  # TV48
CRLF_INSIDE = "7f5a0503020001000154aa107920a579201242598e160d0aaa371142460d0a"  # TV48

FIELDS = {name for name, _, _ in HEADER_FIELDS} | {"data", "crc", "tail", "end"}

byte = st.integers(0, 255)
word = st.integers(0, 0xFFFF)
frames = st.builds(
    Frame,
    command=byte,
    data=st.binary(max_size=112),
    protocol_type=st.sampled_from([0, *range(5, 256)]),
    protocol_version=byte,
    scene=byte,
    group=word,
    org=word,
    encrypt=byte,
)


@given(frames, st.sampled_from([VENDOR, TEXTBOOK]))
def test_a_frame_decodes_to_what_was_encoded(frame: Frame, table: bytes) -> None:
    assert decode(encode(frame, table), table) == frame


@given(st.builds(LegacyFrame, byte, st.binary(max_size=112), st.integers(1, 4), byte))
def test_a_legacy_frame_decodes_to_what_was_encoded_and_is_no_v3_frame(frame: LegacyFrame) -> None:
    raw = encode(frame)
    assert decode_legacy(raw) == frame
    assert Reassembler().feed(raw) == [raw]


@given(st.lists(frames, min_size=1, max_size=4), st.data())
def test_every_split_of_a_stream_gives_the_same_frames(sent: list[Frame], data: st.DataObject) -> None:
    stream = b"".join(encode(frame) for frame in sent)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=20)))
    reassembler = Reassembler()
    found = [
        raw
        for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
        for raw in reassembler.feed(stream[start:end])
    ]
    assert [decode(raw) for raw in found] == sent
    assert not reassembler.waiting


@given(st.binary(max_size=300), frames)
def test_garbage_never_hides_the_next_good_frame(garbage: bytes, frame: Frame) -> None:
    raw = encode(frame)
    reassembler = Reassembler()
    before = reassembler.feed(garbage)
    found = before + reassembler.feed(raw)
    assume(not any(raw in other for other in found if other != raw))  # garbage that is itself a true frame
    assert found[-1] == raw
    assert reassembler.waiting == 0


crowded = st.sampled_from([0x7F, 0x5A, 0, 3, 5, 13, 10, 16])  # where frames and their borders are many
crowded_frames = st.builds(
    Frame, command=crowded, data=st.lists(crowded, max_size=20).map(bytes), protocol_type=st.just(5)
)


@given(
    st.lists(
        st.lists(crowded, max_size=15).map(bytes)
        | crowded_frames.map(encode)
        | crowded_frames.map(lambda frame: encode(frame)[:-2])
        | st.builds(LegacyFrame, crowded, st.binary(max_size=5), st.integers(1, 4), crowded).map(encode),
        max_size=6,
    ),
    st.lists(st.integers(1, 25), min_size=1),
)
def test_a_reassembler_that_waits_for_enough_bytes_finds_what_one_that_looks_at_each_chunk_does(
    pieces: list[bytes], sizes: list[int]
) -> None:
    stream, at = b"".join(pieces), 0
    waiting, eager = Reassembler(), Reassembler()
    for size in itertools.cycle(sizes):
        if at >= len(stream):
            break
        chunk, at = stream[at : at + size], at + size
        eager._buffer += chunk
        assert waiting.feed(chunk) == list(eager._cut())
        assert waiting._buffer == eager._buffer


@given(st.lists(st.binary(max_size=64), max_size=30))
def test_no_more_than_one_frame_waits(garbage: list[bytes]) -> None:
    reassembler = Reassembler()
    for chunk in garbage:
        reassembler.feed(chunk)
        assert reassembler.waiting <= 270


@given(st.binary(max_size=60))
def test_bytes_that_are_no_frame_name_the_field_that_fails(raw: bytes) -> None:
    try:
        decode(raw)
    except FrameError as error:
        assert 0 <= error.offset <= len(raw)
        assert error.field in FIELDS
    else:
        assert encode(decode(raw)) == raw


@given(frames, st.data())
def test_one_flipped_bit_is_a_crc_error_unless_the_patched_table_hides_it(
    frame: Frame, data: st.DataObject
) -> None:
    raw = encode(frame)
    offset = data.draw(st.sampled_from([*range(2, 11), *range(12, len(raw) - 2)]))
    broken = bytearray(raw)
    broken[offset] ^= 1 << data.draw(st.integers(0, 7))
    assume(offset != 2 or not 0 < broken[2] < 5)
    aliased = crc8(bytes(broken[:-3])) == broken[-3]
    if aliased:
        assert VENDOR[33] != TEXTBOOK[33]
        return
    with pytest.raises(FrameError) as caught:
        decode(bytes(broken))
    assert (caught.value.field, caught.value.offset) == ("crc", len(raw) - 3)


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_the_vectors_of_section_12_are_frames_in_chunks_of_20(vector: dict[str, object]) -> None:
    assert isinstance(vector["chunks"], list)
    sent = [bytes.fromhex(chunk) for chunk in vector["chunks"]]
    raw = b"".join(sent)
    frame = decode(raw)
    assert frame.data.hex() == (vector["cipher"] or "")
    assert encode(frame) == raw
    assert chunks(raw) == sent
    assert all(len(chunk) <= CHUNK for chunk in sent)


def test_tv20_is_the_one_vector_that_tells_the_tables_apart() -> None:
    told = [
        vector["id"]
        for vector in VECTORS
        if crc8(bytes.fromhex("".join(vector["chunks"]))[:-3], TEXTBOOK)
        != bytes.fromhex(vector["chunks"][-1])[-3]
    ]
    assert told == ["TV20"]


@pytest.mark.parametrize("sent", [CRLF_AT_A_BORDER, (CRLF_INSIDE,)])
def test_crlf_in_the_ciphertext_does_not_end_the_frame(sent: tuple[str, ...]) -> None:
    reassembler = Reassembler()
    found = [raw for chunk in sent for raw in reassembler.feed(bytes.fromhex(chunk))]
    assert [raw.hex() for raw in found] == ["".join(sent)]


def test_a_wrong_crc_says_what_it_is_what_it_should_be_and_what_would_mend_it() -> None:
    raw = bytearray(bytes.fromhex("7f5a0503020001000154aa00970d0a"))
    raw[4] = 3
    error = diagnose(bytes(raw))
    assert (error.field, error.offset) == ("crc", 12)
    assert "is 97" in str(error)
    assert (4, 3, 2) in mends(bytes(raw))
    for offset, _, value in mends(bytes(raw)):
        mended = bytes(raw[:offset]) + bytes([value]) + bytes(raw[offset + 1 :])
        assert encode(decode(mended)) == mended


@settings(max_examples=20)
@given(frames, st.integers(0, 255), st.data())
def test_the_changes_that_mend_are_those_that_a_search_finds(
    frame: Frame, crc: int, data: st.DataObject
) -> None:
    raw = encode(frame)[:-3] + bytes([crc]) + b"\r\n"
    offset = data.draw(st.integers(0, len(raw) - 3))
    found = [(at, value) for at, _, value in mends(raw) if at == offset]
    assert found == [
        (offset, value)
        for value in range(256)
        if value != raw[offset] and _decodes(raw[:offset] + bytes([value]) + raw[offset + 1 :])
    ]


def _decodes(raw: bytes) -> bool:
    try:
        decode_legacy(raw) if is_legacy(raw) else decode(raw)
    except FrameError:
        return False
    return True


def test_a_field_that_does_not_fit_is_the_callers_error() -> None:
    with pytest.raises(LocalError, match="no frame can hold this"):
        encode(Frame(0x41, group=70000))
