"""How a client reaches a lock: one small interface, met bare (in memory), over Bumble, and by bleak."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from lockbench_protocol import RemoteError


class LinkLost(RemoteError):
    """The link is gone. `reason` is the HCI code, 0 when unknown."""

    def __init__(self, reason: int = 0) -> None:
        super().__init__(f"the link was lost (reason 0x{reason:02x})")
        self.reason = reason


class NotFound(RemoteError):
    """Nothing advertised under this address in time, or the connection was not taken."""


class AttError(RemoteError):
    """The peer refused a read or write with this ATT error code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with ATT error 0x{code:02x}")
        self.code = code


class Missing(RemoteError):
    """The peer has no such service or characteristic."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """One advertiser as a scanner last saw it."""

    address: str  # "C2:11:22:33:44:55"
    name: str  # "" when unknown
    manufacturer: bytes  # with the two company-id bytes in front, b"" when absent
    services: tuple[str, ...]  # advertised UUIDs
    rssi: int
    data: bytes  # the raw AD structures of the advertisement
    scan_response: bytes


class Connection(Protocol):
    """A live link. UUIDs as in `lockbench_emulator.gatt`."""

    @property
    def mtu(self) -> int: ...  # ATT_MTU in bytes

    @property
    def lost(self) -> bool: ...

    def on_lost(self, callback: Callable[[int], None]) -> None: ...  # called once with the reason

    def characteristics(self) -> dict[str, tuple[str, int]]: ...  # uuid -> (service uuid, property bits)

    async def write(self, characteristic: str, value: bytes, *, response: bool = False) -> None: ...

    async def read(self, characteristic: str) -> bytes: ...

    async def subscribe(self, characteristic: str, callback: Callable[[bytes], None]) -> None: ...

    async def unsubscribe(self, characteristic: str) -> None: ...  # all its callbacks; the peer is told

    async def drain(self) -> None: ...  # returns when queued write commands have left

    async def disconnect(self) -> None: ...


class Link(Protocol):
    """One central."""

    async def scan(
        self, seconds: float, *, until: Callable[[Sighting], bool] | None = None
    ) -> list[Sighting]: ...  # in order of first sighting; `until` ends the scan early

    async def connect(self, address: str, *, timeout: float = 10.0, mtu: int = 23) -> Connection: ...  # noqa: ASYNC109 - virtual time
