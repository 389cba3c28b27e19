"""Drives an OTA sender over a live connection: the asynchronous side of `client.ota`, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from lockbench_harness.client.ota import ANSWER_SECONDS, Ended, OtaSender, Step
from lockbench_harness.links import Connection, LinkLost

__all__ = ["RESTART_SECONDS", "transfer", "until_parted"]

PARTING_SECONDS = 6.0
"""How long the lock may take to hang up after its verdict."""
RESTART_SECONDS = 10.0
"""Verdict, end of the link, commit, reboot (telink-ota 4.2): then the lock is back."""


async def transfer(connection: Connection, sender: OtaSender, report: Callable[[int], None]) -> Ended:
    """Send the firmware as the sender's preset does, and wait for what it takes for the end.

    `report` gets the percentage whenever it changes. Raises AttError or Missing when notifications cannot be
    enabled or a write is refused; LinkLost only before the first write. Cancelled, it leaves the link up.
    """
    characteristic = sender.preset.dialect.characteristic
    heard = asyncio.Event()

    def notified(value: bytes) -> None:
        sender.notified(value)
        heard.set()

    def lost(_reason: int) -> None:
        sender.disconnected()
        heard.set()

    async def until(over: Callable[[], bool], seconds: float) -> None:
        async with asyncio.timeout(seconds):
            while not over():
                heard.clear()
                await heard.wait()

    async def follow(step: Step) -> None:
        match step.then:
            case "read":
                await connection.read(characteristic)
            case "answer":
                try:
                    await until(lambda: not sender.awaits_version or sender.ended is not None, ANSWER_SECONDS)
                except TimeoutError:
                    sender.unanswered()

    if sender.preset.listens:
        await connection.subscribe(characteristic, notified)
    connection.on_lost(lost)
    try:
        for step in sender.steps():
            if step.pause:
                await asyncio.sleep(step.pause)
            await connection.write(characteristic, step.value)
            if step.progress is not None:
                await connection.drain()
                report(step.progress)
            await follow(step)
        await connection.drain()
        if sender.preset.leaves:
            await connection.disconnect()
        await until(lambda: sender.ended is not None, sender.preset.patience)
    except LinkLost:
        sender.disconnected()
    except TimeoutError:
        sender.gave_up()
    except asyncio.CancelledError:
        sender.cancel()
        raise
    return sender.ended or Ended(None, "the transfer stopped without a result")


async def until_parted(connection: Connection) -> None:
    """The lock hangs up after its verdict, then restarts with the new firmware; one that does not is left."""
    gone = asyncio.Event()
    connection.on_lost(lambda _reason: gone.set())
    try:
        async with asyncio.timeout(PARTING_SECONDS):
            await gone.wait()
    except TimeoutError:
        return
