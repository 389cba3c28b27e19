"""What several tests stand on, without loop or link and with time as a number.

A client's conversations with a lock, and a house whose lock hangs behind the gateway of a dding SaaS.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.policy import PROFILES
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import Ttlock, md5
from lockbench_emulator.cloud.ttlock.bench import TtlockBench
from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Effect, Happened, Notify
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.profiles import load_profile
from lockbench_emulator.site import Site
from lockbench_harness.client.operations import Exchange, Keys, LockRefused, Operation, list_passcodes
from lockbench_harness.client.wire import Wire
from lockbench_harness.site.dding import SiteLocks
from lockbench_harness.site.gateway import visit
from lockbench_harness.site.ttlock import SiteGateways
from lockbench_harness.targets.emulated import lock_data_of
from lockbench_protocol import RemoteError
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, Role
from lockbench_protocol.cloud.ttlock import ENDPOINTS as TTLOCK_ENDPOINTS
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.envelope import Refusal, Reply


class Owner:
    """The owner's app beside the lock, connected."""

    def __init__(self, profile: str = "full", *, seed: int = 1, **policies: dict[str, Any]) -> None:
        found = load_profile(profile)
        for table, values in policies.items():
            found = replace(found, **{table: replace(getattr(found, table), **values)})
        self.device = LockDevice(found, seed=seed)
        admin = self.device.memory.admin
        assert admin is not None
        self.keys = Keys(self.device.memory.key, admin.admin_ps, admin.unlock_key)
        self.wire = Wire(self.keys.aes_key)
        self.now = 0.0
        self.pushes: list[tuple[float, Reply | Refusal]] = []
        self.effects: list[Effect] = []
        self.device.connected(self.now)

    def run(self, operation: Operation[Any]) -> Any:
        try:
            exchange = next(operation)
            while True:
                try:
                    reply = self._exchange(exchange)
                except RemoteError as error:
                    exchange = operation.throw(error)
                else:
                    exchange = operation.send(reply)
        except StopIteration as finished:
            return finished.value

    def code_of(self, operation: Operation[Any]) -> int | None:
        """The status with which the lock refuses, None when it does not."""
        try:
            self.run(operation)
        except LockRefused as error:
            return error.code
        return None

    def _exchange(self, exchange: Exchange) -> Any:
        command = COMMANDS[exchange.opcode]
        found: list[Reply | Refusal | RemoteError] = []
        for chunk in self.wire.request(exchange.opcode, command.build_request(exchange.values)):
            found += self._hear(self.device.write("fff2", chunk, self.now))
        (answer,) = found
        if isinstance(answer, RemoteError):
            raise answer
        if isinstance(answer, Refusal):
            raise LockRefused(exchange.opcode, answer.code, answer.op)
        return command.parse_reply(answer.body)

    def _hear(self, effects: list[Effect]) -> list[Reply | Refusal | RemoteError]:
        self.effects += effects
        notified = [effect.value for effect in effects if isinstance(effect, Notify)]
        return [answer for value in notified for answer in self.wire.feed(value)]

    def wait(self, seconds: float) -> None:
        end = self.now + seconds
        while (due := self.device.deadline()) is not None and due <= end:
            self.now = due
            for push in self._hear(self.device.advance(self.now)):
                assert isinstance(push, Reply | Refusal)
                self.pushes.append((self.now, push))
        self.now = end

    def do(self, hand: Callable[..., list[Effect]], *args: Any, **options: Any) -> bool:
        """One of `lockbench_emulator.lock.hands`; did the bolt open?"""

        def act(lock: Lock, now: float) -> list[Effect]:
            return hand(lock, *args, now=now, **options)

        effects = self.device.by_hand(act, self.now)
        self._hear(effects)
        return Happened("bolt", {"unlocked": True}) in effects


@pytest.fixture(scope="session")
def owner() -> type[Owner]:
    """`owner(profile, table={key: value})` is an app at a fresh lock."""
    return Owner


ROWS = {row.name: row for row in ENDPOINTS}
TTLOCK_ROWS = {row.name: row for row in TTLOCK_ENDPOINTS}
START = 1_709_214_300.0
Row = dict[str, object]


