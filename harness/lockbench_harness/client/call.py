"""One call of the plug-in: its options, its key, its callbacks, its result (plug-in documents, 3.1.0)."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta

from lockbench_protocol import RemoteError
from lockbench_protocol.errors import Language, error_code, error_codes
from lockbench_protocol.lock.advertising import read_manufacturer
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.lockdata import USER, LockData, LockDataError, LockVersion

from lockbench_harness.client.lock_client import LockClient, NoAnswer
from lockbench_harness.client.operations import Keys, LockRefused
from lockbench_harness.client.wire import Header, Undecryptable
from lockbench_harness.links import AttError, Connection, Link, LinkLost, Missing, NotFound, Sighting

VERSION = "3.1.0"
SCAN_SECONDS = 10.0
CONNECT_SECONDS = 10.0
LOCK_SERVICE = "1910"
UNFITTING = 99999

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


class Failed(Exception):
    """The call ends with this code. `fill` completes the texts of 10101 and 10305."""

    def __init__(self, code: int, description: str, **fill: str | int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.fill = fill


def failure(error: RemoteError) -> Failed:
    """The error as the plug-in tells it. What a lock answers is passed through when this version has it."""
    if isinstance(error, LockRefused):
        known = error.code and error.code in error_codes() and error_code(error.code).live(VERSION)
        return Failed(error.code if known else UNFITTING, str(error))
    return Failed(next(code for kind, code in CODES if isinstance(error, kind)), str(error))


@dataclass(frozen=True, slots=True)
class CloudAccess:
    """Where the plug-in reaches the cloud, and the clock (seconds since 1970) of its requests."""

    base_url: str
    now: Callable[[], float]
    socket: str | None = None  # a Unix socket that stands for the network


# Options --------------------------------------------------------------------------------------------------


def text(option: Mapping[str, object], name: str) -> str:
    value = option.get(name)
    if not isinstance(value, str) or not value:
        raise Failed(11003, f"{name} must be a text")
    return value


def number(option: Mapping[str, object], name: str) -> int:
    value = option.get(name)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Failed(11003, f"{name} must be a number")
    return value


def millis(option: Mapping[str, object], name: str) -> int:
    """A time as decimal text of milliseconds since 1970."""
    value = text(option, name)
    if not re.fullmatch(r"[0-9]{1,15}", value):
        raise Failed(11003, f"{name} must be decimal milliseconds")
    return int(value)


def mapping(value: object, name: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise Failed(11003, f"{name} must be an object")
    return value


def callback(option: Mapping[str, object], name: str) -> Callback | None:
    value = option.get(name)
    if value is not None and not callable(value):
        raise Failed(11003, f"{name} must be a function")
    return value


# The key --------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Key:
    """An administrator's lockData, understood."""

    lock: LockData
    keys: Keys
    header: Header
    zone: timedelta  # lock-local time minus UTC
    features: int | None  # the feature bits as one number; None when lockData does not hold them

    @property
    def address(self) -> str:
        return self.lock.lock_mac

    def needs(self, *features: Feature) -> None:
        """11004 when lockData says that the lock lacks one; what it does not say may be."""
        for feature in features:
            if self.features is not None and not self.features >> feature & 1:
                raise Failed(11004, f"the lock lacks the feature {feature.name}")


def admin_key(option: Mapping[str, object]) -> Key:
    """The key in `lockData`. 10005 when it does not decode or holds no credentials (as the one that an
    upgrade returns, which is for upload only), 11005 of a user, 10009 of another generation."""
    try:
        lock = LockData.decode(text(option, "lockData"))
    except LockDataError as error:
        raise Failed(10005, str(error)) from None
    if lock.user_type == USER:
        raise Failed(11005, "lockData belongs to a user's key")
    version = lock.lock_version or LockVersion()
    if (version.protocol_type, version.protocol_version) != (5, 3):
        raise Failed(10009, "lockData is not of a third-generation lock")
    return Key(
        lock,
        Keys(
            lock.aes_key or _invalid("aesKeyStr"),
            _secret(lock.admin_pwd, "adminPwd"),
            _secret(lock.lock_key, "lockKey"),
            _within(lock.lock_flag_pos or 0, 0xFFFFFF, "lockFlagPos"),
            _within(lock.uid or 0, 0xFFFFFFFF, "uid"),
        ),
        Header(
            scene=_within(version.scene, 0xFF, "scene"),
            group=_within(version.group_id, 0xFFFF, "groupId"),
            org=_within(version.org_id, 0xFFFF, "orgId"),
        ),
        timedelta(milliseconds=_within(lock.timezone_raw_offset or 0, 86_400_000, "timezoneRawOffset")),
        _features(lock.feature_value),
    )


