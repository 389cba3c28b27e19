"""The bench's hands on the AIOT cloud: what no endpoint reaches, by name and from Python.

Public methods are the operations of `/_bench/aiot/`; their arguments are the fields of its body. They raise
`Refused` with the cloud's codes. The notice of new firmware and the history of upgrades, which the vendor's
page promises without a table, are here.
"""

from __future__ import annotations

import base64
import binascii
import json
from datetime import UTC, datetime

from lockbench_protocol import LocalError
from lockbench_protocol.cloud.aiot import codes
from lockbench_protocol.cloud.aiot.models import Seconds, Upgrade
from lockbench_protocol.cloud.aiot.pushes import CAUSES, DONE, FAILED
from lockbench_protocol.telink.image import MARK, VERSION_END, declared_size, numbers_of, version_of

from lockbench_emulator.cloud.aiot.agent import MemoryDevices
from lockbench_emulator.cloud.aiot.cloud import CLOUD, Aiot
from lockbench_emulator.cloud.aiot.core import Refused
from lockbench_emulator.cloud.outbox import LOOPBACK, host_of

Json = dict[str, object]
NOTICE = "NOTICE"
"""The method of a notice in the journal."""
MARK_PLACES = (0x08, 0x20)  # by kind of chip (telink-ota 6)


