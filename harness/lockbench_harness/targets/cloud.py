"""What a case sees of a TTLock cloud: an account, the lock registered under it and, where the cloud is the
bench's own, its staff.

Emulated and real clouds are met through this one class. Nothing here knows how the cloud is made.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

import aiohttp

# what can go wrong in a cloud is one vocabulary for all who provoke it
from lockbench_emulator.cloud.faults import PACKAGES, Fault
from lockbench_protocol import LocalError

from lockbench_harness.client.call import CloudAccess
from lockbench_harness.client.cloud import TIMEOUT, TtlockCloud
from lockbench_harness.client.receiver import Receiver

if TYPE_CHECKING:
    from lockbench_protocol.cloud.ttlock import TokenReply

__all__ = ["PACKAGES", "Account", "Answer", "CloudBench", "CloudHands", "Fault"]


@dataclass(frozen=True, slots=True)
class Account:
    """An app on the open platform, and a user of it."""

    client_id: str
    client_secret: str = field(repr=False)
    username: str
    password: str = field(repr=False)  # the plain one


class CloudHands(Protocol):
    """The staff of the cloud: what no endpoint does, and what goes wrong in their house."""

    def publish(self, version: str, image: bytes, *, model: str = "", hardware: str = "") -> None:
        """Put firmware into the catalogue; for the bench's own lock unless said otherwise."""

    def sign_up(self, account: Account) -> None:
        """Give the app and the user of the account an entry, each if it has none."""

    def fail(self, fault: Fault) -> None:
        """From now on this goes wrong."""

    def mend(self) -> None:
        """From now on nothing goes wrong."""

    def requests(self) -> list[str]:
        """The paths of all requests so far."""

    def control(self, name: str, /, **arguments: object) -> object:
        """An operation of the bench by name, as under /_bench/ttlock/. Raises `CloudRefused`."""

    def set_policy(self, **keys: object) -> None:
        """Settle differently what no document settles."""

    @property
    def receiver(self) -> tuple[Receiver, str]:
        """A receiver of records, and its address; no webhook is set yet."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer as it came."""

    status: int
    content_type: str  # "application/json; charset=utf-8"
    body: bytes

    def json(self) -> dict[str, object]:
        """The JSON object in the body, or an empty one where there is none."""
        try:
            found = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


class CloudBench:
    """One cloud, with the bench's account logged in and its lock registered. Made by `open_cloud`."""

    def __init__(
        self,
        access: CloudAccess,
        account: Account,
        session: TtlockCloud,
        token: TokenReply,
        lock_id: int,
        http: aiohttp.ClientSession,
        stack: AsyncExitStack,
        hands: CloudHands | None,
    ) -> None:
        self.access = access
        self.account = account
        self.session = session  # logged in
        self.token = token  # of the session
        self.lock_id = lock_id
        self._http = http
        self._stack = stack
        self._hands = hands

    @property
    def hands(self) -> CloudHands:
        if self._hands is None:
            raise LocalError("this cloud has no staff of ours; the case must say that it needs them")
        return self._hands

    def package_info(self, **changes: object) -> dict[str, object]:
        """dfuPackageInfo for the plug-in. A change to None takes the field out."""
        good: dict[str, object] = {
            "clientId": self.account.client_id,
            "accessToken": self.session.access_token,
            "lockId": self.lock_id,
        }
        return {name: value for name, value in (good | changes).items() if value is not None}

    async def open_session(self, client_id: str = "") -> TtlockCloud:
        """A session of an app that has not logged in; it ends with the bench."""
        client = TtlockCloud(
            self.access.base_url,
            client_id or self.account.client_id,
            now=self.access.now,
            socket=self.access.socket,
        )
        return await self._stack.enter_async_context(client)

    async def post(self, path: str, form: Mapping[str, str]) -> Answer:
        """A request as it stands, for what no client would send."""
        async with self._http.post(self.access.base_url + path, data=dict(form)) as answer:
            return Answer(answer.status, answer.headers.get("Content-Type", ""), await answer.read())

    def signed(self, **parameters: object) -> dict[str, str]:
        """The parameters of a good request about the lock, with changes; None takes one out."""
        form = {
            "clientId": self.account.client_id,
            "accessToken": self.session.access_token,
            "lockId": self.lock_id,
            "date": round(self.access.now() * 1000),
        } | parameters
        return {name: str(value) for name, value in form.items() if value is not None}


@asynccontextmanager
async def open_cloud(
    access: CloudAccess, account: Account, lock_data: str, hands: CloudHands | None
) -> AsyncIterator[CloudBench]:
    """Log in and register the lock of `lock_data`."""
    async with AsyncExitStack() as stack:
        connector = aiohttp.UnixConnector(access.socket) if access.socket else aiohttp.TCPConnector()
        http = await stack.enter_async_context(aiohttp.ClientSession(connector=connector, timeout=TIMEOUT))
        session = await stack.enter_async_context(
            TtlockCloud(access.base_url, account.client_id, now=access.now, socket=access.socket)
        )
        token = await session.log_in(account.client_secret, account.username, account.password)
        lock_id = (await session.initialize(lock_data)).lock_id
        yield CloudBench(access, account, session, token, lock_id, http, stack, hands)
