from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol import LocalError
from lockbench_protocol.errors import version_key
from lockbench_protocol.plugin import NotAvailable, Version, contract, misfit
from lockbench_protocol.plugin_schema import schema

STEPS = contract().versions
GOOD = {"passcode": "1234", "startDate": "0", "endDate": "0", "lockData": "x"}


@given(st.tuples(st.integers(2, 3), st.integers(0, 12), st.integers(0, 9)))
def test_a_version_between_two_steps_is_as_the_first_of_them(at: tuple[int, int, int]) -> None:
    version = Version(".".join(map(str, at)))
    step = max((one for one in STEPS if version_key(one) <= at), key=version_key)
    for name in contract().objects:
        assert version.fields(name) == Version(step).fields(name)
    assert [version.has(name) for name in contract().methods] == [
        Version(step).has(name) for name in contract().methods
    ]


@pytest.mark.parametrize(
    ("number", "edition", "method", "has"),
    [
        ("1.9.9", "online", "createCustomPasscode", False),
        ("2.0.0", "online", "createCustomPasscode", True),
        ("0.9.0", "offline", "createCustomPasscode", False),
        ("1.0.0", "offline", "createCustomPasscode", True),
        ("2.8.9", "online", "enterDfuMode", False),
        ("2.9.0", "online", "enterDfuMode", True),
        ("1.9.9", "offline", "enterDfuMode", False),
        ("2.0.0", "offline", "enterDfuMode", True),
    ],
)
def test_a_method_is_there_from_its_first_version_on(
    number: str, edition: str, method: str, has: bool
) -> None:
    version = Version(number, edition)  # type: ignore[arg-type]  # a row of a table
    assert version.has(method) is has
    if not has:
        with pytest.raises(NotAvailable, match=method):
            version.method(method)


@pytest.mark.parametrize(
    ("number", "fields"),
    [
        ("2.0.0", {"errorCode", "errorMsg", "description", "errCode", "errMsg"}),
        (
            "2.7.0",
            {"errorCode", "errorMsg", "description", "errCode", "errMsg", "electricQuantity", "deviceId"},
        ),
        (
            "3.0.0",
            {
                "errorCode",
                "errorMsg",
                "description",
                "errCode",
                "errMsg",
                "electricQuantity",
                "deviceId",
                "passcode",
            },
        ),
        ("3.1.0", {"errorCode", "errorMsg", "description", "electricQuantity", "passcode"}),
    ],
)
def test_a_result_has_the_fields_of_its_version(number: str, fields: set[str]) -> None:
    assert Version(number).gives("CreateCustomPasscodeResult") == fields


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, None),
        ({"passcode": 1234}, "passcode must be a text"),
        ({"lockData": ""}, "lockData must be a text"),
        ({"endDate": None}, "endDate must be a text"),
        ({"disconnectCallback": "x"}, "disconnectCallback must be a function"),
        ({"disconnectCallback": print, "more": 1}, None),
        ({"deviceId": 7}, None),
    ],
)
def test_an_option_that_does_not_fit_is_told_by_its_name(
    changes: dict[str, object], words: str | None
) -> None:
    assert misfit("CreateCustomPasscode", GOOD | changes, Version()) == words


def test_a_device_id_is_looked_at_while_it_is_an_argument() -> None:
    assert (
        misfit("CreateCustomPasscode", GOOD | {"deviceId": 7}, Version("2.9.0")) == "deviceId must be a text"
    )


def test_an_object_in_an_option_is_looked_into() -> None:
    given = {"dfuPackageInfo": {"clientId": "a", "accessToken": "b", "lockId": True}, "lockData": "x"}
    assert misfit("EnterDfuMode", given, Version()) == "lockId must be a number"
    assert misfit("EnterDfuMode", {}, Version()) == "dfuPackageInfo must be an object"
    assert misfit("EnterDfuMode", None, Version()) == "option must be an object"


@pytest.mark.parametrize("words", [("3.1", "online"), ("3.1.0", "beta")])
def test_what_is_no_release_is_refused(words: tuple[str, str]) -> None:
    with pytest.raises(LocalError):
        Version(*words)  # type: ignore[arg-type]  # wrong on purpose


@given(st.sampled_from(STEPS))
def test_a_schema_names_what_its_version_has_and_nothing_else(number: str) -> None:
    version = Version(number)
    made = schema(version)
    assert set(made["properties"]) == {name for name in contract().methods if version.has(name)}
    for name, shape in made["$defs"].items():
        assert set(shape["properties"]) == set(version.fields(name))
    codes = made["$defs"]["TTLockError"]["properties"]["errorCode"]["enum"]
    assert (10101 in codes, -1 in codes) == (number == "3.1.0", "2.6.0" <= number < "3.1.0")
