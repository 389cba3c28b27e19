"""What the parts of the AIOT cloud share: the caller, refusals, look-ups within an application, firmware."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from lockbench_protocol.cloud.aiot import codes
from lockbench_protocol.telink.image import numbers_of

from lockbench_emulator.cloud.aiot.policy import Policy
from lockbench_emulator.cloud.store import Store


class Refused(Exception):
    """The call is refused with this code; nothing was changed."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code}: {codes.text_of(code)}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Caller:
    appid: str
    open_id: str


@dataclass(slots=True)
class Core:
    """One AIOT cloud. `now` gives seconds since 1970."""

    store: Store
    now: Callable[[], float]
    chance: Random
    policy: Policy

    def millis(self) -> int:
        return round(self.now() * 1000)

    def device(self, appid: str, did: str) -> sqlite3.Row:
        """The device of an application, bound or not; one of another application does not exist."""
        row = self.store.one("SELECT * FROM aiot_devices WHERE appid = ? AND did = ?", appid, did)
        if row is None:
            raise Refused(codes.NO_SUCH_DEVICE)
        return row

    def online(self, device: sqlite3.Row) -> bool:
        """Whether the cloud reaches it: a sub-device needs its gateway."""
        gateway = self.store.one("SELECT online FROM aiot_devices WHERE did = ?", device["gateway"])
        return bool(device["online"]) and (not device["gateway"] or bool(gateway and gateway["online"]))

    def newest(self, model: str) -> sqlite3.Row | None:
        """The newest firmware of a model, without its image."""
        rows = self.store.all(
            "SELECT number, version, update_log, release_date, length(image) AS size FROM aiot_firmware"
            " WHERE model = ?",
            model,
        )
        return max(rows, key=lambda row: numbers_of(row["version"]), default=None)

    def newer(self, device: sqlite3.Row) -> sqlite3.Row | None:
        """The firmware that the device is offered."""
        newest = self.newest(device["model"])
        return newest if newest and numbers_of(newest["version"]) > numbers_of(device["version"]) else None
