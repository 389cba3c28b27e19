"""What the OpenAPI 3.1 descriptions of the three clouds have in common; each says the rest itself."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal, Protocol

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

Json = dict[str, object]
Mode = Literal["validation", "serialization"]

_REF = "#/components/schemas/{model}"


class Endpoint(Protocol):
    """A row of a cloud's table."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def methods(self) -> tuple[str, ...]: ...
    @property
    def codes(self) -> tuple[int, ...]: ...


def document(
    title: str,
    version: str,
    paths: Json,
    *,
    read: Iterable[type[BaseModel]],
    written: Iterable[type[BaseModel]],
) -> Json:
    """One document of plain data, with the schemas of the models that the cloud reads and writes."""
    pairs: list[tuple[type[BaseModel], Mode]] = [(model, "validation") for model in set(read)]
    pairs += [(model, "serialization") for model in set(written)]
    pairs.sort(key=lambda pair: pair[0].__name__)
    _, schemas = models_json_schema(pairs, ref_template=_REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": title, "version": version},
        "paths": paths,
        "components": {"schemas": schemas["$defs"]},
    }


def reference(model: type[BaseModel]) -> Json:
    return {"$ref": _REF.format(model=model.__name__)}


def in_json(schema: Json) -> Json:
    """The content of a body."""
    return {"application/json": {"schema": schema}}


def operation(row: Endpoint, method: str, description: str, texts: Mapping[int, str], answer: Json) -> Json:
    """What each call has. `texts` are the cloud's words for its codes, which end the description."""
    codes = sorted(row.codes)
    return {
        "operationId": row.name if method == row.methods[0] else f"{row.name}_{method.lower()}",
        "summary": row.name.replace("_", " "),
        "description": f"{description}: 0, {', '.join(f'{code} {texts[code]}' for code in codes)}.",
        "responses": {"200": answer},
        "x-codes": [0, *codes],
    }


def in_query(properties: Mapping[str, object], required: Iterable[str]) -> list[Json]:
    """The parameters of a call by GET."""
    must = set(required)
    return [
        {"name": name, "in": "query", "required": name in must, "schema": part}
        for name, part in properties.items()
    ]
