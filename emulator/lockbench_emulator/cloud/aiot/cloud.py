"""The AIOT cloud: who calls what, and what falls due. No HTTP, no asyncio ("AIOT OTA").

A call is checked in one order: headers, application, token, user, fields, device. A handler takes a validated
request and the caller and returns a reply or raises `Refused`; each that writes is one transaction.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from random import Random
from typing import ClassVar

from lockbench_protocol.cloud.aiot import codes
from lockbench_protocol.cloud.aiot import models as m
from lockbench_protocol.cloud.aiot.models import Endpoint
from pydantic import ValidationError

from lockbench_emulator.cloud.aiot.agent import Agent
from lockbench_emulator.cloud.aiot.core import Caller, Core, Refused
from lockbench_emulator.cloud.aiot.policy import Policy
from lockbench_emulator.cloud.aiot.upgrades import Upgrades
from lockbench_emulator.cloud.outbox import Answer, Outbox, brief
from lockbench_emulator.cloud.store import Store

__all__ = ["Aiot", "Refused"]

CLOUD = "aiot"


class Aiot:
    """One cloud. `now` gives seconds since 1970; `run_due` does what has fallen due, `next_due` says when."""

    made_of: ClassVar = Upgrades  # a mutant replaces it

    def __init__(
        self,
        store: Store,
        now: Callable[[], float],
        chance: Random,
        agent: Agent,
        policy: Policy | None = None,
    ) -> None:
        self.core = Core(store, now, chance, policy or Policy())
        self.outbox = Outbox(store, CLOUD, self.core.millis, judge)
        self.upgrades = self.made_of(self.core, agent, self.outbox)

    def millis(self) -> int:
        return self.core.millis()

    # Calls

    def call(
        self, row: Endpoint, headers: Mapping[str, str], given: Mapping[str, object]
    ) -> dict[str, object]:
        """The whole body of a success. `headers` have lower-case names. Raises `Refused`."""
        if any(
            not headers.get(header.name.lower())
            for header in m.HEADERS
            if header.required and header.name != m.TOKEN
        ):
            raise Refused(codes.BAD_HEADER)
        if not row.writes:
            return self._run(row, headers, given)
        with self.core.store.transaction():
            return self._run(row, headers, given)

    def _run(
        self, row: Endpoint, headers: Mapping[str, str], given: Mapping[str, object]
    ) -> dict[str, object]:
        caller = self._authorize(headers)
        try:
            request = row.request.model_validate(given)
        except ValidationError as error:
            raise Refused(self._bad_field(error)) from None
        if request.open_id not in (None, headers.get(m.OPEN_ID.lower()) or request.open_id):
            raise Refused(codes.BAD_FIELD)
        if request.open_id not in (None, caller.open_id):
            raise Refused(self._wrong_user(caller.appid, request.open_id))
        handler: Callable[[m.Request, Caller], m.Reply] = getattr(self, row.name)
        own = {"message": codes.text_of(codes.OK), "request_id": self._request_id()}
        return handler(request, caller).model_copy(update=own).body()

    def _authorize(self, headers: Mapping[str, str]) -> Caller:
        store = self.core.store
        app = store.one("SELECT * FROM aiot_apps WHERE appid = ?", headers[m.APP_ID.lower()])
        if app is None or app["appkey"] != headers[m.APP_KEY.lower()]:
            raise Refused(codes.BAD_APP)
        token = headers.get(m.TOKEN.lower())
        if not token:
            raise Refused(codes.NO_TOKEN)
        row = store.one("SELECT * FROM aiot_tokens WHERE token = ? AND appid = ?", token, app["appid"])
        if row is None:
            raise Refused(codes.BAD_TOKEN)
        if row["expires"] <= self.core.millis():
            raise Refused(self.core.policy.expired_token)
        named = headers.get(m.OPEN_ID.lower())
        if named and named != row["open_id"]:
            raise Refused(self._wrong_user(app["appid"], named))
        return Caller(app["appid"], row["open_id"])

    def _wrong_user(self, appid: str, open_id: str | None) -> int:
        """A user of the application who did not grant this token, or nobody."""
        known = self.core.store.one(
            "SELECT 1 FROM aiot_tokens WHERE appid = ? AND open_id = ?", appid, open_id
        )
        return codes.BAD_OPEN_ID if known is None else codes.NOT_AUTHORISED

    def _bad_field(self, error: ValidationError) -> int:
        if not self.core.policy.field_codes:
            return codes.BAD_FIELD
        kinds = {row["type"] for row in error.errors(include_url=False, include_input=False)}
        if "string_type" in kinds:
            return codes.BAD_TYPE
        return codes.TOO_LONG if "string_too_long" in kinds else codes.BAD_FIELD

    def _request_id(self) -> str:
        return f"{self.core.chance.getrandbits(64):016x}"

    # Handlers, named in the endpoint table

    def query(self, _request: m.Request, caller: Caller) -> m.QueryReply:
        rows = [self._offered(device) for device in self._devices(caller)]
        found = [row for row in rows if row is not None]
        if not found and self.core.policy.nothing_newer:
            raise Refused(self.core.policy.nothing_newer)
        return m.QueryReply(result=found)

    def query_selected(self, request: m.DeviceRequest, caller: Caller) -> m.QueryReply:
        row = self._offered(self._device(request.did, caller))
        if row is None and self.core.policy.newest:
            raise Refused(self.core.policy.newest)
        return m.QueryReply(result=[] if row is None else [row])

    def upgrade(self, _request: m.Request, caller: Caller) -> m.StartReply:
        """Everything that can be upgraded: online, not under way, newer firmware; gateways first."""
        devices = sorted(self._devices(caller), key=lambda device: (device["gateway"] != "", device["did"]))
        offers = [(device, self.core.newer(device)) for device in devices if device["upgradable"]]
        newer = [(device, firmware) for device, firmware in offers if firmware is not None]
        idle = [(device, firmware) for device, firmware in newer if not self.upgrades.running(device["did"])]
        able = [(device, firmware) for device, firmware in idle if self.core.online(device)]
        if not able:
            raise Refused(codes.RUNNING if len(idle) < len(newer) else codes.NOTHING_TO_UPDATE)
        numbers = [self.upgrades.add(device, firmware) for device, firmware in able]
        self.upgrades.start_queued()
        return m.StartReply(result=str(numbers[0]))

    def upgrade_selected(self, request: m.DeviceRequest, caller: Caller) -> m.StartReply:
        device = self._device(request.did, caller)
        number = self.upgrades.add(device, self._allowed(device))
        self.upgrades.start_queued()
        return m.StartReply(result=str(number))

    def _allowed(self, device: sqlite3.Row) -> sqlite3.Row:
        """The firmware that this device can be given now."""
        upgrades, newer = self.upgrades, self.core.newer(device)
        if not device["upgradable"]:
            raise Refused(codes.NOT_THIS_WAY)
        if upgrades.running(device["did"]):
            raise Refused(codes.RUNNING)
        if device["gateway"] and upgrades.running(device["gateway"]):
            raise Refused(codes.GATEWAY_RUNNING)
        if upgrades.children_running(device["did"]):
            raise Refused(codes.CHILDREN_RUNNING)
        if newer is None:
            raise Refused(codes.NEWEST if self.core.newest(device["model"]) else codes.NO_FIRMWARE)
        if not self.core.online(device):
            raise Refused(codes.OFFLINE)
        return newer

    def _devices(self, caller: Caller) -> list[sqlite3.Row]:
        return self.core.store.all(
            "SELECT * FROM aiot_devices WHERE appid = ? AND open_id = ? ORDER BY did",
            *(caller.appid, caller.open_id),
        )

    def _device(self, did: str, caller: Caller) -> sqlite3.Row:
        device = self.core.device(caller.appid, did)
        if device["open_id"] is None:
            raise Refused(codes.NOT_REGISTERED)
        if device["open_id"] != caller.open_id:
            raise Refused(codes.FOREIGN_DEVICE)
        return device

    def _offered(self, device: sqlite3.Row) -> m.Upgradable | None:
        newer = self.core.newer(device)
        if newer is None or not device["upgradable"]:
            return None
        return m.Upgradable(
            did=device["did"],
            name=device["name"],
            device_model=device["model"],
            firmware_version=device["version"],
            upgrade_firmware=m.Offer(
                firmware_version=newer["version"],
                file_size=str(newer["size"]),
                update_log=newer["update_log"],
                release_date=newer["release_date"],
            ),
        )

    # Due work

    def next_due(self) -> int | None:
        return self.core.store.number("SELECT min(due) FROM aiot_work")

    def run_due(self) -> int:
        """Do all that has fallen due, in order; how many pieces."""
        done = 0
        while row := self.core.store.one(
            "SELECT * FROM aiot_work WHERE due <= ? ORDER BY due, number LIMIT 1", self.millis()
        ):
            with self.core.store.transaction():
                self.upgrades.step(row)
            done += 1
        return done


def judge(answer: Answer) -> str:
    """What is wrong with an answer to a push: a 2xx takes it, with code 0 where it is a JSON object."""
    if answer.status is None or not 200 <= answer.status < 300:
        return f"HTTP {answer.status}"
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return ""
    code = body.get("code", 0) if isinstance(body, dict) else 0
    return "" if code == 0 and not isinstance(code, bool) else f"code {brief(code)}"
