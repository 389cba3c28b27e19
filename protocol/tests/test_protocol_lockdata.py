from __future__ import annotations

import base64
import contextlib
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol import LocalError
from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.lockdata import (
    ADMIN,
    USER,
    LockData,
    LockDataError,
    LockVersion,
    YearCode,
    blob_key,
    from_json,
    open_blob,
    open_pwd_info,
    seal_pwd_info,
    to_json,
)

MAC = "C2:11:22:33:44:55"
TV46 = "TaqekTTuwyOEIv9aDxE3i4x61C/uIAvqh63T55ZA6RzCESIzRFU="
TV47 = "A7vfx+srKSzqj1aXOfr4hamplN5SDWm8etrRgs8MJhcSivuEKKEKV7+oJLQsxuBUyT8vljAMqUP1+4QLijjlcA=="
TV47_TIME = 1709214310000

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
digits = st.text("0123456789", min_size=10, max_size=10)
millis = st.integers(0, 10**13)
years = st.builds(YearCode, st.integers(0, 99), st.integers(0, 1070), digits, st.none() | millis)
macs = st.binary(min_size=6, max_size=6).map(lambda raw: raw.hex(":").upper())
locks = st.builds(
    LockData,
    lock_mac=macs,
    lock_name=st.none() | texts,
    uid=st.none() | st.integers(0, 2**32),
    user_type=st.none() | st.sampled_from([ADMIN, USER]),
    lock_version=st.none() | st.builds(LockVersion, *[st.integers(0, 65535)] * 5),
    admin_pwd=st.none() | digits,
    lock_key=st.none() | digits,
    pwd_info=st.none() | st.lists(years, max_size=3).map(tuple),
    timestamp=millis,
    aes_key=st.none() | st.binary(min_size=16, max_size=16),
    firmware_revision=st.none() | texts,
    ref=st.none() | texts.filter(str.isascii),
    others=st.dictionaries(st.sampled_from(["nbNodeId", "lockSound", "settingValue"]), texts | millis),
)
seeds = st.integers(0, 2**32)


def chance(seed: int = 0) -> random.Random:
    return random.Random(seed)  # noqa: S311 - test data


def seal(body: object, mac: str = MAC) -> str:
    data = cipher(blob_key(mac)).encrypt(json.dumps(body).encode())
    return base64.b64encode(data + bytes.fromhex(mac.replace(":", ""))).decode()


@given(locks, seeds)
def test_decoding_undoes_encoding(lock: LockData, seed: int) -> None:
    assert LockData.decode(lock.encode(chance(seed))) == lock


@given(locks, st.randoms(use_true_random=False))
def test_the_order_of_the_json_fields_does_not_matter(lock: LockData, order: random.Random) -> None:
    rows = list(to_json(lock, chance()).items())
    order.shuffle(rows)
    assert LockData.decode(seal(dict(rows), lock.lock_mac)) == lock


@given(locks, seeds)
def test_the_same_seed_gives_the_same_blob(lock: LockData, seed: int) -> None:
    assert lock.encode(chance(seed)) == lock.encode(chance(seed))


@given(locks)
def test_the_json_is_written_without_blanks_and_without_what_is_unknown(lock: LockData) -> None:
    body = to_json(lock, chance())
    assert None not in body.values()
    blob = base64.b64decode(lock.encode(chance()))
    plain = cipher(blob_key(lock.lock_mac)).decrypt(blob[:-6]).decode()
    assert plain == json.dumps(body, ensure_ascii=False, separators=(",", ":"))


@given(st.text() | st.binary().map(lambda raw: base64.b64encode(raw).decode()))
def test_any_text_decodes_or_is_refused(text: str) -> None:
    with contextlib.suppress(LockDataError):
        LockData.decode(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)
NAMES = [
    "lockMac",
    "uid",
    "lockVersion",
    "adminPwd",
    "pwdInfo",
    "timestamp",
    "aesKeyStr",
    "featureValue",
    "x",
]


@given(st.dictionaries(st.sampled_from(NAMES), JSON) | JSON)
def test_any_json_inside_decodes_to_what_encodes_again_or_is_refused(body: object) -> None:
    with contextlib.suppress(LockDataError):
        lock = LockData.decode(seal(body))
        assert LockData.decode(lock.encode(chance())) == lock


