"""Faulty TTLock clouds: log-ins, lists, gateways, generated passcodes and records, which TTC finds."""

from __future__ import annotations

import sqlite3

from lockbench_protocol.cloud.ttlock import replies as a
from lockbench_protocol.cloud.ttlock import requests as q

from lockbench_emulator.cloud.ttlock.accounts import Accounts
from lockbench_emulator.cloud.ttlock.agent import Verb
from lockbench_emulator.cloud.ttlock.core import Caller
from lockbench_emulator.cloud.ttlock.locks import Locks
from lockbench_emulator.cloud.ttlock.passcodes import Passcodes
from lockbench_emulator.cloud.ttlock.records import Records
from lockbench_emulator.cloud.ttlock.remote import Remote
from lockbench_emulator.mutants.ttlock import built


class Borderless(Accounts):
    def _check_region(self, user: sqlite3.Row) -> None:
        pass


class AnyDevice(Accounts):
    def _check_device(self, user: sqlite3.Row, code: str | None) -> None:
        pass


class LastingCode(Accounts):
    """A code that was sent lets any number of devices in."""

    def _check_device(self, user: sqlite3.Row, code: str | None) -> None:
        rows = self._store.all("SELECT * FROM verify_codes")
        super()._check_device(user, code)
        for row in rows:
            self._store.run("INSERT INTO verify_codes VALUES (?, ?, ?, ?)", *tuple(row))


class GatewaysEverywhere(Locks):
    def has_gateway(self, _lock: sqlite3.Row) -> int:
        return 1


class Hasty(Remote):
    """It asks a gateway whether it is there, and not whether it is free."""

    def _near(self, lock: sqlite3.Row) -> list[sqlite3.Row]:
        self._store.run("UPDATE gateways SET busy = 0")
        return super()._near(lock)


class OnlySaysSo(Remote):
    def _move(self, caller: Caller, _verb: Verb, _record: int) -> a.Done:
        self._check_frozen(caller)
        self.ask(caller.lock_id, "state")
        return a.Done()


class Thawed(Remote):
    def _check_frozen(self, caller: Caller) -> None:
        pass


class LastKnown(Remote):
    """The state is asked for once."""

    def open_state(self, request: q.LockRequest, caller: Caller) -> a.OpenStateReply:
        lock = self._core.lock(caller.lock_id)
        if lock["state_at"] and lock["state"] == a.OpenState.UNLOCKED:
            return a.OpenStateReply(state=a.OpenState.UNLOCKED)
        return super().open_state(request, caller)


class ChangesUnused(Passcodes):
    def change_passcode(self, request: q.ChangePasscodeRequest, caller: Caller) -> a.Done:
        self._store.run("UPDATE passcodes SET used = 1 WHERE lock_id = ?", caller.lock_id)
        return super().change_passcode(request, caller)


class Trusting(Records):
    """An address is used whatever it answered to the probe."""

    def webhook(self, client_id: str) -> str:
        state = super().webhook(client_id)
        return state if state == "none" else "active"


TTLOCK_DOORS = (
    built("ttlock-borderless", "users of every region are served", "TTC/5", accounts=Borderless),
    built("ttlock-any-device", "a new device needs no code", "TTC/6", accounts=AnyDevice),
    built("ttlock-lasting-code", "a code for a new device works again", "TTC/6", accounts=LastingCode),
    built("ttlock-gateways-everywhere", "every lock has a gateway", "TTC/7", locks=GatewaysEverywhere),
    built("ttlock-hasty", "a busy gateway is given work", "TTC/8", remote=Hasty),
    built("ttlock-only-says-so", "no bolt moves", "TTC/8", remote=OnlySaysSo),
    built("ttlock-thawed", "a frozen lock is opened from afar", "TTC/8", remote=Thawed),
    built("ttlock-last-known", "a lock that was open stays open", "TTC/9", remote=LastKnown),
    built(
        "ttlock-changes-unused", "a code that was never used is changed", "TTC/11", passcodes=ChangesUnused
    ),
    built("ttlock-trusting", "records go to an address that refused", "TTC/15", records=Trusting),
)
