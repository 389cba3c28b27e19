"""The bench's hands on the TTLock cloud: what no endpoint reaches, by name and from Python.

Public methods are the operations of `/_bench/ttlock/`; their arguments are the fields of its body.
"""

from __future__ import annotations

import sqlite3

from pydantic import Base64Bytes

from lockbench_emulator.cloud.ttlock.cloud import Ttlock
from lockbench_emulator.cloud.ttlock.core import Refused, md5
from lockbench_emulator.cloud.ttlock.records import LockRecord


class TtlockBench:
    def __init__(self, cloud: Ttlock) -> None:
        self._cloud = cloud
        self._store = cloud.store

    def now(self) -> int:
        """ms since 1970."""
        return self._cloud.millis()

    def add_client(self, client_id: str, secret: str) -> None:
        """An app; one that is known gets a new secret."""
        self._store.run(
            "INSERT INTO clients VALUES (?, ?)"
            " ON CONFLICT (client_id) DO UPDATE SET secret = excluded.secret",
            *(client_id, secret),
        )

    def add_user(self, client_id: str, username: str, password: str, region: str = "") -> int:
        """The user's uid; one that is known gets a new password. The plain one: callers send its md5."""
        if self._store.one("SELECT 1 FROM clients WHERE client_id = ?", client_id) is None:
            raise Refused(10000)
        known = self._store.one(
            "SELECT uid FROM users WHERE client_id = ? AND username = ?", client_id, username
        )
        if known is None:
            return self._cloud.add_user(client_id, username, password, region)
        self._store.run("UPDATE users SET password = ? WHERE uid = ?", md5(password), known["uid"])
        return int(known["uid"])

    def add_firmware(self, model_num: str, hardware_revision: str, version: str, image: Base64Bytes) -> int:
        """Put an image into the catalogue; the number that its package goes by."""
        return self._cloud.add_firmware(model_num, hardware_revision, version, image)

    def expire_tokens(self, client_id: str) -> int:
        """All access tokens of an app have had their time; how many."""
        return self._store.run(
            "UPDATE tokens SET expires = ? WHERE client_id = ? AND expires > ?",
            *(self._cloud.millis(), client_id, self._cloud.millis()),
        )

    def lock_data(self, lock_id: int) -> str:
        """The blob as the cloud would hand it to the administrator's clients."""
        return self._cloud.lock_data(lock_id)

    def locks(self, client_id: str) -> list[dict[str, object]]:
        """The locks of an app, deleted ones too."""
        rows = self._store.all(
            "SELECT lock_id, mac, alias, created, updated, deleted FROM locks WHERE client_id = ?"
            " ORDER BY lock_id",
            client_id,
        )
        return [dict(row) for row in rows]

    def reset(self, client_id: str) -> None:
        """Forget the locks of an app and what hangs on them; its users and tokens stay."""
        with self._store.transaction():
            mine = "SELECT lock_id FROM locks WHERE client_id = ?"
            for table in ("passcodes_deleted", "passcodes", "lock_records", "keys", "locks"):
                self._store.run(f"DELETE FROM {table} WHERE lock_id IN ({mine})", client_id)  # noqa: S608 - our own names

    # Users and keys

    def guard(self, client_id: str, username: str) -> str:
        """The user's next log-in is from a new device; the code that he is sent."""
        return self._cloud.accounts.guard(client_id, username)

    def add_key(self, lock_id: int, username: str) -> int:
        """A user's key to a lock, from its administrator; its number."""
        client = self._lock(lock_id)["client_id"]
        user = self._store.one("SELECT uid FROM users WHERE client_id = ? AND username = ?", client, username)
        if user is None:
            raise Refused(20006)
        number = self._cloud.core.new_id("keys", "key_id")
        self._store.run("INSERT INTO keys VALUES (?, ?, ?, 'user')", number, lock_id, user["uid"])
        return number

    def freeze(self, lock_id: int, *, frozen: bool = True) -> None:
        """The administrator freezes a lock, in the app; or thaws it."""
        self._lock(lock_id)
        self._store.run("UPDATE locks SET frozen = ? WHERE lock_id = ?", frozen, lock_id)

    # Gateways

    def add_gateway(self, client_id: str, username: str, mac: str, name: str = "") -> int:
        """A gateway of a user, online; its number."""
        user = self._store.one(
            "SELECT uid FROM users WHERE client_id = ? AND username = ?", client_id, username
        )
        if user is None:
            raise Refused(20006)
        number = self._cloud.core.new_id("gateways", "gateway_id")
        self._store.run(
            "INSERT INTO gateways VALUES (?, ?, ?, ?, ?, 2, 1, 0)",
            *(number, client_id, user["uid"], mac, name or mac),
        )
        return number

    def hear(self, gateway_id: int, mac: str, rssi: int = -60) -> None:
        """The gateway hears the lock of this address, in dBm; at 0 no more."""
        self._gateway(gateway_id)
        if rssi == 0:
            self._store.run("DELETE FROM gateways_near WHERE gateway_id = ? AND mac = ?", gateway_id, mac)
        else:
            self._store.run(
                "INSERT OR REPLACE INTO gateways_near VALUES (?, ?, ?, ?)",
                *(gateway_id, mac, rssi, self._cloud.millis()),
            )

    def set_gateway(self, gateway_id: int, *, online: bool = True, busy: bool = False) -> None:
        self._gateway(gateway_id)
        self._store.run(
            "UPDATE gateways SET online = ?, busy = ? WHERE gateway_id = ?", online, busy, gateway_id
        )

    # Records

    def happened(self, lock_id: int, records: list[LockRecord]) -> None:
        """A gateway has read these from the lock."""
        self._lock(lock_id)
        with self._store.transaction():
            self._cloud.records.add(lock_id, records)

    def set_webhook(self, client_id: str, url: str) -> None:
        """Where records go; the address is probed first. Loopback, unless the policy says otherwise: -3."""
        with self._store.transaction():
            self._cloud.records.register(client_id, url)

    def webhook(self, client_id: str) -> str:
        """none, waiting (for the answer to the probe), active or refused."""
        return self._cloud.records.webhook(client_id)

    def letters(self, client_id: str) -> list[dict[str, object]]:
        """What was posted to the webhook, with the tries."""
        return self._cloud.outbox.journal(client_id)

    def redeliver(self, number: int) -> bool:
        """Send a letter that is not on its way once more; False: it is, or has no address."""
        return self._cloud.outbox.redeliver(number)

    def _lock(self, lock_id: int) -> sqlite3.Row:
        return self._cloud.core.lock(lock_id)

    def _gateway(self, gateway_id: int) -> None:
        if self._store.one("SELECT 1 FROM gateways WHERE gateway_id = ?", gateway_id) is None:
            raise Refused(-4037)