@given(st.lists(years, max_size=10).map(tuple), millis)
def test_opening_pwd_info_undoes_sealing_it(codes: tuple[YearCode, ...], timestamp: int) -> None:
    assert open_pwd_info(seal_pwd_info(codes, timestamp), timestamp) == codes


def test_the_blob_vector_encodes_and_decodes() -> None:
    assert LockData(lock_mac=MAC).encode(chance()) == TV46
    assert LockData.decode(TV46) == LockData(lock_mac=MAC)
    assert blob_key(MAC) == b"C2:11:22:3:44:55"
    assert base64.b64decode(TV46)[-6:].hex() == "c21122334455"


def test_the_pwd_info_vector_seals_and_opens() -> None:
    codes = (YearCode(24, 100, "0123456789"),)
    assert seal_pwd_info(codes, TV47_TIME) == TV47
    assert open_pwd_info(TV47, TV47_TIME) == codes


def test_the_field_vectors_stand_in_the_json() -> None:
    lock = LockData.decode(
        seal(
            {  # TV45
                "adminPwd": "MTAwLDEwMCwxMDEsMTAyLDEwMyw5Niw5Nyw5OCw5OSwxMDgsNDI=",
                "lockKey": "MTIzLDEyMywxMTUsMTI0LDEyNSwxMjYsMTI3LDEyMCwxMjEsMTIyLDUz",
                "aesKeyStr": "0f,1e,2d,3c,4b,5a,69,78,87,96,a5,b4,c3,d2,e1,f0",
                "lockMac": MAC,
            }
        )
    )
    assert (lock.admin_pwd, lock.lock_key) == ("0012345678", "0087654321")
    assert lock.aes_key == bytes.fromhex("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
    assert to_json(lock, chance())["aesKeyStr"] == "0f,1e,2d,3c,4b,5a,69,78,87,96,a5,b4,c3,d2,e1,f0"


@pytest.mark.parametrize(
    ("blob", "sentence"),
    [
        ("???", "not base64"),
        ("", "0 bytes"),
        (TV46[:-8], "does not decrypt"),
        (seal([]), "no object"),
        (seal({"more": json.loads("[" * 64 + "]" * 64)}), "too deep"),
        (seal({"lockMac": "C2:11:22:33:44:56"}), "C2:11:22:33:44:56"),
        (seal({"adminPwd": "1"}), "adminPwd"),
        (seal({"uid": True}), "uid"),
        (seal({"aesKeyStr": "00"}), "aesKeyStr"),
        (seal({"pwdInfo": TV47}), "pwdInfo"),
        (seal({"lockName": "\ud800"}), "does not decrypt to JSON"),
    ],
)
def test_a_broken_blob_is_refused_with_the_layer_or_field_that_fails(blob: str, sentence: str) -> None:
    with pytest.raises(LockDataError, match=sentence):
        LockData.decode(blob)


def test_numbers_written_as_text_are_read_as_numbers() -> None:
    assert LockData.decode(seal({"userType": "110301", "timezoneRawOffset": "-3600000"})) == LockData(
        lock_mac=MAC, user_type=ADMIN, timezone_raw_offset=-3600000
    )


def test_pwd_info_without_a_timestamp_cannot_be_written() -> None:
    with pytest.raises(LocalError, match="timestamp"):
        LockData(lock_mac=MAC, pwd_info=()).encode(chance())


@pytest.mark.parametrize("mac", ["c2:11:22:33:44:55", "C21122334455", "C2:11:22:33:44", ""])
def test_a_mac_of_another_form_is_refused(mac: str) -> None:
    with pytest.raises(LocalError, match="looks like"):
        LockData(lock_mac=mac).encode(chance())


def test_what_is_not_too_deep_travels_along() -> None:
    deep = json.loads("[" * 63 + "]" * 63)
    assert LockData.decode(seal({"more": deep})).others == {"more": deep}


def test_json_fields_need_a_mac_and_a_blob_supplies_it() -> None:
    with pytest.raises(LockDataError, match="no lockMac"):
        from_json({})
    assert open_blob(seal({})) == {"lockMac": MAC}
