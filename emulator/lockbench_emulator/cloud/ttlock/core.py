"""What the parts of the TTLock cloud share: the caller, refusals, a lock's row and data, chance."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from random import Random
from typing import TypeVar

from lockbench_protocol.cloud import ttlock as wire
from lockbench_protocol.lock.lockdata import Json, LockDataError, from_json, open_blob
from pydantic import BaseModel, TypeAdapter, ValidationError

from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock.policy import Policy

Row = TypeVar("Row")
Model = TypeVar("Model", bound=BaseModel)


class Refused(Exception):
    """The call is refused with this errcode; nothing was changed."""

    def __init__(self, errcode: int) -> None:
        super().__init__(f"{errcode}: {wire.ERRORS[errcode][0]}")
        self.errcode = errcode


class NotDone(Refused):
    """The lock did not do it, or did not say so; what it did all the same stays done."""


@dataclass(frozen=True, slots=True)
class Caller:
    client_id: str
    uid: int = 0  # 0 where no token is needed
    lock_id: int = 0  # 0 where no lock is concerned


@dataclass(slots=True)
class Core:
    """One TTLock cloud. `now` gives seconds since 1970, `base_url` is where its packages are."""

    store: Store
    now: Callable[[], float]
    chance: Random
    policy: Policy
    base_url: str = ""

    def millis(self) -> int:
        return round(self.now() * 1000)

    def lock(self, lock_id: int) -> sqlite3.Row:
        row = self.store.one("SELECT * FROM locks WHERE lock_id = ?", lock_id)
        if row is None:
            raise Refused(-1003)
        return row

    def data(self, lock_id: int) -> dict[str, Json]:
        return data_of(self.lock(lock_id))

    def merge(self, lock_id: int, fresh: Mapping[str, Json]) -> dict[str, Json]:
        """Renew what the cloud knows. The blob of an upgrade is for upload only and may hold no credentials:
        what it does not hold stays."""
        known = self.data(lock_id)
        if fresh["lockMac"] != known["lockMac"]:
            raise Refused(-3)
        known |= {name: value for name, value in fresh.items() if value is not None}
        self.store.run(
            "UPDATE locks SET data = ?, updated = ? WHERE lock_id = ?",
            *(json.dumps(known), self.millis(), lock_id),
        )
        return known

    def username(self, uid: int) -> str:
        row = self.store.one("SELECT username FROM users WHERE uid = ?", uid)
        return "" if row is None else str(row["username"])

    def new_id(self, table: str, column: str) -> int:
        """An id above all that were given."""
        highest = self.store.number(f"SELECT max({column}) FROM {table}") or 1_000_000  # noqa: S608 - our own names
        return highest + self.chance.randint(1, 97)


def data_of(lock: sqlite3.Row) -> dict[str, Json]:
    data: dict[str, Json] = json.loads(lock["data"])
    return data


def open_data(blob: str) -> dict[str, Json]:
    """The JSON fields of a blob whose fields all decode."""
    try:
        data = open_blob(blob)
        from_json(data)
    except LockDataError:
        raise Refused(-3) from None
    return data


def read_rows(rows: TypeAdapter[list[Model]], text: str) -> list[Model]:
    """The rows of a parameter that is a JSON array."""
    try:
        return rows.validate_json(text)
    except ValidationError as error:
        broken = any(row["type"] == "json_invalid" for row in error.errors())
        raise Refused(80002 if broken else -3) from None


def md5(text: str) -> str:
    """A password as the platform wants it: 32 lower-case hex digits."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def page(rows: Sequence[Row], number: int, size: int) -> dict[str, object]:
    """The fields of a page of a list."""
    return {
        "rows": rows[(number - 1) * size : number * size],
        "page_no": number,
        "page_size": size,
        "pages": -(-len(rows) // size),
        "total": len(rows),
    }
