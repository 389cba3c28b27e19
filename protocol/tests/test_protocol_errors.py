from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol import LocalError
from lockbench_protocol.errors import ErrorCode, error_code, error_codes, told_as, version_key

UNVERSIONED = 48
PHONE = [13007, 13008, 13011, 13013]
REMOVED_AT_310 = {
    -4,
    -3,
    -2,
    -1,
    10000,
    10006,
    10013,
    10020,
    10021,
    10022,
    10037,
    11001,
    *range(11006, 11013),
    11014,
}


@given(st.sampled_from(list(error_codes().values())), st.tuples(*[st.integers(0, 12)] * 3))
def test_a_code_is_live_exactly_between_its_versions(code: ErrorCode, at: tuple[int, ...]) -> None:
    version = ".".join(map(str, at))
    lowest = version_key(code.since) if code.since else (0, 0, 0)
    highest = version_key(code.until) if code.until else (99, 0, 0)
    assert code.live(version) == (lowest <= at < highest)


@given(st.text().filter(lambda text: text.count(".") != 2))
def test_what_is_no_version_is_refused_with_a_sentence(text: str) -> None:
    with pytest.raises(LocalError, match=re.escape(repr(text))):
        version_key(text)


def test_there_are_119_codes_of_which_20_end_with_version_310_and_99_live() -> None:
    codes = error_codes()
    assert len(codes) == 119
    assert {number for number, code in codes.items() if code.until} == REMOVED_AT_310
    assert {code.until for code in codes.values()} == {None, "3.1.0"}
    assert sum(code.live("3.1.0") for code in codes.values()) == 99


def test_48_codes_are_there_from_the_first_version_on() -> None:
    assert sum(code.since is None for code in error_codes().values()) == UNVERSIONED


@pytest.mark.parametrize(
    ("since", "numbers"),
    [
        ("2.0.2", [11002]),
        ("2.1.0", [*range(11003, 11011)]),
        ("2.1.1", [11011]),
        ("2.4.0", [11012, 11013, 11014]),
        ("2.6.0", [-3, -2, -1, *range(128, 137), 10037]),
        ("2.7.0", [*range(10011, 10022), 10038]),
        ("2.7.6", [36, 37, 38, 10022]),
        ("2.8.0", [11101]),
        ("2.9.2", [-4, 10039]),
        ("3.0.0", [10040, 10041, 11015, 11016, 11017]),
        ("3.0.2", [99999]),
        ("3.0.4", [*range(10042, 10047)]),
        (
            "3.1.0",
            [
                10101,
                10302,
                10304,
                10305,
                10404,
                10503,
                10508,
                10513,
                *(10601, 10602, 11018, 13007, 13008, 13011, 13013),
            ],
        ),
    ],
)
def test_each_version_adds_the_codes_that_its_column_says(since: str, numbers: list[int]) -> None:
    assert [code.number for code in error_codes().values() if code.since == since] == numbers


def test_every_row_has_both_languages_a_cause_and_a_next_step() -> None:
    for code in error_codes().values():
        assert all(text and text == text.strip() for text in (code.zh, code.en, code.cause, code.step))
        assert any("\u4e00" <= char <= "\u9fff" for char in code.zh)
        assert code.en.isascii()


def test_the_placeholders_of_10101_and_10305_are_filled_in_and_no_other_code_has_any() -> None:
    assert "8.0.16" in error_code(10101).text("zh", version="8.0.16")
    assert error_code(10305).text("en", status=502).endswith("502.")
    assert [code.number for code in error_codes().values() if "{" in code.zh + code.en] == [10101, 10305]


def test_the_platform_words_are_kept() -> None:
    for number, word in {
        10013: "iOS",
        10014: "iOS",
        10015: "Android",
        10045: "Android",
        11002: "Mac",
    }.items():
        code = error_code(number)
        assert word in code.zh
        assert word in code.en


def test_10304_reads_as_an_invalid_request_address() -> None:
    assert (error_code(10304).zh, error_code(10304).en) == ("请求地址无效", "Invalid request address.")


def test_an_unknown_code_is_refused_with_a_sentence() -> None:
    with pytest.raises(LocalError, match=r"no error code 4$"):
        error_code(4)


ELSEWHERE = {*range(128, 137), 10011, 11008, 11012, 11014}
"""Of gateways, lifts and hotels: no client of ours tells them, so nothing stands in for them."""


@given(
    st.sampled_from(sorted(error_codes().keys() - ELSEWHERE)),
    st.sampled_from(sorted({code.since or code.until or "2.0.0" for code in error_codes().values()})),
)
def test_every_version_tells_every_cause_by_a_code_that_it_has(number: int, version: str) -> None:
    told = told_as(number, version)
    assert error_code(told).live(version)
    assert told == number or not error_code(number).live(version)


@pytest.mark.parametrize(
    ("number", "version", "told"),
    [
        (13013, "3.0.4", 11017),
        (13013, "2.9.2", 11101),
        (11016, "2.9.0", 19),
        (10404, "3.0.4", 10036),
        (10042, "3.0.2", 10002),
        (10043, "3.0.2", 10014),
        (10044, "3.0.2", 10015),
        (10513, "3.0.4", 10018),
        (11018, "3.0.4", 11101),
        (11009, "2.0.2", 15),
        (11009, "2.1.0", 11009),
        (11009, "3.1.0", 11003),
        (10017, "2.6.0", -3),
    ],
)
def test_a_stand_in_is_told_outside_the_versions_of_a_code(number: int, version: str, told: int) -> None:
    assert told_as(number, version) == told


def test_a_code_without_stand_ins_is_a_mistake_outside_its_versions() -> None:
    with pytest.raises(LocalError, match="neither the code 11008"):
        told_as(11008, "3.1.0")
