"""The clouds as `lockbench serve --cloud` serves them: in real time, on ports, over one store and one clock.

The clock is the wall clock, as much later as the bench has put it. Each cloud has one account from the start;
its secrets come from the seed: they are test data.
"""

from __future__ import annotations

import fcntl
import json
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    ExitStack,
    asynccontextmanager,
    contextmanager,
)
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import urlencode

from aiohttp import web
from lockbench_emulator.cloud.aiot.agent import MemoryDevices
from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.cloud import Aiot
from lockbench_emulator.cloud.aiot.wire import aiot_app
from lockbench_emulator.cloud.controls import add_controls, operations
from lockbench_emulator.cloud.courier import courier
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.policy import PROFILES, Policy
from lockbench_emulator.cloud.dding.wire import ENVELOPE, dding_app
from lockbench_emulator.cloud.doors import LOOPBACK, Door, listening
from lockbench_emulator.cloud.faults import Faults
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.times import Party, SkippingClock, Times
from lockbench_emulator.cloud.ttlock import Ttlock, md5
from lockbench_emulator.cloud.ttlock.bench import TtlockBench
from lockbench_emulator.cloud.ttlock.wire import ttlock_app
from lockbench_emulator.site import Site
from lockbench_protocol import LocalError
from lockbench_protocol.cloud.aiot.models import APP_ID, APP_KEY, TOKEN
from lockbench_protocol.cloud.aiot.models import ENDPOINTS as AIOT_ENDPOINTS
from lockbench_protocol.cloud.dding.endpoints import PREFIX

from lockbench_harness.site.air import beside
from lockbench_harness.site.bench import SiteBench
from lockbench_harness.site.dding import SiteLocks
from lockbench_harness.site.ttlock import SiteGateways
from lockbench_harness.targets.ota_door import OtaDoor

MEMORY = ":memory:"  # sqlite3: kept by no file
NAME = "lockbench"
"""Of the account in each cloud, and of its user."""
TIME = "/_bench/time/"
SITE = "/_bench/site/"
JSON = "Content-Type: application/json"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What shall be served."""

    host: str = LOOPBACK
    port: int = 0  # of the first cloud, the others follow; 0: any free ones
    store: str = MEMORY  # a file of sqlite3
    seed: int = 0
    profile: str = "v1.6"  # of the dding SaaS
    strict: bool = False  # it takes spellings as they are printed only
    site: Path | None = None  # YAML: what stands there from the start


@dataclass(frozen=True, slots=True)
class Served:
    """One cloud at its address."""

    name: str
    address: str
    controls: str  # where the bench's are
    account: dict[str, str]  # what its clients must know
    curl: str  # a first call that works


@dataclass(slots=True)
class _Made:
    """One cloud without a door. `call`: path, header lines and body of a first call."""

    app: web.Application
    account: dict[str, str]
    call: tuple[str, list[str], str]
    courier: AbstractAsyncContextManager[None]
    opened: Callable[[str], None] = lambda _address: None


@asynccontextmanager
async def serving_clouds(wanted: Wanted) -> AsyncIterator[list[Served]]:
    """All clouds at their doors, which close together. LocalError when one cannot be served; then none is."""
    async with AsyncExitStack() as stack:
        made = _House(stack.enter_context(_store(wanted.store)), wanted).clouds()
        doors = [Door(host=wanted.host, port=wanted.port and wanted.port + each) for each in range(len(made))]
        for one in made.values():
            await stack.enter_async_context(one.courier)
        pairs = [(one.app, door) for one, door in zip(made.values(), doors, strict=True)]
        ports = await stack.enter_async_context(listening(*pairs))
        yield [
            _served(name, one, wanted.host, port)
            for (name, one), port in zip(made.items(), ports, strict=True)
        ]


@contextmanager
def _store(path: str) -> Iterator[Store]:
    """The store in this file, which nobody else serves meanwhile."""
    with ExitStack() as stack:
        if path != MEMORY:
            try:
                held = stack.enter_context(
                    Path(path).open("ab")
                )  # closed after the store: it drops its locks
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise LocalError(f"another command serves {path}") from error
            except OSError as error:
                raise LocalError(f"the clouds cannot be kept in {path}: {error.strerror}") from error
        try:
            store = stack.enter_context(Store(path))
        except sqlite3.Error as error:
            raise LocalError(f"the clouds cannot be kept in {path}: {error}") from error
        yield store


def _policy(wanted: Wanted) -> Policy:
    if wanted.profile not in PROFILES:
        raise LocalError(f"no dding version is called {wanted.profile!r}; known are {', '.join(PROFILES)}")
    return replace(PROFILES[wanted.profile], strict=wanted.strict)


def _served(name: str, made: _Made, host: str, port: int) -> Served:
    address = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    made.opened(address)
    path, headers, body = made.call
    words = " ".join(f"-H '{line}'" for line in headers)
    curl = f"curl -s {address}{path} {words} -d '{body}'"
    return Served(name, address, f"{address}/_bench/{name}/", made.account, " ".join(curl.split()))


def _random(seed: str) -> Random:
    return Random(seed)  # noqa: S311 - an emulated cloud repeats itself


@asynccontextmanager
async def _with_door(cloud: Aiot, door: OtaDoor) -> AsyncIterator[None]:
    """The cloud's courier; upgrades that still run end with it."""
    async with courier(cloud):
        try:
            yield
        finally:
            await door.close()


