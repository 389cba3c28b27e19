"""The bench's hands over HTTP: an operation by name under a prefix, its arguments the fields of the body.

`GET` of the prefix names all operations with their fields. No client of the vendor calls any of these.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler
from pydantic import TypeAdapter, ValidationError, validate_call

from lockbench_emulator.cloud.answer import json_bytes, send
from lockbench_emulator.cloud.bodies import read_object
from lockbench_emulator.cloud.faults import Fault, Faults
from lockbench_emulator.cloud.journal import Journal

Json = dict[str, object]
Operations = Mapping[str, Callable[..., object]]


@dataclass(frozen=True, slots=True)
class Envelope:
    """How a cloud says that something is well, or is not."""

    ok: Json
    refused: type[Exception]
    refusal: Callable[[Any], Json]  # of such an exception
    bad: Callable[[str], Json]  # of arguments that do not fit, in words


def operations(bench: object) -> dict[str, Callable[..., object]]:
    """The public methods of a bench by name."""
    return {name: getattr(bench, name) for name in sorted(dir(bench)) if not name.startswith("_")}


def common(faults: Faults, journal: Journal, known: Container[int]) -> dict[str, Callable[..., object]]:
    """What every cloud offers: faults, with the codes that it knows, and its journal."""

    def fail(**fields: Any) -> None:
        fault = _fault().validate_python(fields)
        if fault.errcode is not None and fault.errcode not in known:
            raise ValueError(f"errcode: this cloud has no code {fault.errcode}")
        faults.add(fault)

    return {
        "fail": fail,
        "mend": faults.clear,
        "journal": journal.lines,
        "verify": journal.verify,
        "forget": journal.forget,
    }


@cache
def _fault() -> TypeAdapter[Fault]:
    return TypeAdapter(Fault)


def add_controls(app: web.Application, prefix: str, offered: Operations, envelope: Envelope) -> None:
    """Routes under `prefix`, which ends in a slash."""

    async def listed(request: web.Request) -> web.StreamResponse:
        table = {name: _fields(name, operation) for name, operation in offered.items()}
        return await send(request, json_bytes({**envelope.ok, "result": table}))

    app.router.add_get(prefix, listed)
    for name, operation in offered.items():
        app.router.add_post(prefix + name, _control(operation, envelope))


def _fields(name: str, operation: Callable[..., object]) -> str:
    return str(inspect.signature(Fault if name == "fail" else operation)).replace("'", "")


def _control(operation: Callable[..., object], envelope: Envelope) -> Handler:
    checked = cache(lambda: validate_call(operation))  # made when first used: it takes a while

    async def handle(request: web.Request) -> web.StreamResponse:
        try:
            raw = (await request.read()).decode("utf-8")
            result = checked()(**read_object(raw or "{}"))
            body = {**envelope.ok, "result": result}
        except envelope.refused as refusal:
            body = envelope.refusal(refusal)
        except ValidationError as error:
            rows = error.errors(include_url=False)
            body = envelope.bad("; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in rows))
        except (ValueError, OverflowError, web.HTTPException) as error:  # a number may be too big for a row
            body = envelope.bad(str(error))
        return await send(request, json_bytes(body))

    return handle
