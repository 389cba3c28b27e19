"""The OpenAPI 3.1 description of the TTLock open platform, made from its table and models."""

from __future__ import annotations

from lockbench_protocol.cloud.openapi import Json, document, in_json, in_query, operation, reference
from lockbench_protocol.cloud.ttlock.codes import ERRORS
from lockbench_protocol.cloud.ttlock.endpoints import ENDPOINTS, Endpoint
from lockbench_protocol.cloud.ttlock.requests import Parameters

FORM = "application/x-www-form-urlencoded"
_TEXTS = {code: errmsg for code, (errmsg, _) in ERRORS.items()}


def openapi() -> Json:
    """One document of plain data: paths with their parameters or forms, replies and codes."""
    paths: Json = {
        row.path: {method.lower(): _operation(row, method) for method in row.methods} for row in ENDPOINTS
    }
    written = [row.reply for row in ENDPOINTS]
    return document("TTLock open platform", "3", paths, read=(), written=written)


def _operation(row: Endpoint, method: str) -> Json:
    made = operation(row, method, "errcode", _TEXTS, _answer(row)) | {"x-right": row.right.value}
    properties, required = _form(row.request)
    if method == "GET":
        return made | {"parameters": in_query(properties, required)}
    schema: Json = {"type": "object", "properties": properties, "required": required}
    return made | {"requestBody": {"required": True, "content": {FORM: {"schema": schema}}}}


def _form(model: type[Parameters]) -> tuple[Json, list[str]]:
    """The parameters of a call, and which of them it must have; one that may be left out is never null."""
    schema = model.model_json_schema()
    properties: Json = {}
    for name, part in schema["properties"].items():
        kinds = [kind for kind in part.get("anyOf", []) if kind != {"type": "null"}]
        properties[name] = (
            kinds[0] if kinds else {key: word for key, word in part.items() if key != "default"}
        )
    return properties, schema.get("required", [])


def _answer(row: Endpoint) -> Json:
    refusal: Json = {
        "type": "object",
        "properties": {
            "errcode": {"enum": sorted(row.codes)},
            "errmsg": {"type": "string"},
            "description": {"type": "string"},
        },
        "required": ["errcode", "errmsg", "description"],
    }
    return {
        "description": "what was asked for, or an errcode",
        "content": in_json({"anyOf": [reference(row.reply), refusal]}),
    }