class _House:
    """The clouds of one bench, which share a store, a clock and the locks of a site."""

    def __init__(self, store: Store, wanted: Wanted) -> None:
        self._store = store
        self._wanted = wanted
        self._clock = SkippingClock(time.time)
        self._site = Site(store, self._clock, seed=wanted.seed)
        self._locks, self._gateways = SiteLocks(self._site), SiteGateways(self._site)
        self._benches: list[Any] = []  # in the order of a Garden
        self._parties: list[Party] = []
        self._sleepers: list[Callable[[], None]] = []
        store.note(round(self._clock() * 1000), "bench", "START", "", {}, 0, None)

    def clouds(self) -> dict[str, _Made]:
        made = {"dding": self._dding(), "ttlock": self._ttlock(), "aiot": self._aiot()}
        if self._wanted.site is not None:
            self._plant(self._wanted.site)
        times = operations(Times(self._clock, self._parties, self._wake))
        locks = operations(SiteBench(self._site, self._locks, self._gateways, self._wake))
        for one in made.values():
            add_controls(one.app, TIME, times, ENVELOPE)
            add_controls(one.app, SITE, locks, ENVELOPE)
        return made

    def _plant(self, path: Path) -> None:
        from lockbench_harness.site.seed import Garden, load_seed

        load_seed(path).plant(Garden(self._site, *self._benches))

    def _wake(self) -> None:
        for wake in self._sleepers:
            wake()

    def _chance(self, cloud: str) -> Random:
        return self._store.chance(f"{cloud} {self._wanted.seed}")

    def _secret(self, name: str) -> str:
        return f"{_random(f'account {name} {self._wanted.seed}').getrandbits(64):016x}"

    def _dding(self) -> _Made:
        chance = self._chance("dding")
        cloud = Dding(self._store, self._clock, chance, self._locks, _policy(self._wanted))
        bench = DdingBench(cloud, self._locks, self._clock)
        self._benches += [(cloud, bench)]
        account = {"client_id": NAME, "client_secret": self._secret("dding")}
        bench.add_client(NAME, account["client_secret"], NAME)
        self._parties.append(cloud)
        self._sleepers.append(lambda: cloud.core.news())  # noqa: PLW0108 - the courier replaces it
        app = dding_app(cloud, Faults(), bench)
        call = (f"{PREFIX}access_token", [JSON], json.dumps(account))
        return _Made(app, account, call, courier(cloud))

    def _ttlock(self) -> _Made:
        """The date of a request must agree with the wall clock, which is the client's too."""
        cloud = Ttlock(self._store, self._clock, self._chance("ttlock"), self._gateways)
        bench = TtlockBench(cloud)
        self._benches += [bench]
        secret, password = self._secret("ttlock"), self._secret("user of ttlock")
        bench.add_client(NAME, secret)
        bench.add_user(NAME, NAME, password)
        account = {"clientId": NAME, "clientSecret": secret, "username": NAME, "password": password}
        app = ttlock_app(cloud, Faults(), bench, today=time.time)
        fields = urlencode(account | {"password": md5(password)})

        def opened(address: str) -> None:
            cloud.base_url = address

        return _Made(app, account, ("/oauth2/token", [], fields), courier(cloud), opened)

    def _aiot(self) -> _Made:
        """A device that is called as a lock of the site is that lock."""
        devices = MemoryDevices()
        door = OtaDoor(lambda did: beside(self._site, did) if self._site.knows(did) else None, devices)
        cloud = Aiot(self._store, self._clock, self._chance("aiot"), door)
        door.reports = cloud.upgrades
        bench = AiotBench(cloud, devices)
        self._benches += [bench]
        key = self._secret("aiot")
        bench.add_app(NAME, key)
        account = {APP_ID: NAME, APP_KEY: key, TOKEN: bench.grant(NAME, NAME)}
        self._parties.append(cloud)
        self._sleepers.append(lambda: cloud.outbox.news())  # noqa: PLW0108 - the courier replaces it
        app = aiot_app(cloud, Faults(), bench)
        call = (AIOT_ENDPOINTS[0].path, [JSON, *(f"{name}: {text}" for name, text in account.items())], "{}")
        return _Made(app, account, call, _with_door(cloud, door))
