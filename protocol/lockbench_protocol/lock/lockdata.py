"""The lockData blob: what the vendor's clients keep about a lock, both ways (ttlock-ble 7.1).

The outside is base64 of AES over JSON, with the six bytes of the MAC behind it, from which the key comes: it
hides, it does not protect. The JSON is read in any order of its fields and written in the order of `ROWS`,
without blanks and without the fields that are None. Unknown fields travel along in `others`.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from random import Random
from typing import Any

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.lock.cipher import CipherError, cipher
from lockbench_protocol.lock.obfuscation import choose_seed, decode_field, encode_field
from lockbench_protocol.nesting import is_shallow

ADMIN = 110301
USER = 110302
"""The two values of userType."""

Json = str | int | float | bool | None | list["Json"] | dict[str, "Json"]


class LockDataError(RemoteError):
    """The text is no lockData: the sentence says which layer or field does not decode."""


@dataclass(frozen=True, slots=True)
class LockVersion:
    """The header values of the lock's frames (ttlock-ble 3.1)."""

    protocol_type: int = 5
    protocol_version: int = 3
    scene: int = 1
    group_id: int = 1
    org_id: int = 1


@dataclass(frozen=True, slots=True)
class YearCode:
    """What generated passcodes of one year are made from (ttlock-ble 5.10)."""

    year: int  # two digits
    code: int  # 0 to 1070
    secret: str  # ten digits, leading zero kept
    delete_date: int | None = None  # ms


@dataclass(frozen=True, slots=True, kw_only=True)
class LockData:
    """One lock and one key to it. A field that the blob does not hold is None."""

    lock_mac: str  # "C2:11:22:33:44:55"
    lock_name: str | None = None
    uid: int | None = None
    user_type: int | None = None  # ADMIN or USER
    lock_version: LockVersion | None = None
    admin_pwd: str | None = None  # ten digits
    lock_key: str | None = None  # ten digits
    lock_flag_pos: int | None = None
    no_key_pwd: str | None = None  # the administrator's keypad code
    delete_pwd: str | None = None
    pwd_info: tuple[YearCode, ...] | None = None  # needs timestamp
    timestamp: int | None = None  # ms
    aes_key: bytes | None = None  # 16 bytes
    special_value: int | None = None
    feature_value: str | None = None  # hex, upper case
    start_date: int | None = None  # ms, 0 = permanent
    end_date: int | None = None  # ms, 0 = permanent
    electric_quantity: int | None = None  # percent
    timezone_raw_offset: int | None = None  # ms
    model_num: str | None = None
    hardware_revision: str | None = None
    firmware_revision: str | None = None
    version: str | None = None  # of the blob, "1.0"
    factory_date: str | None = None  # yyyyMMdd
    ref: str | None = None  # last five characters of the MAC, then factory_date
    auto_lock_time: int | None = None  # s, -1 = off
    others: Mapping[str, Json] = field(default_factory=dict)  # the rest, as it stands in the JSON

    def encode(self, chance: Random) -> str:
        """The blob. `chance` gives the seeds of the obfuscated fields."""
        return seal_blob(to_json(self, chance))

    @classmethod
    def decode(cls, blob: str) -> LockData:
        """The lock of a blob; LockDataError when it is none."""
        return from_json(open_blob(blob))


def blob_key(mac: str) -> bytes:
    """Key and IV of the blob: the MAC as text without its character 9. LocalError for another form."""
    parts = mac.split(":")
    if len(parts) != 6 or not all(len(part) == 2 and set(part) <= set("0123456789ABCDEF") for part in parts):
        raise LocalError(f"a MAC looks like C2:11:22:33:44:55, not {mac!r}")
    return (mac[:9] + mac[10:]).encode("ascii")


def open_blob(blob: str) -> dict[str, Json]:
    """The JSON inside, fields still encoded. LockDataError when a layer does not decode."""
    try:
        data = base64.b64decode(blob, validate=True)
    except (binascii.Error, ValueError):
        raise LockDataError("lockData is not base64") from None
    if len(data) < 22:
        raise LockDataError(f"lockData has {len(data)} bytes, at least 22 are needed")
    mac = data[-6:].hex(":").upper()
    try:
        body = json.loads(cipher(blob_key(mac)).decrypt(data[:-6]).decode("utf-8"))
        json.dumps(body, ensure_ascii=False).encode("utf-8")  # refuses escaped half characters
    except (CipherError, ValueError, RecursionError):
        raise LockDataError("lockData does not decrypt to JSON under the MAC at its end") from None
    if not isinstance(body, dict) or not is_shallow(body):
        raise LockDataError("the JSON in lockData is no object, or one too deep")
    if body.get("lockMac", mac) != mac:
        raise LockDataError(f"lockData names the lock {body['lockMac']!r} inside and {mac} at its end")
    return {**body, "lockMac": mac}


def seal_blob(body: Mapping[str, Json]) -> str:
    """The blob of these JSON fields, which name their lockMac."""
    mac = str(body["lockMac"])
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    data = cipher(blob_key(mac)).encrypt(text.encode())
    return base64.b64encode(data + bytes.fromhex(mac.replace(":", ""))).decode("ascii")


def to_json(data: LockData, chance: Random) -> dict[str, Json]:
    """The JSON fields of a lock, without those that are None. LocalError for what has no JSON form."""
    body: dict[str, Json] = {}
    for name, attribute, kind in ROWS:
        value = getattr(data, attribute)
        if value is not None:
            body[name] = kind.write(value, data, chance)
    return body | dict(data.others)


