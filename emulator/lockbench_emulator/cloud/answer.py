"""How an answer leaves a cloud: whole, or as a fault spoils it; and the cloud's own Date on each."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from email.utils import formatdate

from aiohttp import web

from lockbench_emulator.cloud.faults import NONE, Fault

JSON = "application/json; charset=utf-8"

_encoder = json.JSONEncoder(ensure_ascii=False)


def json_bytes(body: dict[str, object]) -> bytes:
    return _encoder.encode(body).encode("utf-8", "replace")


def dated(app: web.Application, seconds: Callable[[], float]) -> None:
    """Every answer of the application carries this clock's Date and our name."""
    last, text = -1, ""

    async def stamp(_request: web.BaseRequest, response: web.StreamResponse) -> None:
        nonlocal last, text
        now = int(seconds())
        if now != last:
            last, text = now, formatdate(now, usegmt=True)
        response.headers["Date"] = text
        response.headers["Server"] = "lockbench"

    app.on_response_prepare.append(stamp)


async def send(
    request: web.Request, body: bytes, fault: Fault = NONE, *, status: int = 200, content_type: str = JSON
) -> web.StreamResponse:
    headers = {"Content-Type": content_type}
    if fault is NONE:
        return web.Response(body=body, status=status, headers=headers)
    if fault.seconds:
        await asyncio.sleep(fault.seconds)
    if fault.reset:
        _reset(request)
    data = body[:-1] if fault.bad_json else body
    response = web.StreamResponse(status=status, headers=headers)
    response.content_length = len(data)
    await response.prepare(request)
    await _write(response, data[: fault.cut], fault.drip)
    if fault.cut is not None and request.transport is not None:
        request.transport.close()
    return response


async def _write(response: web.StreamResponse, data: bytes, drip: float) -> None:
    if not drip:
        await response.write(data)
        return
    for byte in data:
        await response.write(bytes([byte]))
        await asyncio.sleep(drip)


def _reset(request: web.Request) -> None:
    """Over TCP the peer sees RST, over a Unix socket an end without an answer."""
    transport = request.transport
    if transport is not None:
        line = transport.get_extra_info("socket")
        line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    raise ConnectionResetError("a fault of the bench")
