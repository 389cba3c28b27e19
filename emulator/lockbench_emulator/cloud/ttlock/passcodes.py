"""Passcodes of the TTLock cloud: custom ones, which a client or a gateway wrote, and generated ones.

How the platform generates codes that a lock knows without being told is in no document: those given out here
have the right form and rules, and no lock opens on them.
"""

from __future__ import annotations

import re
import sqlite3
from itertools import pairwise

from lockbench_protocol.cloud import ttlock as wire
from lockbench_protocol.cloud.ttlock import replies as a
from lockbench_protocol.cloud.ttlock import requests as q
from lockbench_protocol.cloud.ttlock.codes import HOUR, SAME_HOUR, YEAR
from pydantic import BaseModel, ConfigDict, TypeAdapter
from pydantic.alias_generators import to_camel

from lockbench_emulator.cloud.ttlock.core import Caller, Core, Refused, page, read_rows
from lockbench_emulator.cloud.ttlock.remote import Remote

ONCE, PERMANENT, PERIOD = 1, 2, 3
BY_BLUETOOTH, BY_GATEWAY = 1, 2
TYPES = range(1, 15)  # of generated ones: 4 erases all, 5 to 14 come again every week or day
ORDERS = {0: "name, passcode_id", 1: "created DESC, passcode_id DESC", 2: "name DESC, passcode_id"}


class Found(BaseModel):
    """A code that was read out of a lock; a window of 0 and 0 is for ever."""

    model_config = ConfigDict(alias_generator=to_camel, frozen=True)

    keyboard_pwd: str
    keyboard_pwd_type: int = 0
    keyboard_pwd_name: str = ""
    start_date: q.Millis = 0
    end_date: q.Millis = 0


_FOUND = TypeAdapter(list[Found])


