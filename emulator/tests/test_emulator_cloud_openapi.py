"""Schemathesis over the OpenAPI of each cloud: whatever it makes of it, the answer is a documented one.

Its checks of HTTP statuses are replaced by ours: a cloud answers 200, and the code in the body decides.
"""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from lockbench_protocol.cloud.aiot.openapi import openapi as aiot
from lockbench_protocol.cloud.dding.openapi import openapi as dding
from lockbench_protocol.cloud.ttlock.openapi import openapi as ttlock

schemathesis = pytest.importorskip("schemathesis", reason="schemathesis is not installed")
jsonschema_rs = pytest.importorskip("jsonschema_rs")
requests = pytest.importorskip("requests")

DOCUMENTS: dict[str, Any] = {"dding": dding(), "ttlock": ttlock(), "aiot": aiot()}
OPERATIONS: list[tuple[str, Any]] = [
    (name, found.ok())
    for name, document in DOCUMENTS.items()
    for found in schemathesis.openapi.from_dict(document).get_all_operations()
]
IDS = [f"{name}-{operation.method}-{operation.path.rpartition('/')[2]}" for name, operation in OPERATIONS]
RULES = settings(
    max_examples=4,
    derandomize=True,
    database=None,
    deadline=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)


class Judge:
    """What an operation documents, and whether an answer is of it."""

    def __init__(self, world: Any, name: str, operation: Any) -> None:
        document = DOCUMENTS[name]
        self.documented = document["paths"][operation.path][operation.method.lower()]
        answer = self.documented["responses"]["200"]["content"]["application/json"]["schema"]
        self._validator = jsonschema_rs.Draft202012Validator(
            {"allOf": [answer], "components": document["components"]}
        )
        self.world = world
        self.row = self.documented["operationId"].removesuffix("_get").removesuffix("_post")

    def send(self, case: Any) -> int:
        """The code of the answer, which must be a documented one."""
        made = requests.Request(**_plain(case.as_transport_kwargs(base_url="http://x"))).prepare()
        body = made.body.encode() if isinstance(made.body, str) else made.body or b""
        own = ("content-length", "connection", "accept-encoding")
        headers = {key: text for key, text in made.headers.items() if key.lower() not in own}
        status, answer = self.world.send(made.method, made.path_url, body, headers)
        assert status == 200
        code = int(answer.get(self.world.code, 0))
        assert code in self.documented["x-codes"], f"{code} is not documented"
        assert self._validator.is_valid(answer), answer
        return code

    def good(self, operation: Any) -> Any:
        """The call that must succeed."""
        fields = self.world.token | self.world.good[self.row]
        if operation.method.upper() == "GET":
            return operation.Case(query=fields, headers=dict(self.world.headers))
        media = "application/x-www-form-urlencoded" if self.world.form else "application/json"
        return operation.Case(body=fields, media_type=media, headers=dict(self.world.headers))


def _plain(given_: dict[str, Any]) -> dict[str, Any]:
    known = ("method", "url", "headers", "params", "data", "json", "cookies")
    return {key: given_[key] for key in known if given_.get(key) is not None}


def enliven(case: Any, world: Any, row: str) -> None:
    """A live token instead of any, and ids that exist."""
    if world.headers:
        case.headers = {**dict(case.headers or {}), **world.headers}
    for fields in (case.query, case.body):
        if isinstance(fields, dict):
            ids = {key: value for key, value in world.good[row].items() if key in world.ids}
            fields.update(world.token | ids)


@pytest.mark.parametrize(("name", "operation"), OPERATIONS, ids=IDS)
def test_every_answer_is_documented_and_every_operation_succeeds(
    world_of: Any, name: str, operation: Any
) -> None:
    world = world_of(name)
    judge = Judge(world, name, operation)
    world.refurnish()
    code = judge.send(judge.good(operation))
    assert (code == 0) == (judge.row not in world.never)
    modes = (schemathesis.GenerationMode.POSITIVE, schemathesis.GenerationMode.NEGATIVE)

    @RULES
    @given(
        case=st.one_of(*(operation.as_strategy(generation_mode=mode) for mode in modes)), alive=st.booleans()
    )
    def example(case: Any, alive: bool) -> None:
        world.refurnish()
        if alive:
            enliven(case, world, judge.row)
        judge.send(case)

    example()


def test_the_documents_are_plain_data_and_have_every_endpoint(world_of: Any) -> None:
    for name, document in DOCUMENTS.items():
        assert json.loads(json.dumps(document)) == document
        assert set(document["paths"]) == {row.path for row in world_of(name).rows.values()}
