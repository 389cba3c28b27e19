"""What every endpoint of every cloud keeps: good calls succeed, bad fields do not, tenants see their own."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.faults import Fault
from lockbench_protocol.cloud.aiot.codes import ERRORS as AIOT_CODES
from lockbench_protocol.cloud.aiot.models import ENDPOINTS as AIOT
from lockbench_protocol.cloud.dding.codes import ERRORS as DDING_CODES
from lockbench_protocol.cloud.dding.codes import LATER_ERRORS
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS as DDING
from lockbench_protocol.cloud.ttlock import ENDPOINTS as TTLOCK
from lockbench_protocol.cloud.ttlock import ERRORS as TTLOCK_CODES

ROWS: list[tuple[str, Any]] = [
    *(("dding", row) for row in DDING),
    *(("ttlock", row) for row in TTLOCK),
    *(("aiot", row) for row in AIOT),
]
IDS = [f"{name}-{row.name}" for name, row in ROWS]
FIXTURE = [HealthCheck.function_scoped_fixture]


def wire_names(row: Any) -> dict[str, Any]:
    """{name on the wire: field} of an endpoint's own fields, but those of later versions."""
    found = {}
    for name, field in row.request.model_fields.items():
        extra = field.json_schema_extra
        if isinstance(extra, dict) and "since" in extra:
            continue
        alias = field.validation_alias or field.alias or name
        found[alias if isinstance(alias, str) else alias.choices[0]] = field
    return found


FIELDS = [(name, row, wire) for name, row in ROWS for wire in wire_names(row)]


@pytest.mark.parametrize(("name", "row"), ROWS, ids=IDS)
def test_a_good_call_succeeds(world_of: Any, name: str, row: Any) -> None:
    world = world_of(name)
    for method in row.methods:
        world.refurnish()
        fields = world.good[row.name] if row.name in NOBODY else world.token | world.good[row.name]
        status, body = world.call(row.name, fields, method=method)
        assert status == 200
        code = body.get(world.code, 0)
        assert code in row.codes if row.name in world.never else code == 0, body


NOBODY = {"access_token", "token", "register", "on_premise"}
"""Calls without a token."""

# What may be wrong with a field. `refused`: never taken; else it may be taken where the field is free text.
KINDS = ("missing", "nul", "type", "long", "huge", "deep")


LISTS = ("records", "keyboardPwdList")
"""JSON within a form; what is no JSON has a code of its own."""


def is_text(row: Any, wire: str) -> bool:
    """Whether any text has the field's type."""
    return "'string'" in str(row.request.model_json_schema()["properties"][wire])


def wrong(world: Any, method: str, kind: str, value: object) -> object:
    if kind == "nul":
        return "a\0b"
    if kind == "type":
        as_text = world.form or method == "GET"
        return "no number \x07" if as_text else {"a": [1.5, True]}
    if kind == "long":
        return "x" * 5_000 if method == "GET" else "x" * 20_000
    if kind == "huge":
        return "9" * (1 << 20)
    return value


@settings(max_examples=160, suppress_health_check=FIXTURE, deadline=None)
@given(where=st.sampled_from(FIELDS), kind=st.sampled_from(KINDS))
def test_a_bad_field_gets_the_documented_code_and_nothing_is_stored(
    world_of: Any, where: tuple[str, Any, str], kind: str
) -> None:
    name, row, wire = where
    world = world_of(name)
    method = row.methods[0]
    if method == "GET" and kind in ("huge", "deep"):
        kind = "long"  # a request line of a megabyte is no HTTP: aiohttp answers it
    if world.form and kind == "deep":
        kind = "huge"
    fields = dict(world.good[row.name] if row.name in NOBODY else world.token | world.good[row.name])
    required = wire_names(row)[wire].is_required()
    world.refurnish()
    before = world.rows_of()
    if kind == "missing":
        fields.pop(wire, None)
        status, body = world.call(row.name, fields)
        assert status == 200
        assert not required or body[world.code] == world.bad, body
    elif kind == "deep":
        depth = 60_000
        raw = json.dumps(fields | {wire: "here"}).replace('"here"', "[" * depth + "]" * depth)
        status, body = world.send(method, row.path, raw.encode())
        assert (status, body[world.code]) == (200, world.bad)
    else:
        status, body = world.call(row.name, fields | {wire: wrong(world, method, kind, None)})
        as_text = kind == "type" and (world.form or method == "GET") and is_text(row, wire)
        codes = {0, *row.codes} if as_text else {world.bad, 80002} if wire in LISTS else {world.bad}
        assert (status, body.get(world.code, 0) in codes) == (200, True), (kind, body)
    if body.get(world.code, 0) != 0:
        assert world.rows_of() == before


