"""What the clouds remember, in sqlite3: in memory, or in a file (WAL, synchronous NORMAL).

Everything that outlives a request is a row here. The store knows no rules of any cloud; times are ms since
1970 and come from outside. A call of a cloud is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from random import Random
from typing import Protocol

from lockbench_protocol import LocalError

from lockbench_emulator.cloud.aiot.schema import AIOT_SCHEMA

SCHEMA = """
CREATE TABLE IF NOT EXISTS clients (client_id TEXT PRIMARY KEY, secret TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS users (
    uid INTEGER PRIMARY KEY, client_id TEXT NOT NULL REFERENCES clients, username TEXT NOT NULL,
    password TEXT NOT NULL, region TEXT NOT NULL DEFAULT '', guarded INTEGER NOT NULL DEFAULT 0,
    UNIQUE (client_id, username));
CREATE TABLE IF NOT EXISTS tokens (
    access TEXT PRIMARY KEY, refresh TEXT NOT NULL UNIQUE, client_id TEXT NOT NULL, uid INTEGER NOT NULL,
    expires INTEGER NOT NULL, refresh_expires INTEGER NOT NULL, revoked INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS locks (
    lock_id INTEGER PRIMARY KEY, client_id TEXT NOT NULL, mac TEXT NOT NULL, alias TEXT NOT NULL,
    data TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL,
    deleted INTEGER NOT NULL DEFAULT 0, group_id INTEGER NOT NULL DEFAULT 0,
    frozen INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL DEFAULT 2, state_at INTEGER NOT NULL DEFAULT 0);
CREATE TABLE IF NOT EXISTS keys (
    key_id INTEGER PRIMARY KEY, lock_id INTEGER NOT NULL REFERENCES locks, uid INTEGER NOT NULL,
    role TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS passcodes (
    passcode_id INTEGER PRIMARY KEY, lock_id INTEGER NOT NULL REFERENCES locks, code TEXT NOT NULL,
    name TEXT NOT NULL, type INTEGER NOT NULL, version INTEGER NOT NULL, start INTEGER NOT NULL,
    "end" INTEGER NOT NULL, created INTEGER NOT NULL, custom INTEGER NOT NULL, used INTEGER NOT NULL,
    valid INTEGER NOT NULL, sender INTEGER NOT NULL, UNIQUE (lock_id, code));
CREATE TABLE IF NOT EXISTS passcodes_deleted (
    lock_id INTEGER NOT NULL, type INTEGER NOT NULL, start INTEGER NOT NULL, "end" INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS gateways (
    gateway_id INTEGER PRIMARY KEY, client_id TEXT NOT NULL, uid INTEGER NOT NULL, mac TEXT NOT NULL,
    name TEXT NOT NULL, version INTEGER NOT NULL, online INTEGER NOT NULL, busy INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS gateways_near (
    gateway_id INTEGER NOT NULL REFERENCES gateways, mac TEXT NOT NULL, rssi INTEGER NOT NULL,
    updated INTEGER NOT NULL, PRIMARY KEY (gateway_id, mac));
CREATE TABLE IF NOT EXISTS lock_records (
    number INTEGER PRIMARY KEY AUTOINCREMENT, lock_id INTEGER NOT NULL REFERENCES locks,
    type INTEGER NOT NULL, success INTEGER NOT NULL, username TEXT NOT NULL, code TEXT NOT NULL,
    battery INTEGER NOT NULL, lock_date INTEGER NOT NULL, server_date INTEGER NOT NULL,
    UNIQUE (lock_id, type, lock_date, code, username));
CREATE TABLE IF NOT EXISTS webhooks (client_id TEXT PRIMARY KEY, url TEXT NOT NULL, probe INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS verify_codes (
    client_id TEXT NOT NULL, username TEXT NOT NULL, code TEXT NOT NULL, expires INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS ttlock_bolts (mac TEXT PRIMARY KEY, opened INTEGER);
CREATE TABLE IF NOT EXISTS firmware (
    firmware_id INTEGER PRIMARY KEY, model_num TEXT NOT NULL, hardware_revision TEXT NOT NULL,
    version TEXT NOT NULL, key TEXT NOT NULL, image BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS journal (
    number INTEGER PRIMARY KEY, at INTEGER NOT NULL, cloud TEXT NOT NULL, method TEXT NOT NULL,
    path TEXT NOT NULL, parameters TEXT NOT NULL, status INTEGER NOT NULL, errcode INTEGER);
CREATE TABLE IF NOT EXISTS letters (
    number INTEGER PRIMARY KEY AUTOINCREMENT, cloud TEXT NOT NULL, owner TEXT NOT NULL, device TEXT NOT NULL,
    kind TEXT NOT NULL, url TEXT NOT NULL, headers TEXT NOT NULL, body TEXT NOT NULL, due INTEGER,
    tries INTEGER NOT NULL, state TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS letter_tries (
    number INTEGER PRIMARY KEY AUTOINCREMENT, letter INTEGER NOT NULL REFERENCES letters,
    at INTEGER NOT NULL, status INTEGER, outcome TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS letters_waiting ON letters (state, cloud, owner, device, number);
"""

DDING_SCHEMA = """
CREATE TABLE IF NOT EXISTS dding_tenants (tenant TEXT PRIMARY KEY, callback_url TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dding_clients (
    client_id TEXT PRIMARY KEY, secret TEXT NOT NULL, tenant TEXT NOT NULL REFERENCES dding_tenants,
    role TEXT NOT NULL, name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dding_tokens (
    token TEXT PRIMARY KEY, client_id TEXT NOT NULL REFERENCES dding_clients, expires INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dding_homes (
    tenant TEXT NOT NULL, home_id TEXT NOT NULL, sp_state INTEGER NOT NULL, install_state INTEGER NOT NULL,
    fields TEXT NOT NULL, PRIMARY KEY (tenant, home_id));
CREATE TABLE IF NOT EXISTS dding_rooms (
    tenant TEXT NOT NULL, home_id TEXT NOT NULL, room_id TEXT NOT NULL, name TEXT NOT NULL,
    description TEXT NOT NULL, PRIMARY KEY (tenant, home_id, room_id));
CREATE TABLE IF NOT EXISTS dding_devices (
    number INTEGER PRIMARY KEY AUTOINCREMENT, uuid TEXT NOT NULL UNIQUE, tenant TEXT NOT NULL,
    home_id TEXT NOT NULL, room_id TEXT NOT NULL, type TEXT NOT NULL, gateway TEXT NOT NULL,
    sn TEXT NOT NULL, mac TEXT NOT NULL, name TEXT NOT NULL, model TEXT NOT NULL, brand TEXT NOT NULL,
    versions TEXT NOT NULL, bind_time INTEGER NOT NULL, online INTEGER NOT NULL, onoff_time INTEGER NOT NULL,
    power INTEGER NOT NULL, power_time INTEGER NOT NULL, battery TEXT NOT NULL, wrong INTEGER NOT NULL,
    next_id INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dding_passwords (
    uuid TEXT NOT NULL, id INTEGER NOT NULL, time INTEGER NOT NULL, is_default INTEGER NOT NULL,
    operation INTEGER NOT NULL, stage INTEGER NOT NULL, name TEXT NOT NULL, description TEXT NOT NULL,
    why TEXT NOT NULL, send_to TEXT NOT NULL, code TEXT NOT NULL, start INTEGER, "end" INTEGER,
    local INTEGER NOT NULL, held INTEGER NOT NULL, frozen INTEGER NOT NULL, PRIMARY KEY (uuid, id));
CREATE TABLE IF NOT EXISTS dding_work (
    number INTEGER PRIMARY KEY AUTOINCREMENT, due INTEGER, kind TEXT NOT NULL, uuid TEXT NOT NULL,
    payload TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dding_operations (
    number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, uuid TEXT NOT NULL, op_id TEXT NOT NULL,
    operator TEXT NOT NULL, operator_name TEXT NOT NULL, record TEXT NOT NULL, at INTEGER NOT NULL,
    result INTEGER);
CREATE TABLE IF NOT EXISTS dding_events (
    number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, uuid TEXT NOT NULL, at INTEGER NOT NULL,
    sourceid INTEGER NOT NULL, source_name TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS dding_orders (
    tenant TEXT NOT NULL, home_id TEXT NOT NULL, stage INTEGER NOT NULL, demander TEXT NOT NULL,
    installer TEXT NOT NULL, ctime INTEGER NOT NULL, mtime INTEGER NOT NULL, PRIMARY KEY (tenant, home_id));
CREATE TABLE IF NOT EXISTS dding_messages (
    number INTEGER PRIMARY KEY AUTOINCREMENT, tenant TEXT NOT NULL, phone TEXT NOT NULL, uuid TEXT NOT NULL,
    password_id INTEGER NOT NULL, at INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS dding_remarks (
    client_id TEXT NOT NULL, endpoint TEXT NOT NULL, remark TEXT NOT NULL, count INTEGER NOT NULL,
    PRIMARY KEY (client_id, endpoint, remark));
CREATE TABLE IF NOT EXISTS dding_memory (
    uuid TEXT NOT NULL, code TEXT NOT NULL, id INTEGER NOT NULL, start INTEGER, "end" INTEGER,
    PRIMARY KEY (uuid, code));
CREATE INDEX IF NOT EXISTS dding_work_device ON dding_work (uuid, number);
CREATE INDEX IF NOT EXISTS dding_work_due ON dding_work (due);
CREATE INDEX IF NOT EXISTS dding_events_lock ON dding_events (uuid, at);
CREATE INDEX IF NOT EXISTS dding_operations_device ON dding_operations (uuid, at);
"""

SITE_SCHEMA = """
CREATE TABLE IF NOT EXISTS site_locks (
    uuid TEXT PRIMARY KEY, address TEXT NOT NULL, profile TEXT NOT NULL, seed INTEGER NOT NULL,
    at REAL NOT NULL,
    kept TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS site_flash (
    uuid TEXT NOT NULL, number INTEGER NOT NULL, cells BLOB NOT NULL, PRIMARY KEY (uuid, number));
"""

Value = float | str | int | bytes | None

SECRETS = frozenset(
    (
        *("password", "clientSecret", "client_secret", "accessToken", "refresh_token", "lockData"),
        *("newKeyboardPwd", "keyboardPwdList", "records", "searchStr", "verifyCode"),
        *("keyboardPwd", "access_token", "accesst_token", "acccess_token", "code", "secret"),
    )
)
"""Parameters whose values the journal never holds."""


class Keeper(Protocol):
    """What lives in memory beside the rows, and shares the fate of a transaction."""

    def save(self) -> None:
        """Write what changed: the transaction is about to be committed."""

    def undo(self) -> None:
        """The rows are as they were before: so must be what stands beside them."""


class Store:
    def __init__(self, path: str = ":memory:") -> None:
        self._db = sqlite3.connect(path, isolation_level=None)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.execute("PRAGMA foreign_keys = ON")
        self._db.executescript(SCHEMA + DDING_SCHEMA + AIOT_SCHEMA + SITE_SCHEMA)
        self.keepers: list[Keeper] = []
        self._life = self._db.execute("PRAGMA user_version").fetchone()[0] + 1
        self._db.execute(f"PRAGMA user_version = {self._life}")

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def one(self, sql: str, *values: Value) -> sqlite3.Row | None:
        """The first row, or None."""
        row: sqlite3.Row | None = self._db.execute(sql, values).fetchone()
        return row

    def the(self, sql: str, *values: Value) -> sqlite3.Row:
        """The first row, which the tables' own rules say is there. LookupError when they were broken."""
        row = self.one(sql, *values)
        if row is None:
            raise LookupError(f"no row for {sql}")
        return row

    def all(self, sql: str, *values: Value) -> list[sqlite3.Row]:
        return self._db.execute(sql, values).fetchall()

    def number(self, sql: str, *values: Value) -> int | None:
        """The one value of the first row; None when it is NULL, or there is no row."""
        row = self.one(sql, *values)
        return None if row is None else row[0]

    def count(self, rows: str, *values: Value) -> int:
        """How many rows there are of what stands behind FROM."""
        return int(self._db.execute(f"SELECT count(*) FROM {rows}", values).fetchone()[0])  # noqa: S608 - our own words

    def run(self, sql: str, *values: Value) -> int:
        """How many rows a statement changed."""
        return self._db.execute(sql, values).rowcount

    def insert(self, sql: str, *values: Value) -> int:
        """The number of the row that was put in."""
        return int(self._db.execute(sql, values).lastrowid or 0)

    def chance(self, words: str) -> Random:
        """Chance from a seed in words; a store that is opened again does not draw the same once more."""
        return Random(f"{words} {self._life}")  # noqa: S311 - an emulated cloud repeats itself

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it, or, after an exception, nothing. One inside another is a part of it."""
        if self._db.in_transaction:
            yield
            return
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            for keeper in self.keepers:
                keeper.save()
            self._db.execute("COMMIT")
        except BaseException:
            self._db.execute("ROLLBACK")
            self._undo()
            raise

    def snapshot(self) -> bytes:
        """All rows, as the bytes of a database in one file."""
        with closing(sqlite3.connect(":memory:")) as copy:
            self._db.backup(copy)
            image = bytearray(copy.serialize())
        image[18:20] = b"\x01\x01"  # written without WAL, which a database in memory cannot read
        return bytes(image)

    def restore(self, snapshot: bytes) -> None:
        """Have the rows of a snapshot. LocalError when it is none; nothing is changed then."""
        with closing(sqlite3.connect(":memory:")) as copy:
            try:
                copy.deserialize(snapshot)
                tables = _tables(copy)
                copy.execute("PRAGMA integrity_check").fetchall()
            except (sqlite3.Error, MemoryError) as error:
                raise LocalError(f"{len(snapshot)} bytes are no snapshot of a store: {error}") from None
            lacking = _tables(self._db) - tables
            if lacking:
                raise LocalError(f"this snapshot has no table {min(lacking)}")
            copy.backup(self._db)
        self._undo()

    def _undo(self) -> None:
        for keeper in self.keepers:
            keeper.undo()

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


def _tables(db: sqlite3.Connection) -> set[str]:
    return {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
