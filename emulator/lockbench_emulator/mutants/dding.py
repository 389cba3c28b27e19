"""Faulty dding clouds: the token, homes, rooms, devices, records and orders, which SAS finds."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any

from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding import replies as a
from lockbench_protocol.cloud.dding import requests as q
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, Role

from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.core import Caller, Core, Refused
from lockbench_emulator.cloud.dding.devices import Devices
from lockbench_emulator.cloud.dding.homes import Homes
from lockbench_emulator.cloud.dding.policy import PROFILES
from lockbench_emulator.cloud.dding.records import Orders, Records
from lockbench_emulator.mutants.clouds import clouded, made_from
from lockbench_emulator.mutants.row import Mutant

Row = Any  # of sqlite3, by the names of its columns


built = partial(made_from, "dding")


def judged(name: str, says: str, killed_by: str, **keys: Any) -> Mutant:
    """A dding cloud whose policy is another than it is said to be."""
    return clouded(name, says, killed_by, dding_policy=replace(PROFILES["v1.6"], **keys))


def _rows(**changes: Any) -> tuple[Any, ...]:
    return tuple(replace(row, **changes) for row in ENDPOINTS)


# Callers --------------------------------------------------------------------------------------------------


class LifetimeToken(Dding):
    def access_token(self, request: q.TokenRequest, caller: Caller) -> a.TokenReply:
        reply = super().access_token(request, caller)
        return reply.model_copy(update={"expires_time": reply.expires_time - self.core.seconds()})


class ForgottenExpiry(Dding):
    def _authorize(self, row: Any, token: object) -> Caller:
        try:
            return super()._authorize(row, token)
        except Refused as refusal:
            raise Refused(min(refusal.code, codes.TOKEN_INVALID)) from None


class OddRefusal(Dding):
    def _bad_field(self, row: Any, error: Any) -> int:
        return 422 if super()._bad_field(row, error) else 0


class Deaf(Core):
    """It lets everything pass and tells nobody."""

    def remark(self, caller: Caller, endpoint: str, words: str) -> None:
        pass


class BorderlessCore(Core):
    """Its look-ups know no tenants."""

    def device(self, tenant: str, uuid: str) -> Row:
        return self.bound(uuid) or super().device(tenant, uuid)


# Homes and rooms ------------------------------------------------------------------------------------------


class SilentTwice(Homes):
    def add_home(self, request: q.AddHomeRequest, caller: Caller) -> a.AddHomeReply:
        try:
            return super().add_home(request, caller)
        except Refused:
            return a.AddHomeReply(home_id=request.home_id)


class ReadyHome(Homes):
    def add_home(self, request: q.AddHomeRequest, caller: Caller) -> a.AddHomeReply:
        reply = super().add_home(request, caller)
        self.update_home(q.UpdateHomeRequest(home_id=request.home_id, sp_state=2), caller)
        return reply


class ResettingUpdate(Homes):
    def update_home(self, request: q.UpdateHomeRequest, caller: Caller) -> a.Reply:
        return super().update_home(request.model_copy(update={"sp_state": request.sp_state or 1}), caller)


class LeftBehind(Homes):
    """What was in a home or a room stays bound when it goes."""

    def unbind(self, device: Row) -> None:
        pass


class MuteRoom(Homes):
    def add_room(self, request: q.AddRoomRequest, caller: Caller) -> a.RoomReply:
        super().add_room(request, caller)
        return a.RoomReply(room_id="")


class AllOrNothing(Homes):
    """One unknown home, and none is answered."""

    def find_home_states(self, request: q.HomesRequest, caller: Caller) -> a.HomeStatesReply:
        for home_id in request.home_id:
            self._core.home(caller.tenant, home_id)
        return super().find_home_states(request, caller)


# Devices --------------------------------------------------------------------------------------------------


class EmptyBattery(Devices):
    def get_lock_info(self, request: q.LockRequest, caller: Caller) -> a.LockReply:
        reply = super().get_lock_info(request, caller)
        return reply.model_copy(update={"power": max(reply.power, 0)})


class RoomFirst(Core):
    def named_device(self, tenant: str, request: q.LockRequest) -> Row:
        if request.uuid is not None and request.room_id is not None:
            request = request.model_copy(update={"uuid": None})
        return super().named_device(tenant, request)


class FirstRoom(Core):
    def room(self, tenant: str, room_id: str, home_id: str | None) -> Row:
        homes = self.store.all(
            "SELECT home_id FROM dding_rooms WHERE tenant = ? AND room_id = ?", tenant, room_id
        )
        return super().room(tenant, room_id, home_id or (homes[0]["home_id"] if homes else None))


class Possessive(DdingBench):
    """Whoever has a device, it is "bound already"."""

    def _check_free(self, tenant: str, uuid: str) -> None:
        try:
            super()._check_free(tenant, uuid)
        except Refused:
            raise Refused(codes.DEVICE_EXISTS) from None


# Records and orders ---------------------------------------------------------------------------------------


class OldestFirst(Records):
    def get_lock_events(self, request: q.EventsRequest, caller: Caller) -> a.EventsReply:
        reply = super().get_lock_events(request, caller)
        return a.EventsReply(lock_events=reply.lock_events[::-1])


class CountsAll(Records):
    def count_lock_events(self, request: q.Period, caller: Caller) -> a.CountReply:
        return super().count_lock_events(
            request.model_copy(update={"start_time": None, "end_time": None}), caller
        )


class OneFilter(Records):
    def search_device_op_log(self, request: q.OperationsRequest, caller: Caller) -> a.OperationsReply:
        if request.op_id is not None:
            request = request.model_copy(update={"operator": None})
        return super().search_device_op_log(request, caller)


class ToTheSecond(Orders):
    def day(self, moment: int) -> int:
        return moment


SAAS = (
    clouded("dding-token-lifetime", "expires_time is a lifetime, no moment", "SAS/1", dding=LifetimeToken),
    judged(
        "dding-wrong-pair-101",
        "a pair that was never issued is an invalid token",
        "SAS/2",
        unknown_client=101,
    ),
    clouded("dding-expiry-forgotten", "an expired token is an unknown one", "SAS/3", dding=ForgottenExpiry),
    judged("dding-one-spelling", "only one spelling of the token is taken", "SAS/4 SAS/25", strict=True),
    built(
        "dding-any-verb", "every call takes every verb", "SAS/5", rows=_rows(methods=("GET", "POST", "PUT"))
    ),
    clouded("dding-undocumented-code", "a bad field is a code that no call lists", "SAS/6", dding=OddRefusal),
    built("dding-home-added-twice", "a home that is there is added again", "SAS/7", homes=SilentTwice),
    built("dding-home-ready", "a new home is manageable at once", "SAS/8", homes=ReadyHome),
    built("dding-update-resets", "an update without sp_state sets it back", "SAS/9", homes=ResettingUpdate),
    built("dding-devices-stay", "devices outlive their home and room", "SAS/10 SAS/12", homes=LeftBehind),
    built("dding-room-not-echoed", "add_room does not say which room", "SAS/11", homes=MuteRoom),
    judged("dding-second-gateway", "a home takes a second gateway", "SAS/13", several_centres=True),
    clouded(
        "dding-taken-is-bound", "another's device is answered as one's own", "SAS/14", dding_bench=Possessive
    ),
    judged("dding-gateway-nowhere", "the room_id of a gateway is empty", "SAS/15", centre_room="empty"),
    built("dding-one-unknown-home", "one unknown home spoils the whole map", "SAS/16", homes=AllOrNothing),
    built("dding-battery-empty", "an unknown battery is an empty one", "SAS/17", devices=EmptyBattery),
    built("dding-room-decides", "of uuid and room_id, the room decides", "SAS/18", core=RoomFirst),
    built("dding-first-room", "of two rooms of one id, the first is taken", "SAS/19", core=FirstRoom),
    built("dding-remarks-lost", "what was let pass is not reported", "SAS/4 SAS/21", core=Deaf),
    built("dding-oldest-first", "a page of openings is in the wrong order", "SAS/32", records=OldestFirst),
    built("dding-counts-all", "a count does not know the period", "SAS/33", records=CountsAll),
    built("dding-one-filter", "of two filters of the log, one counts", "SAS/34", records=OneFilter),
    built("dding-order-second", "an order keeps the hour of its day", "SAS/35", orders=ToTheSecond),
    built("dding-one-path", "orders are not where they are printed", "SAS/36", rows=_rows(printed_path="")),
    built(
        "dding-every-role",
        "the merchant may do everything",
        "SAS/37",
        rows=tuple(replace(row, roles=row.roles and frozenset(Role)) for row in ENDPOINTS),
    ),
    built("dding-no-tenants", "the uuid of another tenant's device is enough", "SEC/12", core=BorderlessCore),
)
