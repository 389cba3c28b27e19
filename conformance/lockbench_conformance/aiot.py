"""Words of the AIOT cases: a furnished user, newer firmware, time that passes, what was pushed."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from lockbench_harness.cases import expect
from lockbench_harness.targets.aiot import DOOR, AiotCloud, Who
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.cloud.aiot.pushes import Progress, Push, Result, read_push

OLD, NEW = "1.0.0", "1.0.1"
LOCK, GATEWAY = "lumi.lock.bench", "lumi.gateway.bench"
UPGRADE_SECONDS = 60.0  # within which one upgrade of a device without a bootloader is over

Json = dict[str, object]


async def furnished(bench: LockBench, *, newer: Sequence[str] = (LOCK,)) -> AiotCloud:
    """A gateway "g" with the locks "l" and "m" behind it, and newer firmware for the models of `newer`."""
    aiot = await bench.aiot()
    bind(aiot, "g", GATEWAY)
    bind(aiot, "l", LOCK, gateway="g")
    bind(aiot, "m", LOCK, gateway="g")
    for model in newer:
        publish(aiot, model=model)
    return aiot


def bind(
    aiot: AiotCloud,
    did: str,
    model: str,
    who: Who = "user",
    *,
    version: str = OLD,
    gateway: str = "",
    upgradable: bool = True,
) -> None:
    grant = aiot.grants[who]
    aiot.hands.control(
        "bind",
        appid=grant.appid,
        open_id=grant.open_id,
        did=did,
        model=model,
        version=version,
        name=f"name of {did}",
        gateway=gateway,
        upgradable=upgradable,
    )


async def furnished_door(bench: LockBench, image: bytes, version: str) -> AiotCloud:
    """The bench's own lock, bound as DOOR, with newer firmware."""
    aiot = await bench.aiot()
    bind(aiot, DOOR, LOCK, version=bench.firmware.version)
    publish(aiot, image=image, version=version)
    return aiot


def publish(
    aiot: AiotCloud,
    *,
    image: bytes = b"an image",
    model: str = LOCK,
    version: str = NEW,
    update_log: str = "mends what was broken",
) -> None:
    aiot.hands.control("publish", model=model, image=image, version=version, update_log=update_log)


def turn(aiot: AiotCloud, did: str, *, online: bool) -> None:
    aiot.hands.control("set_line", did=did, online=online)


async def ok(aiot: AiotCloud, name: str, who: Who = "user", /, **fields: object) -> object:
    """A call that must succeed; its result."""
    body = await aiot.call(name, who, **fields)
    expect(body.get("code"), 0, f"code of {name}")
    return body.get("result")


async def expect_code(aiot: AiotCloud, code: int, name: str, who: Who = "user", /, **fields: object) -> None:
    """A call that must be refused with this code, and so without a result."""
    body = await aiot.call(name, who, **fields)
    expect((body.get("code"), "result" in body), (code, False), f"code of {name}, and is there a result")


async def offered(aiot: AiotCloud, who: Who = "user") -> dict[str, Json]:
    """The devices that have newer firmware, by did."""
    rows = await ok(aiot, "query", who)
    expect(isinstance(rows, list), True, "is the result an array")
    return {str(row["did"]): row for row in rows} if isinstance(rows, list) else {}


async def settled(seconds: float = UPGRADE_SECONDS) -> None:
    """Time passes, in which devices get on and pushes are posted."""
    await asyncio.sleep(seconds)


def pushed(aiot: AiotCloud, did: str) -> list[Push]:
    """What was pushed about a device, in order."""
    found = [read_push(letter.raw) for letter in aiot.receiver.letters]
    return [push for push in found if push.did == did]


def results(aiot: AiotCloud, did: str) -> list[tuple[str, str | None]]:
    """upgradeResult and cause of every result that was pushed about a device."""
    return [(push.upgrade_result, push.cause) for push in pushed(aiot, did) if isinstance(push, Result)]


def percentages(aiot: AiotCloud, did: str) -> list[int]:
    return [push.progress for push in pushed(aiot, did) if isinstance(push, Progress)]
