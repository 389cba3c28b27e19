"""Who carries the commands of the dding SaaS into locks: a protocol, and locks that are only a code list.

A lock knows passcodes, no freezing: frozen means taken out, unfrozen put back, 999 is the admin passcode,
and a dynamic code is a period code with the id 0 that stands in no list of the cloud.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from lockbench_protocol.cloud.dding.replies import ADMIN_ID

from lockbench_emulator.cloud.store import Store

DYNAMIC_ID = 0


@dataclass(frozen=True, slots=True)
class Command:
    """What one lock shall do. `number` names it in an answer that comes later."""

    number: int
    uuid: str
    verb: Literal["put", "remove"]
    password_id: int
    code: str
    start: int | None  # s since 1970; None: always valid
    end: int | None


@dataclass(frozen=True, slots=True)
class Outcome:
    done: bool
    why: str = ""  # it was not


@dataclass(frozen=True, slots=True)
class Report:
    """Something that a lock has on record: `what` and `values` as `Devices.take` knows them."""

    what: str
    at: int  # ms since 1970
    values: Mapping[str, object] = field(default_factory=dict)


class Agent(Protocol):
    """The gateways. Called inside a transaction of the cloud."""

    def carry_out(self, command: Command) -> Outcome | None:
        """Give the command to the lock. None: the answer comes later, through `answered`, or never."""

    def check(self, command: Command) -> Outcome | None:
        """Whether the lock's code list is as an unanswered command wanted it. None: not known yet."""

    def admin_code(self, uuid: str) -> str | None:
        """The administrator code that the lock holds, for a lock that is configured again."""

    def unbound(self, uuid: str) -> None:
        """The lock belongs to nobody now; it keeps its administrator code."""

    def reports(self, uuid: str) -> Sequence[Report]:
        """What the lock, which is online, has on record since it was last asked."""


class Hands(Protocol):
    """People at the doors. Called inside a transaction of the cloud."""

    def press(self, uuid: str, code: str, report: Callable[..., None]) -> bool:
        """Enter a code; whether it opened. What the lock keeps no record of is reported at once."""

    def set_code(self, uuid: str, password_id: int, code: str) -> bool:
        """A code made at the keypad, or its new digits, valid always; False: another one has these digits."""

    def drop_code(self, uuid: str, password_id: int) -> bool:
        """A code removed at the keypad; False: the lock does not do it."""


Trouble = Literal["command lost", "answer lost", "refuses"]


class MemoryLocks:
    """Locks whose code lists are rows of the store; `trouble` makes a lock misbehave."""

    def __init__(self, store: Store, now: Callable[[], float]) -> None:
        self._store = store
        self._now = now
        self.trouble: dict[str, Trouble] = {}

    def carry_out(self, command: Command) -> Outcome | None:
        trouble = self.trouble.get(command.uuid)
        if trouble == "command lost":
            return None
        if trouble == "refuses":
            return Outcome(done=False, why="the lock refused")
        outcome = self._do(command)
        return None if trouble == "answer lost" else outcome

    def check(self, command: Command) -> Outcome | None:
        rows = self._store.all(
            "SELECT * FROM dding_memory WHERE uuid = ? AND id = ?", command.uuid, command.password_id
        )
        wanted = (command.code, command.start, command.end)
        held = any((row["code"], row["start"], row["end"]) == wanted for row in rows)
        done = held if command.verb == "put" else not rows
        return Outcome(done, "" if done else "the lock does not show it")

    def admin_code(self, uuid: str) -> str | None:
        row = self._store.one("SELECT code FROM dding_memory WHERE uuid = ? AND id = ?", uuid, ADMIN_ID)
        return None if row is None else row["code"]

    def unbound(self, uuid: str) -> None:
        self._store.run("DELETE FROM dding_memory WHERE uuid = ? AND id != ?", uuid, ADMIN_ID)

    def reports(self, uuid: str) -> Sequence[Report]:  # noqa: ARG002 - they keep nothing on record
        return ()

    # The hands at the lock

    def press(self, uuid: str, code: str, report: Callable[..., None]) -> bool:
        opened = self.opens(uuid, code)
        if opened is None:
            report("wrong")
        else:
            report("opened", password_id=opened)
        return opened is not None

    def opens(self, uuid: str, code: str) -> int | None:
        """The id of the code that opens now; None: it does not open."""
        row = self._store.one("SELECT * FROM dding_memory WHERE uuid = ? AND code = ?", uuid, code)
        if row is None or (row["start"] is not None and not row["start"] <= self._now() < row["end"]):
            return None
        return int(row["id"])

    def set_code(self, uuid: str, password_id: int, code: str) -> bool:
        return self._do(Command(0, uuid, "put", password_id, code, None, None)).done

    def drop_code(self, uuid: str, password_id: int) -> bool:
        return self._do(Command(0, uuid, "remove", password_id, "", None, None)).done

    def _do(self, command: Command) -> Outcome:
        store, uuid = self._store, command.uuid
        store.run(
            'DELETE FROM dding_memory WHERE uuid = ? AND id = ? AND "end" <= ?',
            *(uuid, DYNAMIC_ID, int(self._now())),
        )
        if command.verb == "put":
            same = store.one("SELECT id FROM dding_memory WHERE uuid = ? AND code = ?", uuid, command.code)
            if same is not None and same["id"] != command.password_id:
                return Outcome(done=False, why="the code exists")
        if command.password_id == DYNAMIC_ID:
            store.run("DELETE FROM dding_memory WHERE uuid = ? AND code = ?", uuid, command.code)
        else:
            store.run("DELETE FROM dding_memory WHERE uuid = ? AND id = ?", uuid, command.password_id)
        if command.verb == "put":
            store.run(
                "INSERT INTO dding_memory VALUES (?, ?, ?, ?, ?)",
                *(uuid, command.code, command.password_id, command.start, command.end),
            )
        return Outcome(done=True)
