"""Faulty AIOT clouds: callers, queries, upgrades and pushes, which AIO finds."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Mapping
from typing import Any

from lockbench_protocol.cloud.aiot import codes
from lockbench_protocol.cloud.aiot import models as m

from lockbench_emulator.cloud.aiot.cloud import Aiot
from lockbench_emulator.cloud.aiot.core import Caller, Refused
from lockbench_emulator.cloud.aiot.upgrades import Upgrades
from lockbench_emulator.cloud.outbox import Answer, Outbox
from lockbench_emulator.mutants.clouds import clouded
from lockbench_emulator.mutants.row import Mutant


def aiot(name: str, says: str, killed_by: str, made: type[Aiot]) -> Mutant:
    return clouded(name, says, killed_by, aiot=made)


def upgrading(name: str, says: str, killed_by: str, made: type[Upgrades]) -> Mutant:
    """A cloud whose upgrades are wrong."""
    return aiot(name, says, killed_by, type("Faulty", (Aiot,), {"made_of": made}))


class OfferedToAll(Aiot):
    """What runs the newest firmware is offered it again."""

    def _offered(self, device: sqlite3.Row) -> m.Upgradable | None:
        newest = self.core.newest(device["model"])
        found = super()._offered(device)
        if found is not None or newest is None:
            return found
        offer = m.Offer(
            firmware_version=newest["version"],
            file_size=str(newest["size"]),
            update_log=newest["update_log"],
            release_date=newest["release_date"],
        )
        return m.Upgradable(
            did=device["did"],
            name=device["name"],
            device_model=device["model"],
            firmware_version=device["version"],
            upgrade_firmware=offer,
        )


class NoOwners(Aiot):
    def _device(self, did: str, caller: Caller) -> sqlite3.Row:
        return self.core.device(caller.appid, did)


class AnyKey(Aiot):
    """Appkey is not compared."""

    def _authorize(self, headers: Mapping[str, str]) -> Caller:
        row = self.core.store.one("SELECT appkey FROM aiot_apps WHERE appid = ?", headers[m.APP_ID.lower()])
        return super()._authorize({**headers, m.APP_KEY.lower(): row["appkey"] if row else ""})


class AnyUser(Aiot):
    """openId is not looked at."""

    def call(
        self, row: m.Endpoint, headers: Mapping[str, str], given: Mapping[str, object]
    ) -> dict[str, object]:
        loose = {name: text for name, text in headers.items() if name != m.OPEN_ID.lower()}
        return super().call(row, loose, {name: value for name, value in given.items() if name != "openId"})


class EmptyIsAnError(Aiot):
    def query(self, request: m.Request, caller: Caller) -> m.QueryReply:
        reply = super().query(request, caller)
        if not reply.result:
            raise Refused(codes.QUERY_EMPTY)
        return reply


class Reckless(Aiot):
    """A device that is offline is started, and a gateway together with its devices."""

    def _allowed(self, device: sqlite3.Row) -> sqlite3.Row:
        newer = self.core.newer(device)
        return super()._allowed(device) if newer is None else newer


class WrongSize(Aiot):
    def _offered(self, device: sqlite3.Row) -> m.Upgradable | None:
        found = super()._offered(device)
        if found is None:
            return None
        offer = found.upgrade_firmware
        size = str(int(offer.file_size) // 1024)
        return found.model_copy(update={"upgrade_firmware": offer.model_copy(update={"file_size": size})})


class PlainLog(Aiot):
    """An update log loses what is not ASCII."""

    def _offered(self, device: sqlite3.Row) -> m.Upgradable | None:
        found = super()._offered(device)
        if found is None:
            return None
        offer = found.upgrade_firmware
        log = offer.update_log.encode("ascii", "replace").decode()
        return found.model_copy(update={"upgrade_firmware": offer.model_copy(update={"update_log": log})})


class Unordered(Upgrades):
    """A device does not wait for its gateway."""

    def _waits(self, _row: sqlite3.Row) -> bool:
        return False


class Backwards(Upgrades):
    """The progress of the beginning is told again at the end."""

    def _end(self, number: int, cause: str) -> None:
        if not cause:
            self._core.store.run("UPDATE aiot_upgrades SET pushed = -1 WHERE number = ?", number)
            self._tell(number, 0)
        super()._end(number, cause)


class Hopeful(Upgrades):
    """Every upgrade that ends has ended well."""

    def _end(self, number: int, _cause: str) -> None:
        super()._end(number, "")


class Early(Upgrades):
    """The image is over, so the upgrade is."""

    def progressed(self, number: int, percent: int) -> None:
        super().progressed(number, percent)
        if percent == 100:
            with self._core.store.transaction():
                self._end(number, "")


class Causeless(Upgrades):
    """Whatever the cause, it is the time."""

    def _end(self, number: int, cause: str) -> None:
        super()._end(number, cause and "timeout")


class Contagious(Upgrades):
    """When one device fails, all that is under way does."""

    def _end(self, number: int, cause: str) -> None:
        super()._end(number, cause)
        if cause:
            for row in self._core.store.all("SELECT number FROM aiot_upgrades WHERE ended IS NULL"):
                super()._end(row["number"], cause)


class Quoted(Upgrades):
    """The progress is text."""

    def _push(self, row: sqlite3.Row, push: Any) -> None:
        super()._push(row, push)
        last = self._core.store.one("SELECT number, body FROM letters ORDER BY number DESC LIMIT 1")
        if last is not None and (body := json.loads(last["body"])).get("progress") is not None:
            text = json.dumps(body | {"progress": str(body["progress"])})
            self._core.store.run("UPDATE letters SET body = ? WHERE number = ?", text, last["number"])


class TriedOnce(Aiot):
    def __init__(self, *given: Any) -> None:
        super().__init__(*given)
        self.outbox.settle = self._settle  # type: ignore[method-assign, assignment]  # the instance's own

    def _settle(self, number: int, _answer: Answer) -> None:
        Outbox.settle(self.outbox, number, Answer(200, b""))


AIOT = (
    aiot("aiot-offered-to-all", "what is up to date is offered an upgrade", "AIO/1 AIO/5", OfferedToAll),
    aiot("aiot-no-owners", "a neighbour's device is one's own", "AIO/2", NoOwners),
    aiot("aiot-any-key", "any Appkey will do", "AIO/3", AnyKey),
    aiot("aiot-any-user", "openId may be anybody's", "AIO/4", AnyUser),
    aiot("aiot-empty-is-an-error", "nothing newer is an error", "AIO/5", EmptyIsAnError),
    upgrading("aiot-unordered", "a device does not wait for its gateway", "AIO/6", Unordered),
    aiot("aiot-reckless", "what is offline or under way is started", "AIO/7 AIO/8", Reckless),
    upgrading("aiot-backwards", "progress falls", "AIO/9", Backwards),
    upgrading("aiot-early", "an upgrade is done before the lock runs it", "AIO/10", Early),
    upgrading("aiot-hopeful", "a failed upgrade is told as done", "AIO/11 AIO/15", Hopeful),
    upgrading("aiot-causeless", "a failure does not say why", "AIO/11", Causeless),
    upgrading("aiot-quoted", "progress is text", "AIO/12", Quoted),
    aiot("aiot-tried-once", "a push that is not taken is not sent again", "AIO/13", TriedOnce),
    aiot("aiot-wrong-size", "fileSize is in kilobytes", "AIO/14", WrongSize),
    upgrading("aiot-contagious", "when one device fails, all do", "AIO/15", Contagious),
    aiot("aiot-plain-log", "an update log loses its Chinese", "AIO/16", PlainLog),
)
