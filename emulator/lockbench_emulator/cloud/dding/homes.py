"""Homes and rooms of the dding SaaS (dding V1.6 5), and what goes with them when they go."""

from __future__ import annotations

import json
import sqlite3
from typing import cast

from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding import replies as a
from lockbench_protocol.cloud.dding import requests as q

from lockbench_emulator.cloud.dding.agent import Agent
from lockbench_emulator.cloud.dding.core import Caller, Core, Refused


class Homes:
    def __init__(self, core: Core, agent: Agent) -> None:
        self._core = core
        self._agent = agent

    # Handlers

    def add_home(self, request: q.AddHomeRequest, caller: Caller) -> a.AddHomeReply:
        if self._core.store.one(
            "SELECT 1 FROM dding_homes WHERE tenant = ? AND home_id = ?", caller.tenant, request.home_id
        ):
            raise Refused(codes.DUPLICATE)
        if request.location is None:
            self._core.remark(caller, "add_home", "no location")
        fields = request.model_dump(exclude={"home_id"}, exclude_none=True)
        self._core.store.run(
            "INSERT INTO dding_homes VALUES (?, ?, ?, ?, ?)",
            *(caller.tenant, request.home_id, a.SpState.NOT_INSTALLED, a.InstallState.NOT_ASSIGNED),
            json.dumps(fields),
        )
        return a.AddHomeReply(home_id=request.home_id)

    def update_home(self, request: q.UpdateHomeRequest, caller: Caller) -> a.Reply:
        home = self._core.home(caller.tenant, request.home_id)
        states = {"home_id", "sp_state", "install_state"}
        fields = json.loads(home["fields"]) | request.model_dump(exclude=states, exclude_none=True)
        self._core.store.run(
            "UPDATE dding_homes SET fields = ?, sp_state = coalesce(?, sp_state),"
            " install_state = coalesce(?, install_state) WHERE tenant = ? AND home_id = ?",
            *(json.dumps(fields), request.sp_state, request.install_state, caller.tenant, request.home_id),
        )
        return a.Reply()

    def del_home(self, request: q.HomeRequest, caller: Caller) -> a.ServiceReply:
        """The home goes when its devices answered; without devices, at once."""
        core = self._core
        core.home(caller.tenant, request.home_id)
        if self.devices(caller.tenant, request.home_id):
            payload = {"tenant": caller.tenant, "home_id": request.home_id}
            core.work(core.millis() + core.policy.delay, "home", "", payload)
        else:
            self.remove(caller.tenant, request.home_id)
        return a.ServiceReply(serviceid=core.serviceid())

    def find_home_state(self, request: q.HomeRequest, caller: Caller) -> a.HomeStateReply:
        return a.HomeStateReply(result=_state(self._core.home(caller.tenant, request.home_id)))

    def find_home_states(self, request: q.HomesRequest, caller: Caller) -> a.HomeStatesReply:
        """Homes that do not exist are left out."""
        homes = self._known(caller.tenant, request.home_id)
        return a.HomeStatesReply(result={home["home_id"]: _state(home) for home in homes})

    def find_home_device(self, request: q.HomeRequest, caller: Caller) -> a.HomeDeviceReply:
        self._core.home(caller.tenant, request.home_id)
        rows = self.devices(caller.tenant, request.home_id)
        return a.HomeDeviceReply(result=[a.Device.model_validate(self._shown(row)) for row in rows])

    def find_home_devices(self, request: q.HomesRequest, caller: Caller) -> a.HomeDevicesReply:
        """Homes that do not exist are left out."""
        homes = self._known(caller.tenant, request.home_id)
        return a.HomeDevicesReply(
            result={
                home["home_id"]: [
                    a.LiveDevice.model_validate(self._shown(row) | self._live(row))
                    for row in self.devices(caller.tenant, home["home_id"])
                ]
                for home in homes
            }
        )

    def add_room(self, request: q.AddRoomRequest, caller: Caller) -> a.RoomReply:
        self._core.home(caller.tenant, request.home_id)
        key = (caller.tenant, request.home_id, request.room_id)
        if self._core.store.one(
            "SELECT 1 FROM dding_rooms WHERE tenant = ? AND home_id = ? AND room_id = ?", *key
        ):
            raise Refused(codes.DUPLICATE)
        self._core.store.run(
            "INSERT INTO dding_rooms VALUES (?, ?, ?, ?, ?)",
            *(*key, request.room_name, request.room_description),
        )
        return a.RoomReply(room_id=request.room_id)

    def update_room(self, request: q.UpdateRoomRequest, caller: Caller) -> a.Reply:
        self._core.room(caller.tenant, request.room_id, request.home_id)
        self._core.store.run(
            "UPDATE dding_rooms SET name = coalesce(?, name), description = coalesce(?, description)"
            " WHERE tenant = ? AND home_id = ? AND room_id = ?",
            *(request.room_name, request.room_description),
            *(caller.tenant, request.home_id, request.room_id),
        )
        return a.Reply()

    def del_room(self, request: q.RoomRequest, caller: Caller) -> a.Reply:
        room = self._core.room(caller.tenant, request.room_id, request.home_id)
        key = (caller.tenant, room["home_id"], room["room_id"])
        for row in self._core.store.all(
            "SELECT * FROM dding_devices WHERE tenant = ? AND home_id = ? AND room_id = ?", *key
        ):
            self.unbind(row)
        self._core.store.run("DELETE FROM dding_rooms WHERE tenant = ? AND home_id = ? AND room_id = ?", *key)
        return a.Reply()

    # What goes with what

    def devices(self, tenant: str, home_id: str) -> list[sqlite3.Row]:
        """The devices of a home in the order of their binding."""
        return self._core.store.all(
            "SELECT * FROM dding_devices WHERE tenant = ? AND home_id = ? ORDER BY number", tenant, home_id
        )

    def remove(self, tenant: str, home_id: str) -> None:
        """A home with its devices, rooms and order."""
        for row in self.devices(tenant, home_id):
            self.unbind(row)
        for table in ("dding_rooms", "dding_orders", "dding_homes"):
            self._core.store.run(
                f"DELETE FROM {table} WHERE tenant = ? AND home_id = ?",  # noqa: S608 - our own names
                *(tenant, home_id),
            )

    def unbind(self, device: sqlite3.Row) -> None:
        """A device with its passwords and its work; a gateway with its locks. What was logged stays."""
        store, uuid = self._core.store, device["uuid"]
        for row in store.all("SELECT * FROM dding_devices WHERE gateway = ?", uuid):
            self.unbind(row)
        if store.run("DELETE FROM dding_devices WHERE uuid = ?", uuid) == 0:
            return
        store.run("DELETE FROM dding_passwords WHERE uuid = ?", uuid)
        store.run("DELETE FROM dding_work WHERE uuid = ?", uuid)
        self._agent.unbound(uuid)
        if self._core.policy.later:
            self._core.emit(device, "deviceUninstall")

    def _known(self, tenant: str, home_ids: list[str]) -> list[sqlite3.Row]:
        rows = (
            self._core.store.one("SELECT * FROM dding_homes WHERE tenant = ? AND home_id = ?", tenant, name)
            for name in dict.fromkeys(home_ids)
        )
        return [row for row in rows if row is not None]

    def _shown(self, row: sqlite3.Row) -> dict[str, object]:
        room = row["room_id"] or row["home_id"]
        if row["type"] == "gateway" and self._core.policy.centre_room == "empty":
            room = ""
        return {"type": row["type"], "sn": row["sn"], "uuid": row["uuid"], "room_id": room}

    def _live(self, row: sqlite3.Row) -> dict[str, object]:
        live: dict[str, object] = {"onoff_line": self._core.line(row), "onoff_time": row["onoff_time"]}
        return live if row["type"] == "gateway" else live | {"power": row["power"]}


def _state(home: sqlite3.Row) -> a.HomeState:
    return a.HomeState(
        sp_state=a.SpState(home["sp_state"]),
        install_state=a.InstallState(cast("int", home["install_state"])),
    )