class House:
    """Home h of the tenant t with gateway g and lock l, as one process runs it."""

    def __init__(self, path: str = ":memory:", time: float = START) -> None:
        self.time = time
        self.store = Store(path)
        self.site = Site(self.store, lambda: self.time)
        self.locks = SiteLocks(self.site)
        chance = self.store.chance("house")
        self.cloud = Dding(self.store, lambda: self.time, chance, self.locks, PROFILES["v1.6"])
        self.hands = DdingBench(self.cloud, self.locks)
        self.gateways = SiteGateways(self.site)
        self.ttlock = Ttlock(self.store, lambda: self.time, chance, self.gateways)

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self.store.close()

    def furnish(self) -> House:
        self.hands.add_client("ann", "s", "t", Role.ADMIN)
        self.log_in()
        self.hands.set_callback_url("t", "http://127.0.0.1:1/cb")
        self.call("add_home", home_id="h")
        self.hands.bind_device("t", "g", "gateway", "h")
        self.hands.bind_device("t", "l", "home_lock", "h")
        return self

    def log_in(self) -> None:
        self.token = self.raw("access_token", client_id="ann", client_secret="s")["access_token"]  # noqa: S106 - test data

    def raw(self, name: str, /, **fields: object) -> Row:
        return self.cloud.call(ROWS[name], fields)

    def call(self, name: str, /, **fields: object) -> Row:
        return self.raw(name, access_token=self.token, **fields)

    def add(self, code: str, **fields: object) -> int:
        good: Row = {"uuid": "l", "phonenumber": "1", "is_default": 0, "password": code, "name": "Bob"}
        return int(str(self.call("add_password", **(good | fields))["id"]))

    def ask(self, name: str, number: int, **fields: object) -> None:
        self.call(name, uuid="l", password_id=number, **fields)

    def wait(self, seconds: float = 1.0) -> None:
        end = self.time + seconds
        while (due := self.cloud.next_due()) is not None and due / 1000 <= end:
            self.time = max(self.time, due / 1000)
            self.cloud.run_due()
        self.time = end

    def register(self) -> int:
        """Register the lock with the app of the TTLock cloud, and put a gateway of it beside; its lockId."""
        self.ttlock.add_client("app", "s")
        self.ttlock.add_user("app", "ann", "secret")
        login = {"clientId": "app", "clientSecret": "s", "username": "ann", "password": md5("secret")}
        self.access = self.app("token", **login)["access_token"]
        data = lock_data_of(self.site.device("l")).encode(self.store.chance("data"))
        self.lock_id = int(str(self.app("initialize", lockData=data)["lockId"]))
        bench = TtlockBench(self.ttlock)
        self.gateway = bench.add_gateway("app", "ann", "C0:00:00:00:00:01")
        bench.hear(self.gateway, self.site.device("l").address)
        return self.lock_id

    def app(self, name: str, **parameters: object) -> Row:
        """A call of the app."""
        row = TTLOCK_ROWS[name]
        signed: Row = {"clientId": "app", "date": round(self.time * 1000)}
        if name not in ("token", "initialize"):
            signed["lockId"] = self.lock_id
        if name != "token":
            signed["accessToken"] = self.access
        return self.ttlock.call(row, row.request.model_validate(signed | parameters)).body()

    def rows(self) -> dict[str, Row]:
        rows = self.call("fetch_passwords", uuid="l")["passwords"]
        assert isinstance(rows, dict)
        return rows

    def row(self, number: int) -> Row:
        return self.rows().get(str(number), {})

    def stage(self, number: int) -> object:
        return self.row(number).get("operation_stage")

    def press(self, code: str) -> bool:
        return self.hands.press("l", code)

    def listed(self) -> list[str]:
        """What the lock itself says."""
        return [row.code for row in visit(self.site, "l", list_passcodes)]

    def events(self, uuid: str = "") -> list[str]:
        rows = self.store.all("SELECT kind, device FROM letters WHERE cloud = 'dding' ORDER BY number")
        return [row["kind"] for row in rows if uuid in ("", row["device"])]

    def openings(self) -> list[object]:
        rows = self.call("get_lock_events", uuid="l")["lock_events"]
        assert isinstance(rows, list)
        return [row["sourceid"] for row in reversed(rows)]


@pytest.fixture
def house() -> Iterator[House]:
    with House() as made:
        yield made.furnish()


@pytest.fixture(scope="session")
def unfurnished() -> type[House]:
    """`unfurnished(path, time)` is a house as its store has it."""
    return House
