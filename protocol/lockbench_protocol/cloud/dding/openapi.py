"""The OpenAPI 3.1 description of the dding SaaS, made from its table and models."""

from __future__ import annotations

from pydantic.json_schema import models_json_schema

from lockbench_protocol.cloud.dding.codes import ERRORS
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, TOKEN, Endpoint

Json = dict[str, object]

_REF = "#/components/schemas/{model}"


def openapi() -> Json:
    """One document of plain data: paths with their parameters or bodies, replies and codes."""
    requests = {row.request for row in ENDPOINTS}
    replies = {row.reply for row in ENDPOINTS}
    pairs = sorted(
        [(model, "validation") for model in requests] + [(model, "serialization") for model in replies],
        key=lambda pair: pair[0].__name__,
    )
    _, schemas = models_json_schema(pairs, ref_template=_REF)  # type: ignore[arg-type]  # the mode is a Literal
    return {
        "openapi": "3.1.0",
        "info": {"title": "dding SaaS", "version": "1.6"},
        "paths": {row.path: _path(row) for row in ENDPOINTS},
        "components": {"schemas": schemas["$defs"]},
    }


def _path(row: Endpoint) -> Json:
    return {method.lower(): _operation(row, method) for method in row.methods}


def _operation(row: Endpoint, method: str) -> Json:
    codes = ", ".join(f"{code} {ERRORS[code][0]}" for code in sorted(row.codes))
    operation: Json = {
        "operationId": row.name if method == row.methods[0] else f"{row.name}_{method.lower()}",
        "summary": row.name.replace("_", " "),
        "description": f"dding V1.6 {row.section}. ErrNo: 0, {codes}.",
        "tags": [row.section.split(".")[0]],
        "responses": {"200": _answer(row)},
        "x-codes": [0, *sorted(row.codes)],
        "x-roles": sorted(role.value for role in row.roles),
    }
    if method == "GET":
        operation["parameters"] = _parameters(row)
    else:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": _body(row)}},
        }
    return operation


def _body(row: Endpoint) -> Json:
    own: Json = {"$ref": _REF.format(model=row.request.__name__)}
    if not row.roles:
        return own
    token: Json = {
        "type": "object",
        "properties": {TOKEN: {"type": "string"}},
        "required": [TOKEN],
    }
    return {"allOf": [own, token]}


def _parameters(row: Endpoint) -> list[Json]:
    schema = row.request.model_json_schema()
    required = schema.get("required", [])
    rows: list[Json] = [{"name": TOKEN, "in": "query", "required": True, "schema": {"type": "string"}}]
    for name, part in schema["properties"].items():
        rows.append({"name": name, "in": "query", "required": name in required, "schema": part})
    return rows


def _answer(row: Endpoint) -> Json:
    envelope: Json = {
        "type": "object",
        "properties": {"ErrNo": {"enum": [0, *sorted(row.codes)]}, "ErrMsg": {"type": "string"}},
        "required": ["ErrNo", "ErrMsg"],
    }
    success: Json = {"allOf": [envelope, {"$ref": _REF.format(model=row.reply.__name__)}]}
    return {
        "description": "ErrNo 0 and the payload, or another ErrNo",
        "content": {"application/json": {"schema": {"anyOf": [success, envelope]}}},
    }