@settings(max_examples=60, suppress_health_check=FIXTURE, deadline=None)
@given(
    where=st.sampled_from([(name, row) for name, row in ROWS if "POST" in row.methods]),
    encoding=st.sampled_from(["utf-16", "utf-32", "latin-1", "gzip", "deflate", "br", "nonsense"]),
)
def test_a_body_that_cannot_be_read_is_a_bad_field(
    world_of: Any, where: tuple[str, Any], encoding: str
) -> None:
    name, row = where
    world = world_of(name)
    fields = world.token | world.good[row.name] | {"note": "é"}
    world.refurnish()
    before = world.rows_of()
    headers = dict(world.headers)
    raw = json.dumps(fields, ensure_ascii=False)
    if encoding.startswith(("utf", "latin")):
        if world.form:
            raw = "&".join(f"{quote_plus(key)}=é" for key in fields)
        body = raw.encode(encoding)
    else:
        body, headers["Content-Encoding"] = b"\x1f\x8b nothing of the kind", encoding
    status, answer = world.send("POST", row.path, body, headers)
    assert (status, answer[world.code]) == (200, world.bad)
    assert world.rows_of() == before


# Tenants --------------------------------------------------------------------------------------------------

SIGNED = [(name, row) for name, row in ROWS if row.name not in NOBODY]


def nowhere(world: Any, fields: dict[str, Any]) -> dict[str, Any]:
    """The fields with ids that nobody has."""
    strange = {int: 9, str: "?", list: ["?"]}
    return {
        key: strange[type(value)] if key in world.ids and key != "keyboardPwd" else value
        for key, value in fields.items()
    }


@pytest.mark.parametrize(("name", "row"), SIGNED, ids=[f"{name}-{row.name}" for name, row in SIGNED])
def test_another_tenants_ids_are_answered_as_ids_that_do_not_exist(
    world_of: Any, name: str, row: Any
) -> None:
    world = world_of(name)
    answers = []
    for fields in (world.good[row.name], nowhere(world, world.good[row.name])):
        world.refurnish()
        before = world.rows_of()
        status, body = world.call(row.name, world.stranger | fields, headers=world.stranger_headers or None)
        assert status == 200
        after = world.rows_of()
        assert all(set(rows) <= set(after[table]) for table, rows in before.items()), "something was changed"
        answers.append({key: "id" if key in CHOSEN else body[key] for key in body})
    assert answers[0] == answers[1]


CHOSEN = {"home_id", "room_id", "lockId", "keyId", "keyboardPwdId", "requestId", "serviceid"}
"""Of an answer: ids that are echoed, or drawn anew."""


@pytest.mark.parametrize(
    ("name", "owner", "call", "code"),
    [
        ("dding", {"tenant": "t"}, "find_home_state", 15006),
        ("ttlock", {"client_id": "app"}, "detail", -1003),
        ("aiot", {"appid": "app"}, "query_selected", 604),
    ],
)
def test_a_reset_forgets_what_a_tenant_has_and_keeps_its_tokens(
    world_of: Any, name: str, owner: dict[str, str], call: str, code: int
) -> None:
    world = world_of(name)
    world.refurnish()
    status, body = world.send("POST", f"/_bench/{name}/reset", json.dumps(owner).encode())
    assert (status, body[world.code]) == (200, 0)
    assert world.call(call, world.token | world.good[call])[1][world.code] == code
    world.refurnish()


# Codes ----------------------------------------------------------------------------------------------------


TABLES = {"dding": DDING_CODES | LATER_ERRORS, "ttlock": TTLOCK_CODES, "aiot": AIOT_CODES}


@pytest.mark.parametrize("name", TABLES)
def test_every_code_is_reached_by_a_fault(world_of: Any, name: str) -> None:
    """At every endpoint those that it lists, and at one all that the cloud knows."""
    world = world_of(name)
    first = next(iter(world.rows.values()))
    pairs = [(row, code) for row in world.rows.values() for code in row.codes]
    for row, code in [*pairs, *((first, code) for code in TABLES[name] if code)]:
        world.faults.add(Fault(row.path, errcode=code, times=1))
        status, body = world.call(row.name, world.token | world.good[row.name])
        assert (status, body[world.code]) == (200, code)
        assert body.get("ErrMsg") or body.get("errmsg") or body.get("message")
