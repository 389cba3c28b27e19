"""Signing and spoiling: what is signed is sound, what is spoiled is not, and only what was asked changes."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol import LocalError
from lockbench_protocol.telink.image import check_value, declared_size, make_image
from lockbench_protocol.telink.mutate import flip_bit, put, sign, spoil_trailer

images = st.builds(make_image, st.integers(84, 2000), st.just("1.2.3"), st.integers(0, 99))


def is_sound(data: bytes) -> bool:
    size = declared_size(data)
    return check_value(data, data[7]) == int.from_bytes(data[size - 4 : size], "little")


@given(images, st.integers(0x20, 79), st.binary(min_size=1, max_size=4), st.sampled_from([1, 2]))
def test_what_is_signed_is_sound_and_of_the_vendors_shape(
    data: bytes, offset: int, value: bytes, algorithm: int
) -> None:
    signed = sign(put(data, offset, value), algorithm)
    assert is_sound(signed)
    assert len(signed) % 16 == 4
    assert signed[6:8] == bytes([0x5D, algorithm])
    assert declared_size(signed) == len(signed)


@given(images)
def test_a_sound_image_is_signed_to_itself(data: bytes) -> None:
    whole = data[: declared_size(data)]
    assert sign(data) == whole
    assert sign(whole) == whole


@given(images)
def test_a_spoiled_trailer_is_one_wrong_bit(data: bytes) -> None:
    spoilt = spoil_trailer(data)
    assert not is_sound(spoilt)
    assert sum((a ^ b).bit_count() for a, b in zip(data, spoilt, strict=True)) == 1


@given(st.binary(min_size=1), st.data())
def test_a_flipped_bit_flips_back(data: bytes, draw: st.DataObject) -> None:
    bit = draw.draw(st.integers(0, len(data) * 8 - 1))
    assert flip_bit(data, bit) != data
    assert flip_bit(flip_bit(data, bit), bit) == data


@pytest.mark.parametrize(
    "change",
    [
        lambda: put(b"abc", 2, b"xy"),
        lambda: put(b"abc", -1, b"x"),
        lambda: flip_bit(b"abc", 24),
        lambda: spoil_trailer(bytes(100)),
        lambda: sign(bytes(10)),
        lambda: sign(bytes(100), 3),
    ],
)
def test_what_lies_outside_the_file_is_refused(change: object) -> None:
    with pytest.raises(LocalError):
        change()  # type: ignore[operator]  # a list of calls
