"""The OpenAPI 3.1 description of the dding SaaS, made from its table and models."""

from __future__ import annotations

from lockbench_protocol.cloud.dding.codes import ERRORS
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, TOKEN, Endpoint
from lockbench_protocol.cloud.openapi import Json, document, in_json, in_query, operation, reference

_TEXTS = {code: en for code, (en, _) in ERRORS.items()}


def openapi() -> Json:
    """One document of plain data: paths with their parameters or bodies, replies and codes."""
    paths: Json = {
        row.path: {method.lower(): _operation(row, method) for method in row.methods} for row in ENDPOINTS
    }
    read, written = [row.request for row in ENDPOINTS], [row.reply for row in ENDPOINTS]
    return document("dding SaaS", "1.6", paths, read=read, written=written)


def _operation(row: Endpoint, method: str) -> Json:
    made = operation(row, method, f"dding V1.6 {row.section}. ErrNo", _TEXTS, _answer(row))
    made |= {"tags": [row.section.split(".")[0]], "x-roles": sorted(role.value for role in row.roles)}
    if method == "GET":
        schema = row.request.model_json_schema()
        token: Json = {"name": TOKEN, "in": "query", "required": True, "schema": {"type": "string"}}
        return made | {"parameters": [token, *in_query(schema["properties"], schema.get("required", []))]}
    return made | {"requestBody": {"required": True, "content": in_json(_body(row))}}


def _body(row: Endpoint) -> Json:
    own = reference(row.request)
    if not row.roles:
        return own
    token: Json = {
        "type": "object",
        "properties": {TOKEN: {"type": "string"}},
        "required": [TOKEN],
    }
    return {"allOf": [own, token]}


def _answer(row: Endpoint) -> Json:
    envelope: Json = {
        "type": "object",
        "properties": {"ErrNo": {"enum": [0, *sorted(row.codes)]}, "ErrMsg": {"type": "string"}},
        "required": ["ErrNo", "ErrMsg"],
    }
    success: Json = {"allOf": [envelope, reference(row.reply)]}
    return {
        "description": "ErrNo 0 and the payload, or another ErrNo",
        "content": in_json({"anyOf": [success, envelope]}),
    }
