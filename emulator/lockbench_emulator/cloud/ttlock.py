"""The TTLock open platform: what it decides and remembers. No HTTP, no asyncio (ttlock-cloud).

A handler takes a validated request and the caller and returns a reply, or raises `Refused` with a code of its
endpoint. Time and chance are arguments. Methods named `add_...` with plain arguments are the bench's hands.
"""

from __future__ import annotations

import hashlib
import json
import re
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random

from lockbench_protocol.cloud import ttlock as wire
from lockbench_protocol.cloud.ttlock import Endpoint, NeedUpgrade, Right
from lockbench_protocol.lock.lockdata import ROWS, Json, LockDataError, from_json, open_blob, seal_blob
from lockbench_protocol.lock.obfuscation import choose_seed, encode_field

from lockbench_emulator.cloud.store import Store


class Refused(Exception):
    """The call is refused with this errcode; nothing was changed."""

    def __init__(self, errcode: int) -> None:
        super().__init__(f"{errcode}: {wire.ERRORS[errcode][0]}")
        self.errcode = errcode


@dataclass(frozen=True, slots=True)
class Caller:
    client_id: str
    uid: int = 0  # 0 where no token is needed
    lock_id: int = 0  # 0 where no lock is concerned


class Ttlock:
    """One cloud. `now` gives seconds since 1970, `base_url` is where its packages are."""

    def __init__(self, store: Store, now: Callable[[], float], chance: Random) -> None:
        self.store = store
        self.base_url = ""
        self._now = now
        self._chance = chance

    def millis(self) -> int:
        return round(self._now() * 1000)

    # The bench's hands

    def add_client(self, client_id: str, secret: str) -> None:
        self.store.run("INSERT INTO clients VALUES (?, ?)", client_id, secret)

    def add_user(self, client_id: str, username: str, password: str) -> int:
        """The new user's uid. `password` is the plain one; callers send its md5."""
        uid = self._new_id("users", "uid")
        self.store.run("INSERT INTO users VALUES (?, ?, ?, ?)", uid, client_id, username, md5(password))
        return uid

    def add_firmware(self, model_num: str, hardware_revision: str, version: str, image: bytes) -> int:
        """Put an image into the catalogue; the number its package goes by."""
        number = self._new_id("firmware", "firmware_id")
        key = f"{self.millis()}".ljust(16, "0")[:16]
        self.store.run(
            "INSERT INTO firmware VALUES (?, ?, ?, ?, ?, ?)",
            *(number, model_num, hardware_revision, version, key, image),
        )
        return number

    def lock_data(self, lock_id: int) -> str:
        """The blob as the cloud would hand it to the administrator's clients."""
        return seal_blob(_data(self._lock(lock_id)))

    def package(self, number: int) -> tuple[bytes, str] | None:
        """(image, key) of a package, None when there is none of this number."""
        row = self.store.one("SELECT image, key FROM firmware WHERE firmware_id = ?", number)
        return None if row is None else (row["image"], row["key"])

    # Who calls what

    def call(self, endpoint: Endpoint, request: wire.Request) -> wire.Reply:
        """Check the caller and run the handler, in one transaction. Raises `Refused`."""
        handler: Callable[[wire.Request, Caller], wire.Reply] = getattr(self, endpoint.name)
        with self.store.transaction():
            return handler(request, self._authorize(endpoint, request))

    def _authorize(self, endpoint: Endpoint, request: wire.Request) -> Caller:
        """The caller, checked in the documented order: client, token, lock, administrator."""
        client = request.client_id
        if self.store.one("SELECT 1 FROM clients WHERE client_id = ?", client) is None:
            raise Refused(10000)
        if endpoint.right is Right.NONE:
            return Caller(client)
        assert isinstance(request, wire.SignedRequest)  # noqa: S101 - the table pairs rights and models
        uid = self._bearer(client, request.access_token)
        if endpoint.right is Right.USER:
            return Caller(client, uid)
        assert isinstance(request, wire.LockRequest)  # noqa: S101 - the table pairs rights and models
        found = self.store.one(
            "SELECT 1 FROM locks WHERE lock_id = ? AND client_id = ? AND NOT deleted", request.lock_id, client
        )
        if found is None:
            raise Refused(-1003)
        if self.store.one(
            "SELECT 1 FROM keys WHERE lock_id = ? AND uid = ? AND role = 'admin'", request.lock_id, uid
        ):
            return Caller(client, uid, request.lock_id)
        raise Refused(20002 if 20002 in endpoint.codes else -2018)

    def _bearer(self, client: str, access: str) -> int:
        token = self.store.one("SELECT * FROM tokens WHERE access = ? AND client_id = ?", access, client)
        if token is None:
            raise Refused(10003)
        if token["revoked"] or token["expires"] <= self.millis():
            raise Refused(10004)
        return int(token["uid"])

    # Handlers, named in the endpoint table

    def token(self, request: wire.TokenRequest, caller: Caller) -> wire.TokenReply:
        client = self.store.one("SELECT secret FROM clients WHERE client_id = ?", caller.client_id)
        if client is None or client["secret"] != request.client_secret:
            raise Refused(10001)
        if request.grant_type == "refresh_token":
            return self._refresh(request, caller)
        if request.grant_type != "password" or request.username is None or request.password is None:
            raise Refused(-3)
        if not re.fullmatch(r"[0-9a-f]{32}", request.password):
            raise Refused(30005)
        user = self.store.one(
            "SELECT uid FROM users WHERE client_id = ? AND username = ? AND password = ?",
            *(caller.client_id, request.username, request.password),
        )
        if user is None:
            raise Refused(10007)
        return self._issue(caller.client_id, user["uid"], user["uid"])

    def _refresh(self, request: wire.TokenRequest, caller: Caller) -> wire.TokenReply:
        if request.refresh_token is None:
            raise Refused(-3)
        token = self.store.one(
            "SELECT * FROM tokens"
            " WHERE refresh = ? AND client_id = ? AND refresh_expires > ? AND NOT revoked",
            *(request.refresh_token, caller.client_id, self.millis()),
        )
        if token is None:
            raise Refused(10011)
        self.store.run("UPDATE tokens SET revoked = 1 WHERE access = ?", token["access"])
        return self._issue(caller.client_id, token["uid"], None)

    def _issue(self, client: str, uid: int, shown: int | None) -> wire.TokenReply:
        access, refresh = self._new_token("access"), self._new_token("refresh")
        now = self.millis()
        ends = (now + wire.TOKEN_SECONDS * 1000, now + wire.REFRESH_SECONDS * 1000)
        self.store.run("INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, 0)", access, refresh, client, uid, *ends)
        return wire.TokenReply(
            access_token=access, refresh_token=refresh, expires_in=wire.TOKEN_SECONDS, uid=shown
        )

    def initialize(self, request: wire.InitializeRequest, caller: Caller) -> wire.InitializeReply:
        """The same lock initialised again (by its MAC, within one client) replaces the old cloud lock."""
        data = _open(request.lock_data)
        if not all(data.get(name) for name in ("adminPwd", "lockKey", "aesKeyStr")):
            raise Refused(-3)
        mac, now = str(data["lockMac"]), self.millis()
        self.store.run("UPDATE locks SET deleted = 1 WHERE mac = ? AND client_id = ?", mac, caller.client_id)
        lock_id, key_id = self._new_id("locks", "lock_id"), self._new_id("keys", "key_id")
        alias = request.lock_alias or str(data.get("lockName") or "")
        self.store.run(
            "INSERT INTO locks VALUES (?, ?, ?, ?, ?, ?, ?, 0)",
            *(lock_id, caller.client_id, mac, alias, json.dumps(data), now, now),
        )
        self.store.run("INSERT INTO keys VALUES (?, ?, ?, 'admin')", key_id, lock_id, caller.uid)
        return wire.InitializeReply(lock_id=lock_id, key_id=key_id)

    def detail(self, _request: wire.LockRequest, caller: Caller) -> wire.DetailReply:
        lock = self._lock(caller.lock_id)
        data = _data(lock)
        return wire.DetailReply.model_validate(
            {"lockName": ""}
            | {name: data[name] for name, _, _ in ROWS if data.get(name) is not None}
            | {
                "lockId": lock["lock_id"],
                "lockAlias": lock["alias"],
                "date": lock["created"],
                "lockUpdateDate": lock["updated"],
            }
        )

    def update_lock_data(self, request: wire.LockDataRequest, caller: Caller) -> wire.Done:
        self._merge(caller.lock_id, _open(request.lock_data))
        return wire.Done()

    def upgrade_check(self, _request: wire.LockRequest, caller: Caller) -> wire.UpgradeReply:
        return self._verdict(_data(self._lock(caller.lock_id)))

    def upgrade_recheck(self, request: wire.RecheckRequest, caller: Caller) -> wire.UpgradeReply:
        fresh = _open(request.lock_data)
        older = {
            "modelNum": request.model_num,
            "hardwareRevision": request.hardware_revision,
            "firmwareRevision": request.firmware_revision,
        }
        fresh |= _firmware_info(request.firmware_info)
        fresh |= {name: value for name, value in older.items() if value is not None}
        return self._verdict(self._merge(caller.lock_id, fresh))

    def upgrade_package(self, _request: wire.LockRequest, caller: Caller) -> wire.PackageReply:
        newer = self._newer(_data(self._lock(caller.lock_id)))
        if newer is None:
            raise Refused(1)  # the platform documents no code for "nothing newer"
        key = encode_field(newer["key"], choose_seed(self._chance))
        return wire.PackageReply(url=self._url(newer), decryption_key=key)

    def upgrade_success(self, request: wire.LockDataRequest, caller: Caller) -> wire.Done:
        newer = self._newer(_data(self._lock(caller.lock_id)))
        data = _open(request.lock_data)
        if newer is not None:
            data["firmwareRevision"] = newer["version"]
        self._merge(caller.lock_id, data)
        return wire.Done()

    def add_passcode(self, request: wire.PasscodeRequest, caller: Caller) -> wire.PasscodeReply:
        """Type 1 records what a client wrote over Bluetooth; the other ways need a gateway or a network."""
        code, start, end = request.keyboard_pwd, request.start_date or 0, request.end_date or 0
        if not re.fullmatch(r"[0-9]{4,9}", code):
            raise Refused(-3006)
        if request.keyboard_pwd_type not in (2, 3) or request.add_type not in (1, 2, 3, 4):
            raise Refused(-3)
        if request.keyboard_pwd_type == 3 and (
            request.start_date is None or request.end_date is None or end < start
        ):
            raise Refused(-3)
        if request.add_type != 1:
            raise Refused(-2012 if request.add_type == 2 else -3036)
        if self.store.one("SELECT 1 FROM passcodes WHERE lock_id = ? AND code = ?", caller.lock_id, code):
            raise Refused(-3007)
        counted = self.store.one("SELECT count(*) FROM passcodes WHERE lock_id = ?", caller.lock_id)
        if counted is not None and counted[0] >= wire.PASSCODES:
            raise Refused(-3009)
        number = self._new_id("passcodes", "passcode_id")
        self.store.run(
            "INSERT INTO passcodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(number, caller.lock_id, code, request.keyboard_pwd_name or "", request.keyboard_pwd_type),
            *(start, end, request.add_type, self.millis()),
        )
        return wire.PasscodeReply(keyboard_pwd_id=number)

    # Locks and firmware

    def _lock(self, lock_id: int) -> sqlite3.Row:
        row = self.store.one("SELECT * FROM locks WHERE lock_id = ?", lock_id)
        if row is None:
            raise Refused(-1003)
        return row

    def _merge(self, lock_id: int, fresh: Mapping[str, Json]) -> dict[str, Json]:
        """Renew what the cloud knows. The blob of an upgrade is for upload only and may hold no credentials:
        what it does not hold stays."""
        known = _data(self._lock(lock_id))
        if fresh["lockMac"] != known["lockMac"]:
            raise Refused(-3)
        known |= {name: value for name, value in fresh.items() if value is not None}
        self.store.run(
            "UPDATE locks SET data = ?, updated = ? WHERE lock_id = ?",
            *(json.dumps(known), self.millis(), lock_id),
        )
        return known

    def _verdict(self, data: Mapping[str, Json]) -> wire.UpgradeReply:
        if not all(data.get(name) for name in ("modelNum", "hardwareRevision", "firmwareRevision")):
            return wire.UpgradeReply(need_upgrade=NeedUpgrade.UNKNOWN)
        runs = wire.FirmwareInfo.model_validate(data)
        newer = self._newer(data)
        if newer is None:
            return wire.UpgradeReply(
                need_upgrade=NeedUpgrade.NO, firmware_info=runs, version=runs.firmware_revision
            )
        package = wire.seal_package(self._url(newer), newer["key"], choose_seed(self._chance))
        return wire.UpgradeReply(
            need_upgrade=NeedUpgrade.YES,
            firmware_info=runs,
            firmware_package=package,
            version=newer["version"],
        )

    def _newer(self, data: Mapping[str, Json]) -> sqlite3.Row | None:
        """The newest image of the catalogue for this model, when it is newer than what runs."""
        rows = self.store.all(
            "SELECT firmware_id, version, key FROM firmware WHERE model_num = ? AND hardware_revision = ?",
            *(str(data.get("modelNum")), str(data.get("hardwareRevision"))),
        )
        newest = max(rows, key=lambda row: _order(row["version"]), default=None)
        if newest is None or _order(newest["version"]) <= _order(str(data.get("firmwareRevision"))):
            return None
        return newest

    def _url(self, firmware: sqlite3.Row) -> str:
        return f"{self.base_url}/packages/{firmware['firmware_id']}.bin"

    # Chance

    def _new_id(self, table: str, column: str) -> int:
        row = self.store.one(f"SELECT coalesce(max({column}), 1000000) FROM {table}")  # noqa: S608 - our own names
        assert row is not None  # noqa: S101 - an aggregate has a row
        return int(row[0]) + self._chance.randint(1, 97)

    def _new_token(self, column: str) -> str:
        while True:
            token = f"{self._chance.getrandbits(128):032x}"
            if self.store.one(f"SELECT 1 FROM tokens WHERE {column} = ?", token) is None:  # noqa: S608 - our own names
                return token


def md5(text: str) -> str:
    """A password as the platform wants it: 32 lower-case hex digits."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _open(blob: str) -> dict[str, Json]:
    """The JSON fields of a blob whose fields all decode."""
    try:
        data = open_blob(blob)
        from_json(data)
    except LockDataError:
        raise Refused(-3) from None
    return data


def _data(lock: sqlite3.Row) -> dict[str, Json]:
    data: dict[str, Json] = json.loads(lock["data"])
    return data


def _firmware_info(text: str | None) -> dict[str, Json]:
    """The three texts of an older client's firmwareInfo."""
    if text is None:
        return {}
    try:
        return dict(wire.FirmwareInfo.model_validate_json(text).body())  # type: ignore[arg-type]  # its values are texts
    except ValueError:
        raise Refused(-3) from None


def _order(version: str) -> tuple[int, ...]:
    """ "6.4.34.210520" compares by its numbers."""
    return tuple(map(int, re.findall(r"[0-9]{1,18}", version)))
