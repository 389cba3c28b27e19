"""Faulty TTLock clouds: callers, passcodes and upgrades, which TTC finds."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from functools import partial
from typing import Any

from lockbench_protocol.cloud import ttlock as wire
from lockbench_protocol.cloud.ttlock import NeedUpgrade
from lockbench_protocol.cloud.ttlock import replies as a
from lockbench_protocol.cloud.ttlock import requests as q
from lockbench_protocol.lock.lockdata import Json

from lockbench_emulator.cloud.ttlock.accounts import MD5, Accounts
from lockbench_emulator.cloud.ttlock.cloud import Ttlock
from lockbench_emulator.cloud.ttlock.core import Caller, Refused, md5
from lockbench_emulator.cloud.ttlock.passcodes import Passcodes
from lockbench_emulator.cloud.ttlock.upgrades import Upgrades
from lockbench_emulator.cloud.ttlock.wire import TtlockWire
from lockbench_emulator.mutants.clouds import clouded, made_from

built = partial(made_from, "ttlock")


class PlainPasswords(Accounts):
    def token(self, request: wire.TokenRequest, caller: Caller) -> wire.TokenReply:
        if request.password is not None and not MD5.fullmatch(request.password):
            request = request.model_copy(update={"password": md5(request.password)})
        return super().token(request, caller)


class EternalTokens(Accounts):
    def bearer(self, client: str, access: str) -> int:
        self._store.run("UPDATE tokens SET revoked = 0 WHERE access = ?", access)
        return super().bearer(client, access)


class ForeignIsMissing(Ttlock):
    def _authorize(self, endpoint: Any, request: Any) -> Caller:
        try:
            return super()._authorize(endpoint, request)
        except Refused as refusal:
            raise Refused(-1003 if refusal.errcode in (20002, -2018) else refusal.errcode) from None


class TwiceTheSame(Passcodes):
    def add_passcode(self, request: q.PasscodeRequest, caller: Caller) -> a.PasscodeReply:
        row = self._store.one(
            "SELECT passcode_id FROM passcodes WHERE lock_id = ? AND code = ?",
            *(caller.lock_id, request.keyboard_pwd),
        )
        if row is not None:
            return a.PasscodeReply(keyboard_pwd_id=row["passcode_id"])
        return super().add_passcode(request, caller)


class UnknownIsNew(Upgrades):
    """A lock that the cloud knows too little of is said to be up to date."""

    def _verdict(self, data: Mapping[str, Json]) -> wire.UpgradeReply:
        reply = super()._verdict(data)
        unknown = reply.need_upgrade is NeedUpgrade.UNKNOWN
        return reply.model_copy(update={"need_upgrade": NeedUpgrade.NO}) if unknown else reply


class AnyModel(Upgrades):
    """The newest image is offered, whatever lock it is for."""

    def _newer(self, _data: Mapping[str, Json]) -> sqlite3.Row | None:
        return self._store.one("SELECT firmware_id, version, key FROM firmware ORDER BY version DESC LIMIT 1")


class Timeless(TtlockWire):
    def check_date(self, date: str) -> None:
        pass


class HttpErrors(TtlockWire):
    error_status = 400


class EnglishOnly(TtlockWire):
    def refusal(self, errcode: int) -> dict[str, object]:
        body = super().refusal(errcode)
        return body | {"description": body["errmsg"]}


TTLOCK = (
    built("ttlock-plain-password", "a plain password logs in", "TTC/1", accounts=PlainPasswords),
    clouded("ttlock-timeless", "the date of a request is not looked at", "TTC/2", ttlock_wire=Timeless),
    built("ttlock-eternal-token", "a renewed token goes on", "TTC/3", accounts=EternalTokens),
    clouded(
        "ttlock-http-errors", "errors come with status 400", "TTC/1 TTC/4 TTC/16", ttlock_wire=HttpErrors
    ),
    built("ttlock-twice-the-same", "a code that is known is added again", "TTC/10", passcodes=TwiceTheSame),
    built("ttlock-unknown-is-new", "a lock that is not known is up to date", "TTC/12", upgrades=UnknownIsNew),
    built(
        "ttlock-any-model",
        "the firmware whose version sorts last as a text is offered, whatever it is for",
        "TTC/13 IMG/7 IMG/8 IMG/10 IMG/11 IMG/13",
        upgrades=AnyModel,
    ),
    clouded(
        "ttlock-foreign-is-missing", "a neighbour's lock does not exist", "TTC/14", ttlock=ForeignIsMissing
    ),
    clouded("ttlock-english-only", "descriptions are English", "TTC/17", ttlock_wire=EnglishOnly),
)
