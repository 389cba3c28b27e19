"""One of each cloud, furnished alike, with a good call of every endpoint: what the contract tests bend."""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlencode

import pytest
from aiohttp import web
from lockbench_emulator.cloud.aiot.agent import MemoryDevices
from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.cloud import Aiot
from lockbench_emulator.cloud.aiot.wire import aiot_app
from lockbench_emulator.cloud.dding.agent import MemoryLocks
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.policy import PROFILES
from lockbench_emulator.cloud.dding.wire import dding_app
from lockbench_emulator.cloud.doors import Door, listening
from lockbench_emulator.cloud.faults import Faults
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import Ttlock, md5
from lockbench_emulator.cloud.ttlock.bench import TtlockBench
from lockbench_emulator.cloud.ttlock.wire import ttlock_app
from lockbench_protocol.cloud.aiot.models import ENDPOINTS as AIOT_ROWS
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS as DDING_ROWS
from lockbench_protocol.cloud.ttlock import ENDPOINTS as TTLOCK_ROWS
from lockbench_protocol.lock.lockdata import ADMIN, LockData

NOW = 1_709_214_310
FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
Fields = dict[str, Any]


@dataclass
class World:
    """One cloud with something of everything, and what a good caller sends to each endpoint by its name."""

    name: str
    store: Store
    app: web.Application
    rows: dict[str, Any]  # the table
    faults: Faults
    code: str  # the field of the answer that holds the code
    bad: int  # code of a field that is wrong
    good: dict[str, Fields]
    ids: Fields  # that exist, by field
    token: Fields  # fields that say who calls
    headers: dict[str, str] = field(default_factory=dict)  # likewise
    stranger: Fields = field(default_factory=dict)  # `token` of another tenant
    stranger_headers: dict[str, str] = field(default_factory=dict)
    never: frozenset[str] = frozenset()  # endpoints that refuse everybody
    form: bool = False  # bodies are forms
    loop: asyncio.AbstractEventLoop = field(default_factory=asyncio.new_event_loop)
    socket: str = ""
    image: bytes = b""  # of the store, when all is furnished

    def call(
        self, name: str, fields: Fields, *, method: str = "", headers: dict[str, str] | None = None
    ) -> tuple[int, Fields]:
        """HTTP status and body of an endpoint's answer to these fields."""
        row = self.rows[name]
        method = method or row.methods[0]
        if method == "GET":
            return self.send("GET", f"{row.path}?{urlencode(fields)}", b"", headers)
        body = urlencode(fields).encode() if self.form else json.dumps(fields).encode()
        return self.send(method, row.path, body, headers)

    def send(
        self, method: str, path: str, body: bytes, headers: dict[str, str] | None = None
    ) -> tuple[int, Fields]:
        top = {"Host": "x", "Connection": "close", "Content-Length": str(len(body))}
        top["Content-Type"] = FORM if self.form else JSON
        lines = [
            f"{name}: {text}" for name, text in (top | (self.headers if headers is None else headers)).items()
        ]
        head = "\r\n".join([f"{method} {path} HTTP/1.1", *lines, "", ""]).encode()
        answer = self.loop.run_until_complete(self._exchange(head + body))
        first, _, rest = answer.partition(b"\r\n\r\n")
        status = int(first.split()[1])
        try:
            found = json.loads(rest)
        except ValueError:
            found = {}
        return status, found if isinstance(found, dict) else {}

    async def _exchange(self, data: bytes) -> bytes:
        reader, writer = await asyncio.open_unix_connection(self.socket)
        writer.write(data)
        try:
            return await reader.read()
        finally:
            writer.close()

    def refurnish(self) -> None:
        self.store.restore(self.image)

    def rows_of(self) -> dict[str, list[tuple[object, ...]]]:
        """All that is stored but the journal and remarks on it."""
        names = self.store.all("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")
        return {
            row["name"]: [tuple(one) for one in self.store.all(f"SELECT * FROM {row['name']}")]  # noqa: S608 - names of the schema
            for row in names
            if row["name"] not in ("journal", "dding_remarks", "sqlite_sequence")
        }


def chance() -> random.Random:
    return random.Random(1)  # noqa: S311 - test data


def now() -> float:
    return float(NOW)


