"""What the dding SaaS has on record: openings (dding V1.6 6.11, 6.12) and operations (7); orders (8).

Lists come newest first. A period is given in seconds, both ends included; stamps are ms.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping

from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding import replies as a
from lockbench_protocol.cloud.dding import requests as q

from lockbench_emulator.cloud.dding.core import LARGEST, Caller, Core, Refused

DAY = 86_400
MILLIS = 10**11
"""A time from here on is read as ms when lenient: in s it would be after the year 5000."""
TIMES = range(100, 104)
"""All day, morning, afternoon, evening."""
MOMENT = 10**9
"""An order's time from here on is a moment, s since 1970."""


class Records:
    def __init__(self, core: Core) -> None:
        self._core = core

    def get_lock_events(self, request: q.EventsRequest, caller: Caller) -> a.EventsReply:
        rows = self._core.store.all(
            "SELECT * FROM dding_events WHERE uuid = ? AND tenant = ? AND at BETWEEN ? AND ?"
            " ORDER BY at DESC, number DESC LIMIT ? OFFSET ?",
            *self._openings(request, caller),
            *(request.count, request.offset),
        )
        return a.EventsReply(lock_events=[_opening(row) for row in rows])

    def count_lock_events(self, request: q.Period, caller: Caller) -> a.CountReply:
        return a.CountReply(
            count=self._core.store.count(
                "dding_events WHERE uuid = ? AND tenant = ? AND at BETWEEN ? AND ?",
                *self._openings(request, caller),
            )
        )

    def _openings(self, request: q.Period, caller: Caller) -> tuple[str, str, int, int]:
        lock = self._core.lock(caller.tenant, request)
        return (lock["uuid"], caller.tenant, *self._period(request))

    def search_device_op_log(self, request: q.OperationsRequest, caller: Caller) -> a.OperationsReply:
        where, values = self._operations(request, caller)
        rows = self._core.store.all(
            f"SELECT * FROM dding_operations WHERE {where} ORDER BY at DESC, number DESC LIMIT ? OFFSET ?",  # noqa: S608 - our own words
            *(*values, request.count, request.offset),
        )
        return a.OperationsReply(op_list=[_operation(row) for row in rows])

    def count_device_op_log(self, request: q.CountOperationsRequest, caller: Caller) -> a.CountReply:
        where, values = self._operations(request, caller)
        return a.CountReply(count=self._core.store.count(f"dding_operations WHERE {where}", *values))

    def _operations(
        self, request: q.CountOperationsRequest, caller: Caller
    ) -> tuple[str, list[str | int | None]]:
        """Filters join with "and". A gateway stands for all its locks."""
        device = self._core.named_device(caller.tenant, request)
        op_id = "200010" if request.op_id == "20010" else request.op_id
        where = (
            "tenant = ? AND at BETWEEN ? AND ? AND coalesce(?, op_id) = op_id"
            " AND coalesce(?, operator) IN (operator, operator_name)"
            " AND (uuid = ? OR uuid IN (SELECT uuid FROM dding_devices WHERE gateway = ?))"
        )
        values = [caller.tenant, *self._period(request), op_id, request.operator]
        return where, [*values, device["uuid"], device["uuid"]]

    def _period(self, request: q.Period) -> tuple[int, int]:
        """First and last ms of the period."""
        start, end = request.start_time, request.end_time
        lenient = not self._core.policy.strict

        def millis(value: int, rest: int) -> int:
            return value if lenient and value >= MILLIS else min(value * 1000 + rest, LARGEST)

        return (0 if start is None else millis(start, 0), LARGEST if end is None else millis(end, 999))


