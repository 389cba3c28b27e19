"""Gateways and locks of the dding SaaS: what they are (dding V1.6 6.1, 6.2), and what they report (9.2).

A report of a lock that is offline waits until it is back, and keeps the time at which it happened.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding import replies as a
from lockbench_protocol.cloud.dding import requests as q
from lockbench_protocol.cloud.dding.events import (
    BatteryDetail,
    CentreDetail,
    Detail,
    FreshBatteryDetail,
    LocalCode,
    LocalDetail,
    LocalGoneDetail,
    LocalId,
    OpenDetail,
    SyncDetail,
)

from lockbench_emulator.cloud.dding.agent import DYNAMIC_ID, Agent
from lockbench_emulator.cloud.dding.battery import Alarms, read_battery
from lockbench_emulator.cloud.dding.core import LOCKS, Caller, Core, Refused


class Devices:
    def __init__(self, core: Core, agent: Agent) -> None:
        self._core = core
        self._agent = agent

    # Handlers

    def get_center_info(self, request: q.CentreRequest, caller: Caller) -> a.CentreReply:
        return a.CentreReply.model_validate(self._about(self._centre(request, caller.tenant)))

    def get_lock_info(self, request: q.LockRequest, caller: Caller) -> a.LockReply:
        row = self._core.lock(caller.tenant, request)
        power = {"power": row["power"], "power_refreshtime": row["power_time"]}
        return a.LockReply.model_validate(self._about(row) | power)

    def _centre(self, request: q.CentreRequest, tenant: str) -> sqlite3.Row:
        """uuid decides; of several gateways of a home, the one bound first."""
        core = self._core
        if request.uuid is not None:
            row: sqlite3.Row | None = core.device(tenant, request.uuid)
        elif request.home_id is not None:
            home = core.home(tenant, request.home_id)
            row = self.first_centre(tenant, home["home_id"])
        else:
            raise Refused(codes.BAD_PARAMETER)
        if row is None or row["type"] != "gateway":
            raise Refused(codes.NOT_FOUND)
        if core.policy.uuid_checks_home and request.home_id not in (None, row["home_id"]):
            raise Refused(codes.NOT_FOUND)
        return row

    def first_centre(self, tenant: str, home_id: str) -> sqlite3.Row | None:
        return self._core.store.one(
            "SELECT * FROM dding_devices"
            " WHERE tenant = ? AND home_id = ? AND type = 'gateway' ORDER BY number",
            *(tenant, home_id),
        )

    def _about(self, row: sqlite3.Row) -> dict[str, object]:
        names = ("mac", "sn", "bind_time", "onoff_time", "uuid", "name", "model", "brand")
        about: dict[str, object] = {name: row[name] for name in names}
        return about | {"onoff_line": self._core.line(row), "versions": json.loads(row["versions"])}

    # Lines

    def set_line(self, uuid: str, *, online: bool) -> None:
        """A gateway or a lock goes or comes; a gateway takes its locks along."""
        device = self._bound(uuid)
        self._core.store.run("UPDATE dding_devices SET online = ? WHERE uuid = ?", int(online), uuid)
        locks = self._core.store.all("SELECT * FROM dding_devices WHERE gateway = ? ORDER BY number", uuid)
        if bool(device["online"]) != online:
            if device["type"] == "gateway":
                self._turn(device, locks, online=online)
            for lock in locks if device["type"] == "gateway" else [device]:
                self._follow(lock, gateway_turned=device["type"] == "gateway", online=online)

    def _turn(self, gateway: sqlite3.Row, locks: list[sqlite3.Row], *, online: bool) -> None:
        self._stamp(gateway)
        detail: Detail | None = None
        if not online and self._core.policy.later:
            detail = CentreDetail(subdevices=[lock["uuid"] for lock in locks])
        self._core.emit(gateway, "clearCenterOfflineAlarm" if online else "centerOfflineAlarm", detail)

    def _follow(self, lock: sqlite3.Row, *, gateway_turned: bool, online: bool) -> None:
        """A lock's line turns when its link or its gateway does, and the other one is up."""
        gateway = self._core.bound(lock["gateway"])
        other = lock["online"] if gateway_turned else gateway is not None and gateway["online"]
        if not other:
            return
        self._stamp(lock)
        self._core.emit(lock, "clearLockOfflineAlarm" if online else "lockOfflineAlarm")
        if online:
            now = self._core.millis()
            self._core.store.run(
                "UPDATE dding_work SET due = ?"
                " WHERE uuid = ? AND kind IN ('command', 'report', 'sync', 'collect')",
                *(now + self._core.policy.delay, lock["uuid"]),
            )
            self._core.news()

    def _stamp(self, device: sqlite3.Row) -> None:
        self._core.store.run(
            "UPDATE dding_devices SET onoff_time = ? WHERE uuid = ?", self._core.seconds(), device["uuid"]
        )

    # Reports of locks

    def report(self, uuid: str, what: str, **values: object) -> None:
        """Take a report now, or when the lock is back and has told what came before. `what`: a key below."""
        lock = self._bound(uuid)
        if lock["type"] not in LOCKS:
            raise Refused(codes.NOT_FOUND)
        payload = {"what": what, "at": self._core.millis(), "values": values}
        if self._core.line(lock) is a.Line.OFFLINE:
            self._core.work(None, "report", uuid, payload)
        elif self._core.store.one("SELECT 1 FROM dding_work WHERE uuid = ? AND kind = 'report'", uuid):
            self._core.work(self._core.millis() + self._core.policy.delay, "report", uuid, payload)
        else:
            self.take(lock, payload)

    def take(self, lock: sqlite3.Row, payload: Mapping[str, Any]) -> None:
        """A report has arrived."""
        table: dict[str, Callable[..., None]] = {
            "opened": self._opened,
            "wrong": self._wrong,
            "battery": self._battery,
            "broken": self._broken,
            "local_add": self._local_add,
            "local_update": self._local_update,
            "local_delete": self._local_delete,
            "sync": self._sync,
        }
        table[payload["what"]](lock, payload["at"], **payload["values"])

    def _opened(self, lock: sqlite3.Row, at: int, password_id: int) -> None:
        row = self._password(lock, password_id)
        name = row["name"] if row is not None else "dynamic" if password_id == DYNAMIC_ID else ""
        self._core.store.run("UPDATE dding_devices SET wrong = 0 WHERE uuid = ?", lock["uuid"])
        self._core.store.run(
            "INSERT INTO dding_events (tenant, uuid, at, sourceid, source_name) VALUES (?, ?, ?, ?, ?)",
            *(lock["tenant"], lock["uuid"], at, password_id, name),
        )
        detail = OpenDetail(eventid=1, source=2, sourceid=password_id, source_name=name)
        self._core.emit(lock, "lockerOpenAlarm", detail, at)

    def _wrong(self, lock: sqlite3.Row, at: int) -> None:
        wrong = lock["wrong"] + 1
        if wrong >= self._core.policy.wrong_codes:
            wrong = 0
            self._core.emit(lock, "wrongPwdAlarm", at=at)
        self._core.store.run("UPDATE dding_devices SET wrong = ? WHERE uuid = ?", wrong, lock["uuid"])

    def _broken(self, lock: sqlite3.Row, at: int) -> None:
        self._core.emit(lock, "brokenAlarm", at=at)

    def _battery(self, lock: sqlite3.Row, at: int, level: int) -> None:
        policy, uuid = self._core.policy, lock["uuid"]
        alarms, told = read_battery(Alarms.of(lock["battery"]), level, at, at_ten=policy.battery_at_ten)
        self._core.store.run(
            "UPDATE dding_devices SET power = ?, power_time = ?, battery = ? WHERE uuid = ?",
            *(level, at // 1000, alarms.text(), uuid),
        )
        if told is not None:
            event = "batteryAlarm" if told == "alarm" else policy.clear_battery
            self._core.emit(lock, event, BatteryDetail(battery_level=level), at)
        if policy.later and level >= 0:
            self._core.emit(lock, "batteryAsync", FreshBatteryDetail(battery=level), at)
        self._core.store.run("DELETE FROM dding_work WHERE uuid = ? AND kind = 'battery'", uuid)
        due = alarms.due(level)
        if due is not None:
            self._core.work(due, "battery", uuid, {})

    def remind_of_battery(self, lock: sqlite3.Row, due: int) -> None:
        """The daily alarm has fallen due."""
        level = lock["power"]
        alarms = Alarms(Alarms.of(lock["battery"]).latched, due)
        self._core.store.run(
            "UPDATE dding_devices SET battery = ? WHERE uuid = ?", alarms.text(), lock["uuid"]
        )
        self._core.emit(lock, "batteryAlarm", BatteryDetail(battery_level=level), due)
        self._core.work(alarms.due(level), "battery", lock["uuid"], {})

    # Codes made at the keypad

    def new_id(self, uuid: str) -> int:
        """An id that no password of the lock had before."""
        self._core.store.run("UPDATE dding_devices SET next_id = next_id + 1 WHERE uuid = ?", uuid)
        return int(self._bound(uuid)["next_id"]) - 1

    def _local_add(self, lock: sqlite3.Row, at: int, password_id: int, code: str) -> None:
        self._keep(lock, at, password_id, code, a.Operation.ADD)
        self._core.emit(lock, "pwdAddLocal", _local(password_id, code), at)

    def _local_update(self, lock: sqlite3.Row, at: int, password_id: int, code: str) -> None:
        self._core.store.run(
            "UPDATE dding_passwords SET code = ?, held = 1, frozen = 0 WHERE uuid = ? AND id = ?",
            *(code, lock["uuid"], password_id),
        )
        self._core.emit(lock, "pwdUpdateLocal", _local(password_id, code), at)

    def _local_delete(self, lock: sqlite3.Row, at: int, password_id: int) -> None:
        self._core.store.run(
            "DELETE FROM dding_passwords WHERE uuid = ? AND id = ?", lock["uuid"], password_id
        )
        self._core.emit(lock, "pwdDelLocal", LocalGoneDetail(password=LocalId(id=password_id)), at)

    def _sync(self, lock: sqlite3.Row, at: int) -> None:
        """The administrator code of a lock that was configured again comes back from the lock."""
        code = self._agent.admin_code(lock["uuid"])
        if code is None or self._password(lock, a.ADMIN_ID) is not None:
            return
        self._keep(lock, at, a.ADMIN_ID, code, a.Operation.ADD)
        detail = SyncDetail(passwords=[LocalCode(id=a.ADMIN_ID, password=code)])
        self._core.emit(lock, "pwdSync", detail, at)

    def _keep(self, lock: sqlite3.Row, at: int, password_id: int, code: str, operation: int) -> None:
        self._core.store.run(
            "INSERT OR REPLACE INTO dding_passwords"
            " VALUES (?, ?, ?, ?, ?, ?, '', '', '', '', ?, NULL, NULL, 1, 1, 0)",
            *(lock["uuid"], password_id, at, int(password_id == a.ADMIN_ID), operation, a.Stage.DONE, code),
        )

    def _password(self, lock: sqlite3.Row, password_id: int) -> sqlite3.Row | None:
        return self._core.store.one(
            "SELECT * FROM dding_passwords WHERE uuid = ? AND id = ?", lock["uuid"], password_id
        )

    def _bound(self, uuid: str) -> sqlite3.Row:
        row = self._core.bound(uuid)
        if row is None:
            raise Refused(codes.NOT_FOUND)
        return row


def _local(password_id: int, code: str) -> LocalDetail:
    return LocalDetail(password=LocalCode(id=password_id, password=code))
