"""The HTTP side of the dding SaaS: parse, envelope, and the bench's hands under /_bench/dding/.

One aiohttp application, its routes made from the endpoint table. POST is one JSON object (a form when
lenient), GET a query of which the first of repeated keys counts. A failure is JSON in HTTP 200 (dding 4.2).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler
from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding.codes import ERRORS, LATER_ERRORS, text_of
from lockbench_protocol.cloud.dding.endpoints import PREFIX, Endpoint

from lockbench_emulator.cloud.answer import dated, json_bytes, send
from lockbench_emulator.cloud.bodies import is_coded, read_first, read_json, read_object
from lockbench_emulator.cloud.controls import Envelope, add_controls, common, operations
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding, Refused
from lockbench_emulator.cloud.dding.core import CLOUD
from lockbench_emulator.cloud.dding.outbox import masked
from lockbench_emulator.cloud.dding.seed import HomeSeed, plant
from lockbench_emulator.cloud.faults import Fault, Faults
from lockbench_emulator.cloud.journal import Journal, Observer

BODY_LIMIT = 256 * 1024
"""The largest body that is read, bytes."""
BENCH = "/_bench/dding/"
KNOWN = frozenset(ERRORS) | frozenset(LATER_ERRORS)
"""The codes that a fault can answer with."""
FORM = "application/x-www-form-urlencoded"

Json = dict[str, object]


def dding_app(
    cloud: Dding, faults: Faults, bench: DdingBench | None = None, observe: Observer | None = None
) -> web.Application:
    """The application that serves this cloud; with its controls when `bench` is given."""
    wire = _Wire(cloud, faults, observe)
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[wire.strays])
    for row in cloud.parts.rows:
        for path in row.paths(strict=cloud.core.policy.strict):
            app.router.add_route("*", path, wire.route(row, path))
    if bench is not None:
        own = operations(bench) | {"seed": _seeding(cloud, bench)}
        add_controls(app, BENCH, own | common(faults, Journal(cloud.core.store, CLOUD), KNOWN), ENVELOPE)
    dated(app, cloud.core.now)
    return app


def _seeding(cloud: Dding, bench: DdingBench) -> Callable[..., object]:
    def seed(tenant: str, homes: list[HomeSeed]) -> None:
        plant(cloud, bench, tenant, homes)

    return seed


class _Wire:
    def __init__(self, cloud: Dding, faults: Faults, observe: Observer | None) -> None:
        self._cloud = cloud
        self._faults = faults
        self._observe = observe

    def route(self, row: Endpoint, path: str) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self._faults.take(row.path)
            given: Json = {}
            if fault.status is not None:
                self._note(request, given, fault.status, None)
                return await send(request, b"", fault, status=fault.status)
            status = 200
            try:
                given = await self._given(request, row)
                body = self._answer(row, path, request.method, given, fault)
            except Refused as refusal:
                body = envelope(refusal.code)
                if refusal.code == codes.NOT_IMPLEMENTED and self._cloud.core.policy.http_status:
                    status = 405
            for name in fault.without:
                body.pop(name, None)
            number = body.get("ErrNo")
            self._note(request, given, status, number if isinstance(number, int) else None)
            return await send(request, json_bytes(body), fault, status=status)

        return handle

    def _answer(self, row: Endpoint, path: str, method: str, given: Json, fault: Fault) -> Json:
        if fault.errcode is not None:
            raise Refused(fault.errcode)
        texts = method == "GET"
        if path == row.path:
            return self._cloud.call(row, given, texts=texts)
        return self._cloud.call(row, given, texts=texts, path=path)

    async def _given(self, request: web.Request, row: Endpoint) -> Json:
        """The parameters of a request: verb first, then whether they can be read."""
        if request.method not in row.methods:
            raise Refused(codes.NOT_IMPLEMENTED)
        if is_coded(request):
            raise Refused(codes.BAD_PARAMETER)
        try:
            if request.method == "GET":
                return read_first(request.rel_url.raw_query_string)
            raw = (await request.read()).decode("utf-8")
        except (ValueError, web.HTTPException, web.RequestPayloadError):
            raise Refused(codes.BAD_PARAMETER) from None
        return self._object(raw, request.content_type)

    def _object(self, raw: str, content_type: str) -> Json:
        strict = self._cloud.core.policy.strict
        try:
            if content_type == FORM and not strict:
                return {name: _list(value) for name, value in read_first(raw).items()}
            if strict and content_type != "application/json":
                raise Refused(codes.BAD_PARAMETER)
            return read_object(raw)
        except ValueError:
            raise Refused(codes.BAD_PARAMETER) from None

    @web.middleware
    async def strays(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """What no route takes under the cloud's own prefixes is 15007."""
        try:
            return await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            if not request.path.startswith((PREFIX, "/v1/")):
                raise
            status = error.status if self._cloud.core.policy.http_status else 200
            self._note(request, {}, status, codes.NOT_IMPLEMENTED)
            return await send(request, json_bytes(envelope(codes.NOT_IMPLEMENTED)), status=status)

    def _note(self, request: web.Request, given: Mapping[str, object], status: int, code: int | None) -> None:
        shown = {
            name: value if isinstance(value, str) else json.dumps(masked(value))
            for name, value in given.items()
        }
        core = self._cloud.core
        core.store.note(core.millis(), CLOUD, request.method, request.path, shown, status, code)
        if self._observe is not None:
            self._observe(request.method, request.path, status, code)


def envelope(code: int) -> Json:
    """The body of a refusal."""
    return {"ErrNo": code, "ErrMsg": text_of(code)}


ENVELOPE = Envelope(
    {"ErrNo": codes.OK, "ErrMsg": "ok"},
    Refused,
    lambda refusal: envelope(refusal.code),
    lambda words: {"ErrNo": codes.BAD_PARAMETER, "ErrMsg": words},
)


def _list(value: object) -> object:
    """A form carries an array as its JSON text."""
    if isinstance(value, str) and value.startswith("["):
        try:
            return read_json(value)
        except ValueError:
            return value
    return value
