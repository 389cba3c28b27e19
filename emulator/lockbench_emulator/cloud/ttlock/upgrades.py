"""Firmware of the TTLock cloud: the catalogue, what is offered to a lock, packages."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping

from lockbench_protocol.cloud import ttlock as wire
from lockbench_protocol.cloud.ttlock import NeedUpgrade
from lockbench_protocol.cloud.ttlock.replies import RecoverReply
from lockbench_protocol.cloud.ttlock.requests import OnPremiseRequest
from lockbench_protocol.lock.lockdata import Json
from lockbench_protocol.lock.obfuscation import choose_seed, encode_field
from lockbench_protocol.telink.image import numbers_of

from lockbench_emulator.cloud.ttlock.core import Caller, Core, Refused, open_data
from lockbench_emulator.cloud.ttlock.passcodes import Passcodes


class Upgrades:
    def __init__(self, core: Core, passcodes: Passcodes) -> None:
        self._core = core
        self._store = core.store
        self._passcodes = passcodes

    def add(self, model_num: str, hardware_revision: str, version: str, image: bytes) -> int:
        """Put an image into the catalogue; the number its package goes by."""
        number = self._core.new_id("firmware", "firmware_id")
        key = f"{self._core.millis()}".ljust(16, "0")[:16]
        self._store.run(
            "INSERT INTO firmware VALUES (?, ?, ?, ?, ?, ?)",
            *(number, model_num, hardware_revision, version, key, image),
        )
        return number

    def package(self, number: int) -> tuple[bytes, str] | None:
        """(image, key) of a package, None when there is none of this number."""
        row = self._store.one("SELECT image, key FROM firmware WHERE firmware_id = ?", number)
        return None if row is None else (row["image"], row["key"])

    # Handlers

    def upgrade_check(self, _request: wire.LockRequest, caller: Caller) -> wire.UpgradeReply:
        return self._verdict(self._core.data(caller.lock_id))

    def upgrade_recheck(self, request: wire.RecheckRequest, caller: Caller) -> wire.UpgradeReply:
        fresh = open_data(request.lock_data)
        older = {
            "modelNum": request.model_num,
            "hardwareRevision": request.hardware_revision,
            "firmwareRevision": request.firmware_revision,
        }
        fresh |= _firmware_info(request.firmware_info)
        fresh |= {name: value for name, value in older.items() if value is not None}
        return self._verdict(self._core.merge(caller.lock_id, fresh))

    def upgrade_package(self, _request: wire.LockRequest, caller: Caller) -> wire.PackageReply:
        newer = self._newer(self._core.data(caller.lock_id))
        if newer is None:
            raise Refused(1)  # the platform documents no code for "nothing newer"
        key = encode_field(newer["key"], choose_seed(self._core.chance))
        return wire.PackageReply(url=self._url(newer), decryption_key=key)

    def upgrade_success(self, request: wire.LockDataRequest, caller: Caller) -> wire.Done:
        newer = self._newer(self._core.data(caller.lock_id))
        data = open_data(request.lock_data)
        if newer is not None:
            data["firmwareRevision"] = newer["version"]
        self._core.merge(caller.lock_id, data)
        return wire.Done()

    def recover_data(self, _request: wire.LockRequest, caller: Caller) -> RecoverReply:
        """The cloud keeps no cards and no fingerprints."""
        rows = self._passcodes.rows(caller.lock_id)
        return RecoverReply(keyboard_pwd_list=rows, identity_card_list=[], fingerprint_list=[])

    def on_premise(self, _request: OnPremiseRequest, _caller: Caller) -> wire.UpgradeReply:
        raise Refused(-4043)

    def _verdict(self, data: Mapping[str, Json]) -> wire.UpgradeReply:
        if not all(data.get(name) for name in ("modelNum", "hardwareRevision", "firmwareRevision")):
            return wire.UpgradeReply(need_upgrade=NeedUpgrade.UNKNOWN)
        runs = wire.FirmwareInfo.model_validate(data)
        newer = self._newer(data)
        if newer is None:
            return wire.UpgradeReply(
                need_upgrade=NeedUpgrade.NO, firmware_info=runs, version=runs.firmware_revision
            )
        package = wire.seal_package(self._url(newer), newer["key"], choose_seed(self._core.chance))
        return wire.UpgradeReply(
            need_upgrade=NeedUpgrade.YES,
            firmware_info=runs,
            firmware_package=package,
            version=newer["version"],
        )

    def _newer(self, data: Mapping[str, Json]) -> sqlite3.Row | None:
        """The newest image of the catalogue for this model, when it is newer than what runs."""
        rows = self._store.all(
            "SELECT firmware_id, version, key FROM firmware WHERE model_num = ? AND hardware_revision = ?",
            *(str(data.get("modelNum")), str(data.get("hardwareRevision"))),
        )
        newest = max(rows, key=lambda row: numbers_of(row["version"]), default=None)
        if newest is None or numbers_of(newest["version"]) <= numbers_of(str(data.get("firmwareRevision"))):
            return None
        return newest

    def _url(self, firmware: sqlite3.Row) -> str:
        return f"{self._core.base_url}/packages/{firmware['firmware_id']}.bin"


def _firmware_info(text: str | None) -> dict[str, Json]:
    """The three texts of an older client's firmwareInfo."""
    if text is None:
        return {}
    try:
        return dict(wire.FirmwareInfo.model_validate_json(text).body())  # type: ignore[arg-type]  # its values are texts
    except ValueError:
        raise Refused(-3) from None
