from __future__ import annotations

import contextlib
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol.cloud.ttlock import (
    ENDPOINTS,
    ERRORS,
    NeedUpgrade,
    PackageError,
    PasscodeRequest,
    Right,
    TokenReply,
    TokenRequest,
    UpgradeReply,
    open_key,
    open_package,
    pack_firmware,
    seal_package,
    unpack_firmware,
)
from lockbench_protocol.lock.obfuscation import encode_field
from pydantic import ValidationError

KEY = "1709214310000000"
keys = st.text("0123456789", min_size=16, max_size=16)
GOOD = {"clientId": "c", "accessToken": "t", "date": "1709214310000", "lockId": "7", "keyboardPwd": "123456"}


@given(st.binary(max_size=500), keys)
def test_unpacking_a_package_gives_the_image_back(image: bytes, key: str) -> None:
    assert unpack_firmware(pack_firmware(image, key), key) == image


@given(st.binary(max_size=200), st.text(max_size=20))
def test_any_file_and_key_unpack_or_are_refused(data: bytes, key: str) -> None:
    with contextlib.suppress(PackageError):
        unpack_firmware(data, key)


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)), keys, st.integers(1, 127))
def test_opening_a_package_text_undoes_sealing_it(url: str, key: str, seed: int) -> None:
    assert open_package(seal_package(url, key, seed)) == (url, key)
    assert open_key(encode_field(key, seed)) == key


@given(st.text() | st.text(st.characters(max_codepoint=127)).map(lambda text: encode_field(text, 9)))
def test_any_package_text_opens_or_is_refused(text: str) -> None:
    for opening in (open_package, open_key):
        with contextlib.suppress(PackageError):
            opening(text)


@given(st.dictionaries(st.sampled_from([*GOOD, "addType", "startDate"]), st.text() | st.integers()))
def test_any_parameters_validate_or_are_refused_as_such(parameters: dict[str, object]) -> None:
    with contextlib.suppress(ValidationError):
        PasscodeRequest.model_validate(GOOD | parameters)


def test_numbers_are_read_from_decimal_text_and_defaults_are_filled_in() -> None:
    request = PasscodeRequest.model_validate(GOOD)
    assert (request.lock_id, request.date, request.add_type, request.keyboard_pwd_type) == (
        7,
        1709214310000,
        1,
        3,
    )
    assert request.keyboard_pwd == GOOD["keyboardPwd"]


@pytest.mark.parametrize(
    "number", ["", " 7", "7.0", "0x7", "1_0", "9" * 19, "NaN", "+7", "\u0667", "7\x00", 7.5, True]
)
def test_what_is_no_plain_decimal_is_no_number(number: object) -> None:
    with pytest.raises(ValidationError):
        PasscodeRequest.model_validate(GOOD | {"lockId": number})


@pytest.mark.parametrize("text", ["", "a\x00b", "a\nb", "x" * 256])
def test_control_characters_and_long_texts_are_refused(text: str) -> None:
    with pytest.raises(ValidationError):
        PasscodeRequest.model_validate(GOOD | {"keyboardPwdName": text})


@pytest.mark.parametrize("names", [("clientId", "clientSecret"), ("client_id", "client_secret")])
def test_both_spellings_of_the_client_are_read(names: tuple[str, str]) -> None:
    request = TokenRequest.model_validate({names[0]: "c", names[1]: "s", "grant_type": "refresh_token"})
    assert (request.client_id, request.client_secret, request.grant_type) == ("c", "s", "refresh_token")


def test_replies_are_written_with_the_documented_names_and_without_what_is_unknown() -> None:
    assert UpgradeReply(need_upgrade=NeedUpgrade.UNKNOWN).body() == {"needUpgrade": 2}
    assert TokenReply(access_token="a", refresh_token="r", expires_in=1).body() == {  # noqa: S106 - test data
        "access_token": "a",
        "refresh_token": "r",
        "expires_in": 1,
    }


def test_every_code_of_an_endpoint_is_in_the_table_and_every_path_is_there_once() -> None:
    assert len({row.path for row in ENDPOINTS}) == len({row.name for row in ENDPOINTS}) == len(ENDPOINTS)
    for row in ENDPOINTS:
        assert set(row.codes) <= set(ERRORS), asdict(row)
        assert -3 in row.codes
        assert row.dated == (row.right not in (Right.OPEN, Right.NONE) or row.name == "register")
        assert (80000 in row.codes) == row.dated


def test_the_table_has_the_73_codes_of_the_platform_in_two_languages() -> None:
    assert len(ERRORS) == 73
    assert all(en.isascii() and zh and not zh.isascii() for en, zh in ERRORS.values())


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("?", "decryptionKey"), (encode_field("123", 5), "3 characters"), (encode_field("", 5), "0 characters")],
)
def test_a_broken_key_is_refused_with_a_sentence(text: str, sentence: str) -> None:
    with pytest.raises(PackageError, match=sentence):
        open_key(text)