def _invalid(name: str) -> bytes:
    raise Failed(10005, f"{name} in lockData is missing or wrong")


def _secret(digits: str | None, name: str) -> int:
    if digits is None or not re.fullmatch(r"[0-9]{1,10}", digits):
        _invalid(name)
    return _within(int(digits or 0), 0xFFFFFFFF, name)


def _within(value: int, limit: int, name: str) -> int:
    if abs(value) > limit or (value < 0 and name != "timezoneRawOffset"):
        _invalid(name)
    return value


def _features(value: str | None) -> int | None:
    if value is None:
        return None
    if not re.fullmatch(r"[0-9A-Fa-f]{1,64}", value):
        _invalid("featureValue")
    return int(value, 16)


# The call -------------------------------------------------------------------------------------------------


class Call:
    """What one call has told its caller. It is also the phone's radio as this call uses it, so that the loss
    of a link is noticed and told once."""

    def __init__(self, link: Link, language: Language) -> None:
        self.on_step: Callback | None = None
        self.on_disconnect: Callback | None = None
        self.battery: int | None = None  # percent, once known
        self.reached = 0  # type of the last step told
        self._restarting = False
        self._link = link
        self._language: Language = language
        self._last: Connection | None = None
        self._watched: Connection | None = None

    def result(
        self,
        code: int,
        description: str = "",
        fill: Mapping[str, str | int] | None = None,
        **values: str | int,
    ) -> Result:
        """A TTLockError with the fields of 3.1.0, and `values`. electricQuantity is there once known."""
        told: Result = {
            "errorCode": code,
            "errorMsg": error_code(code).text(self._language, **(fill or {})),
            "description": description,
        }
        if self.battery is not None:
            told["electricQuantity"] = self.battery
        return told | values

    def step(self, kind: int, progress: int) -> None:
        """Tell a step of an upgrade."""
        self.reached = kind
        _tell(self.on_step, self.result(0, type=kind, progress=progress))

    def close(self) -> None:
        """The call settles with its links closed: a caller who was told of no loss is told of the end."""
        if self._last is not None:
            self._tell_disconnect()

    # the radio

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]:
        return await self._link.scan(seconds, until=until)

    async def connect(self, address: str, *, timeout: float = CONNECT_SECONDS, mtu: int = 23) -> Connection:  # noqa: ASYNC109 - the interface of links
        connection = self._last = await self._link.connect(address, timeout=timeout, mtu=mtu)
        if not self._restarting:
            self._watched = connection
            connection.on_lost(lambda _reason: self._lost(connection))
        return connection

    def expect_restart(self) -> None:
        """From now on the lock may be restarting: that links break is no loss."""
        self._restarting = True
        self._watched = None

    async def hang_up(self) -> None:
        """End the open link, if there is one; this is a step of the operation, and no loss."""
        self._watched = None
        if self._last is not None and not self._last.lost:
            await self._last.disconnect()

    def _lost(self, connection: Connection) -> None:
        if connection is self._watched:
            self._tell_disconnect()

    def _tell_disconnect(self) -> None:
        told, self.on_disconnect = self.on_disconnect, None
        _tell(told, self.result(10003, "the link to the lock has ended"))

    async def find(self, key: Key) -> Sighting:
        """The lock's advertisement; 10036 when it is not heard."""
        found = await self.scan(SCAN_SECONDS, until=lambda sighting: sighting.address == key.address)
        for sighting in found:
            if sighting.address == key.address:
                state = read_manufacturer(sighting.manufacturer)
                if state is not None:
                    self.battery = min(state.battery, 100)
                return sighting
        raise Failed(10036, f"{key.address} was not heard within {SCAN_SECONDS:g} s")

    async def open(self, key: Key) -> LockClient:
        """A client connected to the lock, its notifications enabled."""
        client = LockClient(self, key.address, key.keys.aes_key, header=key.header)
        try:
            await client.connect(seconds=CONNECT_SECONDS)
        except AttError as error:
            raise Failed(10508, str(error)) from error
        except Missing as error:
            raise self.missing(LOCK_SERVICE, error) from error
        return client

    def missing(self, service: str, error: Missing) -> Failed:
        """10513 when the peer lacks the service, 10018 when it lacks the characteristic."""
        table = {} if self._last is None else self._last.characteristics()
        there = any(service == found for found, _ in table.values())
        return Failed(10018 if there else 10513, str(error))


def _tell(told: Callback | None, result: Result) -> None:
    """Call back. What the caller's own code raises changes nothing."""
    if told is not None:
        with contextlib.suppress(Exception):
            told(result)
