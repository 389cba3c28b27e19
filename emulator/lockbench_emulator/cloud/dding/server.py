"""Serving the dding SaaS."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.wire import dding_app
from lockbench_emulator.cloud.faults import Faults
from lockbench_emulator.cloud.journal import Observer
from lockbench_emulator.cloud.server import serving

HOST = "dding.test"


def serving_dding(
    cloud: Dding,
    faults: Faults,
    bench: DdingBench | None = None,
    *,
    socket: str = "",
    callback_socket: str = "",
    port: int = 0,
    observe: Observer | None = None,
) -> AbstractAsyncContextManager[str]:
    """Its address while it serves, as `serving` says; callbacks are its letters."""
    app = dding_app(cloud, faults, bench, observe)
    return serving(app, cloud, HOST, socket=socket, port=port, letters=callback_socket)
