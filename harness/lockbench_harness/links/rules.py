"""What every link keeps to, whatever carries it: limits, local refusals, the reading of advertisements."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

from lockbench_emulator.gatt import AttCode, Properties
from lockbench_protocol import LocalError

from lockbench_harness.links import AttError, LinkLost, Missing, Sighting

DEFAULT_MTU = 23  # bytes, before any exchange (Bluetooth Core, Vol 3 Part F 5.2.1)
LARGEST_MTU = 515  # what a device of ours offers: 512 bytes of a value and the header of a write
ATT_HEADER = 3  # opcode and handle
SUPERVISION_TIMEOUT = 2.0  # seconds after which a link that went silent is lost

# HCI reasons for the end of a link (Bluetooth Core, Vol 1 Part F 1.3)
TIMED_OUT = 0x08
REMOTE_USER = 0x13
LOCAL_HOST = 0x16

# AD types (Bluetooth Assigned Numbers 2.3): lists of UUIDs and their width in bytes
_UUID_LISTS = {0x02: 2, 0x03: 2, 0x06: 16, 0x07: 16}
_NAMES = (0x09, 0x08)  # the complete one is preferred
_MANUFACTURER = 0xFF

_WRITE, _WRITE_WITHOUT_RESPONSE = int(Properties.WRITE), int(Properties.WRITE_WITHOUT_RESPONSE)


class Ending:
    """The half of a connection that knows its end: told once, with the reason, also to who asks too late."""

    def __init__(self) -> None:
        self._reason: int | None = None
        self._on_lost: list[Callable[[int], None]] = []

    @property
    def lost(self) -> bool:
        return self._reason is not None

    def on_lost(self, callback: Callable[[int], None]) -> None:
        if self._reason is None:
            self._on_lost.append(callback)
        else:
            asyncio.get_running_loop().call_soon(callback, self._reason)

    def lose(self, reason: int) -> None:
        """The link is gone; what comes later is not heard."""
        if self._reason is not None:
            return
        self._reason = reason
        for callback in self._on_lost:
            callback(reason)

    def check_linked(self) -> None:
        if self._reason is not None:
            raise LinkLost(self._reason)


def check_write(properties: int, value: bytes, mtu: int, *, response: bool) -> None:
    """Refuse a write as a phone does: AttError for the wrong kind, LocalError for one that does not fit."""
    if not properties & (_WRITE if response else _WRITE_WITHOUT_RESPONSE):
        raise AttError(AttCode.WRITE_NOT_PERMITTED)
    if len(value) > mtu - ATT_HEADER:
        raise LocalError(f"{len(value)} bytes do not fit into one write at an MTU of {mtu}")


def check_read(properties: int) -> None:
    if not properties & Properties.READ:
        raise AttError(AttCode.READ_NOT_PERMITTED)


def check_notify(characteristic: str, properties: int) -> None:
    if not properties & Properties.NOTIFY:
        raise Missing(f"{characteristic} gives no notifications")


def sighting(address: str, data: bytes, scan_response: bytes, rssi: int) -> Sighting:
    """Read the AD structures of an advertisement and its scan response (either may be empty or broken)."""
    parts = [*_structures(data), *_structures(scan_response)]
    names = [part.decode(errors="replace") for wanted in _NAMES for kind, part in parts if kind == wanted]
    makers = [part for kind, part in parts if kind == _MANUFACTURER]
    services = [
        uuid for kind, part in parts if kind in _UUID_LISTS for uuid in _uuids(part, _UUID_LISTS[kind])
    ]
    return Sighting(
        address=address,
        name=names[0] if names else "",
        manufacturer=makers[0] if makers else b"",
        services=tuple(dict.fromkeys(services)),
        rssi=rssi,
        data=data,
        scan_response=scan_response,
    )


def _structures(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at + 1 < len(data) and data[at]:
        yield data[at + 1], data[at + 2 : at + 1 + data[at]]
        at += 1 + data[at]


def _uuids(part: bytes, width: int) -> Iterator[str]:
    for at in range(0, len(part) - width + 1, width):
        yield text_uuid(part[at : at + width])


def text_uuid(octets: bytes) -> str:
    """Two or sixteen bytes, least significant first, as our text form of a UUID."""
    text = octets[::-1].hex()
    if len(octets) == 2:
        return text
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
