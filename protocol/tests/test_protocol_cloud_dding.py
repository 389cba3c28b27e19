"""The dding SaaS on paper: table, models, spellings, signature, OpenAPI."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol.cloud.dding.codes import ERRORS, LATER_ERRORS, text_of
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, TOKENS, Endpoint, Role, canonical
from lockbench_protocol.cloud.dding.events import EVENTS, signature
from lockbench_protocol.cloud.dding.openapi import openapi
from lockbench_protocol.cloud.dding.replies import HomeState, HomeStateReply, InstallState, SpState
from lockbench_protocol.cloud.dding.requests import DIGITS
from pydantic import ValidationError

ROWS = {row.name: row for row in ENDPOINTS}
SAMPLES = json.loads((Path(__file__).parent / "vectors/dding_signatures.json").read_text())

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)


@st.composite
def junk(draw: st.DrawFn) -> tuple[Endpoint, dict[str, object]]:
    """An endpoint, and a request under the names that it knows."""
    row = draw(st.sampled_from(ENDPOINTS))
    names = [*row.request.model_fields, *row.names(strict=False), "permission", *TOKENS]
    return row, draw(st.dictionaries(st.sampled_from(names) | st.text(), values, max_size=6))


@given(junk(), st.booleans(), st.booleans())
def test_any_request_becomes_fields_that_validate_or_do_not(
    drawn: tuple[Endpoint, dict[str, object]], strict: bool, later: bool
) -> None:
    row, given_ = drawn
    found = canonical(row, given_, strict=strict, later=later)
    assert set(found.fields) <= set(row.request.model_fields)
    with contextlib.suppress(ValidationError):
        row.request.model_validate(found.fields, context=DIGITS)


@given(st.sampled_from([row for row in ENDPOINTS if row.roles]), st.text(min_size=1))
def test_strict_takes_only_the_printed_token_and_lenient_all_three(row: Endpoint, token: str) -> None:
    printed = {spelling.name for spelling in row.spellings if spelling.field == "access_token"}
    for name in TOKENS:
        assert canonical(row, {name: token}, strict=False).token == token
        strict = canonical(row, {name: token}, strict=True).token
        assert strict == (token if name in printed else None)


@pytest.mark.parametrize("sample", SAMPLES, ids=lambda sample: str(sample["sign"][:8]))
def test_a_published_signature_recomputes(sample: dict[str, object]) -> None:
    url, params = sample["url"], sample["params"]
    assert isinstance(url, str)
    assert isinstance(params, dict)
    assert signature(url, params) == sample["sign"]
    assert signature(url, params | {"sign": sample["sign"]}) == sample["sign"]


def test_there_are_28_endpoints_on_31_paths() -> None:
    assert len(ROWS) == len(ENDPOINTS) == 28
    lenient = [path for row in ENDPOINTS for path in row.paths(strict=False)]
    assert len(set(lenient)) == len(lenient) == 32
    assert sum(len(row.paths(strict=True)) for row in ENDPOINTS) == 28
    assert ROWS["count_lock_events"].paths(strict=True) == ("/openapi/v1/count_lock_envents",)


def test_only_two_calls_take_both_verbs() -> None:
    both = {row.name for row in ENDPOINTS if len(row.methods) == 2}
    assert both == {"find_home_state", "find_home_device"}


def test_roles_are_those_that_are_printed() -> None:
    others = {row.name: row.roles for row in ENDPOINTS if row.roles != {Role.ADMIN}}
    assert others == {
        "access_token": frozenset(),
        "get_lock_events": {Role.ADMIN, Role.STEWARD},
        "order_add": {Role.MERCHANT, Role.STEWARD},
        "order_update": {Role.MERCHANT, Role.STEWARD},
    }


def test_every_code_of_the_table_is_an_endpoints_or_a_bindings() -> None:
    listed = {code for row in ENDPOINTS for code in row.codes}
    assert listed | {0, 15008, 15009, 15010, 15011} == set(ERRORS)
    assert not set(ERRORS) & set(LATER_ERRORS)
    assert text_of(15004) == "no such home or room"


def test_there_are_13_events_of_the_document() -> None:
    assert sum(bool(event.section) for event in EVENTS) == 13
    assert len({event.name for event in EVENTS}) == len(EVENTS)


@pytest.mark.parametrize(
    ("name", "given_", "strict", "fields"),
    [
        ("add_password", {"permisson_begin": 1}, True, {"permission_begin": 1}),
        ("add_password", {"permission_begin": 1}, True, {}),
        ("add_password", {"permission_begin": 1}, False, {"permission_begin": 1}),
        (
            "add_password",
            {"permission": {"begin": 1, "end": 2}},
            False,
            {"permission_begin": 1, "permission_end": 2},
        ),
        ("add_password", {"permission": {"begin": 1}}, True, {}),
        ("update_password", {"permission": {"begin": 1}}, True, {"permission_begin": 1}),
        ("update_password", {"permission_begin": 1}, True, {}),
        ("update_password", {"permission_begin": 1}, False, {"permission_begin": 1}),
        ("update_password", {"permission": None}, False, {}),
        ("update_password", {"permission": 7}, False, {"permission_begin": "no object"}),
        ("find_home_devices", {"home_ids": ["a"]}, False, {"home_id": ["a"]}),
        ("find_home_devices", {"home_ids": ["a"]}, True, {}),
        ("add_room", {"rooom_description": "x"}, False, {"room_description": "x"}),
        ("add_home", {"home_type": 3, "home_id": "h"}, False, {"home_id": "h"}),
        ("update_home", {"sp_state": "", "location": ""}, False, {"location": ""}),
        ("update_home", {"sp_state": None}, False, {}),
        ("update_home", {"permission.begin": 1}, False, {}),
    ],
)
def test_spellings_are_undone(
    name: str, given_: dict[str, object], strict: bool, fields: dict[str, object]
) -> None:
    assert canonical(ROWS[name], given_, strict=strict).fields == fields


def test_a_spelling_is_reported_when_it_was_met() -> None:
    given_ = {"accesst_token": "t", "permisson_begin": 1, "permission_end": 2}
    found = canonical(ROWS["add_password"], given_, strict=False)
    assert found.met == ("accesst_token", "permisson_begin")


@pytest.mark.parametrize("value", [True, 1.0, "1", "x", [1], 3, 2**70])
def test_a_choice_takes_integers_only(value: object) -> None:
    for name, fields in (
        ("update_home", {"home_id": "h", "sp_state": value}),
        ("update_password", {"uuid": "u", "password_id": value if value != 3 else None}),
    ):
        with pytest.raises(ValidationError):
            ROWS[name].request.model_validate(fields)


@pytest.mark.parametrize("text", ["a\0b", "\ud800", "x" * 1025, 5, True, None, b"x"])
def test_a_text_is_refused(text: object) -> None:
    with pytest.raises(ValidationError):
        ROWS["add_room"].request.model_validate(
            {"home_id": "h", "room_id": "r", "room_name": "n", "room_description": text}
        )


def test_a_reply_leaves_out_what_was_not_set() -> None:
    state = HomeState(sp_state=SpState.NOT_INSTALLED, install_state=InstallState.NOT_ASSIGNED)
    assert HomeStateReply(result=state).body() == {"result": {"sp_state": 1, "install_state": 4}}
    assert ROWS["del_home"].reply().body() == {}


def test_the_description_has_every_operation_and_no_loose_reference() -> None:
    document = openapi()
    text = json.dumps(document)
    paths = document["paths"]
    assert isinstance(paths, dict)
    assert sum(len(path) for path in paths.values()) == 30
    schemas = json.loads(text)["components"]["schemas"]
    for part in text.split('"#/components/schemas/')[1:]:
        assert part.split('"')[0] in schemas
    assert json.dumps(openapi()) == text
