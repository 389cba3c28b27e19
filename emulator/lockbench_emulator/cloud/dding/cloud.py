"""The dding SaaS: who calls what, and what falls due. No HTTP, no asyncio (dding V1.6).

A call is checked in one order: token, role, fields, objects. A handler takes a validated request and the
caller and returns a reply or raises `Refused`; each that writes is one transaction, and so is each piece of
due work.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding import replies as a
from lockbench_protocol.cloud.dding import requests as q
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, Endpoint, Role, canonical
from lockbench_protocol.cloud.dding.requests import DIGITS
from pydantic import ValidationError

from lockbench_emulator.cloud.dding.agent import Agent, Outcome
from lockbench_emulator.cloud.dding.core import NOBODY, Caller, Core, Refused
from lockbench_emulator.cloud.dding.devices import Devices
from lockbench_emulator.cloud.dding.homes import Homes
from lockbench_emulator.cloud.dding.outbox import Outbox
from lockbench_emulator.cloud.dding.passwords import Passwords, Payload
from lockbench_emulator.cloud.dding.policy import Policy
from lockbench_emulator.cloud.dding.records import Orders, Records
from lockbench_emulator.cloud.store import Store

__all__ = ["Dding", "Refused"]

Handler = Callable[[q.Request, Caller], a.Reply]


@dataclass(frozen=True, slots=True)
class Parts:
    """The classes that a cloud is built from, and its table. A mutant replaces one."""

    rows: tuple[Endpoint, ...] = ENDPOINTS
    core: type[Core] = Core
    devices: type[Devices] = Devices
    homes: type[Homes] = Homes
    passwords: type[Passwords] = Passwords
    records: type[Records] = Records
    orders: type[Orders] = Orders
    outbox: type[Outbox] = Outbox


class Dding:
    """One cloud. `now` gives seconds since 1970; `run_due` does what has fallen due, `next_due` says when."""

    parts: ClassVar = Parts()

    def __init__(
        self, store: Store, now: Callable[[], float], chance: Random, agent: Agent, policy: Policy
    ) -> None:
        made = self.parts
        self.core = made.core(store, policy, now, chance)
        self.agent = agent
        self.devices = made.devices(self.core, agent)
        self.homes = made.homes(self.core, agent)
        self.passwords = made.passwords(self.core, self.devices)
        self.orders = made.orders(self.core)
        self.outbox = self.core.outbox = made.outbox(self.core)
        parts = (self, self.homes, self.devices, self.passwords, made.records(self.core), self.orders)
        self._handlers: dict[str, Handler] = {
            row.name: next(getattr(part, row.name) for part in parts if hasattr(part, row.name))
            for row in made.rows
        }

    # Calls

    def call(
        self, row: Endpoint, given: Mapping[str, object], *, texts: bool = False, path: str = ""
    ) -> dict[str, object]:
        """The whole body of a success. `texts`: all values came as text, as in a query. Raises `Refused`.

        `path`: where it was called, if that is worth a remark.
        """
        policy = self.core.policy
        try:
            with self.core.store.transaction() if row.writes else nullcontext():
                reply = self._run(row, given, texts=texts, path=path)
        except sqlite3.Error:
            raise Refused(codes.DATABASE) from None
        return {"ErrNo": codes.OK, "ErrMsg": policy.errmsg} | reply.body()

    def _run(self, row: Endpoint, given: Mapping[str, object], *, texts: bool, path: str) -> a.Reply:
        policy = self.core.policy
        found = canonical(row, given, strict=policy.strict, later=policy.later)
        caller = self._authorize(row, found.token) if row.roles else NOBODY
        if policy.strict and any(name not in found.fields for name in row.must):
            raise Refused(codes.BAD_PARAMETER)
        try:
            context = DIGITS if texts or not policy.strict else None
            request = row.request.model_validate(found.fields, context=context)
        except ValidationError as error:
            raise Refused(self._bad_field(row, error)) from None
        reply = self._handlers[row.name](request, caller)
        for name in (*found.met, path):
            if name and not policy.strict:
                self.core.remark(caller, row.name, f"spells {name}")
        return reply

    def _bad_field(self, row: Endpoint, error: ValidationError) -> int:
        rows = error.errors(include_url=False, include_context=False, include_input=False)
        only_name = all(part["loc"] == ("name",) and part["type"] == "string_type" for part in rows)
        return self.core.policy.name_type if row.name == "add_password" and only_name else codes.BAD_PARAMETER

    def _authorize(self, row: Endpoint, token: object) -> Caller:
        if not isinstance(token, str) or not token.isascii():
            raise Refused(codes.TOKEN_INVALID)
        found = self.core.store.one(
            "SELECT * FROM dding_tokens JOIN dding_clients USING (client_id) WHERE token = ?", token
        )
        if found is None:
            raise Refused(codes.TOKEN_INVALID)
        if found["expires"] <= self.core.seconds():
            raise Refused(codes.TOKEN_EXPIRED)
        role = Role(found["role"])
        as_merchant = role is Role.ADMIN and Role.MERCHANT in row.roles and self.core.policy.admin_orders
        if role not in row.roles and not as_merchant:
            raise Refused(codes.NOT_PERMITTED)
        return Caller(found["client_id"], found["tenant"], role, found["name"])

    def access_token(self, request: q.TokenRequest, _caller: Caller) -> a.TokenReply:
        store = self.core.store
        client = store.one("SELECT * FROM dding_clients WHERE client_id = ?", request.client_id)
        if client is None or client["secret"] != request.client_secret:
            raise Refused(self.core.policy.unknown_client)
        if self.core.policy.one_token:
            store.run("DELETE FROM dding_tokens WHERE client_id = ?", request.client_id)
        token = f"{self.core.chance.getrandbits(128):032x}"
        expires = self.core.seconds() + self.core.policy.token_seconds
        store.run("INSERT INTO dding_tokens VALUES (?, ?, ?)", token, request.client_id, expires)
        return a.TokenReply(access_token=token, expires_time=expires)

    # Due work

    def millis(self) -> int:
        return self.core.millis()

    def next_due(self) -> int | None:
        """When work falls due next, ms since 1970; None: nothing waits for the time. Callbacks: `outbox`."""
        return self.core.store.number(f"SELECT min(due) FROM dding_work w WHERE {_READY}")  # noqa: S608 - our own words

    def run_due(self) -> int:
        """Do all that has fallen due, in order; how many pieces."""
        done = 0
        while True:
            row = self.core.store.one(
                f"SELECT * FROM dding_work w WHERE due <= ? AND {_READY} {_FIRST} LIMIT 1",  # noqa: S608 - our own words
                self.core.millis(),
            )
            if row is None:
                return done
            with self.core.store.transaction():
                self._do(row)
            done += 1

    def answered(self, number: int, *, done: bool, why: str = "") -> None:
        """The lock's late answer to a command; one that was settled already changes nothing."""
        with self.core.store.transaction():
            row = self.core.store.one("SELECT * FROM dding_work WHERE number = ? AND kind = 'read'", number)
            lock = self.core.bound(row["uuid"]) if row is not None else None
            if row is not None and lock is not None:
                self._settle(row, lock, done=done, why=why)

    def collect(self, uuid: str) -> None:
        """Take what a lock has on record, now or when it is back."""
        lock = self.core.bound(uuid)
        if lock is None:
            return
        if self.core.line(lock) is a.Line.ONLINE:
            self._collect(uuid)
        elif not self.core.store.one("SELECT 1 FROM dding_work WHERE uuid = ? AND kind = 'collect'", uuid):
            self.core.work(None, "collect", uuid, {})

    def _collect(self, uuid: str) -> None:
        for report in self.agent.reports(uuid):
            lock = self.core.bound(uuid)
            assert lock is not None  # noqa: S101 - a report does not unbind its lock
            self.devices.take(lock, {"what": report.what, "at": report.at, "values": report.values})

    def _do(self, row: sqlite3.Row) -> None:
        payload = json.loads(row["payload"])
        kind, number = row["kind"], row["number"]
        lock = self.core.bound(row["uuid"])
        if kind == "home":
            self._finish(number)
            self.homes.remove(payload["tenant"], payload["home_id"])
        elif lock is None:
            self._finish(number)
        elif kind == "battery":
            self._finish(number)
            self.devices.remind_of_battery(lock, row["due"])
        elif kind == "command":
            self._command(row, lock, payload)
        elif kind == "read":
            self._read(row, lock, payload)
        elif self.core.line(lock) is a.Line.OFFLINE:  # sync, report, collect: later
            self.core.store.run("UPDATE dding_work SET due = NULL WHERE number = ?", number)
        elif kind == "collect":
            self._finish(number)
            self._collect(row["uuid"])
        else:
            self._finish(number)
            self.devices.take(lock, payload)

    def _command(self, row: sqlite3.Row, lock: sqlite3.Row, payload: Payload) -> None:
        """Hand a command to the gateway, unless it cannot leave; then wait until its time is over."""
        now, expires = self.core.millis(), payload["expires"]
        if self.core.line(lock) is a.Line.OFFLINE:
            if now >= expires:
                self._settle(row, lock, done=False, why="the device was offline")
            else:
                self._wait(row["number"], "command", expires)
            return
        self._collect(row["uuid"])  # first, as long as the cloud knows the codes that opened
        command = self.passwords.command(row["number"], lock, payload)
        outcome = command if isinstance(command, Outcome) else self.agent.carry_out(command)
        if outcome is None:
            self._wait(row["number"], "read", now + self.core.policy.timeout)
        else:
            self._settle(row, lock, done=outcome.done, why=outcome.why)

    def _read(self, row: sqlite3.Row, lock: sqlite3.Row, payload: Payload) -> None:
        """An unanswered command: the lock's own list decides, as soon as it can be read."""
        command = self.passwords.command(row["number"], lock, payload)
        if isinstance(command, Outcome):
            outcome: Outcome | None = command
        else:
            outcome = self.agent.check(command) if self.core.line(lock) is a.Line.ONLINE else None
        if outcome is None:
            self._wait(row["number"], "read", self.core.millis() + self.core.policy.timeout)
        else:
            self._settle(row, lock, done=outcome.done, why=outcome.why)

    def _settle(self, row: sqlite3.Row, lock: sqlite3.Row, *, done: bool, why: str) -> None:
        self._finish(row["number"])
        self.passwords.settle(lock, json.loads(row["payload"]), done=done, why=why)
        self.collect(lock["uuid"])

    def _finish(self, number: int) -> None:
        self.core.store.run("DELETE FROM dding_work WHERE number = ?", number)

    def _wait(self, number: int, kind: str, due: int) -> None:
        self.core.store.run("UPDATE dding_work SET kind = ?, due = ? WHERE number = ?", kind, due, number)


_FIRST = "ORDER BY due, kind IN ('command', 'read'), number"
"""What a lock tells when it is back was so before what it is told."""
_READY = (
    "(w.kind NOT IN ('command', 'read') OR NOT EXISTS (SELECT 1 FROM dding_work e"
    " WHERE e.uuid = w.uuid AND e.number < w.number AND e.kind IN ('command', 'read')))"
)
"""A lock's commands go one after another."""
