"""What a case sees of an AIOT cloud: three grants, calls, pushes and, where it is ours, its staff.

Emulated and real clouds are met through this one class. Nothing here knows how the cloud is made.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol
from urllib.parse import urlencode

import aiohttp

# what can go wrong in a cloud is one vocabulary for all who provoke it
from lockbench_emulator.cloud.faults import Fault
from lockbench_protocol import LocalError
from lockbench_protocol.cloud.aiot.models import APP_ID, APP_KEY, ENDPOINTS, OPEN_ID, TOKEN, Endpoint

from lockbench_harness.client.receiver import Receiver
from lockbench_harness.targets.cloud import Answer

__all__ = ["DOOR", "AiotCloud", "AiotHands", "AiotRefused", "Fault", "Grant"]

Json = dict[str, object]
Who = Literal["user", "neighbour", "stranger"]
"""Two users of one application, and one of another."""
DOOR = "door"
"""The did under which the bench's own lock can be bound: its upgrade goes over the air."""

ROWS: Mapping[str, Endpoint] = {row.name: row for row in ENDPOINTS}


class AiotRefused(Exception):
    """A control of the bench was refused with this code."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with {code}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Grant:
    """An application that acts for a user."""

    appid: str
    appkey: str = field(repr=False)
    open_id: str
    token: str = field(repr=False)

    def headers(self, **changes: str | None) -> dict[str, str]:
        """The headers of a call, with changes; None takes one out. `Access_Token` stands for Access-Token."""
        good = {APP_ID: self.appid, APP_KEY: self.appkey, OPEN_ID: self.open_id, TOKEN: self.token}
        given = good | {name.replace("_", "-"): value for name, value in changes.items()}
        return {name: value for name, value in given.items() if value is not None}


class AiotHands(Protocol):
    """The staff of the cloud, and whoever holds its devices."""

    def control(self, name: str, /, **arguments: object) -> object:
        """An operation of the bench by name, as under /_bench/aiot/. Raises `AiotRefused`."""

    def set_policy(self, **keys: object) -> None:
        """Settle differently what no document settles."""

    def fail(self, fault: Fault) -> None:
        """From now on this goes wrong in the cloud."""


class AiotCloud:
    """One cloud in which nothing is bound yet. Each example meets a new one."""

    def __init__(
        self,
        base_url: str,
        http: aiohttp.ClientSession,
        grants: Mapping[Who, Grant],
        receiver: Receiver,
        hands: AiotHands | None,
    ) -> None:
        self.base_url = base_url
        self.grants = grants
        self.receiver = receiver  # of the pushes of the application of "user"
        self._http = http
        self._hands = hands

    @property
    def hands(self) -> AiotHands:
        if self._hands is None:
            raise LocalError("this cloud has no staff of ours; the case must say that it needs them")
        return self._hands

    async def call(self, name: str, who: Who = "user", /, **fields: object) -> Json:
        """A call for a user; the body of the answer."""
        return await self.send("POST", ROWS[name].path, self.grants[who].headers(), fields)

    async def send(
        self, method: str, path: str, headers: Mapping[str, str], fields: Mapping[str, object] | bytes
    ) -> Json:
        """A request as it stands; fields go as JSON, with GET as a query. The body of HTTP 200, else {}."""
        url, data = self.base_url + path, fields if isinstance(fields, bytes) else json.dumps(fields).encode()
        if method == "GET" and not isinstance(fields, bytes):
            url, data = url + "?" + urlencode({key: str(value) for key, value in fields.items()}), b""
        sent = {"Content-Type": "application/json"} | dict(headers)
        async with self._http.request(method, url, data=data or None, headers=sent) as answer:
            found = Answer(answer.status, answer.headers.get("Content-Type", ""), await answer.read())
        return found.json() if found.status == 200 else {}
