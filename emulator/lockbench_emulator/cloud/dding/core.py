"""What the parts of the dding SaaS share: the caller, refusals, look-ups within a tenant, things to remember.

Every look-up names the tenant, so that another tenant's id is one that does not exist.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding.endpoints import LATER_OPERATIONS, Role
from lockbench_protocol.cloud.dding.events import Detail, signature
from lockbench_protocol.cloud.dding.replies import Line
from lockbench_protocol.cloud.dding.requests import LockRequest

from lockbench_emulator.cloud.dding.policy import Policy
from lockbench_emulator.cloud.outbox import Outbox
from lockbench_emulator.cloud.store import Store

CLOUD = "dding"
"""Whose letters its are in the store."""
HEADERS = {"Content-Type": "application/json"}
LARGEST = 2**63 - 1
LOCKS = ("home_lock", "room_lock")


class Refused(Exception):
    """The call is refused with this ErrNo; nothing was changed."""

    def __init__(self, code: int) -> None:
        super().__init__(f"{code}: {codes.text_of(code)}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Caller:
    client_id: str
    tenant: str
    role: Role
    name: str


NOBODY = Caller("", "", Role.ADMIN, "")
"""Who asks for a token."""


@dataclass(slots=True)
class Core:
    """One dding SaaS. `now` gives seconds since 1970."""

    store: Store
    policy: Policy
    now: Callable[[], float]
    chance: Random
    outbox: Outbox | None = None  # the cloud's, once it stands

    def news(self) -> None:
        """There may be work, or a letter."""
        if self.outbox is not None:
            self.outbox.news()

    def millis(self) -> int:
        return round(self.now() * 1000)

    def seconds(self) -> int:
        return self.millis() // 1000

    # Look-ups; the outer object first

    def home(self, tenant: str, home_id: str) -> sqlite3.Row:
        row = self.store.one("SELECT * FROM dding_homes WHERE tenant = ? AND home_id = ?", tenant, home_id)
        if row is None:
            raise Refused(self.policy.unknown_home)
        return row

    def room(self, tenant: str, room_id: str, home_id: str | None) -> sqlite3.Row:
        """The room, whose id may stand alone when no other home of the tenant has it."""
        if home_id is not None:
            self.home(tenant, home_id)
        rows = self.store.all(
            "SELECT * FROM dding_rooms WHERE tenant = ? AND room_id = ? AND home_id = coalesce(?, home_id)",
            *(tenant, room_id, home_id),
        )
        if not rows:
            raise Refused(codes.NO_ROOM)
        if len(rows) > 1:
            raise Refused(codes.BAD_PARAMETER)
        return rows[0]

    def device(self, tenant: str, uuid: str) -> sqlite3.Row:
        row = self.store.one("SELECT * FROM dding_devices WHERE tenant = ? AND uuid = ?", tenant, uuid)
        if row is None:
            raise Refused(codes.NOT_FOUND)
        return row

    def bound(self, uuid: str) -> sqlite3.Row | None:
        """The device's row, whoever has it."""
        return self.store.one("SELECT * FROM dding_devices WHERE uuid = ?", uuid)

    def named_device(self, tenant: str, request: LockRequest) -> sqlite3.Row:
        """The device of uuid, else the lock of room_id, else, when lenient, the outer lock of home_id."""
        if request.uuid is not None:
            row = self.device(tenant, request.uuid)
            if self.policy.uuid_checks_home and request.home_id not in (None, row["home_id"]):
                raise Refused(codes.NOT_FOUND)
            return row
        if request.room_id is not None:
            room = self.room(tenant, request.room_id, request.home_id)
            return self._lock_in(tenant, room["home_id"], room["room_id"])
        if request.home_id is not None and not self.policy.strict:
            return self._lock_in(tenant, self.home(tenant, request.home_id)["home_id"], "")
        raise Refused(codes.BAD_PARAMETER)

    def lock(self, tenant: str, request: LockRequest) -> sqlite3.Row:
        """As `named_device`; a gateway is no lock."""
        row = self.named_device(tenant, request)
        if row["type"] not in LOCKS:
            raise Refused(codes.NOT_FOUND)
        return row

    def _lock_in(self, tenant: str, home_id: str, room_id: str) -> sqlite3.Row:
        row = self.store.one(
            "SELECT * FROM dding_devices"
            " WHERE tenant = ? AND home_id = ? AND room_id = ? AND type != 'gateway'",
            *(tenant, home_id, room_id),
        )
        if row is None:
            raise Refused(codes.NOT_FOUND)
        return row

    def line(self, device: sqlite3.Row) -> Line:
        """Whether the cloud reaches it: a lock needs its gateway."""
        up = bool(device["online"])
        if up and device["gateway"]:
            gateway = self.bound(device["gateway"])
            up = gateway is not None and bool(gateway["online"])
        return Line.ONLINE if up else Line.OFFLINE

    # Things to remember

    def serviceid(self) -> str:
        return str(self.chance.randrange(10**8, 10**9))

    def remark(self, caller: Caller, endpoint: str, words: str) -> None:
        """Something of a caller's that was let pass: a spelling, a rule that strict would hold."""
        self.store.run(
            "INSERT INTO dding_remarks VALUES (?, ?, ?, 1)"
            " ON CONFLICT (client_id, endpoint, remark) DO UPDATE SET count = count + 1",
            *(caller.client_id, endpoint, words),
        )

    def work(self, due: int | None, kind: str, uuid: str, payload: Mapping[str, object]) -> int:
        """Work that falls due at `due`, ms; None: when its device is back. Its number."""
        number = self.store.insert(
            "INSERT INTO dding_work (due, kind, uuid, payload) VALUES (?, ?, ?, ?)",
            *(due, kind, uuid, json.dumps(payload)),
        )
        self.news()
        return number

    def log(
        self, caller: Caller, op_id: str, lock: sqlite3.Row, recipient: tuple[str, str] | None = None
    ) -> int:
        """A line of the operation log, its result open; 0 where the profile does not know the op id."""
        if op_id in LATER_OPERATIONS and not self.policy.later:
            return 0
        record: dict[str, object] = {
            "target": {"type": "lock", "id": lock["uuid"], "name": lock["name"]},
            "holder": self._holder(lock),
        }
        if recipient is not None:
            record["recipient"] = {"id": recipient[0], "name": recipient[1]}
        return self.store.insert(
            "INSERT INTO dding_operations (tenant, uuid, op_id, operator, operator_name, record, at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(caller.tenant, lock["uuid"], op_id, caller.client_id, caller.name),
            *(json.dumps(record), self.millis()),
        )

    def _holder(self, lock: sqlite3.Row) -> dict[str, str]:
        if lock["type"] == "room_lock":
            room = self.room(lock["tenant"], lock["room_id"], lock["home_id"])
            return {"type": "room", "id": room["room_id"], "name": room["name"]}
        home = self.home(lock["tenant"], lock["home_id"])
        return {
            "type": "home",
            "id": home["home_id"],
            "name": json.loads(home["fields"]).get("home_name") or "",
        }

    def emit(
        self, device: sqlite3.Row, event: str, detail: Detail | None = None, at: int | None = None
    ) -> None:
        """Put an event of the device into the outbox. `at`: when it happened, ms; now when absent."""
        body: dict[str, object] = {
            "event": event,
            "time": self.millis() if at is None else at,
            "uuid": device["uuid"],
            "home_id": device["home_id"],
        }
        if device["type"] == "room_lock":
            body["room_id"] = device["room_id"]
        body["nickname"] = device["name"]
        if detail is not None:
            body["detail"] = detail.model_dump(mode="json")
        self.post(device["tenant"], device["uuid"], event, body)

    def post(self, tenant: str, uuid: str, event: str, body: dict[str, object]) -> None:
        """Put a body into the outbox; a tenant without an address gets it noted as unsent."""
        row = self.store.one("SELECT callback_url FROM dding_tenants WHERE tenant = ?", tenant)
        url = "" if row is None else row["callback_url"]
        if self.policy.sign:
            body["sign"] = signature(url, body)
        text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
        assert self.outbox is not None  # noqa: S101 - a cloud that stands has one
        self.outbox.post(tenant, uuid, event, url, HEADERS, text)
