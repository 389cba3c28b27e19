"""Three clouds and the people at the door meet at one lock: over HTTP as served, and in virtual time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import aiohttp
import pytest
from lockbench_emulator.boot.power import cut_at, half
from lockbench_emulator.cloud.aiot.agent import MemoryDevices
from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.cloud import Aiot
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import md5
from lockbench_emulator.device import LockDevice
from lockbench_emulator.site import Site
from lockbench_harness import clock
from lockbench_harness.clouds import Served, Wanted, serving_clouds
from lockbench_harness.site.air import beside
from lockbench_harness.targets.ota_door import OtaDoor
from lockbench_protocol.cloud.aiot.models import ENDPOINTS
from lockbench_protocol.cloud.aiot.pushes import Progress, Result, read_push
from lockbench_protocol.telink.image import declared_size, make_image

AIOT_ROWS = {row.name: row for row in ENDPOINTS}
START = 1_767_196_800.0


class Outside:
    """Programs that know addresses and accounts only."""

    def __init__(self, http: aiohttp.ClientSession, clouds: list[Served]) -> None:
        self.http = http
        self.dding, self.ttlock, _ = clouds
        self.signed: dict[str, object] = {}

    async def post(self, url: str, **fields: object) -> dict[str, Any]:
        async with self.http.post(url, json=fields) as answer:
            found: dict[str, Any] = await answer.json()
            assert found.get("ErrNo", 0) == 0, found
            return found

    async def bench(self, name: str, /, **fields: object) -> Any:
        return (await self.post(f"{self.dding.address}/_bench/{name}", **fields)).get("result")

    async def saas(self, name: str, **fields: object) -> dict[str, Any]:
        return await self.post(f"{self.dding.address}/openapi/v1/{name}", **self.signed, **fields)

    async def saas_get(self, name: str, **fields: str) -> dict[str, Any]:
        url = f"{self.dding.address}/openapi/v1/{name}"
        async with self.http.get(url, params={**self.signed, **fields}) as answer:  # type: ignore[dict-item]
            found: dict[str, Any] = await answer.json()
            return found

    async def app(self, path: str, **fields: object) -> dict[str, Any]:
        async with self.http.post(self.ttlock.address + path, data=fields) as answer:
            found: dict[str, Any] = await answer.json()
            assert found.get("errcode", 0) == 0, found
            return found


def test_two_clouds_and_a_keypad_meet_at_one_lock_over_http() -> None:
    async def story() -> None:
        async with serving_clouds(Wanted()) as clouds, aiohttp.ClientSession() as http:
            outside = Outside(http, clouds)
            await _from_dding(outside)
            await _from_ttlock(outside)
            await _back_and_forth(outside)

    asyncio.run(story())


async def _from_dding(outside: Outside) -> None:
    """A code goes through the gateway into the lock, opens it, and its opening is told."""
    outside.signed = {
        "access_token": (await outside.saas("access_token", **outside.dding.account))["access_token"]
    }
    await outside.saas("add_home", home_id="h", location="x")
    for uuid, kind in (("g", "gateway"), ("l", "home_lock")):
        await outside.bench("dding/bind_device", tenant="lockbench", uuid=uuid, type=kind, home_id="h")
    code = {"uuid": "l", "phonenumber": "1", "is_default": 0, "password": "135790"}
    number = (await outside.saas("add_password", **code))["id"]
    assert not await outside.bench("dding/press", uuid="l", code="135790")
    await outside.bench("time/advance", seconds=1)
    assert (await outside.bench("site/look", uuid="l"))["codes"] == ["135790"]
    assert await outside.bench("dding/press", uuid="l", code="135790")
    (event,) = (await outside.saas_get("get_lock_events", uuid="l"))["lock_events"]
    assert event["sourceid"] == number
    await outside.saas("frozen_password", uuid="l", password_id=number)
    await outside.bench("time/advance", seconds=1)
    assert not await outside.bench("dding/press", uuid="l", code="135790")


async def _from_ttlock(outside: Outside) -> None:
    """The app registers the same lock, and moves its bolt through a gateway of its own."""
    account = outside.ttlock.account
    login = account | {"password": md5(account["password"])}
    token = (await outside.app("/oauth2/token", **login))["access_token"]

    async def signed(path: str, **fields: object) -> dict[str, Any]:
        date = round(time.time() * 1000)
        both = {"clientId": account["clientId"], "accessToken": token, "date": date}
        return await outside.app(path, **both, **fields)

    data = await outside.bench("site/lock_data", uuid="l")
    lock_id = (await signed("/v3/lock/initialize", lockData=data))["lockId"]
    look = await outside.bench("site/look", uuid="l")
    user = {"client_id": account["clientId"], "username": account["username"]}
    gateway = await _control(outside, "add_gateway", **user, mac="C0:00:00:00:00:01")
    await _control(outside, "hear", gateway_id=gateway, mac=look["address"])
    for name in ("unlock", "lock"):
        await signed(f"/v3/lock/{name}", lockId=lock_id)
        assert (await outside.bench("site/look", uuid="l"))["open"] == (name == "unlock")
    window = {"startDate": 0, "endDate": 0, "keyboardPwdType": 2, "addType": 2}
    await signed("/v3/keyboardPwd/add", lockId=lock_id, keyboardPwd="246801", **window)
    assert await outside.bench("dding/press", uuid="l", code="246801")


async def _control(outside: Outside, name: str, **fields: object) -> Any:
    return (await outside.post(f"{outside.ttlock.address}/_bench/ttlock/{name}", **fields))["result"]


async def _back_and_forth(outside: Outside) -> None:
    """A snapshot brings all clouds and the lock back to where they were."""
    assert await outside.bench("site/snapshot", name="then") > 0
    before = await outside.bench("site/look", uuid="l")
    code = {"uuid": "l", "phonenumber": "1", "is_default": 0, "password": "975318"}
    await outside.saas("add_password", **code)
    await outside.bench("time/advance", seconds=1)
    assert "975318" in (await outside.bench("site/look", uuid="l"))["codes"]
    await outside.bench("site/restore", name="then")
    assert await outside.bench("site/look", uuid="l") == before
    url = f"{outside.dding.address}/_bench/site/restore"
    async with outside.http.post(url, json={"name": "now"}) as answer:
        assert "no snapshot is called 'now'" in str(await answer.json())


class Upgraded:
    """A lock of a site that the AIOT cloud upgrades in virtual time."""

    def __init__(self) -> None:
        loop = asyncio.get_running_loop()
        self.store = Store()

        def now() -> float:
            return START + loop.time()

        self.site = Site(self.store, now)
        devices = MemoryDevices()
        self.door = OtaDoor(lambda did: beside(self.site, did) if self.site.knows(did) else None, devices)
        self.cloud = Aiot(self.store, now, self.store.chance("aiot"), self.door)
        self.door.reports = self.cloud.upgrades
        self.bench = AiotBench(self.cloud, devices)
        self.bench.add_app("app", "key", "http://127.0.0.1/push")
        self.token = self.bench.grant("app", "u")

    def pushes(self) -> list[Progress | Result]:
        rows = self.store.all("SELECT body FROM letters ORDER BY number")
        return [read_push(row["body"].encode(), strict=True) for row in rows]


def _damaged(image: bytes) -> bytes:
    at = declared_size(image) - 1
    return image[:at] + bytes((image[at] ^ 0xFF,)) + image[at + 1 :]


def _cut(device: LockDevice) -> None:
    device.flash.hook = cut_at(device.flash.operations + 20, half)


@pytest.mark.parametrize(
    ("trouble", "change", "cause"),
    [
        (None, None, None),
        (None, _damaged, "checksum mismatch"),
        (_cut, None, "device offline"),
        (None, lambda _image: b"no firmware", "checksum mismatch"),
    ],
)
def test_an_aiot_upgrade_flashes_the_lock_and_pushes_how_it_went(
    trouble: Callable[[LockDevice], None] | None, change: Callable[[bytes], bytes] | None, cause: str | None
) -> None:
    async def story() -> None:
        house = Upgraded()
        device = house.site.device("l")
        old = device.lock.firmware
        image = make_image(4096, "6.5.0", 1, mark_offset=device.board.mark_offset)
        house.bench.bind("app", "u", "l", "lock", old)
        house.bench.publish("lock", change(image) if change else image, "6.5.0")
        if trouble:
            trouble(device)
        headers = {"appid": "app", "appkey": "key", "access-token": house.token, "openid": ""}
        house.cloud.call(AIOT_ROWS["upgrade"], headers, {"openId": "u", "did": "l"})
        await asyncio.sleep(60)
        *progress, result = house.pushes()
        assert isinstance(result, Result)
        percents = [push.progress for push in progress if isinstance(push, Progress)]
        assert percents == sorted(percents)
        assert result.cause == cause
        assert house.bench.state("l") == ("failed" if cause else "done")
        device.flash.hook = None
        house.site.act("l", house.site.device("l").restore_power)
        running = house.site.device("l").lock.firmware
        assert running == ("6.5.0" if cause is None else old)
        if cause is None:
            assert percents == list(range(0, 101, 10))
        again = Site(house.store, lambda: START + 100)
        assert again.device("l").lock.firmware == running
        await house.door.close()
        house.store.close()

    clock.run(story())
