"""Faulty dding clouds: passwords, which SAS finds, and callbacks, which CBK finds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from lockbench_protocol.cloud.dding import replies as a
from lockbench_protocol.cloud.dding import requests as q
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS
from lockbench_protocol.cloud.dding.events import LocalCode, LocalDetail
from lockbench_protocol.cloud.dding.replies import ADMIN_ID, Operation, Stage

from lockbench_emulator.cloud.dding.agent import DYNAMIC_ID, Command, Outcome
from lockbench_emulator.cloud.dding.battery import Alarms
from lockbench_emulator.cloud.dding.core import Caller, Core, Refused
from lockbench_emulator.cloud.dding.devices import Devices
from lockbench_emulator.cloud.dding.outbox import Outbox
from lockbench_emulator.cloud.dding.passwords import Passwords
from lockbench_emulator.cloud.outbox import Answer, Letter
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.mutants.clouds import clouded
from lockbench_emulator.mutants.dding import Row, built, judged

# Passwords ------------------------------------------------------------------------------------------------


class SecondsForMillis(Passwords):
    def _shown(self, row: Row) -> a.Password:
        shown = super()._shown(row)
        return shown.model_copy(update={"time": shown.time // 1000})


class SecondAdmin(Passwords):
    def _id_of_new(self, lock: Row, request: q.AddPasswordRequest, caller: Caller) -> int:
        return ADMIN_ID if request.is_default else super()._id_of_new(lock, request, caller)


class AnyCode(q.AddPasswordRequest):
    password: q.Text


class EmptyWindow(Passwords):
    def _window(self, request: q.Window, *, always: bool) -> tuple[int | None, int | None]:
        begin, end = request.permission_begin, request.permission_end
        return (begin, end) if begin is not None and begin == end else super()._window(request, always=always)


class DoneAtOnce(Passwords):
    """A password that is being worked on is shown as done."""

    def _shown(self, row: Row) -> a.Password:
        return super()._shown(row).model_copy(update={"operation_stage": Stage.DONE})


class NoAdmin(Passwords):
    """999 is an id like any other."""

    def _simple(self, operation: Operation, request: q.PasswordRequest, caller: Caller) -> a.ServiceReply:
        lock, row = self._named(request, caller)
        return self._answer(self._ask(lock, {"operation": operation, "id": row["id"]}, caller, ("", "")))


class PaperFreeze(Passwords):
    """Freezing changes the cloud, and not the lock."""

    def command(self, number: int, lock: Row, payload: Mapping[str, object]) -> Command | Outcome:
        if payload["operation"] == Operation.FREEZE:
            return Outcome(done=True)
        return super().command(number, lock, payload)


class EmptyPlaintext(Passwords):
    def get_default_password_plaintext(self, request: q.LockRequest, caller: Caller) -> a.PlaintextReply:
        try:
            return super().get_default_password_plaintext(request, caller)
        except Refused:
            return a.PlaintextReply(password="")


class LongDynamic(Passwords):
    """A dynamic code opens for an hour more than it says."""

    def _queue(self, lock: Row, payload: dict[str, Any]) -> None:
        if payload["id"] == DYNAMIC_ID:
            payload["end"] += 3600
        super()._queue(lock, payload)


DDING_PASSWORDS = (
    built("dding-password-seconds", "a password's time is in seconds", "SAS/20", passwords=SecondsForMillis),
    built(
        "dding-second-admin",
        "a second administrator's code replaces the first",
        "SAS/22",
        passwords=SecondAdmin,
    ),
    built(
        "dding-any-code",
        "a code may have any length",
        "SAS/23",
        rows=tuple(replace(row, request=AnyCode) if row.name == "add_password" else row for row in ENDPOINTS),
    ),
    built("dding-empty-window", "a window may end where it begins", "SAS/24", passwords=EmptyWindow),
    built(
        "dding-done-at-once",
        "an operation is done before the lock has done it",
        "SAS/26 SAS/29",
        passwords=DoneAtOnce,
    ),
    built(
        "dding-admin-goes", "the administrator's code can be frozen and deleted", "SAS/27", passwords=NoAdmin
    ),
    built("dding-paper-freeze", "freezing does not reach the lock", "SAS/28", passwords=PaperFreeze),
    built(
        "dding-plaintext-empty",
        "an unknown administrator's code is empty, no error",
        "SAS/30",
        passwords=EmptyPlaintext,
    ),
    built("dding-dynamic-longer", "a dynamic code opens after its time", "SAS/31", passwords=LongDynamic),
)

# Callbacks ------------------------------------------------------------------------------------------------


class EventSeconds(Core):
    def post(self, tenant: str, uuid: str, event: str, body: dict[str, Any]) -> None:
        super().post(tenant, uuid, event, body | {"time": body["time"] // 1000})


class OtherOpener(Core):
    """The event of an opening names nobody, the list of openings does."""

    def post(self, tenant: str, uuid: str, event: str, body: dict[str, Any]) -> None:
        if event == "lockerOpenAlarm":
            body = body | {"detail": body["detail"] | {"sourceid": 0}}
        super().post(tenant, uuid, event, body)


class OneReminder(Devices):
    def remind_of_battery(self, lock: Row, due: int) -> None:
        pass


class Restless(Devices):
    """Every reading below the mark alarms."""

    def _battery(self, lock: Row, at: int, level: int) -> None:
        fresh = dict(lock) | {"battery": Alarms().text()} if level < 10 else lock
        super()._battery(fresh, at, level)  # type: ignore[arg-type]  # read by the names of its columns


class ToldTwice(Devices):
    def _broken(self, lock: Row, at: int) -> None:
        super()._broken(lock, at)
        super()._broken(lock, at)


class NeverSynced(Devices):
    def _sync(self, lock: Row, at: int) -> None:
        pass


class ToldWhatIsGone(Devices):
    def _local_delete(self, lock: Row, at: int, password_id: int) -> None:
        row = self._password(lock, password_id)
        self._core.emit(
            lock,
            "pwdDelLocal",
            LocalDetail(password=LocalCode(id=password_id, password=row["code"] if row else "")),
            at,
        )
        self._core.store.run(
            "DELETE FROM dding_passwords WHERE uuid = ? AND id = ?", lock["uuid"], password_id
        )


class Stammering(Devices):
    """Going offline is told even to one that is."""

    def set_line(self, uuid: str, *, online: bool) -> None:
        self._core.store.run("UPDATE dding_devices SET online = ? WHERE uuid = ?", int(not online), uuid)
        super().set_line(uuid, online=online)


class ArrivalTime(Devices):
    def take(self, lock: Row, payload: Mapping[str, object]) -> None:
        super().take(lock, {**payload, "at": self._core.millis()})


class PostedAndForgotten(Outbox):
    """Whatever the address answers, the letter counts as taken."""

    def settle(self, number: int, _answer: Answer) -> None:
        super().settle(number, Answer(200, b'{"ErrNo": 0}'))


class Overtaking(Outbox):
    """A letter does not wait for the one before it."""

    def due(self) -> list[Letter]:
        rows = self._store.all(
            "SELECT * FROM letters WHERE cloud = ? AND state = 'waiting' AND due <= ? ORDER BY number",
            *(self._cloud, self._millis()),
        )
        return [
            Letter(row["number"], row["url"], json.loads(row["headers"]), row["body"].encode())
            for row in rows
        ]


class Rewritten(Outbox):
    """What is sent again is another letter."""

    def redeliver(self, number: int) -> bool:
        row = self._store.one("SELECT body FROM letters WHERE number = ?", number)
        if row is not None:
            body = json.dumps(json.loads(row["body"]) | {"time": self._millis()})
            self._store.run("UPDATE letters SET body = ? WHERE number = ?", body, number)
        return super().redeliver(number)


class Talkative(Store):
    """Its journal hides nothing."""

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
        super().note(at, cloud, method, path, {"given": str(dict(parameters))}, status, errcode)


CALLBACKS = (
    built("dding-event-seconds", "the time of an event is in seconds", "CBK/1", core=EventSeconds),
    built("dding-one-reminder", "an empty battery alarms once, not daily", "CBK/2", devices=OneReminder),
    judged(
        "dding-clear-spelt",
        "clearBattryAlarm is not spelt as printed",
        "CBK/3",
        clear_battery="clearBatteryAlarm",
    ),
    built("dding-restless-battery", "every low reading alarms", "CBK/2 CBK/4", devices=Restless),
    built("dding-told-twice", "one event is told twice", "CBK/5", devices=ToldTwice),
    judged("dding-five-wrong-codes", "the alarm comes with the fifth wrong code", "CBK/6", wrong_codes=5),
    built("dding-never-synced", "a lock that was paired again brings no code", "CBK/7", devices=NeverSynced),
    built(
        "dding-tells-what-is-gone", "the code of a deleted password is told", "CBK/8", devices=ToldWhatIsGone
    ),
    built("dding-other-opener", "the event names another opener than the list", "CBK/9", core=OtherOpener),
    built("dding-stammering-line", "offline is told twice in a row", "CBK/10", devices=Stammering),
    built(
        "dding-posted-and-forgotten",
        "a letter that is not taken is not sent again",
        "CBK/11",
        outbox=PostedAndForgotten,
    ),
    built("dding-letters-overtake", "a letter does not wait for the one before", "CBK/11", outbox=Overtaking),
    judged(
        "dding-callbacks-anywhere", "a callback address may be anywhere", "SEC/14", private_callbacks=True
    ),
    judged("dding-json-wanted", "a 2xx answer without JSON does not count", "CBK/12", ack_text=False),
    built("dding-letter-rewritten", "a letter that is sent again is another", "CBK/13", outbox=Rewritten),
    built(
        "dding-arrival-time", "the time of a late event is that of its coming", "CBK/14", devices=ArrivalTime
    ),
    clouded("dding-talkative-journal", "the journal shows codes and tokens", "CBK/15", store=Talkative),
)
