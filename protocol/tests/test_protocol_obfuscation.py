from __future__ import annotations

import base64
import contextlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol import LocalError
from lockbench_protocol.lock.obfuscation import (
    FieldError,
    choose_seed,
    decode_field,
    encode_field,
    obfuscate,
    reveal,
)

SEEDS = st.integers(1, 127)
ASCII = st.text(st.characters(max_codepoint=127))


@given(st.binary(max_size=600), SEEDS)
def test_revealing_undoes_obfuscating(plain: bytes, seed: int) -> None:
    assert reveal(obfuscate(plain, seed)) == plain


@given(ASCII, SEEDS)
def test_decoding_a_field_undoes_encoding_it(text: str, seed: int) -> None:
    assert decode_field(encode_field(text, seed)) == text


@given(st.text() | st.binary().map(lambda data: base64.b64encode(data).decode()))
def test_any_text_decodes_or_is_refused_with_a_field_error(text: str) -> None:
    with contextlib.suppress(FieldError):
        decode_field(text)


@given(st.integers())
def test_a_chosen_seed_is_one_to_127(seed: int) -> None:
    assert 1 <= choose_seed(random.Random(seed)) <= 127  # noqa: S311 - test data, not a secret


@pytest.mark.parametrize(
    ("text", "seed", "numbers", "encoded"),
    [  # TV45
        (
            "0012345678",
            0x2A,
            "100,100,101,102,103,96,97,98,99,108,42",
            "MTAwLDEwMCwxMDEsMTAyLDEwMyw5Niw5Nyw5OCw5OSwxMDgsNDI=",
        ),
        (
            "0087654321",
            0x35,
            "123,123,115,124,125,126,127,120,121,122,53",
            "MTIzLDEyMywxMTUsMTI0LDEyNSwxMjYsMTI3LDEyMCwxMjEsMTIyLDUz",
        ),
    ],
)
def test_the_vectors_encode_and_decode(text: str, seed: int, numbers: str, encoded: str) -> None:
    assert base64.b64decode(encoded).decode() == numbers
    assert encode_field(text, seed) == encoded
    assert decode_field(encoded) == text


def test_a_byte_above_127_is_written_as_a_negative_number() -> None:
    # length 123 has table entry 0xd8; with seed 79 the mask is 0x97 (ttlock-cloud, firmware_package)
    encoded = encode_field("{" * 123, 79)
    assert base64.b64decode(encoded).decode().split(",") == [str((ord("{") ^ 0x97) - 256)] * 123 + ["79"]


@pytest.mark.parametrize("seed", [0, 128, -1])
def test_a_seed_outside_1_to_127_is_our_own_mistake(seed: int) -> None:
    with pytest.raises(LocalError, match="1 to 127"):
        obfuscate(b"1", seed)


@pytest.mark.parametrize("numbers", ["", "128", "-129", "1,,2", "1, 2", "+1", "--1", "\u0661"])
def test_numbers_that_no_byte_has_are_refused(numbers: str) -> None:
    with pytest.raises(FieldError):
        decode_field(base64.b64encode(numbers.encode()).decode())