class Passcodes:
    def __init__(self, core: Core, remote: Remote) -> None:
        self._core = core
        self._store = core.store
        self._remote = remote

    def rows(self, lock_id: int, order: int = 1) -> list[a.PasscodeRow]:
        rows = self._store.all(
            f"SELECT * FROM passcodes WHERE lock_id = ? ORDER BY {ORDERS[order]}",  # noqa: S608 - our own words
            lock_id,
        )
        return [self._row(row) for row in rows]

    # Handlers

    def add_passcode(self, request: q.PasscodeRequest, caller: Caller) -> a.PasscodeReply:
        """Type 1 records what a client wrote over Bluetooth; the other ways need a gateway or a network."""
        code, start, end = request.keyboard_pwd, request.start_date or 0, request.end_date or 0
        kind = request.keyboard_pwd_type
        self._check_digits(code)
        if kind not in (PERMANENT, PERIOD) or request.add_type not in (1, 2, 3, 4):
            raise Refused(-3)
        if kind == PERIOD and (request.start_date is None or request.end_date is None or end < start):
            raise Refused(-3)
        if request.add_type > BY_GATEWAY:
            raise Refused(-3036)
        self._check_free(caller.lock_id, code)
        self._check_space(caller.lock_id, 1)
        if request.add_type == BY_GATEWAY:
            window = (start, end) if kind == PERIOD else (0, 0)
            self._remote.ask(caller.lock_id, "add", code=code, start=window[0], end=window[1])
        number = self._insert(caller, code, request.keyboard_pwd_name, kind, start, end)
        return a.PasscodeReply(keyboard_pwd_id=number)

    def get_passcode(self, request: q.GetPasscodeRequest, caller: Caller) -> a.CodeReply:
        kind, start, end = request.keyboard_pwd_type, request.start_date // HOUR * HOUR, request.end_date or 0
        if kind not in TYPES or not 1 <= request.keyboard_pwd_version <= 4:
            raise Refused(-3)
        if kind == PERIOD and not start <= end <= start + YEAR:
            raise Refused(-3)
        if not self._core.data(caller.lock_id).get("pwdInfo"):
            raise Refused(-1007)
        window = (caller.lock_id, kind, start, end)
        where = 'WHERE lock_id = ? AND type = ? AND start = ? AND "end" = ?'
        if self._store.one(f"SELECT 1 FROM passcodes_deleted {where}", *window):  # noqa: S608 - our own words
            raise Refused(-1026)
        if kind == ONCE and self._store.count(f"passcodes {where} AND NOT custom", *window) >= SAME_HOUR:
            raise Refused(-3)
        code = self._new_code(caller.lock_id)
        number = self._insert(
            caller,
            code,
            request.keyboard_pwd_name,
            kind,
            start,
            end,
            custom=0,
            version=request.keyboard_pwd_version,
        )
        return a.CodeReply(keyboard_pwd=code, keyboard_pwd_id=number)

    def change_passcode(self, request: q.ChangePasscodeRequest, caller: Caller) -> a.Done:
        """A new end without a new start is accepted and does nothing: so does the platform."""
        row = self._find(caller.lock_id, "passcode_id", request.keyboard_pwd_id)
        code, start, end = request.new_keyboard_pwd, request.start_date, request.end_date
        if request.change_type not in (BY_BLUETOOTH, BY_GATEWAY):
            raise Refused(-3)
        if start is not None and (end is None or end < start):
            raise Refused(-3)
        if code is not None:
            self._check_digits(code)
            if code != row["code"]:
                self._check_free(caller.lock_id, code)
        if code is not None or start is not None:
            if not row["custom"] and not row["used"]:
                raise Refused(-3008)
            new = (row["start"], row["end"]) if start is None or end is None else (start, end)
            if request.change_type == BY_GATEWAY:
                self._remote.ask(
                    caller.lock_id, "change", code=row["code"], new_code=code or "", start=new[0], end=new[1]
                )
            self._store.run(
                'UPDATE passcodes SET code = ?, start = ?, "end" = ?, type = ? WHERE passcode_id = ?',
                *(code or row["code"], *new, row["type"] if start is None else PERIOD, row["passcode_id"]),
            )
        if request.keyboard_pwd_name is not None:
            self._store.run(
                "UPDATE passcodes SET name = ? WHERE passcode_id = ?",
                *(request.keyboard_pwd_name, row["passcode_id"]),
            )
        return a.Done()

    def delete_passcode(self, request: q.DeletePasscodeRequest, caller: Caller) -> a.Done:
        row = self._find(caller.lock_id, "passcode_id", request.keyboard_pwd_id)
        return self._delete(row, request.delete_type)

    def delete_code(self, request: q.DeleteCodeRequest, caller: Caller) -> a.Done:
        return self._delete(self._find(caller.lock_id, "code", request.keyboard_pwd), request.delete_type)

    def passcodes(self, request: q.PasscodesRequest, caller: Caller) -> a.PasscodesReply:
        word = request.search_str
        rows = [
            row
            for row in self.rows(caller.lock_id, request.order_by)
            if word is None or word in row.keyboard_pwd_name or word == row.keyboard_pwd
        ]
        return a.PasscodesReply.model_validate(page(rows, request.page_no, request.page_size))

    def upload_passcodes(self, request: q.UploadPasscodesRequest, caller: Caller) -> a.Done:
        """What the lock holds: codes that the cloud did not know are recorded, those it lacks are invalid."""
        found = {row.keyboard_pwd: row for row in read_rows(_FOUND, request.keyboard_pwd_list)}
        known = {row.keyboard_pwd for row in self.rows(caller.lock_id)}
        self._check_space(caller.lock_id, len(found.keys() - known))
        for code, row in found.items():
            self._check_form(code)
            if code not in known:
                kind = row.keyboard_pwd_type or (PERIOD if row.end_date else PERMANENT)
                self._insert(caller, code, row.keyboard_pwd_name, kind, row.start_date, row.end_date)
        for code in known:
            self._store.run(
                "UPDATE passcodes SET valid = ? WHERE lock_id = ? AND code = ?",
                *(code in found, caller.lock_id, code),
            )
        return a.Done()

    # Rules

    def _check_digits(self, code: str) -> None:
        least, most = self._core.policy.digits
        if not re.fullmatch(rf"[0-9]{{{least},{most}}}", code):
            raise Refused(-3006)
        if self._core.policy.refuse_simple and _simple(code):
            raise Refused(-2032)

    def _check_form(self, code: str) -> None:
        if not re.fullmatch(r"[0-9]{4,9}", code):
            raise Refused(-3)

    def _check_free(self, lock_id: int, code: str) -> None:
        if self._store.one("SELECT 1 FROM passcodes WHERE lock_id = ? AND code = ?", lock_id, code):
            raise Refused(-3007)

    def _check_space(self, lock_id: int, more: int) -> None:
        if self._store.count("passcodes WHERE lock_id = ? AND custom", lock_id) + more > wire.PASSCODES:
            raise Refused(-3009 if more == 1 else -3)

    # Rows

    def _find(self, lock_id: int, column: str, value: int | str) -> sqlite3.Row:
        row = self._store.one(f"SELECT * FROM passcodes WHERE lock_id = ? AND {column} = ?", lock_id, value)  # noqa: S608 - our own words
        if row is None:
            raise Refused(-2009)
        return row

    def _delete(self, row: sqlite3.Row, how: int) -> a.Done:
        if how not in (BY_BLUETOOTH, BY_GATEWAY):
            raise Refused(-3)
        if how == BY_GATEWAY:
            self._remote.ask(row["lock_id"], "delete", code=row["code"])
        self._store.run("DELETE FROM passcodes WHERE passcode_id = ?", row["passcode_id"])
        if not row["custom"]:
            self._store.run(
                "INSERT INTO passcodes_deleted VALUES (?, ?, ?, ?)",
                *(row["lock_id"], row["type"], row["start"], row["end"]),
            )
        return a.Done()

    def _insert(
        self,
        caller: Caller,
        code: str,
        name: str | None,
        kind: int,
        start: int,
        end: int,
        *,
        custom: int = 1,
        version: int = 4,
    ) -> int:
        number = self._core.new_id("passcodes", "passcode_id")
        self._store.run(
            "INSERT INTO passcodes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0, 1, ?)",
            *(number, caller.lock_id, code, name or "", kind, version, start, end),
            *(self._core.millis(), custom, caller.uid),
        )
        return number

    def _new_code(self, lock_id: int) -> str:
        while True:
            code = f"{self._core.chance.randrange(10**8):08}"
            if not self._store.one("SELECT 1 FROM passcodes WHERE lock_id = ? AND code = ?", lock_id, code):
                return code

    def _row(self, row: sqlite3.Row) -> a.PasscodeRow:
        return a.PasscodeRow(
            keyboard_pwd_id=row["passcode_id"],
            lock_id=row["lock_id"],
            keyboard_pwd=row["code"],
            keyboard_pwd_name=row["name"],
            keyboard_pwd_type=row["type"],
            keyboard_pwd_version=row["version"],
            start_date=row["start"],
            end_date=row["end"],
            send_date=row["created"],
            is_custom=row["custom"],
            sender_username=self._core.username(row["sender"]),
            status=1 if row["valid"] else 2,
        )


def _simple(code: str) -> bool:
    """One digit over and over, or digits that go up or down one by one."""
    return {int(b) - int(a) for a, b in pairwise(code)} in ({0}, {1}, {-1})
