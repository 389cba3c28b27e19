"""What the clouds remember, in sqlite3: in memory, or in a file (WAL, synchronous NORMAL).

Everything that outlives a request is a row here. The store knows no rules of any cloud; times are ms since
1970 and come from outside. A call of a cloud is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

SCHEMA = """
CREATE TABLE IF NOT EXISTS clients (client_id TEXT PRIMARY KEY, secret TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (
    uid INTEGER PRIMARY KEY, client_id TEXT NOT NULL REFERENCES clients, username TEXT NOT NULL,
    password TEXT NOT NULL, UNIQUE (client_id, username));
CREATE TABLE IF NOT EXISTS tokens (
    access TEXT PRIMARY KEY, refresh TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL, uid INTEGER NOT NULL,
    expires INTEGER NOT NULL, refresh_expires INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS locks (
    lock_id INTEGER PRIMARY KEY, client_id TEXT NOT NULL, mac TEXT NOT NULL, alias TEXT NOT NULL,
    data TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS keys (
    key_id INTEGER PRIMARY KEY, lock_id INTEGER NOT NULL REFERENCES locks, uid INTEGER NOT NULL,
    role TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS passcodes (
    passcode_id INTEGER PRIMARY KEY, lock_id INTEGER NOT NULL REFERENCES locks, code TEXT NOT NULL,
    name TEXT NOT NULL, type INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL,
    add_type INTEGER NOT NULL, created INTEGER NOT NULL, UNIQUE (lock_id, code));
CREATE TABLE IF NOT EXISTS firmware (
    firmware_id INTEGER PRIMARY KEY, model_num TEXT NOT NULL, hardware_revision TEXT NOT NULL,
    version TEXT NOT NULL, key TEXT NOT NULL, image BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, cloud TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, parameters TEXT NOT NULL, status INTEGER NOT NULL, errcode INTEGER);
"""

Value = str | int | bytes | None

SECRETS = frozenset(
    ("password", "clientSecret", "client_secret", "accessToken", "refresh_token", "lockData", "keyboardPwd")
)
"""Parameters whose values the journal never holds."""


class Store:
    def __init__(self, path: str = ":memory:") -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(SCHEMA)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def one(self, sql: str, *values: Value) -> sqlite3.Row | None:
        """The first row, or None."""
        row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def all(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        return self._db.execute(sql, values).fetchall()

    def run(self, sql: str, *values: Value) -> int:
        """How many rows a statement changed."""
        return self._db.execute(sql, values).rowcount

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it, or, after an exception, nothing."""
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._db.execute("ROLLBACK")
            raise
        self._db.execute("COMMIT")

    def note(
        self,
        at: int,
        cloud: str,
        method: str,
        path: str,
        parameters: Mapping[str, str],
        status: int,
        errcode: int | None,
    ) -> None:
        """One line of the journal: a request as it was understood, and how it was answered."""
        masked = {name: "***" if name in SECRETS else value for name, value in parameters.items()}
        self.run(
            "INSERT INTO journal (at, cloud, method, path, parameters, status, errcode)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            *(at, cloud, method, path, json.dumps(masked), status, errcode),
        )
