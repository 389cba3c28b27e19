"""Records of the TTLock cloud: what happened at locks, uploaded or heard, listed, and posted to webhooks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from lockbench_protocol.cloud.ttlock import replies as a
from lockbench_protocol.cloud.ttlock import requests as q
from lockbench_protocol.cloud.ttlock.webhook import (
    CONTENT_TYPE,
    RECORDS,
    TAKEN,
    WebhookRecord,
    webhook_body,
)
from pydantic import BaseModel, ConfigDict, Field, TypeAdapter
from pydantic.alias_generators import to_camel

from lockbench_emulator.cloud.outbox import LOOPBACK, Answer, Outbox, host_of
from lockbench_emulator.cloud.ttlock.core import Caller, Core, Refused, data_of, page, read_rows
from lockbench_emulator.cloud.ttlock.locks import battery_of

OPENED_BY_GATEWAY, LOCKED_BY_GATEWAY = 12, 11
"""recordType of what the cloud itself does; others come from clients as they are."""
PROBE = "probe"
CLOUD = "ttlock"
HEADERS = {"Content-Type": CONTENT_TYPE}


class LockRecord(BaseModel):
    """A record as the vendor's SDK hands it over; what is left out is unknown."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True, populate_by_name=True)

    record_type: Annotated[int, Field(ge=0, le=2**31)]
    success: Annotated[int, Field(ge=0, le=1)] = 1
    username: Annotated[str, Field(max_length=255)] = ""
    keyboard_pwd: Annotated[str, Field(max_length=255)] = ""
    electric_quantity: Annotated[int, Field(ge=0, le=100)] | None = None
    lock_date: q.Millis


_ROWS = TypeAdapter(list[LockRecord])


class Records:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store
        self.outbox = Outbox(core.store, CLOUD, core.millis, self._judge)

    def add(self, lock_id: int, records: Sequence[LockRecord]) -> None:
        """Those that are new are kept, posted to the app's webhook, and mark their passcodes as used."""
        lock, now = self._core.lock(lock_id), self._core.millis()
        fresh: list[WebhookRecord] = []
        for record in records:
            level = record.electric_quantity
            row = WebhookRecord(
                lock_id=lock_id,
                lock_mac=lock["mac"],
                record_type=record.record_type,
                success=record.success,
                username=record.username,
                keyboard_pwd=record.keyboard_pwd,
                electric_quantity=battery_of(data_of(lock)) if level is None else level,
                lock_date=record.lock_date,
                server_date=now,
            )
            known = self._store.run(
                "INSERT OR IGNORE INTO lock_records (lock_id, type, success, username, code, battery,"
                " lock_date, server_date) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                *(lock_id, row.record_type, row.success, row.username, row.keyboard_pwd),
                *(row.electric_quantity, row.lock_date, now),
            )
            if known:
                fresh.append(row)
            if row.success and row.keyboard_pwd:
                self._store.run(
                    "UPDATE passcodes SET used = 1 WHERE lock_id = ? AND code = ?", lock_id, row.keyboard_pwd
                )
        if fresh:
            self._post(lock["client_id"], lock_id, lock["mac"], fresh)

    # Webhooks

    def register(self, client_id: str, url: str) -> None:
        """Have records posted to an address, if it answers the probe that is posted now; "": nowhere."""
        host = host_of(url) if url else LOOPBACK[0]
        if host is None or (host not in LOOPBACK and not self._core.policy.private_webhooks):
            raise Refused(-3)
        probe = self.outbox.post(client_id, "", PROBE, url, HEADERS, webhook_body(0, "", []), once=True)
        self._store.run("INSERT OR REPLACE INTO webhooks VALUES (?, ?, ?)", client_id, url, probe)

    def webhook(self, client_id: str) -> str:
        """An app's address: none, waiting (for the answer to the probe), active, or refused."""
        row = self._store.one("SELECT * FROM webhooks WHERE client_id = ?", client_id)
        if row is None or not row["url"]:
            return "none"
        return {"delivered": "active", "dead": "refused"}.get(self.outbox.state(row["probe"]), "waiting")

    def _post(self, client_id: str, lock_id: int, mac: str, records: Sequence[WebhookRecord]) -> None:
        if self.webhook(client_id) != "active":
            return
        row = self._store.one("SELECT url FROM webhooks WHERE client_id = ?", client_id)
        url = "" if row is None else row["url"]
        self.outbox.post(client_id, str(lock_id), RECORDS, url, HEADERS, webhook_body(lock_id, mac, records))

    def _judge(self, answer: Answer) -> str:
        if answer.status is None or not 200 <= answer.status < 300:
            return f"HTTP {answer.status}"
        word = answer.body.strip().strip(b'"').lower()
        return "" if word == TAKEN.encode() or not self._core.policy.ack_text else "no success"

    # Handlers

    def upload_records(self, request: q.UploadRequest, caller: Caller) -> a.Done:
        self.add(caller.lock_id, read_rows(_ROWS, request.records))
        return a.Done()

    def records(self, request: q.RecordsRequest, caller: Caller) -> a.RecordsReply:
        """Newest first. A date of 0 leaves that side open."""
        rows = self._store.all(
            "SELECT * FROM lock_records WHERE lock_id = ? AND lock_date >= ? AND (? = 0 OR lock_date <= ?)"
            " ORDER BY lock_date DESC, number DESC",
            *(caller.lock_id, request.start_date, request.end_date, request.end_date),
        )
        found = [
            a.RecordRow(
                lock_id=row["lock_id"],
                record_type=row["type"],
                success=row["success"],
                username=row["username"],
                keyboard_pwd=row["code"],
                lock_date=row["lock_date"],
                server_date=row["server_date"],
            )
            for row in rows
        ]
        return a.RecordsReply.model_validate(page(found, request.page_no, request.page_size))
