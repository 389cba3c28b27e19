"""What a case sees of a dding SaaS: tokens of its roles, calls, callbacks and, where it is ours, its staff.

Emulated and real clouds are met through this one class. Nothing here knows how the cloud is made.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Literal, Protocol
from urllib.parse import urlencode

import aiohttp

# what can go wrong in a cloud is one vocabulary for all who provoke it
from lockbench_emulator.cloud.faults import Fault
from lockbench_protocol import LocalError
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, Endpoint

from lockbench_harness.client.receiver import Receiver
from lockbench_harness.targets.cloud import Answer

__all__ = ["DdingCloud", "DdingHands", "DdingRefused", "Fault"]

Json = dict[str, object]
Who = Literal["admin", "steward", "merchant", "stranger"]
"""Tokens: three roles of one tenant, and the administrator of another."""

ROWS: Mapping[str, Endpoint] = {row.name: row for row in ENDPOINTS}


class DdingRefused(Exception):
    """A control of the bench was refused with this ErrNo."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with {code}")
        self.code = code


class DdingHands(Protocol):
    """The staff of the cloud, and the people at its doors. Devices belong to the bench's tenant."""

    def control(self, name: str, /, **arguments: object) -> object:
        """An operation of the bench by name, as under /_bench/dding/. Raises `DdingRefused`."""

    def lose(self, uuid: str, what: Literal["command lost", "answer lost", "refuses", ""]) -> None:
        """What from now on goes wrong between the gateway and this lock."""

    def fail(self, fault: Fault) -> None:
        """From now on this goes wrong in the cloud."""

    def journal(self) -> list[str]:
        """Every line that the cloud keeps about calls and callbacks, as text."""


class DdingCloud:
    """One cloud with the bench's tenant "t" and another, "other". Each example meets a new one."""

    def __init__(
        self,
        base_url: str,
        http: aiohttp.ClientSession,
        now: Callable[[], float],
        clients: Mapping[Who, tuple[str, str]],
        receiver: Receiver,
        hands: DdingHands | None,
    ) -> None:
        self.base_url = base_url
        self.now = now  # seconds since 1970 on the cloud's clock
        self.clients = clients  # client_id and client_secret
        self.receiver = receiver
        self.tokens: dict[Who, str] = {}
        self._http = http
        self._hands = hands

    @property
    def hands(self) -> DdingHands:
        if self._hands is None:
            raise LocalError("this cloud has no staff of ours; the case must say that it needs them")
        return self._hands

    async def log_in(self) -> None:
        """Get all tokens."""
        for who, (client_id, secret) in self.clients.items():
            body = await self.call("access_token", client_id=client_id, client_secret=secret)
            self.tokens[who] = str(body.get("access_token"))

    async def call(self, name: str, who: Who = "admin", /, **fields: object) -> Json:
        """A call with a token, unless one is given; the body of the answer. None takes a field out."""
        row = ROWS[name]
        token = {"access_token": self.tokens[who]} if row.roles and who in self.tokens else {}
        given = {key: value for key, value in (token | fields).items() if value is not None}
        method = "POST" if "POST" in row.methods else "GET"
        return (await self.send(method, row.path, given)).json()

    async def send(self, method: str, path: str, fields: Mapping[str, object] | bytes) -> Answer:
        """A request as it stands: bytes and POST bodies go as application/json, GET as a query."""
        url, data = self.base_url + path, None
        if isinstance(fields, bytes):
            data = fields
        elif method == "GET":
            url += "?" + urlencode({key: str(value) for key, value in fields.items()})
        else:
            data = json.dumps(fields).encode()
        headers = {"Content-Type": "application/json"}
        async with self._http.request(method, url, data=data, headers=headers) as answer:
            return Answer(answer.status, answer.headers.get("Content-Type", ""), await answer.read())
