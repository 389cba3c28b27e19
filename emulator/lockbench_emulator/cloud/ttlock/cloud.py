"""The TTLock open platform: who calls what. No HTTP, no asyncio (ttlock-cloud).

A handler takes a validated request and the caller and returns a reply, or raises `Refused` with a code of its
endpoint. Time and chance are arguments. Methods named `add_...` with plain arguments are the bench's hands.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import ClassVar

from lockbench_protocol.cloud import ttlock as wire
from lockbench_protocol.cloud.ttlock import ENDPOINTS, Endpoint, Right
from lockbench_protocol.lock.lockdata import seal_blob

from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock.accounts import Accounts
from lockbench_emulator.cloud.ttlock.agent import Gateways, MemoryBolts
from lockbench_emulator.cloud.ttlock.core import Caller, Core, NotDone, Refused, md5
from lockbench_emulator.cloud.ttlock.locks import Locks
from lockbench_emulator.cloud.ttlock.passcodes import Passcodes
from lockbench_emulator.cloud.ttlock.policy import Policy
from lockbench_emulator.cloud.ttlock.records import Records
from lockbench_emulator.cloud.ttlock.remote import Remote
from lockbench_emulator.cloud.ttlock.upgrades import Upgrades

Handler = Callable[[wire.Parameters, Caller], wire.Reply]


@dataclass(frozen=True, slots=True)
class Parts:
    """The classes that a cloud is built from. A mutant replaces one."""

    accounts: type[Accounts] = Accounts
    locks: type[Locks] = Locks
    upgrades: type[Upgrades] = Upgrades
    passcodes: type[Passcodes] = Passcodes
    remote: type[Remote] = Remote
    records: type[Records] = Records


class Ttlock:
    """One cloud. `now` gives seconds since 1970; without `gateways` its locks are only bolts."""

    parts: ClassVar = Parts()

    def __init__(
        self,
        store: Store,
        now: Callable[[], float],
        chance: Random,
        gateways: Gateways | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.store = store
        self.core = Core(store, now, chance, policy or Policy())
        made = self.parts
        self.accounts = made.accounts(self.core)
        self.records = made.records(self.core)
        self.outbox = self.records.outbox
        self.remote = made.remote(self.core, gateways or MemoryBolts(store, now), self.records)
        self.passcodes = made.passcodes(self.core, self.remote)
        self.upgrades = made.upgrades(self.core, self.passcodes)
        parts = (
            self.accounts,
            made.locks(self.core),
            self.upgrades,
            self.passcodes,
            self.remote,
            self.records,
        )
        self._handlers: dict[str, Handler] = {
            row.name: next(getattr(part, row.name) for part in parts if hasattr(part, row.name))
            for row in ENDPOINTS
        }

    @property
    def base_url(self) -> str:
        """Where its packages are."""
        return self.core.base_url

    @base_url.setter
    def base_url(self, url: str) -> None:
        self.core.base_url = url

    def millis(self) -> int:
        return self.core.millis()

    # The bench's hands

    def add_client(self, client_id: str, secret: str) -> None:
        self.store.run("INSERT INTO clients VALUES (?, ?)", client_id, secret)

    def add_user(self, client_id: str, username: str, password: str, region: str = "") -> int:
        """The new user's uid. `password` is the plain one; callers send its md5."""
        return self.accounts.add(client_id, username, md5(password), region)

    def add_firmware(self, model_num: str, hardware_revision: str, version: str, image: bytes) -> int:
        """Put an image into the catalogue; the number its package goes by."""
        return self.upgrades.add(model_num, hardware_revision, version, image)

    def lock_data(self, lock_id: int) -> str:
        """The blob as the cloud would hand it to the administrator's clients."""
        return seal_blob(self.core.data(lock_id))

    def package(self, number: int) -> tuple[bytes, str] | None:
        """(image, key) of a package, None when there is none of this number."""
        return self.upgrades.package(number)

    # Who calls what

    def call(self, endpoint: Endpoint, request: wire.Parameters) -> wire.Reply:
        """Check the caller and run the handler, in one transaction. Raises `Refused`."""
        with self.store.transaction():
            try:
                return self._handlers[endpoint.name](request, self._authorize(endpoint, request))
            except NotDone as refusal:
                not_done = refusal
        raise not_done

    def _authorize(self, endpoint: Endpoint, request: wire.Parameters) -> Caller:
        """The caller, checked in the documented order: client, token, lock, right."""
        if not isinstance(request, wire.Request):
            return Caller("")
        client = request.client_id
        if self.store.one("SELECT 1 FROM clients WHERE client_id = ?", client) is None:
            raise Refused(10000)
        if not isinstance(request, wire.SignedRequest):
            return Caller(client)
        uid = self.accounts.bearer(client, request.access_token)
        if not isinstance(request, wire.LockRequest):
            return Caller(client, uid)
        found = self.store.one(
            "SELECT 1 FROM locks WHERE lock_id = ? AND client_id = ? AND NOT deleted", request.lock_id, client
        )
        if found is None:
            raise Refused(-1003)
        key = self.store.one("SELECT role FROM keys WHERE lock_id = ? AND uid = ?", request.lock_id, uid)
        if key is None or (endpoint.right is Right.ADMIN and key["role"] != "admin"):
            raise Refused(next(code for code in (20002, -2018, -1003) if code in endpoint.codes))
        return Caller(client, uid, request.lock_id)

    # What the courier asks

    def next_due(self) -> int | None:
        """Nothing but letters waits for the time."""
        return None

    def run_due(self) -> int:
        return 0
