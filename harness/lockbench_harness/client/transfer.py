"""Drives an OTA sender over a live connection: the asynchronous side of `client.ota`, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lockbench_harness.client.ota import Ended, OtaSender
from lockbench_harness.links import Connection, LinkLost

RESULT_SECONDS = 35.0
"""How long the result may take after END: longer than a server's own idle timer (telink-ota 4.2)."""


async def transfer(connection: Connection, sender: OtaSender, report: Callable[[int], None]) -> Ended:
    """Send the firmware and wait for the result. `report` gets the percentage whenever it changes.

    Raises AttError or Missing when notifications cannot be enabled or a write is refused; LinkLost only
    before the first write.
    """
    characteristic = sender.preset.dialect.characteristic
    over = asyncio.Event()

    def notified(value: bytes) -> None:
        sender.notified(value)
        over.set()

    def lost(_reason: int) -> None:
        sender.disconnected()
        over.set()

    await connection.subscribe(characteristic, notified)
    connection.on_lost(lost)
    try:
        for step in sender.steps():
            await connection.write(characteristic, step.value)
            if step.progress is not None:
                await connection.drain()
                report(step.progress)
        async with asyncio.timeout(RESULT_SECONDS):
            await over.wait()
    except LinkLost:
        sender.disconnected()
    except TimeoutError:
        return Ended(None, f"no result came within {RESULT_SECONDS:g} s")
    return sender.ended or Ended(None, "the transfer stopped without a result")
