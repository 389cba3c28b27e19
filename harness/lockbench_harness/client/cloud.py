"""The client's side of the TTLock open platform: one method an endpoint, typed replies and failures.

It speaks to a cloud at any base address, over TCP or over a Unix socket (which is what virtual time needs).
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from types import TracebackType
from typing import TypeVar

import aiohttp
from lockbench_protocol import RemoteError
from lockbench_protocol.cloud import ttlock as wire
from lockbench_protocol.cloud.ttlock import Endpoint
from lockbench_protocol.cloud.ttlock import replies as a
from pydantic import ValidationError
from yarl import URL

TIMEOUT = aiohttp.ClientTimeout(total=30, sock_connect=10)  # s
LARGEST = 16 * 1024 * 1024
"""The largest firmware package that is downloaded, bytes."""
LARGEST_REPLY = 1024 * 1024
"""The largest answer of an endpoint that is read, bytes once unpacked."""

R = TypeVar("R", bound=wire.Reply)
Parameters = Mapping[str, str | int | None]
_PATHS: Mapping[str, Endpoint] = {row.name: row for row in wire.ENDPOINTS}


class CloudRefused(RemoteError):
    """The cloud answered with an errcode."""

    def __init__(self, errcode: int, errmsg: str) -> None:
        super().__init__(f"the cloud refused with errcode {errcode}: {errmsg}")
        self.errcode = errcode


class CloudStatus(RemoteError):
    """The answer came with another HTTP status than 200."""

    def __init__(self, status: int) -> None:
        super().__init__(f"the cloud answered with HTTP status {status}")
        self.status = status


class CloudUnreachable(RemoteError):
    """No answer: no connection, no time left, or the connection broke."""


class CloudReplyError(RemoteError):
    """The answer is not what the endpoint answers."""


class BadAddress(RemoteError):
    """An address that no request can be sent to."""


class DownloadFailed(RemoteError):
    """The file did not come, or not whole."""


class TtlockCloud:
    """One user's session with one cloud; an async context manager.

    `now` gives seconds since 1970 for the `date` parameter. With `socket`, a path, everything goes there.
    `allow` and `allow_download` get the address of each request and raise when the phone does not let it out.
    """

    def __init__(
        self,
        base_url: str,
        client_id: str,
        *,
        now: Callable[[], float],
        access_token: str = "",
        socket: str | None = None,
        allow: Callable[[str], None] = lambda _: None,
        allow_download: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.client_id = client_id
        self.access_token = access_token
        self._base = base_url.rstrip("/")
        self._now = now
        self._socket = socket
        self._allow = allow
        self._allow_download = allow_download
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> TtlockCloud:
        connector = aiohttp.UnixConnector(self._socket) if self._socket else aiohttp.TCPConnector()
        self._http = aiohttp.ClientSession(connector=connector, timeout=TIMEOUT)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._http is not None:
            await self._http.close()

    # Endpoints

    async def log_in(self, client_secret: str, username: str, password: str, **more: str) -> wire.TokenReply:
        """Get a token for a user of the lock app, and use it from now on. `password` is the plain one.

        `more`: parameters that some clouds want besides.
        """
        own = {"username": username, "password": _md5(password)}
        return await self._token(client_secret, grant_type="password", **own, **more)

    async def refresh(self, client_secret: str, refresh_token: str) -> wire.TokenReply:
        """Get a new token for an old one, and use it from now on."""
        return await self._token(client_secret, grant_type="refresh_token", refresh_token=refresh_token)

    async def _token(self, client_secret: str, **parameters: str) -> wire.TokenReply:
        body = {"clientId": self.client_id, "clientSecret": client_secret, **parameters}
        reply = await self._post("token", body, wire.TokenReply)
        self.access_token = reply.access_token
        return reply

    async def initialize(self, lock_data: str, alias: str | None = None) -> wire.InitializeReply:
        parameters = {"lockData": lock_data, "lockAlias": alias}
        return await self._call("initialize", parameters, wire.InitializeReply)

    async def register(self, client_secret: str, username: str, password: str) -> str:
        """Make a user of the lock app; the name to log in with. `password` is the plain one."""
        body: Parameters = {
            "clientId": self.client_id,
            "clientSecret": client_secret,
            "username": username,
            "password": _md5(password),
            "date": round(self._now() * 1000),
        }
        return (await self._post("register", body, a.RegisterReply)).username

    async def locks(self, *, page: int = 1, size: int = 20, alias: str | None = None) -> a.LocksReply:
        return await self._call("locks", _page(page, size) | {"lockAlias": alias}, a.LocksReply)

    async def keys(self, *, page: int = 1, size: int = 20, alias: str | None = None) -> a.KeysReply:
        return await self._call("keys", _page(page, size) | {"lockAlias": alias}, a.KeysReply)

    async def delete_lock(self, lock_id: int) -> None:
        await self._call("delete_lock", {"lockId": lock_id}, wire.Done)

    # From afar, through a gateway

    async def unlock(self, lock_id: int) -> None:
        await self._call("unlock", {"lockId": lock_id}, wire.Done)

    async def lock(self, lock_id: int) -> None:
        await self._call("lock", {"lockId": lock_id}, wire.Done)

    async def open_state(self, lock_id: int) -> a.OpenState:
        return (await self._call("open_state", {"lockId": lock_id}, a.OpenStateReply)).state

    async def battery(self, lock_id: int) -> int:
        """Percent."""
        return (await self._call("battery", {"lockId": lock_id}, a.BatteryReply)).electric_quantity

    async def gateways(self, *, page: int = 1, size: int = 20) -> a.GatewaysReply:
        return await self._call("gateways", _page(page, size), a.GatewaysReply)

    async def gateway_locks(self, gateway_id: int) -> list[a.NearRow]:
        return (await self._call("gateway_locks", {"gatewayId": gateway_id}, a.NearReply)).rows

    # Records

    async def upload_records(self, lock_id: int, records: Sequence[Mapping[str, object]]) -> None:
        """As the vendor's SDK reads them from a lock: recordType, lockDate in ms, and what else it knows."""
        parameters: Parameters = {"lockId": lock_id, "records": json.dumps(list(records))}
        await self._call("upload_records", parameters, wire.Done)

    async def records(
        self, lock_id: int, *, start: int = 0, end: int = 0, page: int = 1, size: int = 20
    ) -> a.RecordsReply:
        """Between two dates in ms, 0: open."""
        parameters = _page(page, size) | {"lockId": lock_id, "startDate": start, "endDate": end}
        return await self._call("records", parameters, a.RecordsReply)

    # Locks

    async def detail(self, lock_id: int) -> wire.DetailReply:
        return await self._call("detail", {"lockId": lock_id}, wire.DetailReply)

    async def add_passcode(
        self, lock_id: int, code: str, start: int, end: int, *, name: str | None = None, how: int = 1
    ) -> int:
        """A passcode for a lock (ms; 0 and 0: permanent). Its number.

        `how`: 1 it is in the lock already, 2 a gateway shall write it.
        """
        parameters: Parameters = {
            "lockId": lock_id,
            "keyboardPwd": code,
            "keyboardPwdName": name,
            "keyboardPwdType": 3 if end else 2,
            "startDate": start,
            "endDate": end,
            "addType": how,
        }
        return (await self._call("add_passcode", parameters, wire.PasscodeReply)).keyboard_pwd_id

    async def get_passcode(self, lock_id: int, kind: int, start: int, end: int | None = None) -> a.CodeReply:
        """A passcode that the cloud generates; `kind`: 1 once, 2 permanent, 3 period, ... (ms)."""
        parameters: Parameters = {
            "lockId": lock_id,
            "keyboardPwdType": kind,
            "keyboardPwdVersion": 4,
            "startDate": start,
            "endDate": end,
        }
        return await self._call("get_passcode", parameters, a.CodeReply)

    async def change_passcode(
        self,
        lock_id: int,
        number: int,
        *,
        code: str | None = None,
        name: str | None = None,
        start: int | None = None,
        end: int | None = None,
        how: int = 1,
    ) -> None:
        parameters: Parameters = {
            "lockId": lock_id,
            "keyboardPwdId": number,
            "newKeyboardPwd": code,
            "keyboardPwdName": name,
            "startDate": start,
            "endDate": end,
            "changeType": how,
        }
        await self._call("change_passcode", parameters, wire.Done)

    async def delete_passcode(self, lock_id: int, number: int, *, how: int = 1) -> None:
        parameters: Parameters = {"lockId": lock_id, "keyboardPwdId": number, "deleteType": how}
        await self._call("delete_passcode", parameters, wire.Done)

    async def delete_code(self, lock_id: int, code: str, *, how: int = 1) -> None:
        parameters: Parameters = {"lockId": lock_id, "keyboardPwd": code, "deleteType": how}
        await self._call("delete_code", parameters, wire.Done)

    async def passcodes(
        self, lock_id: int, *, page: int = 1, size: int = 200, search: str | None = None
    ) -> a.PasscodesReply:
        """Newest first."""
        parameters = _page(page, size) | {"lockId": lock_id, "searchStr": search, "orderBy": 1}
        return await self._call("passcodes", parameters, a.PasscodesReply)

    async def upload_passcodes(self, lock_id: int, found: Sequence[Mapping[str, object]]) -> None:
        """All that the lock holds: keyboardPwd, and startDate and endDate in ms."""
        parameters: Parameters = {"lockId": lock_id, "keyboardPwdList": json.dumps(list(found))}
        await self._call("upload_passcodes", parameters, wire.Done)

    async def update_lock_data(self, lock_id: int, lock_data: str) -> None:
        await self._call("update_lock_data", {"lockId": lock_id, "lockData": lock_data}, wire.Done)

    async def upgrade_check(self, lock_id: int) -> wire.UpgradeReply:
        return await self._call("upgrade_check", {"lockId": lock_id}, wire.UpgradeReply)

    async def upgrade_recheck(self, lock_id: int, lock_data: str) -> wire.UpgradeReply:
        parameters: Parameters = {"lockId": lock_id, "lockData": lock_data}
        return await self._call("upgrade_recheck", parameters, wire.UpgradeReply)

    async def upgrade_package(self, lock_id: int) -> tuple[str, str]:
        """(address, key) of the firmware for this lock.

        CloudRefused with errcode 1 when there is nothing newer; PackageError without an address or a key.
        """
        reply = await self._call("upgrade_package", {"lockId": lock_id}, wire.PackageReply)
        if not reply.url or not reply.decryption_key:
            raise wire.PackageError("the cloud gave no address or no key of the firmware package")
        return reply.url, wire.open_key(reply.decryption_key)

    async def recover_data(self, lock_id: int) -> a.RecoverReply:
        return await self._call("recover_data", {"lockId": lock_id}, a.RecoverReply)

    async def upgrade_success(self, lock_id: int, lock_data: str) -> None:
        await self._call("upgrade_success", {"lockId": lock_id, "lockData": lock_data}, wire.Done)

    async def download(self, url: str) -> bytes:
        """The whole file. BadAddress or DownloadFailed."""
        address = _address(url)
        self._allow_download(url)
        try:
            async with self._session().get(address) as answer:
                if answer.status != 200:
                    raise DownloadFailed(f"the download answered with HTTP status {answer.status}")
                data = await _content(answer, LARGEST)
                if len(data) > LARGEST:
                    raise DownloadFailed(f"the file is larger than {LARGEST} bytes")
                return data
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise DownloadFailed(f"the download broke off: {_reason(error)}") from error

    # Requests

    async def _call(self, name: str, parameters: Parameters, reply: type[R]) -> R:
        signed = {
            "clientId": self.client_id,
            "accessToken": self.access_token,
            "date": round(self._now() * 1000),
            **parameters,
        }
        return await self._post(name, signed, reply)

    async def _post(self, name: str, parameters: Parameters, reply: type[R]) -> R:
        form = {key: str(value) for key, value in parameters.items() if value is not None}
        address = _address(self._base + _PATHS[name].path)
        self._allow(str(address))
        try:
            async with self._session().post(address, data=form) as answer:
                status, text = answer.status, await _content(answer, LARGEST_REPLY)
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            raise CloudUnreachable(f"no answer from the cloud: {_reason(error)}") from error
        if status != 200:
            raise CloudStatus(status)
        if len(text) > LARGEST_REPLY:
            raise CloudReplyError(f"the cloud's answer is larger than {LARGEST_REPLY} bytes")
        return _read(text, reply)

    def _session(self) -> aiohttp.ClientSession:
        if self._http is None:
            raise RuntimeError("a TtlockCloud is used inside `async with`")
        return self._http


