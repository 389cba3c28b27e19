"""Tokens and users of the TTLock cloud: md5 passwords, refreshing, regions, codes for new devices."""

from __future__ import annotations

import re
import sqlite3

from lockbench_protocol.cloud import ttlock as wire
from lockbench_protocol.cloud.ttlock.codes import VERIFY_SECONDS
from lockbench_protocol.cloud.ttlock.replies import RegisterReply
from lockbench_protocol.cloud.ttlock.requests import RegisterRequest

from lockbench_emulator.cloud.ttlock.core import Caller, Core, Refused, md5

MD5 = re.compile(r"[0-9a-f]{32}")


class Accounts:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store

    def bearer(self, client: str, access: str) -> int:
        """The uid of a live token."""
        token = self._store.one("SELECT * FROM tokens WHERE access = ? AND client_id = ?", access, client)
        if token is None:
            raise Refused(10003)
        if token["revoked"] or token["expires"] <= self._core.millis():
            raise Refused(10004)
        user = self._store.one("SELECT * FROM users WHERE uid = ?", token["uid"])
        if user is not None:
            self._check_region(user)
        return int(token["uid"])

    def add(self, client_id: str, username: str, password: str, region: str = "") -> int:
        """The new user's uid. `password` is the md5."""
        uid = self._core.new_id("users", "uid")
        self._store.run(
            "INSERT INTO users VALUES (?, ?, ?, ?, ?, 0)", uid, client_id, username, password, region
        )
        return uid

    # Handlers

    def token(self, request: wire.TokenRequest, caller: Caller) -> wire.TokenReply:
        self._check_secret(caller, request.client_secret)
        if request.grant_type == "refresh_token":
            return self._refresh(request, caller)
        if request.grant_type != "password" or request.username is None or request.password is None:
            raise Refused(-3)
        if not MD5.fullmatch(request.password):
            raise Refused(30005)
        user = self._store.one(
            "SELECT * FROM users WHERE client_id = ? AND username = ? AND password = ?",
            *(caller.client_id, request.username, request.password),
        )
        if user is None:
            raise Refused(10007)
        self._check_region(user)
        self._check_device(user, request.verify_code)
        return self._issue(caller.client_id, user["uid"], user["uid"])

    def register(self, request: RegisterRequest, caller: Caller) -> RegisterReply:
        """The name to log in with is the given one behind a prefix of the app's."""
        self._check_secret(caller, request.client_secret)
        if not re.fullmatch(r"[A-Za-z0-9]+", request.username):
            raise Refused(30002)
        if not MD5.fullmatch(request.password):
            raise Refused(30005)
        name = f"{md5(caller.client_id)[:5]}_{request.username}"
        if self._store.one(
            "SELECT 1 FROM users WHERE client_id = ? AND username = ?", caller.client_id, name
        ):
            raise Refused(30003)
        self.add(caller.client_id, name, request.password, self._core.policy.region)
        return RegisterReply(username=name)

    def _check_secret(self, caller: Caller, secret: str) -> None:
        client = self._store.one("SELECT secret FROM clients WHERE client_id = ?", caller.client_id)
        if client is None or client["secret"] != secret:
            raise Refused(10001)

    def _check_region(self, user: sqlite3.Row) -> None:
        if self._core.policy.region and user["region"] not in ("", self._core.policy.region):
            raise Refused(30008)

    def _check_device(self, user: sqlite3.Row, code: str | None) -> None:
        """A guarded user's first log-in from a device needs the code that he was sent; then it is known."""
        if not user["guarded"]:
            return
        who = (user["client_id"], user["username"])
        if code is None:
            raise Refused(-1014)
        used = self._store.run(
            "DELETE FROM verify_codes WHERE client_id = ? AND username = ? AND code = ? AND expires > ?",
            *(*who, code, self._core.millis()),
        )
        if not used:
            raise Refused(10002)
        self._store.run("UPDATE users SET guarded = 0 WHERE uid = ?", user["uid"])

    def guard(self, client_id: str, username: str) -> str:
        """His next log-in is from a new device; the code that he is sent."""
        code = f"{self._core.chance.randrange(10**6):06}"
        found = self._store.run(
            "UPDATE users SET guarded = 1 WHERE client_id = ? AND username = ?", client_id, username
        )
        if not found:
            raise Refused(10007)
        ends = self._core.millis() + VERIFY_SECONDS * 1000
        self._store.run("INSERT INTO verify_codes VALUES (?, ?, ?, ?)", client_id, username, code, ends)
        return code

    def _refresh(self, request: wire.TokenRequest, caller: Caller) -> wire.TokenReply:
        if request.refresh_token is None:
            raise Refused(-3)
        token = self._store.one(
            "SELECT * FROM tokens"
            " WHERE refresh = ? AND client_id = ? AND refresh_expires > ? AND NOT revoked",
            *(request.refresh_token, caller.client_id, self._core.millis()),
        )
        if token is None:
            raise Refused(10011)
        self._store.run("UPDATE tokens SET revoked = 1 WHERE access = ?", token["access"])
        return self._issue(caller.client_id, token["uid"], None)

    def _issue(self, client: str, uid: int, shown: int | None) -> wire.TokenReply:
        access, refresh = self._new_token("access"), self._new_token("refresh")
        now = self._core.millis()
        ends = (now + wire.TOKEN_SECONDS * 1000, now + wire.REFRESH_SECONDS * 1000)
        self._store.run(
            "INSERT INTO tokens VALUES (?, ?, ?, ?, ?, ?, 0)", access, refresh, client, uid, *ends
        )
        return wire.TokenReply(
            access_token=access, refresh_token=refresh, expires_in=wire.TOKEN_SECONDS, uid=shown
        )

    def _new_token(self, column: str) -> str:
        while True:
            token = f"{self._core.chance.getrandbits(128):032x}"
            if self._store.one(f"SELECT 1 FROM tokens WHERE {column} = ?", token) is None:  # noqa: S608 - our own names
                return token
