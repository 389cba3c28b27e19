"""Serving the AIOT cloud."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.cloud import Aiot
from lockbench_emulator.cloud.aiot.wire import aiot_app
from lockbench_emulator.cloud.faults import Faults
from lockbench_emulator.cloud.journal import Observer
from lockbench_emulator.cloud.server import serving

HOST = "aiot.test"


def serving_aiot(
    cloud: Aiot,
    faults: Faults,
    bench: AiotBench | None = None,
    *,
    socket: str = "",
    push_socket: str = "",
    port: int = 0,
    observe: Observer | None = None,
) -> AbstractAsyncContextManager[str]:
    """Its address while it serves, as `serving` says; pushes are its letters."""
    app = aiot_app(cloud, faults, bench, observe)
    return serving(app, cloud, HOST, socket=socket, port=port, letters=push_socket)