def dding_world(store: Store) -> World:
    locks = MemoryLocks(store, now)
    cloud = Dding(store, now, chance(), locks, PROFILES["v1.6"])
    bench = DdingBench(cloud, locks)
    rows = {row.name: row for row in DDING_ROWS}
    tokens = {}
    for who, tenant in (("ann", "t"), ("eve", "other")):
        bench.add_client(who, "s", tenant)
        given = {"client_id": who, "client_secret": "s"}
        tokens[who] = cloud.call(rows["access_token"], given)["access_token"]
    token = {"access_token": tokens["ann"]}
    order = {"date": NOW, "time": 100, "name": "Ann", "phone": "1"}
    for name, fields in (
        ("add_home", {"home_id": "h"}),
        ("add_home", {"home_id": "h2"}),
        ("add_room", {"home_id": "h", "room_id": "r", "room_name": "R", "room_description": ""}),
        ("order_add", {"home_id": "h", **order}),
    ):
        cloud.call(rows[name], token | fields)
    bench.bind_device("t", "g", "gateway", "h")
    bench.bind_device("t", "o", "home_lock", "h")
    bench.bind_device("t", "l", "room_lock", "h", "r")
    new = {"uuid": "l", "phonenumber": "1", "is_default": 1, "password": "111111"}
    cloud.call(rows["add_password"], token | new)
    cloud.call(rows["add_password"], token | new | {"is_default": 0, "password": "222222"})
    store.run("UPDATE dding_work SET due = 0")
    cloud.run_due()
    lock, password = {"uuid": "l"}, {"uuid": "l", "password_id": 1001}
    change = {"phonenumber": "1", "password": "333333"}
    good: dict[str, Fields] = {name: dict(lock) for name in rows}
    good |= {
        "access_token": {"client_id": "ann", "client_secret": "s"},
        "add_home": {"home_id": "new"},
        "update_home": {"home_id": "h", "home_name": "name"},
        "del_home": {"home_id": "h2"},
        "find_home_state": {"home_id": "h"},
        "find_home_states": {"home_id": ["h"]},
        "find_home_device": {"home_id": "h"},
        "find_home_devices": {"home_id": ["h"]},
        "add_room": {"home_id": "h", "room_id": "new", "room_name": "n", "room_description": "d"},
        "update_room": {"home_id": "h", "room_id": "r", "room_name": "n", "room_description": "d"},
        "del_room": {"room_id": "r"},
        "get_center_info": {"uuid": "g"},
        "add_password": lock | change | {"is_default": 0},
        "update_password": password | change,
        "delete_password": password,
        "frozen_password": password,
        "unfrozen_password": password,
        "order_add": {"home_id": "h2", **order},
        "order_update": {"home_id": "h", "note": "ring"},
        "find_orders": {"home_id": ["h"]},
    }
    return World(
        "dding",
        store,
        dding_app(cloud, faults := Faults(), bench),
        rows,
        faults,
        "ErrNo",
        14001,
        good,
        {"home_id": "h", "room_id": "r", "uuid": "l", "password_id": 1001},
        token,
        stranger={"access_token": tokens["eve"]},
    )


LOCK = LockData(
    lock_mac="C2:11:22:33:44:55",
    lock_name="S202T_554433",
    user_type=ADMIN,
    admin_pwd="0012345678",  # noqa: S106 - test data
    lock_key="0087654321",
    aes_key=bytes(16),
    model_num="SN242",
    hardware_revision="1.0",
    firmware_revision="6.4.33.230101",
)


