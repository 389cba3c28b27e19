"""ttlockio from PyPI, unmodified but for its base address, over TCP: all its calls, at an emulated lock."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lockbench_emulator.cloud.faults import Faults
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import Ttlock
from lockbench_emulator.cloud.ttlock.bench import TtlockBench
from lockbench_emulator.cloud.ttlock.server import serving_ttlock
from lockbench_emulator.site import Site
from lockbench_harness.client.cloud import TtlockCloud
from lockbench_harness.site.ttlock import SiteGateways
from lockbench_harness.targets.emulated import lock_data_of
from lockbench_protocol.cloud.ttlock import ENDPOINTS

TTLOCKIO = "ttlockio==0.3.4"
CALLED = (
    "token",
    "register",
    "gateways",
    "gateway_locks",
    "unlock",
    "lock",
    "open_state",
    "battery",
    "records",
)
PROGRAM = """
import json, sys
from ttlockwrapper import TTLock, TTlockAPIError, constants, ttlock

given = json.loads(sys.argv[1])
for module in (constants, ttlock):
    for name in ("API_URI", "TOKEN_CREATE_URL", "TOKEN_REFRESH_URL"):
        setattr(module, name, getattr(module, name).replace("https://euapi.ttlock.com", given["address"]))
app = (given["clientId"], given["clientSecret"])
seen = {}
token = TTLock.get_token(*app, given["username"], given["password"], "http://localhost")
client = TTLock(given["clientId"], token["access_token"])
seen["gateways"] = list(client.get_gateway_generator(pageSize=1))
seen["near"] = list(client.get_locks_per_gateway_generator(seen["gateways"][0]["gatewayId"]))
lock_id = seen["near"][0]["lockId"]
seen["states"] = [client.lock_state(lock_id)]
seen["moves"] = [client.unlock(lock_id)]
seen["states"].append(client.lock_state(lock_id))
seen["moves"].append(client.lock(lock_id))
seen["states"].append(client.lock_state(lock_id))
seen["battery"] = client.lock_electric_quantity(lock_id)
seen["records"] = list(client.get_lock_records_generator(lock_id, pageSize=1))
again = TTLock.refresh_token(*app, token["refresh_token"], "http://localhost")
seen["tokens"] = [sorted(token), sorted(again)]
seen["refused"] = []
for broken in (lambda: client.lock_state(lock_id), lambda: TTLock(app[0], again["access_token"]).unlock(1)):
    try:
        broken()
    except TTlockAPIError as error:
        seen["refused"].append(error.error_code)
seen["user"] = TTLock.create_user(*app, "tom", "secret")
print(json.dumps(seen))
"""


def test_ttlockio_unmodified_makes_every_call_and_moves_the_bolt(environment: Callable[[str], Path]) -> None:
    python = environment(TTLOCKIO)

    async def main() -> Any:
        with Store() as store:
            site = Site(store, time.time)
            cloud = Ttlock(store, time.time, random.Random(1), SiteGateways(site))  # noqa: S311 - test data
            bench = TtlockBench(cloud)
            account = {"clientId": "app", "clientSecret": "s", "username": "ann", "password": "secret"}
            bench.add_client("app", "s")
            bench.add_user("app", "ann", "secret")
            device = site.device("door")
            for number in (1, 2):
                gateway = bench.add_gateway("app", "ann", f"A0:00:00:00:00:0{number}")
                bench.hear(gateway, device.address, -60)
            async with serving_ttlock(cloud, Faults()) as address:
                async with TtlockCloud(address, "app", now=time.time) as owner:
                    await owner.log_in("s", "ann", "secret")
                    await owner.initialize(lock_data_of(device).encode(random.Random(1)), "door")  # noqa: S311 - test data
                process = await asyncio.create_subprocess_exec(
                    *(str(python), "-c", PROGRAM, json.dumps(account | {"address": address})),
                    stdout=asyncio.subprocess.PIPE,
                    stderr=asyncio.subprocess.PIPE,
                )
                output, errors = await asyncio.wait_for(process.communicate(), 60)
                assert process.returncode == 0, errors.decode()
            seen = json.loads(output)
            seen["paths"] = {row["path"] for row in store.all("SELECT path FROM journal")}
            return seen

    seen: Any = asyncio.run(main())
    assert seen["states"] == [0, 1, 0]
    assert seen["moves"] == [True, True]
    assert seen["battery"] == 95
    assert seen["tokens"][1] == sorted({*seen["tokens"][0]} - {"uid"})
    assert seen["user"]["username"].endswith("_tom")
    assert [row["isOnline"] for row in seen["gateways"]] == [1, 1]
    assert [row["recordType"] for row in seen["records"]] == [11, 12]
    assert seen["refused"] == [10004, -1003]
    called = {row.path for row in ENDPOINTS if row.name in CALLED} | {"/v3/lock/initialize"}
    assert seen["paths"] == called