class AiotBench:
    def __init__(self, cloud: Aiot, devices: MemoryDevices | None = None) -> None:
        self._cloud = cloud
        self._core = cloud.core
        self._store = cloud.core.store
        self._devices = devices

    # Applications and users

    def add_app(self, appid: str, appkey: str, push_url: str = "") -> None:
        with self._store.transaction():
            self._store.run("INSERT OR REPLACE INTO aiot_apps VALUES (?, ?, '')", appid, appkey)
            self.set_push_url(appid, push_url)

    def set_push_url(self, appid: str, url: str) -> None:
        """Where the application's pushes go; empty: nowhere. Loopback, unless the policy says otherwise."""
        host = host_of(url) if url else LOOPBACK[0]
        if host is None:
            raise Refused(codes.BAD_FIELD)
        if host not in LOOPBACK and not self._core.policy.private_pushes:
            raise Refused(403)
        if not self._store.run("UPDATE aiot_apps SET push_url = ? WHERE appid = ?", url, appid):
            raise Refused(codes.BAD_APP)

    def grant(self, appid: str, open_id: str, seconds: Seconds | None = None) -> str:
        """A token with which the application acts for the user, for as long."""
        self._app(appid)
        token = f"{self._core.chance.getrandbits(128):032x}"
        life = self._core.policy.token_seconds if seconds is None else seconds
        self._store.run(
            "INSERT INTO aiot_tokens VALUES (?, ?, ?, ?)",
            *(token, appid, open_id, self._core.millis() + life * 1000),
        )
        return token

    def reset(self, appid: str) -> None:
        """Forget the application's devices, their upgrades and its pushes; its tokens stay."""
        self._app(appid)
        with self._store.transaction():
            own = "(SELECT number FROM aiot_upgrades WHERE appid = ?)"
            self._store.run(f"DELETE FROM aiot_work WHERE upgrade IN {own}", appid)  # noqa: S608 - our own words
            for table in ("aiot_upgrades", "aiot_devices"):
                self._store.run(f"DELETE FROM {table} WHERE appid = ?", appid)  # noqa: S608 - our own names
            self._cloud.outbox.forget(appid)

    # Devices

    def bind(
        self,
        appid: str,
        open_id: str,
        did: str,
        model: str,
        version: str,
        name: str = "",
        gateway: str = "",
        *,
        upgradable: bool = True,
    ) -> None:
        """Bind a device to a user; one that was unbound may have a new user."""
        self._app(appid)
        if gateway:
            self._core.device(appid, gateway)
        known = self._store.one("SELECT appid, open_id FROM aiot_devices WHERE did = ?", did)
        if known is not None and (known["open_id"] is not None or known["appid"] != appid):
            raise Refused(codes.FOREIGN_DEVICE)
        self._store.run(
            "INSERT INTO aiot_devices VALUES (?, ?, ?, ?, ?, ?, ?, 1, ?) ON CONFLICT (did) DO UPDATE SET"
            " open_id = excluded.open_id, name = excluded.name, version = excluded.version,"
            " model = excluded.model, gateway = excluded.gateway, upgradable = excluded.upgradable",
            *(did, appid, open_id, name or did, model, version, gateway, upgradable),
        )

    def unbind(self, did: str) -> None:
        """It stays registered with its application; what runs on it, or waits for it, has failed."""
        with self._store.transaction():
            self._known(did)
            self._store.run("UPDATE aiot_devices SET open_id = NULL WHERE did = ?", did)
            self._cloud.upgrades.lost(did, queued=True)

    def set_line(self, did: str, *, online: bool) -> None:
        """A gateway that is offline takes its devices with it."""
        with self._store.transaction():
            self._known(did)
            self._store.run("UPDATE aiot_devices SET online = ? WHERE did = ?", online, did)
            if not online:
                for row in self._store.all(
                    "SELECT did FROM aiot_devices WHERE did = ? OR gateway = ?", did, did
                ):
                    self._cloud.upgrades.lost(row["did"])

    def report_version(self, did: str, version: str) -> None:
        """What the device says that it runs, whatever the cloud believed."""
        self._known(did)
        self._store.run("UPDATE aiot_devices SET version = ? WHERE did = ?", version, did)

    def fail_device(self, did: str, percent: int, cause: str) -> None:
        """From now on the device, which has no bootloader, fails at this percentage; "" as cause: no more."""
        if self._devices is None or (cause and cause not in CAUSES):
            raise Refused(codes.BAD_FIELD)
        self._devices.trouble.pop(did, None)
        if cause:
            self._devices.trouble[did] = (percent, cause)

    # Firmware

    def publish(
        self,
        model: str,
        image: bytes | str,
        version: str = "",
        update_log: str = "",
        release_date: str = "",
    ) -> str:
        """Put an image, bytes or base64, into the catalogue and tell applications with such devices of it.

        The version that it goes by: the image's own unless given. Without one, or with a date that is no
        YYYY-MM-DD, 302.
        """
        data = _bytes(image)
        version = version or _version(data)
        if not numbers_of(version):
            raise Refused(codes.BAD_FIELD)
        with self._store.transaction():
            self._store.run(
                "INSERT INTO aiot_firmware (model, version, update_log, release_date, image)"
                " VALUES (?, ?, ?, ?, ?)"
                " ON CONFLICT (model, version) DO UPDATE SET update_log = excluded.update_log,"
                " release_date = excluded.release_date, image = excluded.image",
                *(model, version, update_log, self._date(release_date), data),
            )
            self._notify(model, version)
        return version

    def notices(self, appid: str) -> list[Json]:
        """The notices of new firmware that the application was due."""
        rows = self._store.all("SELECT * FROM journal WHERE cloud = ? AND method = ?", CLOUD, NOTICE)
        found = [{"at": row["at"]} | json.loads(row["parameters"]) for row in rows]
        return [row for row in found if row["appid"] == appid]

    def history(self, did: str) -> list[Json]:
        """The upgrades of a device that are over, oldest first, as `Upgrade`."""
        self._known(did)
        chinese = self._core.policy.language == "zh"
        return [
            Upgrade(
                firmware_version=row["version"],
                start=row["started"],
                end=row["ended"],
                upgrade_result=DONE if row["state"] == "done" else FAILED,
                cause=CAUSES[row["cause"]][chinese] if row["cause"] else "",
            ).model_dump(by_alias=True)
            for row in self._cloud.upgrades.history(did)
            if row["ended"] is not None
        ]

    def state(self, did: str) -> str:
        """Of its latest upgrade: queued, downloading, transferring, installing, done, failed; else idle."""
        self._known(did)
        rows = self._cloud.upgrades.history(did)
        return str(rows[-1]["state"]) if rows else "idle"

    # Pushes

    def pushes(self, appid: str) -> list[Json]:
        """The letters to the application with their tries."""
        return self._cloud.outbox.journal(appid)

    def redeliver(self, number: int) -> bool:
        """Send one that is not on its way once more; False: it is, or has no address."""
        return self._cloud.outbox.redeliver(number)

    def _app(self, appid: str) -> None:
        if self._store.one("SELECT 1 FROM aiot_apps WHERE appid = ?", appid) is None:
            raise Refused(codes.BAD_APP)

    def _known(self, did: str) -> None:
        if self._store.one("SELECT 1 FROM aiot_devices WHERE did = ?", did) is None:
            raise Refused(codes.NO_SUCH_DEVICE)

    def _notify(self, model: str, version: str) -> None:
        rows = self._store.all(
            "SELECT appid, did, version FROM aiot_devices WHERE model = ? AND open_id IS NOT NULL", model
        )
        for appid in sorted(
            {row["appid"] for row in rows if numbers_of(row["version"]) < numbers_of(version)}
        ):
            told = {"appid": appid, "deviceModel": model, "firmwareVersion": version}
            self._store.note(self._core.millis(), CLOUD, NOTICE, "firmware", told, 200, codes.OK)

    def _date(self, text: str) -> str:
        if not text:
            return datetime.fromtimestamp(self._core.millis() / 1000, UTC).strftime("%Y-%m-%d")
        try:
            return datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC).strftime("%Y-%m-%d")
        except ValueError:
            raise Refused(codes.BAD_FIELD) from None


def _bytes(image: bytes | str) -> bytes:
    if isinstance(image, bytes):
        return image
    try:
        return base64.b64decode(image, validate=True)
    except (binascii.Error, ValueError):
        raise Refused(codes.BAD_FIELD) from None


def _version(image: bytes) -> str:
    """The version inside a Telink image; 302 when it is none."""
    try:
        whole = declared_size(image) <= len(image)
    except LocalError:
        whole = False
    if not whole or not any(image[at : at + len(MARK)] == MARK for at in MARK_PLACES):
        raise Refused(codes.BAD_FIELD)
    return version_of(image[:VERSION_END])
