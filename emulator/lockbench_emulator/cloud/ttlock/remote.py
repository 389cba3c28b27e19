"""What the TTLock cloud does at a lock from afar: through a gateway that is near, online and free."""

from __future__ import annotations

import sqlite3

from lockbench_protocol.cloud.ttlock import replies as a
from lockbench_protocol.cloud.ttlock import requests as q

from lockbench_emulator.cloud.ttlock.agent import Command, Gateways, Verb
from lockbench_emulator.cloud.ttlock.core import Caller, Core, NotDone, Refused, data_of, page
from lockbench_emulator.cloud.ttlock.locks import battery_of
from lockbench_emulator.cloud.ttlock.records import LOCKED_BY_GATEWAY, OPENED_BY_GATEWAY, LockRecord, Records

NO_GATEWAY, OFFLINE, BUSY = -2012, -3002, -3003


class Remote:
    def __init__(self, core: Core, gateways: Gateways, records: Records) -> None:
        self._core = core
        self._store = core.store
        self._gateways = gateways
        self._records = records

    def ask(
        self, lock_id: int, verb: Verb, *, code: str = "", new_code: str = "", start: int = 0, end: int = 0
    ) -> int:
        """The value that the lock gives, 0 where it gives none. Raises Refused."""
        lock = self._core.lock(lock_id)
        near = self._near(lock)
        if not near:
            raise Refused(NO_GATEWAY)
        if not any(row["online"] for row in near):
            raise Refused(OFFLINE)
        if all(row["busy"] for row in near if row["online"]):
            raise Refused(BUSY)
        outcome = self._gateways.carry_out(Command(lock["mac"], verb, code, new_code, start, end))
        if outcome.errcode:
            raise NotDone(outcome.errcode)
        return outcome.value

    def _near(self, lock: sqlite3.Row) -> list[sqlite3.Row]:
        return self._store.all(
            "SELECT gateways.* FROM gateways JOIN gateways_near USING (gateway_id)"
            " WHERE client_id = ? AND gateways_near.mac = ?",
            *(lock["client_id"], lock["mac"]),
        )

    # Handlers

    def unlock(self, _request: q.LockRequest, caller: Caller) -> a.Done:
        return self._move(caller, "unlock", OPENED_BY_GATEWAY)

    def lock(self, _request: q.LockRequest, caller: Caller) -> a.Done:
        return self._move(caller, "lock", LOCKED_BY_GATEWAY)

    def _move(self, caller: Caller, verb: Verb, record: int) -> a.Done:
        self._check_frozen(caller)
        self.ask(caller.lock_id, verb)
        now = self._core.millis()
        self._records.add(
            caller.lock_id,
            [LockRecord(record_type=record, lock_date=now, username=self._core.username(caller.uid))],
        )
        self._store.run("UPDATE locks SET state_at = 0 WHERE lock_id = ?", caller.lock_id)
        return a.Done()

    def open_state(self, _request: q.LockRequest, caller: Caller) -> a.OpenStateReply:
        """What the lock says, or said a moment ago. A gateway that is busy, or a lock that is silent: 2."""
        lock, now = self._core.lock(caller.lock_id), self._core.millis()
        if lock["state_at"] and now - lock["state_at"] < self._core.policy.state_seconds * 1000:
            return a.OpenStateReply(state=lock["state"])
        try:
            state = self.ask(caller.lock_id, "state")
        except Refused as refusal:
            if refusal.errcode != BUSY:
                raise
            return a.OpenStateReply(state=a.OpenState.UNKNOWN)
        self._store.run(
            "UPDATE locks SET state = ?, state_at = ? WHERE lock_id = ?", state, now, caller.lock_id
        )
        return a.OpenStateReply(state=a.OpenState(state))

    def battery(self, _request: q.LockRequest, caller: Caller) -> a.BatteryReply:
        self._check_frozen(caller)
        level = self.ask(caller.lock_id, "battery")
        lock = data_of(self._core.lock(caller.lock_id))
        if level != battery_of(lock):
            self._core.merge(caller.lock_id, {"lockMac": lock["lockMac"], "electricQuantity": level})
        return a.BatteryReply(electric_quantity=level)

    def _check_frozen(self, caller: Caller) -> None:
        if self._core.lock(caller.lock_id)["frozen"]:
            raise Refused(-2025)

    def gateways(self, request: q.GatewaysRequest, caller: Caller) -> a.GatewaysReply:
        rows = self._store.all(
            "SELECT *, (SELECT count(*) FROM gateways_near n WHERE n.gateway_id = g.gateway_id) AS locks"
            " FROM gateways g WHERE client_id = ? AND uid = ? ORDER BY gateway_id",
            *(caller.client_id, caller.uid),
        )
        found = [
            a.GatewayRow(
                gateway_id=row["gateway_id"],
                gateway_mac=row["mac"],
                gateway_name=row["name"],
                gateway_version=row["version"],
                lock_num=row["locks"],
                is_online=row["online"],
            )
            for row in rows
        ]
        return a.GatewaysReply.model_validate(page(found, request.page_no, request.page_size))

    def gateway_locks(self, request: q.GatewayRequest, caller: Caller) -> a.NearReply:
        """Those of its owner's locks that the gateway hears."""
        self._own(request.gateway_id, caller, -1003)
        rows = self._store.all(
            "SELECT locks.*, near.rssi, near.updated AS heard FROM gateways_near near"
            " JOIN locks USING (mac) JOIN keys USING (lock_id)"
            " WHERE gateway_id = ? AND client_id = ? AND uid = ? AND NOT deleted ORDER BY lock_id",
            *(request.gateway_id, caller.client_id, caller.uid),
        )
        return a.NearReply(
            rows=[
                a.NearRow(
                    lock_id=row["lock_id"],
                    lock_mac=row["mac"],
                    lock_name=str(data_of(row).get("lockName") or ""),
                    lock_alias=row["alias"],
                    rssi=row["rssi"],
                    update_date=row["heard"],
                )
                for row in rows
            ]
        )

    def gateway_upgrade_mode(self, request: q.GatewayRequest, caller: Caller) -> a.Done:
        """The replies of a gateway's own upgrade are in no document."""
        self._own(request.gateway_id, caller, -4037)
        raise Refused(-4043)

    gateway_upgrade_package = gateway_upgrade_mode
    gateway_upgrade_success = gateway_upgrade_mode

    def _own(self, gateway_id: int, caller: Caller, missing: int) -> None:
        row = self._store.one(
            "SELECT uid FROM gateways WHERE gateway_id = ? AND client_id = ?", gateway_id, caller.client_id
        )
        if row is None or (missing == -4037 and row["uid"] != caller.uid):
            raise Refused(missing)
        if row["uid"] != caller.uid:
            raise Refused(20002)
