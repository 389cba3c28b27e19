"""The words that pass between an emulated device and the air.

A device is sans-IO: events go in as method calls that carry `now` (seconds on any monotonic clock), effects
come out as an ordered list, and `deadline()` says when it next wants `advance(now)`. It knows no asyncio.
UUIDs are lower-case text: four hex digits for 16-bit ones, the dashed form otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import Protocol


class Properties(IntFlag):
    """Characteristic properties (Bluetooth Core, Vol 3 Part G 3.3.1.1)."""

    READ = 0x02
    WRITE_WITHOUT_RESPONSE = 0x04
    WRITE = 0x08
    NOTIFY = 0x10


@dataclass(frozen=True, slots=True)
class Characteristic:
    """One characteristic; with NOTIFY it has a 2902 descriptor."""

    uuid: str
    properties: Properties
    description: str = ""  # 2901, when not empty


@dataclass(frozen=True, slots=True)
class Service:
    uuid: str
    characteristics: tuple[Characteristic, ...]


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What the device says while nobody is connected."""

    data: bytes  # AD structures, at most 31 bytes
    scan_response: bytes  # AD structures, at most 31 bytes
    interval: float  # seconds


class AttCode(IntEnum):
    """ATT errors a device gives (Bluetooth Core, Vol 3 Part F 3.4.1.1)."""

    READ_NOT_PERMITTED = 0x02
    WRITE_NOT_PERMITTED = 0x03
    UNLIKELY = 0x0E


class AttRefusal(Exception):
    """Raised by `read` and `write`: the peer gets this ATT error."""

    def __init__(self, code: AttCode) -> None:
        super().__init__(code.name)
        self.code = code


@dataclass(frozen=True, slots=True)
class Notify:
    """Send a notification, if the central has enabled them."""

    characteristic: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End the link. `reason` is an HCI code; the peer sees it."""

    reason: int = 0x13


@dataclass(frozen=True, slots=True)
class Advertise:
    """The advertisement changed; None is silence."""

    advertisement: Advertisement | None


@dataclass(frozen=True, slots=True)
class Reboot:
    """The device restarted: the link is gone without a word, RAM is lost, services may have changed.

    The device is not told `disconnected`: it has no link any more. Its peer finds out by supervision timeout.
    """


@dataclass(frozen=True, slots=True)
class Happened:
    """Something that a person beside the device, or the bench, can see; it never goes on the air."""

    what: str  # "bolt", "beep", "flash", "log", "boot", ...
    detail: Mapping[str, str | int | bool | None] = field(default_factory=dict)


Effect = Notify | Disconnect | Advertise | Reboot | Happened


class Device(Protocol):
    """What a radio, or a link in memory, needs of an emulated device."""

    @property
    def address(self) -> str: ...  # "C2:11:22:33:44:55"

    def services(self) -> tuple[Service, ...]: ...

    def advertisement(self) -> Advertisement | None: ...  # None while connected or dead

    def connected(self, now: float) -> Sequence[Effect]: ...

    def disconnected(self, now: float) -> Sequence[Effect]: ...

    def subscribe(self, characteristic: str, on: bool, now: float) -> Sequence[Effect]: ...  # noqa: FBT001 - the CCCD bit itself

    def write(
        self, characteristic: str, value: bytes, now: float
    ) -> Sequence[Effect]: ...  # may raise AttRefusal

    def read(self, characteristic: str, now: float) -> bytes: ...  # may raise AttRefusal

    def advance(self, now: float) -> Sequence[Effect]: ...

    def deadline(self) -> float | None: ...  # None: nothing is due
