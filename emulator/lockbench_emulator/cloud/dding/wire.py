"""The HTTP side of the dding SaaS: parse, envelope, and the bench's hands under /_bench/dding/.

One aiohttp application, its routes made from the endpoint table. POST is one JSON object (a form when
lenient), GET a query of which the first of repeated keys counts. A failure is JSON in HTTP 200 (dding 4.2).
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from email.utils import formatdate
from functools import cache
from urllib.parse import parse_qsl

from aiohttp import web
from aiohttp.typedefs import Handler
from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding.codes import ERRORS, text_of
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, PREFIX, Endpoint
from pydantic import ValidationError, validate_call

from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding, Refused
from lockbench_emulator.cloud.dding.outbox import masked
from lockbench_emulator.cloud.dding.seed import HomeSeed, plant
from lockbench_emulator.cloud.faults import Fault, Faults

BODY_LIMIT = 256 * 1024
"""The largest body that is read, bytes."""
BENCH = "/_bench/dding/"
FORM = "application/x-www-form-urlencoded"

Json = dict[str, object]
Observer = Callable[[str, str, int, int | None], None]
"""Told of each request: method, path, HTTP status of the answer, ErrNo in it."""


def dding_app(
    cloud: Dding, faults: Faults, bench: DdingBench | None = None, observe: Observer | None = None
) -> web.Application:
    """The application that serves this cloud; with its controls when `bench` is given."""
    wire = _Wire(cloud, faults, observe)
    app = web.Application(client_max_size=BODY_LIMIT, middlewares=[wire.strays])
    for row in ENDPOINTS:
        for path in row.paths(strict=cloud.core.policy.strict):
            app.router.add_route("*", path, wire.route(row, path))
    if bench is not None:
        for name in operations(bench):
            app.router.add_post(BENCH + name, wire.control(getattr(bench, name)))
        more = {"seed": _seeding(cloud, bench), "fail": _failing(faults), "mend": faults.clear}
        for name, control in more.items():
            app.router.add_post(BENCH + name, wire.control(control))
    app.on_response_prepare.append(wire.stamp)
    return app


def operations(bench: DdingBench) -> list[str]:
    """The names of the bench's operations."""
    return [name for name in sorted(dir(bench)) if not name.startswith("_")]


def _seeding(cloud: Dding, bench: DdingBench) -> Callable[..., object]:
    def seed(tenant: str, homes: list[HomeSeed]) -> None:
        plant(cloud, bench, tenant, homes)

    return seed


def _failing(faults: Faults) -> Callable[..., object]:
    def fail(
        path: str,
        errcode: int | None = None,
        status: int | None = None,
        cut: int | None = None,
        without: tuple[str, ...] = (),
        times: int | None = None,
    ) -> None:
        if errcode is not None and errcode not in ERRORS:
            raise Refused(codes.BAD_PARAMETER)
        faults.add(Fault(path, errcode, status, cut, without, times=times))

    return fail


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
                return web.Response(status=fault.status)
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
            return await _send(request, body, status, fault.cut)

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
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise Refused(codes.BAD_PARAMETER)
        try:
            if request.method == "GET":
                return _pairs(request.rel_url.raw_query_string)
            raw = (await request.read()).decode("utf-8")
        except (ValueError, web.HTTPException, web.RequestPayloadError):
            raise Refused(codes.BAD_PARAMETER) from None
        return self._object(raw, request.content_type)

    def _object(self, raw: str, content_type: str) -> Json:
        strict = self._cloud.core.policy.strict
        try:
            if content_type == FORM and not strict:
                return {name: _list(value) for name, value in _pairs(raw).items()}
            if strict and content_type != "application/json":
                raise Refused(codes.BAD_PARAMETER)
            return read_object(raw)
        except ValueError:
            raise Refused(codes.BAD_PARAMETER) from None

    def control(self, operation: Callable[..., object]) -> Handler:
        """An operation of the bench: its arguments are the body's fields, its answer is `result`."""
        checked = cache(lambda: validate_call(operation))  # made when first used: it takes a while

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                raw = (await request.read()).decode("utf-8")
                body: Json = {
                    "ErrNo": codes.OK,
                    "ErrMsg": "ok",
                    "result": checked()(**read_object(raw or "{}")),
                }
            except Refused as refusal:
                body = envelope(refusal.code)
            except ValidationError as error:
                words = "; ".join(f"{'.'.join(map(str, row['loc']))}: {row['msg']}" for row in error.errors())
                body = envelope(codes.BAD_PARAMETER) | {"ErrMsg": words}
            except (ValueError, web.HTTPException):
                body = envelope(codes.BAD_PARAMETER)
            return await _send(request, body, 200, None)

        return handle

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
            return await _send(request, envelope(codes.NOT_IMPLEMENTED), status, None)

    async def stamp(self, _request: web.BaseRequest, response: web.StreamResponse) -> None:
        response.headers["Date"] = formatdate(self._cloud.core.seconds(), usegmt=True)
        response.headers["Server"] = "lockbench"

    def _note(self, request: web.Request, given: Mapping[str, object], status: int, code: int | None) -> None:
        shown = {
            name: value if isinstance(value, str) else json.dumps(masked(value))
            for name, value in given.items()
        }
        core = self._cloud.core
        core.store.note(core.millis(), "dding", request.method, request.path, shown, status, code)
        if self._observe is not None:
            self._observe(request.method, request.path, status, code)


def envelope(code: int) -> Json:
    """The body of a refusal."""
    return {"ErrNo": code, "ErrMsg": text_of(code)}


def read_object(text: str) -> Json:
    """One JSON object; ValueError when it is none, has a key twice, holds NaN or is too deep."""
    try:
        found = json.loads(text, object_pairs_hook=_unique, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("too deep") from None
    if not isinstance(found, dict):
        raise ValueError("no object")
    return found


def _unique(pairs: list[tuple[str, object]]) -> Json:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key comes twice")
    return found


def _refuse(word: str) -> object:
    raise ValueError(f"{word} is no JSON")


def _pairs(text: str) -> Json:
    """The first of repeated keys counts."""
    found: Json = {}
    for name, value in parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=100):
        found.setdefault(name, value)
    return found


def _list(value: object) -> object:
    """A form carries an array as its JSON text."""
    if isinstance(value, str) and value.startswith("["):
        try:
            found: object = json.loads(value, parse_constant=_refuse)
        except (ValueError, RecursionError):
            return value
        return found
    return value


async def _send(request: web.Request, body: Json, status: int, cut: int | None) -> web.StreamResponse:
    data = json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")
    headers = {"Content-Type": "application/json; charset=utf-8"}
    if cut is None:
        return web.Response(body=data, status=status, headers=headers)
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(data)
    await response.prepare(request)
    await response.write(data[:cut])
    if request.transport is not None:
        request.transport.close()
    return response
