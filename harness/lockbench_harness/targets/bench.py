"""What a lock case sees: a link, the credentials, and, where the target has them, hands and a clock.

Emulated and real locks are met through this one class. What a target cannot do is not in its capability file,
so a case that needs it never gets here.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Protocol

from lockbench_protocol import LocalError
from lockbench_protocol.errors import Language
from lockbench_protocol.lock.cipher import DEFAULT_KEY
from lockbench_protocol.lock.crc import VENDOR
from lockbench_protocol.telink.dialects import Dialect
from lockbench_protocol.telink.image import Layout, make_image

from lockbench_harness.client.call import CloudAccess
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import Keys
from lockbench_harness.client.plugin import Plugin, Version
from lockbench_harness.credentials import Credentials
from lockbench_harness.faults.phone import PhoneFault
from lockbench_harness.links import Connection, Link, Sighting
from lockbench_harness.phone import Handset, Phone
from lockbench_harness.targets.supply import Supply

if TYPE_CHECKING:
    from lockbench_harness.targets.aiot import AiotCloud
    from lockbench_harness.targets.cloud import CloudBench
    from lockbench_harness.targets.dding import DdingCloud
    from lockbench_harness.trace import Trace

SCAN_SECONDS = 10.0


class ForeignClient(Protocol):
    """Makes the plug-in's place for somebody else's client, at this phone and cloud."""

    def __call__(
        self, link: Link, cloud: CloudAccess | None, language: Language, version: Version, /
    ) -> Plugin: ...


class Hands(Protocol):
    """A person at the door."""

    def touch(self) -> None: ...

    def enter_code(self, code: str) -> bool: ...  # types and confirms; did the bolt open?

    def present_card(self, number: bytes) -> bool: ...  # did the bolt open?

    def present_finger(self, number: bytes) -> bool: ...

    def turn_key(self, *, unlocked: bool) -> None: ...  # the mechanical key, from outside

    def turn_thumb(self, *, unlocked: bool) -> None: ...  # the thumb-turn, from inside

    def press_fob(self, mac: bytes, key: int) -> bool: ...  # `mac` is reversed; key 1 opens, 2 closes

    def lock_by_keypad(self) -> None: ...

    def move_door(self, *, closed: bool) -> None: ...  # what a door sensor sees

    def tamper(self) -> None: ...

    def obstruct(self, on: bool) -> None: ...  # noqa: FBT001 - whether something is in the bolt's way

    def is_open(self) -> bool: ...  # looks at the bolt

    def press_reset(self) -> None: ...  # the button inside

    def throw_privacy_bolt(self, on: bool) -> None: ...  # noqa: FBT001 - the position of the bolt

    def set_battery(self, percent: int) -> None: ...

    def cut_power(self) -> None: ...

    def restore_power(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Firmware:
    """What the bench knows of the lock's firmware, and of how it is replaced."""

    version: str  # that runs when an example begins: "6.4.33"
    board: Layout  # where images go, and how large they may be
    dialect: Dialect  # of the OTA protocol
    idle_seconds: float  # a transfer that stalls for so long is given up
    window_seconds: float  # how long the lock waits for a transfer after command 02
    commit_readback: bool  # does it look whether the new mark took, before it clears the old one?

    def image(self, version: str, size: int = 1024, seed: int = 1) -> bytes:
        """Firmware for this lock: a file of `size` bytes. LocalError when none can be made."""
        return make_image(size, version, seed, mark_offset=self.board.mark_offset)


