"""Words of the dding cases: a furnished home, good requests, expectations about ErrNo and stages."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from lockbench_harness.cases import Expectation, expect
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.dding import DdingCloud, DdingRefused, Who

ADMIN_CODE = "111111"
DEVICES: Mapping[str, tuple[str, str]] = {  # uuid: type, room
    "g": ("gateway", ""),
    "o": ("home_lock", ""),
    "l": ("room_lock", "r"),
}

Json = dict[str, object]


async def furnished(bench: LockBench, *, admin: bool = True) -> DdingCloud:
    """Home h with gateway g, outer lock o and, in room r, lock l, whose administrator code is 111111."""
    dding = await bench.dding()
    await ok(dding, "add_home", home_id="h", location="Street 1", home_name="Home")
    await ok(dding, "add_room", home_id="h", room_id="r", room_name="Room", room_description="x")
    for uuid, (kind, room) in DEVICES.items():
        dding.hands.control(
            "bind_device", tenant="t", uuid=uuid, type=kind, home_id="h", room_id=room, name=f"name of {uuid}"
        )
    if admin:
        await add(dding, ADMIN_CODE, is_default=1)
        await settled()
    return dding


def bind_own(dding: DdingCloud, bench: LockBench) -> None:
    """The bench's own lock, under its address, in the place of lock l."""
    dding.hands.control("unbind_device", tenant="t", uuid="l")
    at = {"tenant": "t", "home_id": "h", "room_id": "r"}
    dding.hands.control("bind_device", uuid=bench.address, type="room_lock", **at)


async def ok(dding: DdingCloud, name: str, who: Who = "admin", /, **fields: object) -> Json:
    """A call that must succeed; its body."""
    body = await dding.call(name, who, **fields)
    expect(body.get("ErrNo"), 0, f"ErrNo of {name}")
    return body


async def expect_code(
    dding: DdingCloud, code: int, name: str, who: Who = "admin", /, **fields: object
) -> None:
    """A call that must be refused with this ErrNo."""
    expect((await dding.call(name, who, **fields)).get("ErrNo"), code, f"ErrNo of {name}")


@contextmanager
def staff_is_refused(code: int) -> Iterator[None]:
    """The block must end in a refusal of a control with this code."""
    try:
        yield
    except DdingRefused as refusal:
        expect(refusal.code, code, "ErrNo of the control")
        return
    raise Expectation("the control's answer", f"a refusal with {code}", "success")


async def add(dding: DdingCloud, code: str, **fields: object) -> int:
    """Ask for a code in lock l; its id."""
    good: Json = {"uuid": "l", "phonenumber": "13800000000", "is_default": 0, "password": code, "name": "Bob"}
    return int(str((await ok(dding, "add_password", **(good | fields))).get("id")))


async def settled(seconds: float = 1.0) -> None:
    """Time passes, in which devices answer and callbacks are posted."""
    await asyncio.sleep(seconds)


async def passwords(dding: DdingCloud, uuid: str = "l") -> dict[str, Json]:
    found = (await ok(dding, "fetch_passwords", uuid=uuid)).get("passwords")
    expect(isinstance(found, dict), True, "is passwords a map")
    return found if isinstance(found, dict) else {}


async def expect_stage(dding: DdingCloud, password_id: int, operation: int, stage: int) -> None:
    row = (await passwords(dding)).get(str(password_id), {})
    expect(
        (row.get("operation"), row.get("operation_stage")),
        (operation, stage),
        f"operation and stage of {password_id}",
    )


def press(dding: DdingCloud, code: str, uuid: str = "l") -> object:
    """Enter a code at a lock; whether it opened."""
    return dding.hands.control("press", uuid=uuid, code=code)


def turn(dding: DdingCloud, uuid: str, *, online: bool) -> None:
    dding.hands.control("set_line", uuid=uuid, online=online)
