"""How gateways keep passcodes in a lock: what they wrote under which number, and what they are not sure of.

A gateway only changes codes that it wrote: it looks before it writes, so that digits which somebody else put
into the lock stay his. An unanswered write is a doubt, settled by the lock's own list.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from lockbench_emulator.cloud.dding.agent import DYNAMIC_ID
from lockbench_emulator.site import Site, local_time
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.dates import PERMANENT_END, PERMANENT_START, date5
from lockbench_protocol.lock.status import Status

from lockbench_harness.client.lock_client import NoAnswer
from lockbench_harness.client.operations import (
    PERMANENT,
    Keys,
    ListedPasscode,
    LockRefused,
    Operation,
    add_passcode,
    delete_passcode,
    list_passcodes,
    modify_passcode,
)
from lockbench_harness.site.gateway import Loss, visit

DOUBTFUL = -1
"""The number of a code that was perhaps written."""
LEFT = -2
"""The number of a code that is to be taken out at the next occasion."""
YEARS = (datetime(2000, 1, 1), datetime(2100, 1, 1))  # noqa: DTZ001 - a lock's time has no zone

Window = tuple[bytes, bytes]


class Taken(RemoteError):
    """Somebody else has put these digits into the lock. It was not asked to."""


@dataclass(frozen=True, slots=True)
class Code:
    """A code as a cloud wants it: `start` and `end` are s since 1970, the end excluded; None: for ever."""

    number: int
    digits: str
    start: int | None
    end: int | None

    @property
    def window(self) -> Window:
        """For the lock, which counts whole minutes and includes the last: it never shuts out too early."""
        if self.start is None or self.end is None:
            return PERMANENT
        return _date(self.start), _date(self.end - 1)


def _date(unix: int) -> bytes:
    first, last = (int((moment - local_time(0)).total_seconds()) for moment in YEARS)
    if unix < first:
        return PERMANENT_START
    return PERMANENT_END if unix >= last else date5(local_time(unix))


class Codes:
    """The codes that the gateways of one cloud wrote; `owner` keeps the rows of several clouds apart."""

    def __init__(self, site: Site, owner: str = "") -> None:
        self._site = site
        self._store = site.store
        self._owner = owner

    def put(self, uuid: str, code: Code, loss: Loss | None = None) -> None:
        """Write a code, or change the one of its number, and know it by that number. Errors of `write`."""
        self.write(uuid, code, self._held(uuid, code), loss)
        self.keep(uuid, code)

    def write(self, uuid: str, code: Code, held: str, loss: Loss | None = None) -> None:
        """Write a code, in the place of `held` ("": of none).

        Errors of `visit`, or Taken. After NoAnswer: write it again, or `check_put`.
        """
        stale = self._stale(uuid)
        looked: list[bool] = []
        doubtful = self.number_of(uuid, code.digits) == DOUBTFUL
        owned = [digits for digits in (code.digits if doubtful else "", held) if digits]
        try:
            visit(self._site, uuid, lambda keys: _write(keys, code, owned, stale, looked), loss)
        except NoAnswer:
            if looked and held != code.digits:
                self._end_doubts(uuid, code.digits)
                self._insert(uuid, code, DOUBTFUL)
            raise
        self._end_doubts(uuid, code.digits)
        for digits in stale:
            self.forget(uuid, digits)

    def remove(self, uuid: str, number: int, loss: Loss | None = None) -> None:
        """Take out the code of this number; nothing is to do when no gateway wrote one."""
        held = self.digits_of(uuid, number)
        if held:
            self.take_out(uuid, held, loss)

    def take_out(self, uuid: str, digits: str, loss: Loss | None = None) -> None:
        """Take these digits out. One that is gone already is as good as taken out."""
        visit(self._site, uuid, lambda keys: _remove(keys, digits), loss)
        self.forget(uuid, digits)

    def check_put(self, uuid: str, code: Code) -> bool:
        """Whether the lock has a code that was perhaps written."""
        doubtful = self.number_of(uuid, code.digits) == DOUBTFUL
        if not doubtful and code.digits != self._held(uuid, code):
            return False
        there = (code.digits, *code.window) in _windows(visit(self._site, uuid, list_passcodes))
        if there:
            self.keep(uuid, code)
        elif doubtful:
            self.forget(uuid, code.digits)
        return there

    def check_removed(self, uuid: str, number: int) -> bool:
        """Whether the lock is without the code that was perhaps taken out."""
        held = self.digits_of(uuid, number)
        gone = held not in [row.code for row in visit(self._site, uuid, list_passcodes)]
        if gone:
            self.forget(uuid, held)
        return gone

    def leave(self, uuid: str, but: int) -> None:
        """Nobody wants the lock's codes any more, except the one of a number."""
        self._store.run(
            "UPDATE dding_memory SET id = ? WHERE uuid = ? AND id != ?", LEFT, self._key(uuid), but
        )

    def tidy(self, uuid: str) -> None:
        """Take out what nobody wants any more. The errors of `visit`."""
        stale = self._stale(uuid)
        if stale:
            visit(self._site, uuid, lambda keys: _tidy(keys, stale))
            for digits in stale:
                self.forget(uuid, digits)

    def number_of(self, uuid: str, digits: str) -> int | None:
        """The number under which a gateway wrote these digits."""
        row = self._store.one(
            "SELECT id FROM dding_memory WHERE uuid = ? AND code = ?", self._key(uuid), digits
        )
        return None if row is None else int(row["id"])

    def digits_of(self, uuid: str, number: int) -> str:
        """ "" when no gateway wrote a code of this number."""
        row = self._store.one(
            "SELECT code FROM dding_memory WHERE uuid = ? AND id = ?", self._key(uuid), number
        )
        return "" if row is None else str(row["code"])

    def _key(self, uuid: str) -> str:
        return f"{self._owner} {uuid}" if self._owner else uuid

    def _held(self, uuid: str, code: Code) -> str:
        """What the lock has in the place of this code."""
        if code.number != DYNAMIC_ID:
            return self.digits_of(uuid, code.number)
        return code.digits if self.number_of(uuid, code.digits) == DYNAMIC_ID else ""

    def _end_doubts(self, uuid: str, digits: str) -> None:
        """Whoever looked into the lock and wrote these digits ends all doubts about them, also of others."""
        self._store.run(
            "DELETE FROM dding_memory WHERE (uuid = ? OR uuid LIKE ?) AND code = ? AND id = ?",
            *(uuid, f"% {uuid}", digits, DOUBTFUL),
        )

    def _stale(self, uuid: str) -> list[str]:
        rows = self._store.all(
            'SELECT code FROM dding_memory WHERE uuid = ? AND (id = ? OR id = ? AND "end" <= ?)',
            *(self._key(uuid), LEFT, DYNAMIC_ID, int(self._site.now())),
        )
        return [row["code"] for row in rows]

    def keep(self, uuid: str, code: Code) -> None:
        if code.number != DYNAMIC_ID:
            self._store.run(
                "DELETE FROM dding_memory WHERE uuid = ? AND id = ?", self._key(uuid), code.number
            )
        self._insert(uuid, code, code.number)

    def _insert(self, uuid: str, code: Code, number: int) -> None:
        self._store.run(
            "INSERT OR REPLACE INTO dding_memory VALUES (?, ?, ?, ?, ?)",
            *(self._key(uuid), code.digits, number, code.start, code.end),
        )

    def forget(self, uuid: str, digits: str) -> None:
        self._store.run("DELETE FROM dding_memory WHERE uuid = ? AND code = ?", self._key(uuid), digits)


def _write(keys: Keys, code: Code, owned: list[str], stale: list[str], looked: list[bool]) -> Operation[None]:
    yield from _tidy(keys, stale)
    there = {row.code for row in (yield from list_passcodes(keys))}
    old = next((digits for digits in owned if digits in there), "")
    if code.digits in there and code.digits not in owned:
        raise Taken("the code exists")
    looked.append(True)
    if old:
        yield from modify_passcode(keys, old, code.digits if code.digits != old else "", code.window)
    else:
        yield from add_passcode(keys, code.digits, code.window)


def _remove(keys: Keys, digits: str) -> Operation[None]:
    try:
        yield from delete_passcode(keys, digits)
    except LockRefused as refusal:
        if refusal.code != Status.PASSCODE_UNKNOWN:
            raise


def _tidy(keys: Keys, stale: list[str]) -> Operation[None]:
    for digits in stale:
        yield from _remove(keys, digits)


def _windows(rows: list[ListedPasscode]) -> list[tuple[str, bytes, bytes | None]]:
    return [(row.code, row.start, row.end) for row in rows]
