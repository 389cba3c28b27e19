"""The administrator's key that a call of the plug-in is given: lockData, understood (ttlock-ble 7)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.lockdata import USER, LockData, LockDataError, LockVersion

from lockbench_harness.client.call import Failed, text
from lockbench_harness.client.operations import Keys
from lockbench_harness.client.wire import Header

__all__ = ["Key", "admin_key"]


@dataclass(frozen=True, slots=True)
class Key:
    """An administrator's lockData, understood."""

    lock: LockData
    keys: Keys
    header: Header
    zone: timedelta  # lock-local time minus UTC
    features: int | None  # the feature bits as one number; None when lockData does not hold them

    @property
    def address(self) -> str:
        return self.lock.lock_mac

    def needs(self, *features: Feature) -> None:
        """11004 when lockData says that the lock lacks one; what it does not say may be."""
        for feature in features:
            if self.features is not None and not self.features >> feature & 1:
                raise Failed(11004, f"the lock lacks the feature {feature.name}")


def admin_key(option: Mapping[str, object]) -> Key:
    """The key in `lockData`. 10006 when it does not decode, 11006 when it holds no credentials (as the one
    that an upgrade returns, which is for upload only), 11005 of a user, 10009 of another generation, 10000
    when it ends before it begins, 10005 for the rest. Version 3.1.0 has one code, 10005, for most of
    these."""
    try:
        lock = LockData.decode(text(option, "lockData"))
    except LockDataError as error:
        raise Failed(10006, str(error)) from None
    if lock.user_type == USER:
        raise Failed(11005, "lockData belongs to a user's key")
    version = lock.lock_version or LockVersion()
    if (version.protocol_type, version.protocol_version) != (5, 3):
        raise Failed(10009, "lockData is not of a third-generation lock")
    if 0 < (lock.end_date or 0) < (lock.start_date or 0):
        raise Failed(10000, "the key in lockData ends before it begins")
    return Key(
        lock,
        Keys(
            lock.aes_key or _lacking("aesKeyStr"),
            _secret(lock.admin_pwd, "adminPwd"),
            _secret(lock.lock_key, "lockKey"),
            _within(lock.lock_flag_pos or 0, 0xFFFFFF, "lockFlagPos"),
            _within(lock.uid or 0, 0xFFFFFFFF, "uid"),
        ),
        Header(
            scene=_within(version.scene, 0xFF, "scene"),
            group=_within(version.group_id, 0xFFFF, "groupId"),
            org=_within(version.org_id, 0xFFFF, "orgId"),
        ),
        timedelta(milliseconds=_within(lock.timezone_raw_offset or 0, 86_400_000, "timezoneRawOffset")),
        _features(lock.feature_value),
    )


def _lacking(name: str) -> NoReturn:
    raise Failed(11006, f"{name} in lockData is missing or wrong")


def _invalid(name: str) -> NoReturn:
    raise Failed(10005, f"{name} in lockData is wrong")


def _secret(digits: str | None, name: str) -> int:
    if digits is None or not re.fullmatch(r"[0-9]{1,10}", digits):
        _lacking(name)
    return _within(int(digits), 0xFFFFFFFF, name)


def _within(value: int, limit: int, name: str) -> int:
    if abs(value) > limit or (value < 0 and name != "timezoneRawOffset"):
        _invalid(name)
    return value


def _features(value: str | None) -> int | None:
    if value is None:
        return None
    if not re.fullmatch(r"[0-9A-Fa-f]{1,64}", value):
        _invalid("featureValue")
    return int(value, 16)