class LockBench:
    """One lock, freshly opened for one example. `plugins` makes the plug-in that is judged with it."""

    plugins: type[Plugin] = Plugin
    foreign: ForeignClient | None = None  # somebody else's client, which then stands in for ours

    def __init__(
        self,
        link: Link,
        credentials: Credentials,
        trace: Trace,
        *,
        passer_by: Link | None = None,
        hands: Hands | None = None,
        supply: Supply | None = None,
        started: datetime | None = None,
        second: Callable[[], Awaitable[Link]] | None = None,
        hang_beside: Callable[[], Awaitable[Credentials]] | None = None,
        firmware: Firmware | None = None,
        pace: Callable[[float, int], None] | None = None,
        open_cloud: Callable[[], Awaitable[CloudBench]] | None = None,
        open_dding: Callable[[], Awaitable[DdingCloud]] | None = None,
        open_aiot: Callable[[LockBench], Awaitable[AiotCloud]] | None = None,
    ) -> None:
        self.link = link
        self.credentials = credentials
        self.trace = trace
        self._passer_by = passer_by
        self._hands = hands
        self._supply = supply
        self._started = started
        self._second = second
        self._hang_beside = hang_beside
        self._firmware = firmware
        self._pace = pace
        self._open_cloud = open_cloud
        self._cloud: CloudBench | None = None
        self._open_dding = open_dding
        self._dding: DdingCloud | None = None
        self._open_aiot = open_aiot
        self._aiot: AiotCloud | None = None

    @property
    def address(self) -> str:
        return self.credentials.address

    @property
    def keys(self) -> Keys:
        own = self.credentials
        return Keys(own.aes_key, own.admin_ps, own.unlock_key)

    @property
    def passer_by(self) -> Link:
        """The phone of somebody who does not touch a lock that sleeps; `link` belongs to who does."""
        if self._passer_by is None:
            raise LocalError("this target never sleeps; the case must say that it needs one that does")
        return self._passer_by

    @property
    def hands(self) -> Hands:
        if self._hands is None:
            raise LocalError("this target has no hands; the case must say that it needs them")
        return self._hands

    @property
    def supply(self) -> Supply:
        if self._supply is None:
            raise LocalError("the supply of this target is out of reach; the case must say that it needs it")
        return self._supply

    @property
    def firmware(self) -> Firmware:
        if self._firmware is None:
            raise LocalError("this target's firmware is not known; the case must say that it needs dfu")
        return self._firmware

    def pace(self, interval: float, packets: int) -> None:
        """From now on the radios meet each `interval` seconds, for at most `packets` packets each way."""
        if self._pace is None:
            raise LocalError("the pace of this target's radio is its own; the case must say that it sets it")
        self._pace(interval, packets)

    def visit_cloud(self, open_cloud: Callable[[], Awaitable[CloudBench]]) -> None:
        """From now on the TTLock cloud is somebody else's."""
        self._open_cloud = open_cloud

    async def cloud(self) -> CloudBench:
        """The TTLock cloud, opened when first asked for; the lock is registered there."""
        if self._open_cloud is None:
            raise LocalError("this target has no cloud; the case must say that it needs one")
        if self._cloud is None:
            self._cloud = await self._open_cloud()
        return self._cloud

    async def dding(self) -> DdingCloud:
        """The dding SaaS, opened when first asked for; it has locks of its own."""
        if self._open_dding is None:
            raise LocalError("this target has no dding cloud; the case must say that it needs one")
        if self._dding is None:
            self._dding = await self._open_dding()
        return self._dding

    async def aiot(self) -> AiotCloud:
        """The AIOT cloud, opened when first asked for; the bench's lock can be bound there."""
        if self._open_aiot is None:
            raise LocalError("this target has no AIOT cloud; the case must say that it needs one")
        if self._aiot is None:
            self._aiot = await self._open_aiot(self)
        return self._aiot

    def phone(self, *faults: PhoneFault, handset: Handset | None = None, link: Link | None = None) -> Phone:
        """A phone near the lock; its calls, but for writes that went well, are in the trace."""

        def note(call: str, answer: str) -> None:
            if (call, answer) != ("write", "ok"):
                self.trace.event("phone", call=call, answer=answer)

        return Phone(link or self.link, handset, faults, note)

    def plugin(
        self,
        cloud: CloudBench | CloudAccess | None = None,
        *,
        link: Link | None = None,
        language: Language = "en",
        version: Version | None = None,
    ) -> Plugin:
        """The plug-in of a phone near the lock; an upgrade needs the cloud.

        `link`: that phone, or what it hears through.
        """
        access = cloud if cloud is None or isinstance(cloud, CloudAccess) else cloud.access
        if self.foreign is not None:
            return self.foreign(link or self.link, access, language, version or Version())
        return self.plugins(
            link if isinstance(link, Phone) else self.phone(link=link),
            chance=Random(0),  # noqa: S311 - seeds of a codec that hides nothing
            cloud=access,
            language=language,
            version=version,
        )

    async def second(self) -> Link:
        """Another phone near the same lock."""
        if self._second is None:
            raise LocalError("this target has one central only; the case must say that it needs a second")
        return await self._second()

    async def neighbour(self) -> LockBench:
        """Another lock of the same name, hung up beside this one; it has neither hands nor clock."""
        if self._hang_beside is None:
            raise LocalError("this target stands alone; the case must say that it needs a neighbour")
        return LockBench(self.link, await self._hang_beside(), self.trace)

    def local(self) -> datetime:
        """The local time that a lock with a right clock shows now."""
        if self._started is None:
            raise LocalError("this target has no clock; the case must say that it needs one")
        return self._started + timedelta(seconds=int(asyncio.get_running_loop().time() + 1e-6))

    def client(
        self,
        key: bytes | None = None,
        *,
        link: Link | None = None,
        table: bytes = VENDOR,
        answer_seconds: float = 6.0,
    ) -> LockClient:
        """A client that knows the key of the credentials, or another."""
        known = self.credentials.aes_key or DEFAULT_KEY
        return LockClient(
            link or self.link,
            self.address,
            known if key is None else key,
            table=table,
            answer_seconds=answer_seconds,
        )

    @asynccontextmanager
    async def session(self, client: LockClient | None = None) -> AsyncIterator[LockClient]:
        """A connected client; the link ends with the block."""
        own = client or self.client()
        await own.connect()
        try:
            yield own
        finally:
            await own.disconnect()

    @asynccontextmanager
    async def raw(self, *, mtu: int = 23) -> AsyncIterator[Connection]:
        """A bare connection, for bytes that no client would send."""
        connection = await self.link.connect(self.address, mtu=mtu)
        try:
            yield connection
        finally:
            if not connection.lost:
                await connection.disconnect()

    async def sight(self, seconds: float = SCAN_SECONDS) -> Sighting | None:
        """The lock as a scanner sees it now; None when it is silent for so long."""
        found = await self.link.scan(seconds, until=lambda sighting: sighting.address == self.address)
        return next((sighting for sighting in found if sighting.address == self.address), None)