class Orders:
    """Appointments for installation, one a home, open to changes until the installer confirms."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def order_add(self, request: q.OrderRequest, caller: Caller) -> a.Reply:
        core = self._core
        core.home(caller.tenant, request.home_id)
        _check_time(request.time)
        if self._row(caller.tenant, request.home_id) is not None:
            raise Refused(codes.DUPLICATE)
        demander = a.Demander(
            name=request.name,
            phone=request.phone,
            expect_date=self.day(request.date),
            expect_time=request.time,
            note=request.note,
        )
        installer = a.Installer(name=None, phone=None, confirm_date=None, confirm_time=None, note=None)
        core.store.run(
            "INSERT INTO dding_orders VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(caller.tenant, request.home_id, a.OrderStage.ACTIVE),
            *(demander.model_dump_json(), installer.model_dump_json(), core.seconds(), core.seconds()),
        )
        return a.Reply()

    def order_update(self, request: q.UpdateOrderRequest, caller: Caller) -> a.Reply:
        self._core.home(caller.tenant, request.home_id)
        if request.time is not None:
            _check_time(request.time)
        fresh = {
            "name": request.name,
            "phone": request.phone,
            "expect_date": None if request.date is None else self.day(request.date),
            "expect_time": request.time,
            "note": request.note,
        }
        self.change(caller.tenant, request.home_id, "demander", fresh)
        return a.Reply()

    def find_orders(self, request: q.HomesRequest, caller: Caller) -> a.OrdersReply:
        """Homes without an order are left out."""
        rows = {name: self._row(caller.tenant, name) for name in request.home_id}
        return a.OrdersReply(result={name: self._shown(row) for name, row in rows.items() if row is not None})

    def change(
        self,
        tenant: str,
        home_id: str,
        side: str,
        fresh: Mapping[str, object],
        stage: a.OrderStage = a.OrderStage.ACTIVE,
    ) -> None:
        """Change one side of an order; what is None stays. A confirmed order is 15014 for both sides."""
        row = self._row(tenant, home_id)
        if row is None:
            raise Refused(codes.NOT_FOUND)
        if row["stage"] == a.OrderStage.CONFIRMED:
            raise Refused(codes.NOT_PERMITTED)
        known = json.loads(row[side]) | {name: value for name, value in fresh.items() if value is not None}
        self._core.store.run(
            f"UPDATE dding_orders SET {side} = ?, stage = ?, mtime = ? WHERE tenant = ? AND home_id = ?",  # noqa: S608 - our own names
            *(json.dumps(known), stage, self._core.seconds(), tenant, home_id),
        )

    def day(self, moment: int) -> int:
        """The beginning of the moment's day, s."""
        offset = self._core.policy.day_offset
        return max((moment + offset) // DAY * DAY - offset, 0)

    def _shown(self, row: sqlite3.Row) -> a.Order:
        home = self._core.home(row["tenant"], row["home_id"])
        return a.Order(
            home_id=row["home_id"],
            description=json.loads(home["fields"]).get("description"),
            stage=row["stage"],
            demander=a.Demander.model_validate_json(row["demander"]),
            installer=a.Installer.model_validate_json(row["installer"]),
            ctime=row["ctime"],
            mtime=row["mtime"],
        )

    def _row(self, tenant: str, home_id: str) -> sqlite3.Row | None:
        return self._core.store.one(
            "SELECT * FROM dding_orders WHERE tenant = ? AND home_id = ?", tenant, home_id
        )


def _check_time(time: int) -> None:
    if time not in TIMES and time < MOMENT:
        raise Refused(codes.BAD_PARAMETER)


def _opening(row: sqlite3.Row) -> a.LockEvent:
    return a.LockEvent(
        time=row["at"], eventid=1, source=2, sourceid=row["sourceid"], source_name=row["source_name"]
    )


def _operation(row: sqlite3.Row) -> a.LoggedOperation:
    operator = {"id": row["operator"], "name": row["operator_name"]}
    shown = {"op_id": row["op_id"], "operator": operator, "timestamp": row["at"]} | json.loads(row["record"])
    return a.LoggedOperation.model_validate(
        shown if row["result"] is None else shown | {"result": row["result"]}
    )
