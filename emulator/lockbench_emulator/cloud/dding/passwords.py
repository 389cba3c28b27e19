"""Passwords of the dding SaaS: what is asked of them, and what became of it (dding V1.6 6.3 to 6.10).

A call only queues a command. Until the lock answered, the row stays as it was, in stage 1; then it is in
stage 3 with the new values, or in stage 2 with the old ones. A row is what the cloud believes of one code.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Mapping
from typing import Any

from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding import replies as a
from lockbench_protocol.cloud.dding import requests as q
from lockbench_protocol.cloud.dding.events import SERVICE_DONE, SERVICE_FAILED, SERVICES
from lockbench_protocol.cloud.dding.replies import ADMIN_ID, Operation, Stage

from lockbench_emulator.cloud.dding.agent import DYNAMIC_ID, Command, Outcome
from lockbench_emulator.cloud.dding.core import Caller, Core, Refused
from lockbench_emulator.cloud.dding.devices import Devices

HOUR = 3600
Payload = Mapping[str, Any]
"""A queued operation as it stands in the store, which has it as JSON: written here, and read back."""

OP_IDS = {
    Operation.ADD: "20002",
    Operation.DELETE: "20003",
    Operation.UPDATE: "20004",
    Operation.FREEZE: "20006",
    Operation.UNFREEZE: "20007",
}

_HELD = "UPDATE dding_passwords SET held = 1 - frozen WHERE uuid = ? AND id = ?"
_DONE = {  # what a done operation makes of its row
    Operation.ADD: _HELD,
    Operation.UPDATE: _HELD,
    Operation.DELETE: "DELETE FROM dding_passwords WHERE uuid = ? AND id = ?",
    Operation.FREEZE: "UPDATE dding_passwords SET frozen = 1, held = 0 WHERE uuid = ? AND id = ?",
    Operation.UNFREEZE: "UPDATE dding_passwords SET frozen = 0, held = 1 WHERE uuid = ? AND id = ?",
}


class Passwords:
    def __init__(self, core: Core, devices: Devices) -> None:
        self._core = core
        self._devices = devices

    # Handlers that read

    def fetch_passwords(self, request: q.LockRequest, caller: Caller) -> a.PasswordsReply:
        lock = self._core.lock(caller.tenant, request)
        rows = self._core.store.all("SELECT * FROM dding_passwords WHERE uuid = ? ORDER BY id", lock["uuid"])
        return a.PasswordsReply(passwords={str(row["id"]): self._shown(row) for row in rows})

    def get_default_password_plaintext(self, request: q.LockRequest, caller: Caller) -> a.PlaintextReply:
        """The administrator code that the lock holds; 15006 until the cloud knows it."""
        lock = self._core.lock(caller.tenant, request)
        row = self._row(lock["uuid"], ADMIN_ID)
        if row is None or not row["held"]:
            raise Refused(codes.NOT_FOUND)
        self._settle_log(self._core.log(caller, "200010", lock), 0)
        return a.PlaintextReply(password=row["code"])

    def get_dynamic_password_plaintext(self, request: q.LockRequest, caller: Caller) -> a.DynamicReply:
        """A code of its own for each period, sent to the lock as a period code."""
        core = self._core
        lock = core.lock(caller.tenant, request)
        now, length = core.seconds(), core.policy.dynamic_seconds
        code, end = self._dynamic_code(lock, now // length), now + length
        payload = {
            "operation": Operation.ADD,
            "id": DYNAMIC_ID,
            "code": code,
            "start": now - now % 60,
            "end": end,
            "log": core.log(caller, "20008", lock),
        }
        self._queue(lock, payload)
        return a.DynamicReply(password=code, invalid_time=end)

    def _dynamic_code(self, lock: sqlite3.Row, period: int) -> str:
        taken = {
            row["code"]
            for row in self._core.store.all("SELECT code FROM dding_passwords WHERE uuid = ?", lock["uuid"])
        }
        for attempt in range(len(taken) + 1):
            digest = hashlib.sha256(f"{lock['uuid']} {lock['sn']} {period} {attempt}".encode()).digest()
            code = f"{int.from_bytes(digest[:8]) % 1_000_000:06d}"
            if code not in taken:
                return code
        raise Refused(codes.INTERNAL)

    # Handlers that queue

    def add_password(self, request: q.AddPasswordRequest, caller: Caller) -> a.AddPasswordReply:
        core, policy = self._core, self._core.policy
        start, end = self._window(request, always=bool(request.is_default))
        lock = core.lock(caller.tenant, request)
        password_id = self._id_of_new(lock, request, caller)
        if policy.same_digits == "cloud" and core.store.one(
            "SELECT 1 FROM dding_passwords WHERE uuid = ? AND code = ?", lock["uuid"], request.password
        ):
            raise Refused(codes.DUPLICATE)
        core.store.run(
            "INSERT OR REPLACE INTO dding_passwords VALUES (?, ?, ?, ?, ?, ?, ?, ?, '', ?, ?, ?, ?, 0, 0, 0)",
            *(lock["uuid"], password_id, core.millis(), request.is_default, Operation.ADD, Stage.RUNNING),
            *(request.name or "", request.description or "", request.phonenumber),
            *(request.password, start, end),
        )
        payload = {
            "operation": Operation.ADD,
            "id": password_id,
            "code": request.password,
            "start": start,
            "end": end,
            "phone": request.phonenumber,
        }
        serviceid = self._ask(lock, payload, caller, (request.phonenumber, request.name or ""))
        if policy.services:
            return a.AddPasswordReply(id=password_id, serviceid=serviceid)
        return a.AddPasswordReply(id=password_id)

    def update_password(self, request: q.UpdatePasswordRequest, caller: Caller) -> a.ServiceReply:
        start, end = self._window(request, always=request.password_id == ADMIN_ID)
        lock, row = self._named(request, caller)
        payload = {
            "operation": Operation.UPDATE,
            "id": row["id"],
            "code": request.password,
            "start": start,
            "end": end,
            "phone": request.phonenumber,
            "name": request.name,
            "description": request.description,
        }
        return self._answer(
            self._ask(lock, payload, caller, (request.phonenumber, request.name or row["name"]))
        )

    def delete_password(self, request: q.PasswordRequest, caller: Caller) -> a.ServiceReply:
        return self._simple(Operation.DELETE, request, caller)

    def frozen_password(self, request: q.PasswordRequest, caller: Caller) -> a.ServiceReply:
        return self._simple(Operation.FREEZE, request, caller)

    def unfrozen_password(self, request: q.PasswordRequest, caller: Caller) -> a.ServiceReply:
        return self._simple(Operation.UNFREEZE, request, caller)

    def _simple(self, operation: Operation, request: q.PasswordRequest, caller: Caller) -> a.ServiceReply:
        lock = self._core.lock(caller.tenant, request)
        if request.password_id == ADMIN_ID and operation is not Operation.UNFREEZE:
            raise Refused(codes.ADMIN_PASSWORD)
        lock, row = self._named(request, caller)
        recipient = (row["send_to"], row["name"])
        return self._answer(self._ask(lock, {"operation": operation, "id": row["id"]}, caller, recipient))

    def _answer(self, serviceid: str) -> a.ServiceReply:
        return a.ServiceReply(serviceid=serviceid) if self._core.policy.services else a.ServiceReply()

    def _window(self, request: q.Window, *, always: bool) -> tuple[int | None, int | None]:
        """Begin and end, s; both None: always valid. One alone, or an end that is no later, is 14001."""
        start, end = request.permission_begin, request.permission_end
        if always or (start is None and end is None):
            return None, None
        if start is None or end is None or start >= end:
            raise Refused(codes.BAD_PARAMETER)
        if self._core.policy.hour_rounding:
            return start - start % HOUR, min(end + -end % HOUR, 2**63 - 1)
        return start, end

    def _id_of_new(self, lock: sqlite3.Row, request: q.AddPasswordRequest, caller: Caller) -> int:
        """999 for the administrator's, once; else the lock's next. The administrator's comes first."""
        admin = self._row(lock["uuid"], ADMIN_ID)
        if request.is_default:
            failed = admin is not None and not admin["held"] and admin["stage"] == Stage.FAILED
            if admin is not None and not failed:
                raise Refused(codes.DUPLICATE)
            return ADMIN_ID
        if admin is None:
            if self._core.policy.strict:
                raise Refused(codes.NOT_PERMITTED)
            self._core.remark(caller, "add_password", "no administrator password yet")
        return self._devices.new_id(lock["uuid"])

    def _named(self, request: q.PasswordRequest, caller: Caller) -> tuple[sqlite3.Row, sqlite3.Row]:
        """The lock and the password; one that is being worked on takes no second operation when strict."""
        lock = self._core.lock(caller.tenant, request)
        row = self._row(lock["uuid"], request.password_id)
        if row is None:
            raise Refused(self._core.policy.unknown_password)
        if row["stage"] == Stage.RUNNING and self._core.policy.strict:
            raise Refused(codes.BAD_PARAMETER)
        return lock, row

    def _ask(
        self, lock: sqlite3.Row, payload: dict[str, Any], caller: Caller, recipient: tuple[str, str]
    ) -> str:
        """Mark the row, write the log and queue the command. The number of the service."""
        core = self._core
        operation = Operation(payload["operation"])
        core.store.run(
            "UPDATE dding_passwords SET operation = ?, stage = ?, why = '' WHERE uuid = ? AND id = ?",
            *(operation, Stage.RUNNING, lock["uuid"], payload["id"]),
        )
        op_id = OP_IDS[operation]
        if payload["id"] == ADMIN_ID and core.policy.later:
            op_id = "20009"
        payload["log"] = core.log(caller, op_id, lock, recipient)
        payload["serviceid"] = serviceid = core.serviceid()
        self._queue(lock, payload)
        return serviceid

    def _queue(self, lock: sqlite3.Row, payload: dict[str, Any]) -> None:
        core, now = self._core, self._core.millis()
        online = core.line(lock) is a.Line.ONLINE
        payload["expires"] = now + core.policy.timeout
        core.work(
            now + (core.policy.delay if online else core.policy.timeout), "command", lock["uuid"], payload
        )

    # What became of it

    def command(self, number: int, lock: sqlite3.Row, payload: Payload) -> Command | Outcome:
        """What the lock shall do for a queued operation, or how it ends without the lock."""
        operation, password_id = payload["operation"], payload["id"]
        row = self._row(lock["uuid"], password_id)
        if row is None and password_id != DYNAMIC_ID:
            return Outcome(done=False, why="the password is gone")
        if row is None or operation in (Operation.ADD, Operation.UPDATE):
            if row is not None and row["frozen"]:
                return Outcome(done=True)
            code, start, end = payload["code"], payload["start"], payload["end"]
        else:
            code, start, end = row["code"], row["start"], row["end"]
        gone = operation in (Operation.DELETE, Operation.FREEZE)
        return Command(number, lock["uuid"], "remove" if gone else "put", password_id, code, start, end)

    def settle(self, lock: sqlite3.Row, payload: Payload, *, done: bool, why: str) -> None:
        """The lock did it, or it did not. The work's own row is gone by now."""
        password_id = payload["id"]
        self._settle_log(payload["log"], 0 if done else SERVICE_FAILED)
        row = self._row(lock["uuid"], password_id)
        if row is not None:
            if done:
                self._apply(lock, payload)
            more = self._core.store.one(
                "SELECT 1 FROM dding_work WHERE uuid = ? AND kind IN ('command', 'read')"
                " AND json_extract(payload, '$.id') = ?",
                *(lock["uuid"], password_id),
            )
            if more is None:
                self._core.store.run(
                    "UPDATE dding_passwords SET stage = ?, why = ? WHERE uuid = ? AND id = ?",
                    *(Stage.DONE if done else Stage.FAILED, why, lock["uuid"], password_id),
                )
        if self._core.policy.services and "serviceid" in payload:
            self._tell_service(lock, payload, done=done)

    def _apply(self, lock: sqlite3.Row, payload: Payload) -> None:
        operation = Operation(payload["operation"])
        uuid, password_id = lock["uuid"], payload["id"]
        if operation is Operation.UPDATE:
            self._core.store.run(
                'UPDATE dding_passwords SET code = ?, start = ?, "end" = ?, send_to = ?,'
                " name = coalesce(?, name), description = coalesce(?, description)"
                " WHERE uuid = ? AND id = ?",
                *(payload["code"], payload["start"], payload["end"], payload["phone"]),
                *(payload["name"], payload["description"]),
                *(uuid, password_id),
            )
        self._core.store.run(_DONE[operation], uuid, password_id)
        if operation in (Operation.ADD, Operation.UPDATE):
            self._core.store.run(
                "INSERT INTO dding_messages (tenant, phone, uuid, password_id, at) VALUES (?, ?, ?, ?, ?)",
                *(lock["tenant"], payload["phone"], uuid, password_id, self._core.millis()),
            )

    def _tell_service(self, lock: sqlite3.Row, payload: Payload, *, done: bool) -> None:
        service = SERVICES[payload["operation"]]
        body: dict[str, object] = {
            "service": service,
            "serviceid": payload["serviceid"],
            "uuid": lock["uuid"],
            "result": {
                "id": payload["id"],
                "passwordid": str(payload["id"]),
                "ErrNo": SERVICE_DONE if done else SERVICE_FAILED,
            },
            "home_id": lock["home_id"],
            "room_id": lock["room_id"] or lock["home_id"],
        }
        self._core.post(lock["tenant"], lock["uuid"], service, body)

    def _settle_log(self, number: int, result: int) -> None:
        self._core.store.run("UPDATE dding_operations SET result = ? WHERE number = ?", result, number)

    def _row(self, uuid: str, password_id: int) -> sqlite3.Row | None:
        return self._core.store.one(
            "SELECT * FROM dding_passwords WHERE uuid = ? AND id = ?", uuid, password_id
        )

    # How a row is shown

    def _shown(self, row: sqlite3.Row) -> a.Password:
        start, end = row["start"], row["end"]
        status = self._core.policy.saas_permanent_status
        if row["local"]:
            status = 1
        elif start is not None:
            status = 2
        now = self._core.seconds()
        normal = start is None or start <= now < end
        return a.Password(
            id=row["id"],
            time=row["time"],
            is_default=row["is_default"],
            operation=row["operation"],
            operation_stage=row["stage"],
            permission_state=a.PermissionState.NORMAL if normal else a.PermissionState.OUTSIDE,
            name=row["name"],
            send_to=row["send_to"],
            permission=a.Permission(begin=start or 0, end=end or 0, status=a.PermissionStatus(status)),
            pwd_state=_state(row, now),
            description=row["why"],
        )


def _state(row: sqlite3.Row, now: int) -> a.PasswordState:
    if row["frozen"]:
        return a.PasswordState.FROZEN
    if not row["held"]:
        return a.PasswordState.INITIAL
    if row["start"] is not None and now < row["start"]:
        return a.PasswordState.WILL_BE_ACTIVE
    if row["end"] is not None and now >= row["end"]:
        return a.PasswordState.EXPIRED
    return a.PasswordState.ACTIVE
