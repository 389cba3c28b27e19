"""The bench's hands on the TTLock cloud: what no endpoint reaches, by name and from Python.

Public methods are the operations of `/_bench/ttlock/`; their arguments are the fields of its body.
"""

from __future__ import annotations

from pydantic import Base64Bytes

from lockbench_emulator.cloud.ttlock import Refused, Ttlock, md5


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

    def add_user(self, client_id: str, username: str, password: str) -> int:
        """The user's uid; one that is known gets a new password. The plain one: callers send its md5."""
        if self._store.one("SELECT 1 FROM clients WHERE client_id = ?", client_id) is None:
            raise Refused(10000)
        known = self._store.one(
            "SELECT uid FROM users WHERE client_id = ? AND username = ?", client_id, username
        )
        if known is None:
            return self._cloud.add_user(client_id, username, password)
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
            for table in ("passcodes", "keys", "locks"):
                self._store.run(f"DELETE FROM {table} WHERE lock_id IN ({mine})", client_id)  # noqa: S608 - our own names
