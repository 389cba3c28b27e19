"""One upgrade by the OTA sender alone, over any link: no cloud, no plug-in.

The lock is asked for its version before and after. Whatever ends it, `Flashing.words` says what was written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.lock.status import Status
from lockbench_protocol.telink.image import VERSION_END, version_of

from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import Keys, LockRefused, enter_dfu
from lockbench_harness.client.ota import Ended, OtaSender, Preset
from lockbench_harness.client.transfer import transfer, until_parted
from lockbench_harness.links import AttError, Connection, Link, LinkLost, Missing, NotFound

__all__ = ["Flashing", "flash"]

VERSION = "2a26"  # firmware revision
READ_ATTEMPTS = 4  # it may still be restarting when we come back
PAUSE_SECONDS = 1.0  # before each attempt


@dataclass(slots=True)
class Flashing:
    """How far it is. `told` gets the percentage and the seconds since the first write, for a bar."""

    image: bytes
    preset: Preset
    told: Callable[[int, float], None] = lambda _percent, _seconds: None
    sender: OtaSender = field(init=False)
    old_version: str = ""  # "" where the lock does not say
    version: str = ""  # that runs afterwards
    ended: Ended | None = None
    percent: int = 0
    seconds: float = 0.0  # of the transfer
    begun: bool = False  # something may have been written

    def __post_init__(self) -> None:
        self.sender = OtaSender(self.image, self.preset)

    @property
    def image_version(self) -> str:
        return version_of(self.image[:VERSION_END])

    @property
    def ok(self) -> bool:
        """The lock took it, and what it says of its version afterwards does not deny it."""
        if self.ended is None or not self.ended.ok:
            return False
        return self.version in ("", self.image_version) or self.version != self.old_version

    @property
    def words(self) -> str:
        """What stands in the lock now, as far as that is known."""
        if not self.begun:
            return "nothing was written"
        if self.version:
            return f"the lock runs {self.version}"
        if self.sender.end_written:
            return "all was written and END sent: the lock may run the new image; read its version"
        return (
            f"{self.percent} % was written and nothing committed: the lock runs its old image, gives the "
            "transfer up by itself and takes a new one from the start"
        )


async def flash(link: Link, address: str, keys: Keys | None, job: Flashing) -> None:
    """Upgrade the lock at `address`; with `keys` it is first asked for its DFU window (command 02).

    LocalError when it cannot be reached or speaks another dialect; what it does wrong later ends the job.
    """
    try:
        if keys is not None:
            await _open_window(link, address, keys)
        connection = await link.connect(address, mtu=job.preset.mtu)
    except RemoteError as error:
        raise LocalError(f"the lock {address} cannot be reached or opened: {error}") from error
    try:
        await _send(connection, job)
    finally:
        if not connection.lost:
            await connection.disconnect()
    job.version = await _read_back(link, address)


async def _open_window(link: Link, address: str, keys: Keys) -> None:
    client = LockClient(link, address, keys.aes_key)
    await client.connect()
    try:
        await client.run(enter_dfu(keys))
    except LockRefused as error:
        if error.code != Status.PROCESSING:  # busy: an earlier transfer has not ended, and START begins anew
            raise
    finally:
        await client.disconnect()


async def _send(connection: Connection, job: Flashing) -> None:
    wire, preset = job.preset.dialect, job.preset
    if wire.characteristic not in connection.characteristics():
        raise LocalError(
            f"the lock has no OTA characteristic {wire.characteristic} of the dialect {wire.name}"
        )
    if connection.mtu < preset.mtu:
        raise LocalError(f"data PDUs need an MTU of {preset.mtu}, the lock agreed to {connection.mtu}")
    job.old_version = await _version(connection)
    loop = asyncio.get_running_loop()
    started = loop.time()

    def report(percent: int) -> None:
        job.percent, job.seconds = percent, loop.time() - started
        job.told(percent, job.seconds)

    job.begun = True
    try:
        job.ended = await transfer(connection, job.sender, report)
        await until_parted(connection)
    except (AttError, Missing, LinkLost) as error:
        job.ended = Ended(None, str(error))


async def _version(connection: Connection) -> str:
    if VERSION not in connection.characteristics():
        return ""
    try:
        return (await connection.read(VERSION)).decode("utf-8", "replace")
    except AttError:
        return ""


async def _read_back(link: Link, address: str) -> str:
    """The version that runs now; "" when the lock does not come back or does not say."""
    for _ in range(READ_ATTEMPTS):
        await asyncio.sleep(PAUSE_SECONDS)
        try:
            connection = await link.connect(address)
        except (NotFound, LinkLost):
            continue
        try:
            return await _version(connection)
        except LinkLost:
            continue
        finally:
            if not connection.lost:
                await connection.disconnect()
    return ""