async def _content(answer: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body, unpacked; of one beyond the limit little more than that."""
    data = bytearray()
    async for part in answer.content.iter_any():
        data += part
        if len(data) > limit:
            break
    return bytes(data)


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _page(number: int, size: int) -> dict[str, str | int | None]:
    return {"pageNo": number, "pageSize": size}


def _read(text: bytes, reply: type[R]) -> R:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        raise CloudReplyError("the cloud's answer is no JSON") from None
    if not isinstance(body, dict):
        raise CloudReplyError("the cloud's answer is no JSON object")
    errcode = body.get("errcode", 0)
    if not isinstance(errcode, int):
        raise CloudReplyError(f"errcode is {errcode!r}, not a number")
    if errcode:
        raise CloudRefused(errcode, str(body.get("errmsg", "")))
    try:
        return reply.model_validate(body)
    except ValidationError as error:
        fields = sorted({str(row["loc"][0]) for row in error.errors() if row["loc"]})
        raise CloudReplyError(f"the cloud's answer is wrong in {', '.join(fields)}") from None


def _address(text: str) -> URL:
    try:
        address = URL(text)
        if address.scheme not in ("http", "https") or not address.host:
            raise ValueError
    except ValueError:
        raise BadAddress(f"{text!r} is no http address") from None
    return address


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
