from __future__ import annotations

import contextlib
import json
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_protocol.cloud.aiot.codes import ERRORS, text_of
from lockbench_protocol.cloud.aiot.models import ENDPOINTS, HEADERS, DeviceRequest, Reply
from lockbench_protocol.cloud.aiot.openapi import openapi
from lockbench_protocol.cloud.aiot.pushes import (
    CAUSES,
    Progress,
    Push,
    PushError,
    Result,
    push_body,
    read_push,
)
from pydantic import ValidationError

words = st.text(st.characters(codec="utf-8"), min_size=1, max_size=20)
versions = st.lists(st.integers(0, 999), min_size=1, max_size=4).map(lambda row: ".".join(map(str, row)))
progresses = st.tuples(words, versions, st.integers(0, 100)).map(
    lambda row: Progress(did=row[0], firmware_version=row[1], progress=row[2])
)
outcomes: st.SearchStrategy[Literal["0", "1"]] = st.sampled_from(("0", "1"))
results = st.tuples(words, versions, outcomes, st.none() | words).map(
    lambda row: Result(did=row[0], firmware_version=row[1], upgrade_result=row[2], cause=row[3])
)
pushes: st.SearchStrategy[Push] = progresses | results


@given(pushes)
def test_a_push_is_read_back_strictly_and_leniently(push: Push) -> None:
    raw = push_body(push).encode()
    assert read_push(raw, strict=True) == push
    assert read_push(raw) == push


@given(pushes, st.booleans(), st.booleans())
def test_a_literally_printed_push_is_read_leniently_only(push: Push, bare: bool, quoted: bool) -> None:
    raw = push_body(push, bare_version=bare, quoted_progress=quoted).encode()
    assert read_push(raw) == push
    if bare or (quoted and isinstance(push, Progress)):
        with pytest.raises(PushError):
            read_push(raw, strict=True)


@given(
    st.binary(max_size=60)
    | st.dictionaries(words, words | st.integers()).map(lambda row: json.dumps(row).encode())
)
def test_any_body_is_a_push_or_refused(raw: bytes) -> None:
    for strict in (True, False):
        with contextlib.suppress(PushError):
            read_push(raw, strict=strict)


@pytest.mark.parametrize(
    "body",
    [
        '{"msgType":"ota_upgrade_progress","did":"d","firmwareVersion":"1","progress":101}',
        '{"msgType":"ota_upgrade_progress","did":"d","firmwareVersion":"1","progress":-1}',
        '{"msgType":"ota_upgrade_progress","did":"d","firmwareVersion":"1","progress":1.5}',
        '{"msgType":"ota_upgrade_result","did":"d","firmwareVersion":"1","upgradeResult":"2"}',
        '{"msgType":"ota_upgrade_result","did":"d","firmwareVersion":"1","upgradeResult":true}',
        '{"msgType":"ota_upgrade_result","did":"","firmwareVersion":"1","upgradeResult":"1"}',
        '{"msgType":"another","did":"d"}',
        "[]",
        "[" * 100_000,
    ],
)
def test_what_no_reading_allows_is_refused(body: str) -> None:
    with pytest.raises(PushError):
        read_push(body.encode())


def test_a_sentence_names_the_wrong_field() -> None:
    with pytest.raises(PushError, match="wrong in ota_upgrade_progress.progress"):
        read_push(b'{"msgType":"ota_upgrade_progress","did":"d","firmwareVersion":"1","progress":"x"}')


def test_every_code_of_an_endpoint_has_words_in_two_languages() -> None:
    for row in ENDPOINTS:
        assert set(row.codes) <= set(ERRORS)
        assert 0 not in row.codes
    assert all(en.isascii() and zh and not zh.isascii() for en, zh in [*ERRORS.values(), *CAUSES.values()])
    assert text_of(908) == "device is being upgraded"


@pytest.mark.parametrize(
    "fields", [{}, {"did": ""}, {"did": 1}, {"did": "x" * 65}, {"did": "a\0"}, {"did": "d", "openId": 1}]
)
def test_a_device_is_named_by_a_text(fields: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        DeviceRequest.model_validate(fields)


def test_a_reply_carries_code_and_the_documented_names() -> None:
    assert set(Reply().body()) == {"code", "message", "requestId"}


def test_the_openapi_document_has_every_endpoint_with_its_headers_codes_and_pushes() -> None:
    document = json.loads(json.dumps(openapi()))
    assert set(document["paths"]) == {row.path for row in ENDPOINTS}
    for row in ENDPOINTS:
        assert set(document["paths"][row.path]) == {method.lower() for method in row.methods}
        for operation in document["paths"][row.path].values():
            assert operation["x-codes"] == [0, *sorted(row.codes)]
            named = [part["name"] for part in operation["parameters"] if part["in"] == "header"]
            assert named == [header.name for header in HEADERS]
    assert set(document["webhooks"]) == {"Progress", "Result"}
    text = json.dumps(document)
    for reference in {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}:
        assert reference in document["components"]["schemas"]
