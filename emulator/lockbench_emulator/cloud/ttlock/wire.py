"""The HTTP side of the TTLock cloud: parse, order of checks, envelope; and the files of the packages.

One aiohttp application, its routes made from the endpoint table. Query and form are one set of parameters and
the form wins; every failure of the platform is JSON in HTTP 200; `Date` is the cloud's own clock.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from aiohttp import web
from aiohttp.typedefs import Handler
from lockbench_protocol.cloud.ttlock import (
    DATE_WINDOW,
    ENDPOINTS,
    ERRORS,
    Endpoint,
    pack_firmware,
)
from pydantic import ValidationError

from lockbench_emulator.cloud.answer import dated, json_bytes, send
from lockbench_emulator.cloud.bodies import is_coded, read_pairs
from lockbench_emulator.cloud.controls import Envelope, add_controls, common, operations
from lockbench_emulator.cloud.faults import PACKAGES, Fault, Faults
from lockbench_emulator.cloud.journal import Journal, Observer
from lockbench_emulator.cloud.ttlock import Refused, Ttlock
from lockbench_emulator.cloud.ttlock.bench import TtlockBench
from lockbench_emulator.cloud.ttlock.records import CLOUD

BODY_LIMIT = 64 * 1024
"""The largest form that is read, bytes."""
FILE_LIMIT = 8 * 1024 * 1024
"""The same for the bench, which sends images."""
BENCH = "/_bench/ttlock/"


def ttlock_app(
    cloud: Ttlock,
    faults: Faults,
    bench: TtlockBench | None = None,
    observe: Observer | None = None,
    *,
    today: Callable[[], float] | None = None,
    made: type[TtlockWire] | None = None,
) -> web.Application:
    """The application that serves this cloud; with its controls when `bench` is given.

    `today`: the clock, s since 1970, that the date of a request must agree with, when it is not the cloud's.
    """
    app = web.Application(client_max_size=FILE_LIMIT if bench else BODY_LIMIT)
    wire = (made or TtlockWire)(cloud, faults, observe, today or (lambda: cloud.millis() / 1000))
    for endpoint in ENDPOINTS:
        app.router.add_route("*", endpoint.path, wire.route(endpoint))
    app.router.add_get(PACKAGES + r"{number:\d{1,18}}.bin", wire.package)
    if bench is not None:
        offered = operations(bench) | common(faults, Journal(cloud.store, CLOUD), ERRORS)
        add_controls(app, BENCH, offered, _ENVELOPE)
    dated(app, lambda: cloud.millis() / 1000)
    return app


class TtlockWire:
    error_status = 200  # of a refusal, HTTP

    def __init__(
        self, cloud: Ttlock, faults: Faults, observe: Observer | None, today: Callable[[], float]
    ) -> None:
        self._today = today
        self._cloud = cloud
        self._faults = faults
        self._observe = observe

    def route(self, endpoint: Endpoint) -> Handler:
        async def handle(request: web.Request) -> web.StreamResponse:
            fault = self._faults.take(endpoint.path)
            parameters: dict[str, str] = {}
            status = 200
            if fault.status is not None:
                self._note(request, parameters, fault.status, None)
                return await send(request, b"", fault, status=fault.status)
            try:
                parameters |= await _parameters(request)
                body = self._answer(endpoint, request.method, parameters, fault)
            except Refused as refusal:
                status, body = self.error_status, self.refusal(refusal.errcode)
            for name in fault.without:
                body.pop(name, None)
            errcode = body.get("errcode", 0)
            self._note(request, parameters, status, errcode if isinstance(errcode, int) else None)
            return await send(request, json_bytes(body), fault, status=status)

        return handle

    def _answer(
        self, endpoint: Endpoint, method: str, parameters: Mapping[str, str], fault: Fault
    ) -> dict[str, object]:
        if method not in endpoint.methods:
            raise Refused(-3)
        if fault.errcode is not None:
            raise Refused(fault.errcode)
        if endpoint.dated:
            self.check_date(parameters.get("date", ""))
        try:
            request = endpoint.request.model_validate(parameters)
        except ValidationError:
            raise Refused(-3) from None
        return self._cloud.call(endpoint, request).body()

    def refusal(self, errcode: int) -> dict[str, object]:
        return envelope(errcode)

    def check_date(self, date: str) -> None:
        """A date that is no number is a wrong parameter, and left to the model."""
        if re.fullmatch(r"[0-9]{1,18}", date) and abs(int(date) - round(self._today() * 1000)) > DATE_WINDOW:
            raise Refused(80000)

    async def package(self, request: web.Request) -> web.StreamResponse:
        fault = self._faults.take(PACKAGES)
        found = self._cloud.package(int(request.match_info["number"]))
        status = fault.status or (404 if found is None else 200)
        self._note(request, {}, status, None)
        if found is None or fault.status is not None:
            return web.Response(status=status)
        return await send(request, _file(*found, fault), fault, content_type="application/octet-stream")

    def _note(
        self, request: web.Request, parameters: Mapping[str, str], status: int, errcode: int | None
    ) -> None:
        self._cloud.store.note(
            self._cloud.millis(), CLOUD, request.method, request.path, parameters, status, errcode
        )
        if self._observe is not None:
            self._observe(request.method, request.path, status, errcode)


def envelope(errcode: int) -> dict[str, object]:
    """The body of a refusal."""
    errmsg, description = ERRORS[errcode]
    return {"errcode": errcode, "errmsg": errmsg, "description": description}


_ENVELOPE = Envelope(
    envelope(0),
    Refused,
    lambda refusal: envelope(refusal.errcode),
    lambda words: envelope(-3) | {"errmsg": words},
)


async def _parameters(request: web.Request) -> dict[str, str]:
    """Query and form as one, the form winning; empty values count as absent. What cannot be read is -3."""
    if is_coded(request):
        raise Refused(-3)
    try:
        raw = await request.read() if request.can_read_body else b""
        if len(raw) > BODY_LIMIT:
            raise Refused(-3)
        rows = [*read_pairs(request.rel_url.raw_query_string)]
        if request.content_type == "application/x-www-form-urlencoded":
            rows += read_pairs(raw.decode("utf-8"))
    except (ValueError, web.HTTPException, web.RequestPayloadError):
        raise Refused(-3) from None
    return {name: value for name, value in rows if value}


def _file(image: bytes, key: str, fault: Fault) -> bytes:
    """The package's file, spoilt as the fault says."""
    if fault.package == "blank":
        image = b"\xff" * len(image)
    data = pack_firmware(image, key)
    if fault.package == "short":
        return data[: len(data) // 2 | 1]
    if fault.package == "garbled":  # the last plaintext byte, the padding's length, becomes 0
        last = len(data) - 17
        return data[:last] + bytes([data[last] ^ (16 - len(image) % 16)]) + data[last + 1 :]
    return data
