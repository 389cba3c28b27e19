"""The OpenAPI 3.1 description of the AIOT cloud's upgrades, made from its table and models."""

from __future__ import annotations

from pydantic.json_schema import models_json_schema

from lockbench_protocol.cloud.aiot.codes import ERRORS
from lockbench_protocol.cloud.aiot.models import ENDPOINTS, HEADERS, Endpoint
from lockbench_protocol.cloud.aiot.pushes import Progress, Result

Json = dict[str, object]

_REF = "#/components/schemas/{model}"


def openapi() -> Json:
    """One document of plain data: paths, bodies or queries, replies, codes, and the pushes as webhooks."""
    pairs = [
        *((model, "validation") for model in {row.request for row in ENDPOINTS}),
        *((model, "serialization") for model in {row.reply for row in ENDPOINTS}),
        *((model, "serialization") for model in (Progress, Result)),
    ]
    pairs.sort(key=lambda pair: pair[0].__name__)
    _, schemas = models_json_schema(pairs, ref_template=_REF)  # type: ignore[arg-type]  # the mode is a Literal
    return {
        "openapi": "3.1.0",
        "info": {"title": "AIOT firmware upgrades", "version": "1.0"},
        "paths": {row.path: _path(row) for row in ENDPOINTS},
        "webhooks": {model.__name__: _webhook(model) for model in (Progress, Result)},
        "components": {"schemas": schemas["$defs"]},
    }


def _path(row: Endpoint) -> Json:
    return {method.lower(): _operation(row, method) for method in row.methods}


def _operation(row: Endpoint, method: str) -> Json:
    codes = ", ".join(f"{code} {ERRORS[code][0]}" for code in sorted(row.codes))
    parameters: list[Json] = [
        {
            "name": header.name,
            "in": "header",
            "required": header.required,
            "description": header.meaning,
            "schema": {"type": "string"},
        }
        for header in HEADERS
    ]
    operation: Json = {
        "operationId": row.name if method == row.methods[0] else f"{row.name}_{method.lower()}",
        "summary": row.name.replace("_", " "),
        "description": f"AIOT OTA. code: 0, {codes}.",
        "responses": {"200": _answer(row)},
        "x-codes": [0, *sorted(row.codes)],
        "parameters": parameters,
    }
    if method == "GET":
        schema = row.request.model_json_schema()
        required = schema.get("required", [])
        parameters += [
            {"name": name, "in": "query", "required": name in required, "schema": part}
            for name, part in schema["properties"].items()
        ]
    else:
        operation["requestBody"] = {"content": _json(row.request.__name__)}
    return operation


def _answer(row: Endpoint) -> Json:
    refusal: Json = {
        "type": "object",
        "properties": {"code": {"enum": sorted(row.codes)}, "message": {"type": "string"}},
        "required": ["code"],
    }
    schema = {"anyOf": [{"$ref": _REF.format(model=row.reply.__name__)}, refusal]}
    return {
        "description": "code 0 and the result, or another code",
        "content": {"application/json": {"schema": schema}},
    }


def _webhook(model: type[Progress | Result]) -> Json:
    return {
        "post": {"requestBody": {"content": _json(model.__name__)}, "responses": {"200": {"description": ""}}}
    }


def _json(model: str) -> Json:
    return {"application/json": {"schema": {"$ref": _REF.format(model=model)}}}
