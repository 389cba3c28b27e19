"""One call of the plug-in: its options, its key, its callbacks, its result (plug-in documents).

A cause is named by the code that the newest version has for it; what a version tells is settled in
`Call.result`."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lockbench_protocol import RemoteError
from lockbench_protocol.errors import Language, error_code, error_codes, version_key
from lockbench_protocol.lock.advertising import read_manufacturer
from lockbench_protocol.plugin import Version, contract

from lockbench_harness.client.lock_client import LockClient, NoAnswer
from lockbench_harness.client.operations import LockRefused
from lockbench_harness.client.wire import Undecryptable
from lockbench_harness.links import AttError, LinkLost, Missing, NotFound, Sighting
from lockbench_harness.phone import HostError, Phone
from lockbench_harness.phone.host import HostConnection

if TYPE_CHECKING:
    from lockbench_harness.client.admin_key import Key

SCAN_SECONDS = 10.0
CONNECT_SECONDS = 10.0
LOCK_SERVICE, BATTERY = "1910", "2a19"
UNFITTING = 99999
LARGEST_STATUS = 127  # codes up to here are the lock's own

Result = dict[str, str | int]
Callback = Callable[[Result], object]

CODES: tuple[tuple[type[RemoteError], int], ...] = (
    (LinkLost, 10003),
    (NotFound, 10002),
    (NoAnswer, 10017),
    (Undecryptable, 10001),
    (AttError, 10033),
    (RemoteError, 10034),
)
"""What the client met, and the code that tells it; the first row that fits."""

HOST_CODES: Mapping[str, int] = {
    "no bluetooth debugging": 11002,
    "bluetooth off": 10012,
    "bluetooth unknown": 10013,
    "bluetooth refused": 10014,
    "location refused": 10015,
    "nearby refused": 10043,
    "precise refused": 10044,
    "program refused": 10039,
    "location off": 10046,
    "adapter": 10030,
    "close adapter": 10040,
    "start scan": 10041,
    "stop scan": 10031,
    "connect": 10503,
    "connect 133": 10045,
    "connect timeout": 10002,
    "connect unseen": 10042,
    "no device": 10007,
    "already connected": 10601,
    "other connected": 10602,
    "disconnect": 10008,
    "services": 13007,
    "characteristics": 13008,
    "notify": 10508,
    "write": 10033,
    "write busy": 10004,
    "read": 13011,
    "domain": 10302,
    "network": 11101,
    "download": 13013,
}
"""The troubles of a phone (`phone.troubles`)."""


class Failed(Exception):
    """The call ends with this code. `fill` completes the texts of 10101 and 10305."""

    def __init__(self, code: int, description: str, host: HostError | None = None, **fill: str | int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.host = host
        self.fill = fill


def failure(error: RemoteError) -> Failed:
    """The error as the plug-in tells it. What a lock answers is passed through when the table has it."""
    if isinstance(error, HostError):
        return Failed(HOST_CODES[error.trouble], str(error), error)
    if isinstance(error, LockRefused):
        known = 0 < error.code <= LARGEST_STATUS and error.code in error_codes()
        return Failed(error.code if known else UNFITTING, str(error))
    return Failed(next(code for kind, code in CODES if isinstance(error, kind)), str(error))


@dataclass(frozen=True, slots=True)
class CloudAccess:
    """Where the plug-in reaches the cloud, and the clock (seconds since 1970) of its requests."""

    base_url: str
    now: Callable[[], float]
    socket: str | None = None  # a Unix socket that stands for the network


# Options, which fit the contract (`lockbench_protocol.plugin.misfit`)
# ----------------------------------------


def text(option: Mapping[str, object], name: str) -> str:
    return str(option[name])


def millis(option: Mapping[str, object], name: str) -> int:
    """A time as decimal text of milliseconds since 1970."""
    value = text(option, name)
    if not re.fullmatch(r"[0-9]{1,15}", value):
        raise Failed(11003, f"{name} must be decimal milliseconds")
    return int(value)


def callback(option: Mapping[str, object], name: str) -> Callback | None:
    value = option.get(name)
    return value if callable(value) else None


# The call -------------------------------------------------------------------------------------------------


class Call:
    """What one call has told its caller. It is also the phone's radio as this call uses it, so that the loss
    of a link is noticed and told once. `gives` names the object that the method results in."""

    def __init__(
        self, phone: Phone, version: Version, language: Language, gives: str, *, keep_deprecated: bool = False
    ) -> None:
        self.phone = phone
        self.version = version
        self.on_step: Callback | None = None
        self.on_disconnect: Callback | None = None
        self.battery: int | None = None  # percent, once known
        self.direct: str | None = None  # the address to connect to without a scan (deviceId of 2.x)
        self.reached = 0  # type of the last step told
        self.interruptible = asyncio.Event()  # else the call first comes to the end of what it is at
        self.interruptible.set()
        self.interrupted = False
        self.connecting = False
        self._held = 0
        self._gives = gives
        self._keep = keep_deprecated
        self._language: Language = language
        self._address: str | None = None  # of the lock, once it was met
        self._restarting = False
        self._last: HostConnection | None = None
        self._watched: HostConnection | None = None

    def result(
        self,
        code: int,
        description: str = "",
        fill: Mapping[str, str | int] | None = None,
        *,
        host: HostError | None = None,
        gives: str = "",
        **values: str | int,
    ) -> Result:
        """A TTLockError with the fields of this version, and `values`. electricQuantity and deviceId are
        there once known; an object of another name than the method's is named by `gives`."""
        number = self.version.code(code)
        told: Result = {
            "errorCode": number,
            "errorMsg": error_code(number).text(self._language, **(fill or {})),
            "description": description,
            "errCode": host.code if host else 0,
            "errMsg": host.message if host else "ok",
            **values,
        }
        if self.battery is not None:
            told["electricQuantity"] = self.battery
        if self._address is not None:
            told["deviceId"] = self.phone.handset.device_id(self._address)
        fields = self._fields(gives or self._gives)
        return {name: value for name, value in told.items() if name in fields}

    def _fields(self, gives: str) -> frozenset[str]:
        return frozenset(self.version.fields(gives)) if self._keep else self.version.gives(gives)

    def failed(self, failed: Failed) -> Result:
        return self.result(failed.code, failed.description, failed.fill, host=failed.host)

    def step(self, kind: int, progress: int) -> None:
        """Tell a step of an upgrade."""
        self.reached = kind
        self.tell(self.on_step, self.result(-2, type=kind, progress=progress))

    def tell(self, told: Callback | None, result: Result) -> None:
        """Call back. What the caller's own code raises changes nothing."""
        if told is not None:
            with contextlib.suppress(Exception):
                told(result)

    async def close(self) -> None:
        """The call settles: its link ends, and a caller who was told of no loss is told of the end. A link
        that the host does not close is told of when it does end."""
        last = self._last
        try:
            await self.hang_up()
        except HostError:
            self._watched = last
            return
        if last is not None:
            self._tell_disconnect(-1)

    def hold(self) -> None:
        """From now on the call is not to be interrupted."""
        self._held += 1
        self.interruptible.clear()

    @contextmanager
    def _connecting(self) -> Iterator[None]:
        self.hold()
        self.connecting = True
        try:
            yield
        finally:
            self.connecting = False
            self._held -= 1
            if not self._held:
                self.interruptible.set()

    # the radio

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]:
        self._require_host()
        return await self.phone.scan(seconds, until=until)

    async def connect(
        self,
        address: str,
        *,
        timeout: float = CONNECT_SECONDS,  # noqa: ASYNC109 - the interface of links
        mtu: int = 23,
    ) -> HostConnection:
        self._require_host()
        with self._connecting():
            connection = self._last = await self.phone.connect(address, timeout=timeout, mtu=mtu)
        self._address = address
        if not self._restarting:
            self._watched = connection
        connection.on_lost(lambda _reason: self._lost(connection))
        return connection

    def _require_host(self) -> None:
        """The host and its base library must not be too old."""
        readings, handset = contract().readings, self.phone.handset
        if version_key(handset.library) < version_key(readings["lowest_library"]):
            raise Failed(10038, f"the base library is {handset.library}")
        if version_key(handset.host) < version_key(readings["lowest_host"]):
            raise Failed(10101, f"the host is {handset.host}", version=readings["lowest_host"])

    def expect_restart(self) -> None:
        """From now on the lock may be restarting: that links break is no loss."""
        self._restarting = True
        self._watched = None

    async def hang_up(self) -> None:
        """End the open link, if there is one; this is a step of the operation, and no loss."""
        self._watched = None
        if self._last is not None and not self._last.lost:
            await self._last.disconnect()

    def _lost(self, connection: HostConnection) -> None:
        if connection is self._watched:
            self._tell_disconnect(10003)

    def _tell_disconnect(self, code: int) -> None:
        told, self.on_disconnect = self.on_disconnect, None
        self.tell(told, self.result(code, "the link to the lock has ended", gives="TTLockError"))

    async def find(self, address: str) -> Sighting | None:
        """The lock's advertisement; 10036 when it is not heard, 10404 when the host cannot tell why. None
        when the call names the device."""
        if self.direct is not None:
            return None
        self.phone.refuse_second(address)
        found = await self.scan(SCAN_SECONDS, until=lambda sighting: sighting.address == address)
        for sighting in found:
            if sighting.address == address:
                self._address = address
                state = read_manufacturer(sighting.manufacturer)
                if state is not None:
                    self.battery = min(state.battery, 100)
                return sighting
        code = 10404 if self.phone.state.untold else 10036
        raise Failed(code, f"{address} was not heard within {SCAN_SECONDS:g} s")

    async def open(self, key: Key) -> LockClient:
        """A client connected to the lock, its notifications enabled. A battery that was not advertised is
        read."""
        client = LockClient(self, self.direct or key.address, key.keys.aes_key, header=key.header)
        try:
            connection = await client.connect(seconds=CONNECT_SECONDS)
        except AttError as error:
            raise Failed(10508, str(error)) from error
        except Missing as error:
            raise self.missing(LOCK_SERVICE, error) from error
        if self.battery is None and BATTERY in connection.characteristics():
            told = await connection.read(BATTERY)
            self.battery = min(told[0], 100) if told else None
        return client

    def missing(self, service: str, error: Missing) -> Failed:
        """10513 when the peer lacks the service, 10018 when it lacks the characteristic."""
        table = {} if self._last is None else self._last.characteristics()
        there = any(service == found for found, _ in table.values())
        return Failed(10018 if there else 10513, str(error))

    def failure(self, error: RemoteError) -> Failed:
        """As the function, where a lock that never answered on this link has a code of its own."""
        if isinstance(error, NoAnswer) and self._last is not None and not self._last.heard:
            return Failed(10021, str(error))
        return failure(error)
