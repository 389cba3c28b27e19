"""A tenant's homes, rooms, devices and codes as data, and what puts them into a dding SaaS."""

from __future__ import annotations

from lockbench_protocol.cloud.dding import requests as q
from lockbench_protocol.cloud.dding.endpoints import Role
from lockbench_protocol.cloud.dding.replies import DeviceKind
from pydantic import BaseModel, ConfigDict

from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.core import Caller


class Seed(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class RoomSeed(Seed):
    room_id: q.Id
    name: q.Text = ""
    description: q.Text = ""


class DeviceSeed(Seed):
    uuid: q.Id
    type: DeviceKind
    room_id: str = ""
    name: q.Text = ""
    admin_code: q.Code | None = None


class HomeSeed(Seed):
    home_id: q.Id
    name: q.Text | None = None
    location: q.Text | None = None
    rooms: list[RoomSeed] = []
    devices: list[DeviceSeed] = []  # a gateway before its locks


def plant(cloud: Dding, bench: DdingBench, tenant: str, homes: list[HomeSeed]) -> None:
    """Add all of it as the tenant's administrator would. Raises `Refused` at the first that cannot be."""
    caller = Caller("bench", tenant, Role.ADMIN, "bench")
    for home in homes:
        with cloud.core.store.transaction():
            request = q.AddHomeRequest(
                home_id=home.home_id, home_name=home.name, location=home.location or ""
            )
            cloud.homes.add_home(request, caller)
            for room in home.rooms:
                fields = {"room_name": room.name, "room_description": room.description}
                cloud.homes.add_room(
                    q.AddRoomRequest(home_id=home.home_id, room_id=room.room_id, **fields), caller
                )
        for device in home.devices:
            bench.bind_device(
                tenant, device.uuid, device.type, home.home_id, device.room_id, name=device.name
            )
            if device.admin_code is not None:
                with cloud.core.store.transaction():
                    cloud.passwords.add_password(
                        q.AddPasswordRequest(
                            uuid=device.uuid, phonenumber="0", is_default=1, password=device.admin_code
                        ),
                        caller,
                    )