def from_json(body: Mapping[str, Json]) -> LockData:
    """The lock that these JSON fields describe; LockDataError names the field that is wrong."""
    values: dict[str, Any] = {}  # the rows give each attribute its type
    for name, attribute, kind in ROWS:
        value = body.get(name)
        if value is None:
            continue
        try:
            values[attribute] = kind.read(value, body)
        except (RemoteError, LocalError, ValueError, TypeError, KeyError):
            raise LockDataError(f"{name} in lockData does not decode") from None
    if "lock_mac" not in values:
        raise LockDataError("lockData names no lockMac")
    known = {name for name, _, _ in ROWS}
    values["others"] = {name: value for name, value in body.items() if name not in known}
    return LockData(**values)


def open_pwd_info(text: str, timestamp: int) -> tuple[YearCode, ...]:
    """The year codes of a pwdInfo text; LockDataError when it does not decode."""
    try:
        rows = json.loads(cipher(_stamp_key(timestamp)).decrypt(base64.b64decode(text, validate=True)))
        return tuple(
            YearCode(
                _number(row["year"]),
                _number(row["code"]),
                _text(row["secretKey"]),
                _number(row["deleteDate"]) if "deleteDate" in row else None,
            )
            for row in rows
        )
    except (CipherError, ValueError, TypeError, KeyError, RecursionError):
        raise LockDataError("pwdInfo does not decode under its timestamp") from None


def seal_pwd_info(codes: tuple[YearCode, ...], timestamp: int) -> str:
    """The pwdInfo text of these year codes; key and IV are the timestamp (ms) filled up with zeros."""
    rows = [
        {"year": code.year, "code": code.code, "secretKey": code.secret}
        | ({} if code.delete_date is None else {"deleteDate": code.delete_date})
        for code in codes
    ]
    body = json.dumps(rows, separators=(",", ":")).encode()
    return base64.b64encode(cipher(_stamp_key(timestamp)).encrypt(body)).decode("ascii")


def _stamp_key(timestamp: int) -> bytes:
    digits = str(timestamp)
    if timestamp < 0 or len(digits) > 16:
        raise LocalError(f"a timestamp has 1 to 16 digits, not {digits!r}")
    return digits.ljust(16, "0").encode("ascii")


# How a kind of field is read and written ------------------------------------------------------------------


def _text(value: Json) -> str:
    if not isinstance(value, str):
        raise TypeError
    return value


def _number(value: Json) -> int:
    """Whole numbers, also those written as text."""
    if isinstance(value, str) and value.isascii() and value.removeprefix("-").isdigit():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError
    return value


def _read_key(value: Json) -> bytes:
    key = bytes.fromhex(_text(value).replace(",", ""))
    if len(key) != 16:
        raise ValueError
    return key


def _read_version(value: Json) -> LockVersion:
    if not isinstance(value, dict):
        raise TypeError
    return LockVersion(*(_number(value[name]) for name in _VERSION))


def _read_pwd_info(value: Json, body: Mapping[str, Json]) -> tuple[YearCode, ...]:
    return open_pwd_info(_text(value), _number(body["timestamp"]))


def _write_pwd_info(value: tuple[YearCode, ...], data: LockData) -> str:
    if data.timestamp is None:
        raise LocalError("pwdInfo is sealed with a timestamp, and there is none")
    return seal_pwd_info(value, data.timestamp)


def _write_version(value: LockVersion) -> dict[str, Json]:
    return dict(zip(_VERSION, astuple(value), strict=True))


_VERSION = ("protocolType", "protocolVersion", "scene", "groupId", "orgId")


@dataclass(frozen=True, slots=True)
class _Kind:
    read: Callable[[Json, Mapping[str, Json]], object]  # the value and the whole object
    write: Callable[[Any, LockData, Random], Json]  # Any: the attribute of the row


TEXT = _Kind(lambda value, _: _text(value), lambda value, *_: value)
NUMBER = _Kind(lambda value, _: _number(value), lambda value, *_: value)
SECRET = _Kind(
    lambda value, _: decode_field(_text(value)),
    lambda value, _, chance: encode_field(value, choose_seed(chance)),
)
KEY = _Kind(lambda value, _: _read_key(value), lambda value, *_: value.hex(","))
VERSION = _Kind(lambda value, _: _read_version(value), lambda value, *_: _write_version(value))
YEARS = _Kind(_read_pwd_info, lambda value, data, _: _write_pwd_info(value, data))

ROWS: tuple[tuple[str, str, _Kind], ...] = (
    ("uid", "uid", NUMBER),
    ("lockName", "lock_name", TEXT),
    ("lockMac", "lock_mac", TEXT),
    ("userType", "user_type", NUMBER),
    ("lockVersion", "lock_version", VERSION),
    ("adminPwd", "admin_pwd", SECRET),
    ("lockKey", "lock_key", SECRET),
    ("lockFlagPos", "lock_flag_pos", NUMBER),
    ("noKeyPwd", "no_key_pwd", TEXT),
    ("deletePwd", "delete_pwd", TEXT),
    ("pwdInfo", "pwd_info", YEARS),
    ("timestamp", "timestamp", NUMBER),
    ("aesKeyStr", "aes_key", KEY),
    ("specialValue", "special_value", NUMBER),
    ("featureValue", "feature_value", TEXT),
    ("startDate", "start_date", NUMBER),
    ("endDate", "end_date", NUMBER),
    ("electricQuantity", "electric_quantity", NUMBER),
    ("timezoneRawOffset", "timezone_raw_offset", NUMBER),
    ("modelNum", "model_num", TEXT),
    ("hardwareRevision", "hardware_revision", TEXT),
    ("firmwareRevision", "firmware_revision", TEXT),
    ("version", "version", TEXT),
    ("factoryDate", "factory_date", TEXT),
    ("ref", "ref", SECRET),
    ("autoLockTime", "auto_lock_time", NUMBER),
)
"""JSON name, attribute, kind: the order in which they are written."""
