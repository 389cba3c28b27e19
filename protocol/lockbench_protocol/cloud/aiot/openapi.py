"""The OpenAPI 3.1 description of the AIOT cloud's upgrades, made from its table and models."""

from __future__ import annotations

from pydantic import BaseModel

from lockbench_protocol.cloud.aiot.codes import ERRORS
from lockbench_protocol.cloud.aiot.models import ENDPOINTS, HEADERS, Endpoint
from lockbench_protocol.cloud.aiot.pushes import Progress, Result
from lockbench_protocol.cloud.openapi import Json, document, in_json, in_query, operation, reference

_TEXTS = {code: en for code, (en, _) in ERRORS.items()}
_HEADERS: tuple[Json, ...] = tuple(
    {
        "name": header.name,
        "in": "header",
        "required": header.required,
        "description": header.meaning,
        "schema": {"type": "string"},
    }
    for header in HEADERS
)


def openapi() -> Json:
    """One document of plain data: paths, bodies or queries, replies, codes, and the pushes as webhooks."""
    paths: Json = {
        row.path: {method.lower(): _operation(row, method) for method in row.methods} for row in ENDPOINTS
    }
    read = [row.request for row in ENDPOINTS]
    written: list[type[BaseModel]] = [*(row.reply for row in ENDPOINTS), Progress, Result]
    made = document("AIOT firmware upgrades", "1.0", paths, read=read, written=written)
    return made | {"webhooks": {model.__name__: _webhook(model) for model in (Progress, Result)}}


def _operation(row: Endpoint, method: str) -> Json:
    made = operation(row, method, "AIOT OTA. code", _TEXTS, _answer(row))
    if method == "GET":
        schema = row.request.model_json_schema()
        return made | {"parameters": [*_HEADERS, *in_query(schema["properties"], schema.get("required", []))]}
    return made | {
        "parameters": [*_HEADERS],
        "requestBody": {"content": in_json(reference(row.request))},
    }


def _answer(row: Endpoint) -> Json:
    refusal: Json = {
        "type": "object",
        "properties": {"code": {"enum": sorted(row.codes)}, "message": {"type": "string"}},
        "required": ["code"],
    }
    return {
        "description": "code 0 and the result, or another code",
        "content": in_json({"anyOf": [reference(row.reply), refusal]}),
    }


def _webhook(model: type[Progress | Result]) -> Json:
    body = {"content": in_json(reference(model))}
    return {"post": {"requestBody": body, "responses": {"200": {"description": ""}}}}
