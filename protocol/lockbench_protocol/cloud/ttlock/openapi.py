"""The OpenAPI 3.1 description of the TTLock open platform, made from its table and models."""

from __future__ import annotations

from pydantic.json_schema import models_json_schema

from lockbench_protocol.cloud.ttlock.codes import ERRORS
from lockbench_protocol.cloud.ttlock.endpoints import ENDPOINTS, Endpoint
from lockbench_protocol.cloud.ttlock.requests import Parameters

Json = dict[str, object]

_REF = "#/components/schemas/{model}"
FORM = "application/x-www-form-urlencoded"


def openapi() -> Json:
    """One document of plain data: paths with their parameters or forms, replies and codes."""
    replies = sorted({row.reply for row in ENDPOINTS}, key=lambda model: model.__name__)
    _, schemas = models_json_schema([(model, "serialization") for model in replies], ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "TTLock open platform", "version": "3"},
        "paths": {
            row.path: {method.lower(): _operation(row, method) for method in row.methods} for row in ENDPOINTS
        },
        "components": {"schemas": schemas["$defs"]},
    }


def _operation(row: Endpoint, method: str) -> Json:
    codes = ", ".join(f"{code} {ERRORS[code][0]}" for code in sorted(row.codes))
    operation: Json = {
        "operationId": row.name if method == row.methods[0] else f"{row.name}_{method.lower()}",
        "summary": row.name.replace("_", " "),
        "description": f"errcode: 0, {codes}.",
        "responses": {"200": _answer(row)},
        "x-codes": [0, *sorted(row.codes)],
        "x-right": row.right.value,
    }
    schema = _form(row.request)
    if method == "GET":
        properties, required = schema["properties"], schema["required"]
        assert isinstance(properties, dict) and isinstance(required, list)  # noqa: PT018, S101 - made below
        operation["parameters"] = [
            {"name": name, "in": "query", "required": name in required, "schema": part}
            for name, part in properties.items()
        ]
    else:
        operation["requestBody"] = {"required": True, "content": {FORM: {"schema": schema}}}
    return operation


def _form(model: type[Parameters]) -> Json:
    """The parameters of a call; one that may be left out never comes as null."""
    schema = model.model_json_schema()
    properties = {}
    for name, part in schema["properties"].items():
        kinds = [kind for kind in part.get("anyOf", []) if kind != {"type": "null"}]
        properties[name] = (
            kinds[0] if kinds else {key: word for key, word in part.items() if key != "default"}
        )
    return {"type": "object", "properties": properties, "required": schema.get("required", [])}


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
    schema = {"anyOf": [{"$ref": _REF.format(model=row.reply.__name__)}, refusal]}
    return {
        "description": "what was asked for, or an errcode",
        "content": {"application/json": {"schema": schema}},
    }
