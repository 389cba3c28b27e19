"""The host below the plug-in: what mini-programs call, over any link, with its state and its faults.

Rules: a call that fails raises `HostError`, and its effect has not taken place; what the lock or the air does
passes unchanged.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import replace
from urllib.parse import urlsplit

from lockbench_protocol import LocalError

from lockbench_harness.faults.phone import Fail, Hide, PhoneFault, Refuse, Strip, Switch
from lockbench_harness.links import Connection, Link, NotFound, Sighting
from lockbench_harness.phone.handset import Handset, State
from lockbench_harness.phone.troubles import CALLS, HostError

__all__ = ["Phone"]

Note = Callable[[str, str], None]


class Phone:
    """One phone. `note` hears of each call of the host and its answer: "ok" or a trouble."""

    def __init__(
        self,
        link: Link,
        handset: Handset | None = None,
        faults: Iterable[PhoneFault] = (),
        note: Note = lambda _call, _answer: None,
    ) -> None:
        self.handset = handset or Handset()
        self.state = State(self.handset)
        self._link = link
        self._note = note
        self._calls = 0
        self._pending: list[Switch | Refuse] = []
        self._fails: list[Fail] = []
        self._hidden: set[str] = set()
        self._blocked: set[str] = set()
        self._stripped = False
        self._ids: dict[str, str] = {}  # device id -> address, of what was seen
        self._held: dict[str, HostConnection] = {}  # by address
        for fault in faults:
            self._take(fault)

    def _take(self, fault: PhoneFault) -> None:
        if isinstance(fault, Switch | Refuse):
            self._pending.append(fault)
        elif isinstance(fault, Fail):
            if fault.call not in CALLS or (fault.how and fault.how not in CALLS[fault.call]):
                raise LocalError(f"the host has no call {fault.call!r} that fails by {fault.how!r}")
            self._fails.append(fault)
        elif isinstance(fault, Hide):
            self._hidden.add(fault.uuid)
        elif isinstance(fault, Strip):
            self._stripped = True
        else:
            self._blocked.add(fault.domain)

    def mend(self) -> None:
        """All switches on, all permissions given, nothing fails any more."""
        self._pending.clear()
        self._fails.clear()
        self._hidden.clear()
        self._blocked.clear()
        self._stripped = False
        self.state.untold.clear()
        self.state.switches.update(dict.fromkeys(self.state.switches, True))
        for permission in self.state.permissions:
            self.state.answer(permission, "grant")

    # The adapter

    def open_adapter(self) -> None:
        with self._call("adapter"):
            trouble = self.state.barrier()
            if trouble:
                raise HostError(trouble)
            self.state.turn("open")

    async def close_adapter(self) -> None:
        """End every link and the use of Bluetooth."""
        with self._call("close adapter"):
            self.state.turn("close")
        for connection in list(self._held.values()):
            await connection.drop()

    async def release(self) -> None:
        """End every link. HostError when the host does not let go."""
        for connection in list(self._held.values()):
            await connection.disconnect()

    # The air

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]:
        """See `links.Link`. NotFound is never raised; a deaf phone hears nothing."""
        self.open_adapter()
        with self._call("start scan"):
            if self.state.adapter == "closed":  # since a moment
                raise HostError(self.state.barrier() or "start scan")
            self.state.turn("start scan")
        heard: list[Sighting] = []
        if self.state.deaf:
            await asyncio.sleep(seconds)
        else:
            heard = await self._link.scan(seconds, until=until)
        if self.state.adapter == "scanning":
            self._stop_scan()
        for sighting in heard:
            self._ids[self.handset.device_id(sighting.address)] = sighting.address
        return [replace(one, manufacturer=b"") for one in heard] if self._stripped else heard

    def _stop_scan(self) -> None:
        with self._call("stop scan"):
            self.state.turn("stop scan")

    def address(self, device_id: str) -> str:
        """Of the device that this phone calls so. HostError when it has never seen one."""
        if device_id in self._ids:
            return self._ids[device_id]
        if self.handset.device_id(device_id) == device_id:  # it is the address
            return device_id
        raise HostError("no device")

    async def connect(self, address: str, *, timeout: float = 10.0, mtu: int = 23) -> HostConnection:  # noqa: ASYNC109 - the interface of links
        self.open_adapter()
        with self._call("connect"):
            if self.state.adapter == "closed":  # since a moment
                raise HostError(self.state.barrier() or "connect")
            self.refuse_second(address)
            if self.state.deaf:
                await asyncio.sleep(timeout)
                raise HostError("connect unseen")
        try:
            found = await self._link.connect(address, timeout=timeout, mtu=mtu)
        except NotFound:
            self._note("connect", "connect timeout")
            raise
        connection = self._held[address] = HostConnection(self, address, found)
        try:
            with self._call("services"):
                pass
            with self._call("characteristics"):
                pass
        except HostError:
            await connection.drop()
            raise
        return connection

    def refuse_second(self, address: str) -> None:
        """HostError while a link is open: a phone of ours holds one at a time."""
        for other, connection in self._held.items():
            if not connection.lost:
                raise HostError("already connected" if other == address else "other connected")

    def forget(self, connection: HostConnection) -> None:
        """The link is over."""
        if self._held.get(connection.address) is connection:
            del self._held[connection.address]

    def shows(self, uuid: str) -> bool:
        return uuid not in self._hidden

    # The network

    def request(self, url: str) -> None:
        """Before each request. HostError when the phone does not let it out."""
        self._reach("request", url)

    def download(self, url: str) -> None:
        self._reach("download", url)

    def _reach(self, call: str, url: str) -> None:
        with self._call(call):
            if not self.state.switches["network"]:
                raise HostError("network")
            if urlsplit(url).hostname in self._blocked:
                raise HostError("domain")

    # What goes wrong

    def _call(self, name: str) -> _Noted:
        """Around one call of the host: what falls due before it does, and its answer is noted."""
        for fault in [one for one in self._pending if one.at <= self._calls]:
            self._pending.remove(fault)
            self._fall_due(fault)
        self._calls += 1
        return _Noted(self._note, name, self._failing(name))

    def check(self, name: str) -> None:
        """A call that does nothing of its own here."""
        with self._call(name):
            pass

    def _fall_due(self, fault: Switch | Refuse) -> None:
        if isinstance(fault, Refuse):
            self.state.answer(fault.permission, "refuse")
            if not fault.told:
                self.state.untold.add(fault.permission)
            return
        self.state.switches[fault.name] = False
        if fault.name == "bluetooth":
            self.state.turn("lose")
            for connection in list(self._held.values()):
                connection.drop_soon()

    def _failing(self, call: str) -> str | None:
        for index, fault in enumerate(self._fails):
            if fault.call != call:
                continue
            if fault.skip:
                self._fails[index] = replace(fault, skip=fault.skip - 1)
                return None
            if fault.times > 1:
                self._fails[index] = replace(fault, times=fault.times - 1)
            else:
                del self._fails[index]
            return fault.how or CALLS[call][0]
        return None


class _Noted:
    """A context around one call of the host."""

    def __init__(self, note: Note, call: str, trouble: str | None) -> None:
        self._note = note
        self._name = call
        self._trouble = trouble

    def __enter__(self) -> None:
        if self._trouble:
            self._note(self._name, self._trouble)
            raise HostError(self._trouble)

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._note(self._name, error.trouble if isinstance(error, HostError) else "ok")


class HostConnection:
    """See `links.Connection`."""

    def __init__(self, phone: Phone, address: str, connection: Connection) -> None:
        self.address = address
        self.heard = False  # has the device notified anything?
        self._phone = phone
        self._connection = connection
        self._parting: asyncio.Task[None] | None = None
        connection.on_lost(lambda _reason: phone.forget(self))

    @property
    def mtu(self) -> int:
        return self._connection.mtu

    @property
    def lost(self) -> bool:
        return self._connection.lost

    def on_lost(self, callback: Callable[[int], None]) -> None:
        self._connection.on_lost(callback)

    def characteristics(self) -> dict[str, tuple[str, int]]:
        shows = self._phone.shows
        table = self._connection.characteristics()
        return {uuid: row for uuid, row in table.items() if shows(uuid) and shows(row[0])}

    async def write(self, characteristic: str, value: bytes, *, response: bool = False) -> None:
        self._phone.check("write")
        await self._connection.write(characteristic, value, response=response)

    async def read(self, characteristic: str) -> bytes:
        self._phone.check("read")
        return await self._connection.read(characteristic)

    async def subscribe(self, characteristic: str, callback: Callable[[bytes], None]) -> None:
        def hear(value: bytes) -> None:
            self.heard = True
            callback(value)

        self._phone.check("notify")
        await self._connection.subscribe(characteristic, hear)

    async def unsubscribe(self, characteristic: str) -> None:
        self._phone.check("notify")
        await self._connection.unsubscribe(characteristic)

    async def drain(self) -> None:
        await self._connection.drain()

    async def disconnect(self) -> None:
        """HostError when the host does not let go; the link is still there then."""
        self._phone.check("disconnect")
        await self.drop()

    async def drop(self) -> None:
        if not self._connection.lost:
            await self._connection.disconnect()
        self._phone.forget(self)

    def drop_soon(self) -> None:
        """The radio is gone under it."""
        self._parting = asyncio.get_running_loop().create_task(self.drop())