def ttlock_world(store: Store) -> World:
    cloud = Ttlock(store, now, chance())
    cloud.base_url = "http://x"
    bench = TtlockBench(cloud)
    rows = {row.name: row for row in TTLOCK_ROWS}
    tokens: dict[str, Fields] = {}
    blob = LOCK.encode(chance())

    def ask(name: str, **fields: Any) -> Fields:
        row = rows[name]
        return dict(cloud.call(row, row.request.model_validate(fields)).body())

    for who in ("app", "other"):
        bench.add_client(who, "s")
        bench.add_user(who, "ann", "secret")
        login = {"clientId": who, "clientSecret": "s", "username": "ann", "password": md5("secret")}
        access = ask("token", **login)["access_token"]
        tokens[who] = {"clientId": who, "accessToken": access, "date": NOW * 1000}
    mine = tokens["app"]
    lock_id = ask("initialize", **mine, lockData=blob)["lockId"]
    store.run("UPDATE locks SET data = json_set(data, '$.pwdInfo', 'x')")
    gateway = bench.add_gateway("app", "ann", "AA:BB:CC:DD:EE:FF")
    bench.hear(gateway, LOCK.lock_mac)
    cloud.add_firmware("SN242", "1.0", "6.4.34", bytes(range(256)))
    code = {"lockId": lock_id, "keyboardPwd": "1234567", "keyboardPwdType": 2}
    passcode = ask("add_passcode", **mine, **code)["keyboardPwdId"]
    at_lock, pages = {"lockId": lock_id}, {"pageNo": 1, "pageSize": 20}
    by_id = at_lock | {"keyboardPwdId": passcode}
    record = json.dumps([{"recordType": 4, "lockDate": NOW * 1000, "keyboardPwd": "1234567"}])
    good: dict[str, Fields] = {name: dict(at_lock) for name in rows}
    good |= {
        "token": {"clientId": "app", "clientSecret": "s", "username": "ann", "password": md5("secret")},
        "register": {
            "clientId": "app",
            "clientSecret": "s",
            "username": "bob",
            "password": md5("x"),
            "date": NOW * 1000,
        },
        "on_premise": {"secret": "s", "lockData": blob},
        "initialize": {"lockData": blob},
        "locks": pages,
        "keys": pages,
        "gateways": pages,
        "update_lock_data": at_lock | {"lockData": blob},
        "upgrade_recheck": at_lock | {"lockData": blob},
        "upgrade_success": at_lock | {"lockData": blob},
        "add_passcode": at_lock | {"keyboardPwd": "7654321", "keyboardPwdType": 2},
        "get_passcode": at_lock | {"keyboardPwdType": 2, "startDate": NOW * 1000},
        "change_passcode": by_id | {"newKeyboardPwd": "7777888"},
        "delete_passcode": by_id,
        "delete_code": at_lock | {"keyboardPwd": "1234567"},
        "passcodes": at_lock | pages,
        "upload_passcodes": at_lock | {"keyboardPwdList": '[{"keyboardPwd": "1234567"}]'},
        "upload_records": at_lock | {"records": record},
        "records": at_lock | pages,
    }
    own = ("gateway_locks", "gateway_upgrade_mode", "gateway_upgrade_package", "gateway_upgrade_success")
    good |= {name: {"gatewayId": gateway} for name in own}
    return World(
        "ttlock",
        store,
        ttlock_app(cloud, faults := Faults(), bench),
        rows,
        faults,
        "errcode",
        -3,
        good,
        {"lockId": lock_id, "gatewayId": gateway, "keyboardPwdId": passcode, "keyboardPwd": "1234567"},
        mine,
        stranger=tokens["other"],
        never=frozenset({"on_premise", *own[1:]}),
        form=True,
    )


def aiot_world(store: Store) -> World:
    devices = MemoryDevices()
    cloud = Aiot(store, now, chance(), devices)
    bench = AiotBench(cloud, devices)
    headers = {}
    for appid in ("app", "other"):
        bench.add_app(appid, "k")
        headers[appid] = {"Appid": appid, "Appkey": "k", "Access-Token": bench.grant(appid, "u")}
    bench.publish("m", bytes(64), "1.0.2")
    for did in ("d", "e"):
        bench.bind("app", "u", did, "m", "1.0.1")
    good = {"query": {}, "upgrade": {}, "query_selected": {"did": "d"}, "upgrade_selected": {"did": "d"}}
    return World(
        "aiot",
        store,
        aiot_app(cloud, faults := Faults(), bench),
        {row.name: row for row in AIOT_ROWS},
        faults,
        "code",
        302,
        good,
        {"did": "d"},
        {},
        headers["app"],
        stranger_headers=headers["other"],
    )


@pytest.fixture(scope="module")
def world_of() -> Iterator[Callable[[str], World]]:
    """Any of the clouds by its name, each served on a Unix socket of its own."""
    with TemporaryDirectory() as folder:
        made = {
            world.name: world
            for world in (build(Store()) for build in (dding_world, ttlock_world, aiot_world))
        }
        stacks = {name: AsyncExitStack() for name in made}
        for name, world in made.items():
            world.socket = str(Path(folder) / name)
            door = listening((world.app, Door(world.socket)))
            world.loop.run_until_complete(stacks[name].enter_async_context(door))
            world.image = world.store.snapshot()

        def world_of(name: str) -> World:
            return made[name]

        yield world_of
        for name, world in made.items():
            world.loop.run_until_complete(stacks[name].aclose())
            world.loop.close()
            with world.store:
                pass
