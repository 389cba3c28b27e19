"""The HTTP side of the AIOT cloud: parse, order of checks, envelope, and the bench under /_bench/aiot/.

One aiohttp application, its routes made from the endpoint table under each prefix. POST is one JSON object,
GET a query of which the first of repeated keys counts. Every answer of the cloud is JSON in HTTP 200.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable

from aiohttp import web
from aiohttp.typedefs import Handler
from lockbench_protocol.cloud.aiot import codes
from lockbench_protocol.cloud.aiot.codes import text_of
from lockbench_protocol.cloud.aiot.models import APP_KEY, BASE, ENDPOINTS, HEADERS, PREFIXES, TOKEN, Endpoint

from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.cloud import CLOUD, Aiot, Refused
from lockbench_emulator.cloud.answer import dated, json_bytes, send
from lockbench_emulator.cloud.bodies import is_coded, read_first, read_object
from lockbench_emulator.cloud.controls import Envelope, add_controls, common, operations
from lockbench_emulator.cloud.faults import Fault, Faults
from lockbench_emulator.cloud.journal import Journal, Observer

BODY_LIMIT = 256 * 1024
"""The largest body that is read, bytes."""
IMAGE_LIMIT = 8 * 1024 * 1024
"""The same for the bench, which sends images."""
BENCH = "/_bench/aiot/"

Json = dict[str, object]


def aiot_app(
    cloud: Aiot, faults: Faults, bench: AiotBench | None = None, observe: Observer | None = None
) -> web.Application:
    """The application that serves this cloud; with its controls when `bench` is given."""
    wire = _Wire(cloud, faults, observe)
    app = web.Application(client_max_size=IMAGE_LIMIT, middlewares=[wire.strays])
    for row in ENDPOINTS:
        for prefix in PREFIXES:
            app.router.add_route("*", prefix + row.path, wire.route(row))
    if bench is not None:
        known = common(faults, Journal(cloud.core.store, CLOUD), codes.ERRORS)
        add_controls(app, BENCH, operations(bench) | known, CONTROLS)
    dated(app, lambda: cloud.millis() / 1000)
    return app


class _Wire:
    def __init__(self, cloud: Aiot, faults: Faults, observe: Observer | None) -> None:
        self._cloud = cloud
        self._faults = faults
        self._observe = observe

    def route(self, row: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self._faults.take(row.path)
            if fault.status is not None:
                self._note(request, {}, fault.status, None)
                return await send(request, b"", fault, status=fault.status)
            given: Json = {}
            try:
                body = await self._answer(row, request, given, fault)
            except Refused as refusal:
                body = envelope(refusal.code)
            for name in fault.without:
                body.pop(name, None)
            code = body.get("code")
            self._note(request, given, 200, code if isinstance(code, int) else None)
            return await send(request, json_bytes(body), fault)

        return handle

    async def _answer(self, row: Endpoint, request: web.Request, given: Json, fault: Fault) -> Json:
        """The verb, then what is sent, then the cloud's own checks. `given` is filled for the journal."""
        if request.method not in self._methods(row):
            raise Refused(codes.BAD_METHOD)
        if fault.errcode is not None:
            raise Refused(fault.errcode)
        headers = {header.name.lower(): _text(request, header.name) for header in HEADERS}
        readable = await _given(request)
        given |= readable or {}
        # what cannot be read is a bad field, and those come after the caller's headers
        return self._cloud.call(row, headers, given if readable is not None else {"openId": 0})

    def _methods(self, row: Endpoint) -> tuple[str, ...]:
        return row.methods if self._cloud.core.policy.get_queries else ("POST",)

    @web.middleware
    async def strays(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        """What no route takes under the cloud's own prefixes is 306."""
        try:
            return await handler(request)
        except web.HTTPNotFound:
            if not request.path.startswith(tuple(prefix + BASE for prefix in PREFIXES)):
                raise
            self._note(request, {}, 200, codes.BAD_PATH)
            return await send(request, json_bytes(envelope(codes.BAD_PATH)))

    def _note(self, request: web.Request, given: Json, status: int, code: int | None) -> None:
        shown = {
            name: value if isinstance(value, str) else json.dumps(value) for name, value in given.items()
        }
        for header in HEADERS:
            if header.name in request.headers:
                secret = header.name in (APP_KEY, TOKEN)
                shown[header.name] = "***" if secret else request.headers[header.name]
        self._cloud.core.store.note(
            self._cloud.millis(), CLOUD, request.method, request.path, shown, status, code
        )
        if self._observe is not None:
            self._observe(request.method, request.path, status, code)


def envelope(code: int) -> Json:
    """The body of a refusal."""
    return {"code": code, "message": text_of(code)}


CONTROLS = Envelope(
    ok=envelope(codes.OK),
    refused=Refused,
    refusal=lambda refusal: envelope(refusal.code),
    bad=lambda words: envelope(codes.BAD_FIELD) | {"message": words},
)


def _text(request: web.Request, header: str) -> str:
    """The value of a header; "" when there is none, or bytes that are no text."""
    value = request.headers.get(header, "")
    try:
        value.encode()
    except UnicodeEncodeError:
        return ""
    return value


async def _given(request: web.Request) -> Json | None:
    """The payload of a request; None when it cannot be read."""
    if is_coded(request):
        return None
    try:
        if request.method == "GET":
            return read_first(request.rel_url.raw_query_string)
        raw = await request.read()
        if len(raw) > BODY_LIMIT:
            return None
        return read_object(raw.decode("utf-8") or "{}")
    except (ValueError, web.HTTPException, web.RequestPayloadError):
        return None
