"""Locks and keys of the TTLock cloud: registering, listing, what the cloud knows of one."""

from __future__ import annotations

import json
import sqlite3

from lockbench_protocol.cloud.ttlock import replies as a
from lockbench_protocol.cloud.ttlock import requests as q
from lockbench_protocol.lock.lockdata import ADMIN, ROWS, USER, Json, seal_blob

from lockbench_emulator.cloud.ttlock.core import Caller, Core, Refused, data_of, open_data, page

LOCK = 1
"""`type` of lock/list: 2 is a lift, 3 a power saver, and none of these is here."""
IN_USE = "110401"


class Locks:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store

    def has_gateway(self, lock: sqlite3.Row) -> int:
        found = self._store.one(
            "SELECT 1 FROM gateways JOIN gateways_near USING (gateway_id)"
            " WHERE client_id = ? AND gateways_near.mac = ?",
            *(lock["client_id"], lock["mac"]),
        )
        return int(found is not None)

    # Handlers

    def initialize(self, request: q.InitializeRequest, caller: Caller) -> a.InitializeReply:
        """The same lock initialised again (by its MAC, within one client) replaces the old cloud lock."""
        data = open_data(request.lock_data)
        if not all(data.get(name) for name in ("adminPwd", "lockKey", "aesKeyStr")):
            raise Refused(-3)
        mac, now = str(data["lockMac"]), self._core.millis()
        self._store.run("UPDATE locks SET deleted = 1 WHERE mac = ? AND client_id = ?", mac, caller.client_id)
        lock_id, key_id = self._core.new_id("locks", "lock_id"), self._core.new_id("keys", "key_id")
        alias = request.lock_alias or str(data.get("lockName") or "")
        self._store.run(
            "INSERT INTO locks (lock_id, client_id, mac, alias, data, created, updated, group_id)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            *(lock_id, caller.client_id, mac, alias, json.dumps(data), now, now, request.group_id or 0),
        )
        self._store.run("INSERT INTO keys VALUES (?, ?, ?, 'admin')", key_id, lock_id, caller.uid)
        return a.InitializeReply(lock_id=lock_id, key_id=key_id)

    def delete_lock(self, _request: q.LockRequest, caller: Caller) -> a.Done:
        """Its row stays, so that no id is given twice."""
        if self._core.lock(caller.lock_id)["frozen"]:
            raise Refused(-2025)
        self._store.run("UPDATE locks SET deleted = 1 WHERE lock_id = ?", caller.lock_id)
        return a.Done()

    def update_lock_data(self, request: q.LockDataRequest, caller: Caller) -> a.Done:
        self._core.merge(caller.lock_id, open_data(request.lock_data))
        return a.Done()

    def detail(self, _request: q.LockRequest, caller: Caller) -> a.DetailReply:
        lock = self._core.lock(caller.lock_id)
        data = data_of(lock)
        return a.DetailReply.model_validate(
            {"lockName": ""}
            | {name: data[name] for name, _, _ in ROWS if data.get(name) is not None}
            | {
                "lockId": lock["lock_id"],
                "lockAlias": lock["alias"],
                "date": lock["created"],
                "lockUpdateDate": lock["updated"],
                "hasGateway": self.has_gateway(lock),
                "isFrozen": lock["frozen"],
            }
        )

    def locks(self, request: q.LocksRequest, caller: Caller) -> a.LocksReply:
        """The locks of which the caller is the administrator."""
        rows = self._keys(caller, request.lock_alias, request.group_id)
        if request.type not in (None, LOCK):
            rows = []
        found = [self._lock_row(row) for row in rows if row["role"] == "admin"]
        return a.LocksReply.model_validate(page(found, request.page_no, request.page_size))

    def keys(self, request: q.KeysRequest, caller: Caller) -> a.KeysReply:
        found = [self._key_row(row) for row in self._keys(caller, request.lock_alias, request.group_id)]
        return a.KeysReply.model_validate(page(found, request.page_no, request.page_size))

    def _keys(self, caller: Caller, alias: str | None, group: int | None) -> list[sqlite3.Row]:
        return self._store.all(
            "SELECT * FROM keys JOIN locks USING (lock_id) WHERE uid = ? AND client_id = ? AND NOT deleted"
            " AND instr(alias, ?) AND group_id = coalesce(?, group_id) ORDER BY key_id",
            *(caller.uid, caller.client_id, alias or "", group),
        )

    def _lock_row(self, row: sqlite3.Row) -> a.LockRow:
        data = data_of(row)
        return a.LockRow(
            lock_id=row["lock_id"],
            lock_name=_text(data, "lockName"),
            lock_alias=row["alias"],
            lock_mac=row["mac"],
            electric_quantity=battery_of(data),
            feature_value=_text(data, "featureValue"),
            has_gateway=self.has_gateway(row),
            lock_data=seal_blob(data),
            group_id=row["group_id"],
            group_name="",
            date=row["created"],
        )

    def _key_row(self, row: sqlite3.Row) -> a.KeyRow:
        """A user's blob is without what only the administrator may know."""
        data, admin = data_of(row), row["role"] == "admin"
        kind = ADMIN if admin else USER
        hidden = () if admin else ("adminPwd", "noKeyPwd")
        blob: dict[str, Json] = {name: value for name, value in data.items() if name not in hidden}
        return a.KeyRow(
            key_id=row["key_id"],
            lock_data=seal_blob(blob | {"userType": kind}),
            lock_id=row["lock_id"],
            user_type=str(kind),
            key_status=IN_USE,
            lock_name=_text(data, "lockName"),
            lock_alias=row["alias"],
            lock_mac=row["mac"],
            no_key_pwd=_text(data, "noKeyPwd") if admin else "",
            electric_quantity=battery_of(data),
            start_date=0,
            end_date=0,
            remarks="",
            key_right=0,
            feature_value=_text(data, "featureValue"),
            remote_enable=1,
            passage_mode=2,
            group_id=row["group_id"],
            group_name="",
        )


def battery_of(data: dict[str, Json]) -> int:
    level = data.get("electricQuantity")
    return level if isinstance(level, int) else 100


def _text(data: dict[str, Json], name: str) -> str:
    return str(data.get(name) or "")
