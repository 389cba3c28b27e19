"""What a phone is, and what stands between an app on it and Bluetooth. No I/O.

A permission goes by `PERMISSION`, the adapter by `ADAPTER`: (state, input) -> state; what is not there is an
error of the caller.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from lockbench_protocol import LocalError

__all__ = ["ADAPTER", "NEEDS", "PERMISSION", "PLATFORMS", "Handset", "State"]

Platform = Literal["android", "ios", "mac", "windows"]
PLATFORMS: tuple[Platform, ...] = ("android", "ios", "mac", "windows")

NEEDS: Mapping[str, tuple[str, ...]] = {
    "android": ("nearby", "location", "precise"),
    "ios": ("bluetooth",),
    "mac": ("bluetooth",),
    "windows": (),
}
"""The permissions that a host app needs for Bluetooth; each mini-program needs `program` besides."""

PERMISSION: Mapping[tuple[str, str], str] = {
    ("unasked", "ask"): "asked",
    ("asked", "grant"): "granted",
    ("asked", "refuse"): "refused",
    ("granted", "ask"): "granted",
    ("refused", "ask"): "refused",  # the system asks once
    ("granted", "refuse"): "refused",  # in the system's settings
    ("refused", "grant"): "granted",
    ("granted", "grant"): "granted",
    ("refused", "refuse"): "refused",
    ("unasked", "refuse"): "refused",
    ("unasked", "grant"): "granted",
}

ADAPTER: Mapping[tuple[str, str], str] = {
    ("closed", "open"): "open",
    ("open", "open"): "open",
    ("open", "start scan"): "scanning",
    ("scanning", "stop scan"): "open",
    ("scanning", "open"): "scanning",
    ("scanning", "start scan"): "scanning",
    ("open", "close"): "closed",
    ("scanning", "close"): "closed",
    ("closed", "close"): "closed",
    ("open", "lose"): "closed",  # the switch is turned off
    ("scanning", "lose"): "closed",
    ("closed", "lose"): "closed",
    ("closed", "stop scan"): "closed",  # it ended with the switch
}


@dataclass(frozen=True, slots=True)
class Handset:
    """A phone as it comes: platform, versions, and what its owner answers when asked."""

    platform: Platform = "android"
    host: str = "8.0.50"  # version of the app that hosts mini-programs
    library: str = "3.0.0"  # of its base library
    answers: Sequence[str] = ()  # permissions that the owner refuses when asked

    def __post_init__(self) -> None:
        if self.platform not in PLATFORMS:
            raise LocalError(f"no platform is called {self.platform!r}; known are {', '.join(PLATFORMS)}")

    def device_id(self, address: str) -> str:
        """The name of a device on this phone: its address, or on Apple's systems one of the phone's own."""
        if self.platform in ("android", "windows"):
            return address
        digest = hashlib.sha256(f"{self.platform} {address}".encode()).hexdigest().upper()
        return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


class State:
    """The phone's changing state. `ask` and `turn` follow the tables above."""

    def __init__(self, handset: Handset) -> None:
        self.handset = handset
        self.switches = {"bluetooth": True, "location": True, "network": True}
        self.permissions = dict.fromkeys((*NEEDS[handset.platform], "program"), "unasked")
        self.untold: set[str] = set()  # refused permissions of which the host does not know
        self.adapter = "closed"

    def turn(self, step: str) -> None:
        """A step of the adapter. LocalError when it has none from here."""
        try:
            self.adapter = ADAPTER[self.adapter, step]
        except KeyError:
            raise LocalError(f"a {self.adapter} adapter cannot {step}") from None

    def answer(self, permission: str, word: str) -> None:
        """The owner grants or refuses; nothing on a platform without this permission."""
        if permission in self.permissions:
            self.permissions[permission] = PERMISSION[self.permissions[permission], word]

    def ask(self, permission: str) -> bool:
        """Whether the app has it, after asking where it never did."""
        state = self.permissions[permission] = PERMISSION[self.permissions[permission], "ask"]
        if state == "asked":
            self.answer(permission, "refuse" if permission in self.handset.answers else "grant")
        return self.permissions[permission] == "granted"

    def barrier(self) -> str | None:
        """The first thing that keeps an app from Bluetooth, as a trouble; None when nothing does."""
        if self.handset.platform == "windows":
            return "no bluetooth debugging"
        if not self.switches["bluetooth"]:
            return "bluetooth off"
        for permission in self.permissions:
            if not self.ask(permission) and permission not in self.untold:
                return f"{permission} refused"
        if self.handset.platform == "android" and not self.switches["location"]:
            return "location off"
        return None

    @property
    def deaf(self) -> bool:
        """Whether a permission is refused without the host knowing: scans hear nothing, connections fail."""
        return any(self.permissions.get(name) == "refused" for name in self.untold)
