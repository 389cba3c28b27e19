"""The bench's hands on the dding SaaS: what no endpoint of the document reaches, by name and from Python.

Public methods are the operations of `/_bench/dding/`; their arguments are the fields of its body. They raise
`Refused` with the codes of dding V1.6 3.1, those of binding (15008 to 15011) included.
"""

from __future__ import annotations

import hashlib
from functools import partial
from typing import Literal

from lockbench_protocol.cloud.dding import codes
from lockbench_protocol.cloud.dding import replies as a
from lockbench_protocol.cloud.dding.endpoints import Role

from lockbench_emulator.cloud.dding.agent import Hands
from lockbench_emulator.cloud.dding.battery import Alarms
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.core import LOCKS, Refused
from lockbench_emulator.cloud.outbox import LOOPBACK, host_of
from lockbench_emulator.cloud.times import SkippingClock, Times

Json = dict[str, object]


class DdingBench:
    def __init__(self, cloud: Dding, hands: Hands | None = None, clock: SkippingClock | None = None) -> None:
        self._cloud = cloud
        self._core = cloud.core
        self._store = cloud.core.store
        self._people = hands
        self._clock = clock

    # Time

    def now(self) -> int:
        """ms since 1970."""
        return self._core.millis()

    def advance(self, seconds: float) -> int:
        """Put the cloud's clock forward; what falls due meanwhile is done at its time. How many pieces."""
        try:
            return Times(self._hold(), [self._cloud], self._core.news).advance(seconds)
        except ValueError:
            raise Refused(codes.BAD_PARAMETER) from None

    def freeze(self) -> None:
        """Stop the cloud's clock; `advance` still moves it."""
        self._hold().freeze()

    def thaw(self) -> None:
        """Let the clock go on from where it stands."""
        self._hold().thaw()
        self._core.news()

    def _hold(self) -> SkippingClock:
        if self._clock is None:
            raise Refused(codes.NOT_IMPLEMENTED)
        return self._clock

    # Tenants

    def add_client(
        self, client_id: str, secret: str, tenant: str, role: Role = Role.ADMIN, name: str = ""
    ) -> None:
        """A pair of a tenant, which comes into being with its first."""
        with self._store.transaction():
            self._store.run("INSERT OR IGNORE INTO dding_tenants VALUES (?, '')", tenant)
            self._store.run(
                "INSERT OR REPLACE INTO dding_clients VALUES (?, ?, ?, ?, ?)",
                *(client_id, secret, tenant, role.value, name or client_id),
            )

    def set_role(self, client_id: str, role: Role) -> None:
        self._found(
            self._store.run("UPDATE dding_clients SET role = ? WHERE client_id = ?", role.value, client_id)
        )

    def set_callback_url(self, tenant: str, url: str) -> None:
        """Where events of the tenant go; empty: nowhere. Loopback only, unless the policy says otherwise."""
        host = host_of(url) if url else LOOPBACK[0]
        if host is None:
            raise Refused(codes.BAD_PARAMETER)
        if host not in LOOPBACK and not self._core.policy.private_callbacks:
            raise Refused(codes.NOT_PERMITTED)
        self._found(
            self._store.run("UPDATE dding_tenants SET callback_url = ? WHERE tenant = ?", url, tenant)
        )

    # Devices

    def bind_device(
        self,
        tenant: str,
        uuid: str,
        type: a.DeviceKind,  # noqa: A002 - the name of the field in find_home_device
        home_id: str,
        room_id: str = "",
        gateway: str = "",
        name: str = "",
        model: str = "",
        brand: str = "dding",
    ) -> None:
        """Bind a gateway to a home, or a lock to a home or room and to a gateway: the first, or named."""
        with self._store.transaction():
            self._check_free(tenant, uuid)
            self._core.home(tenant, home_id)
            if type == "room_lock":
                self._core.room(tenant, room_id, home_id)
            room_id = room_id if type == "room_lock" else ""
            gateway = self._check_place(tenant, type, home_id, room_id, gateway)
            digest = hashlib.sha256(uuid.encode()).hexdigest()
            now = self._core.seconds()
            self._store.run(
                "INSERT INTO dding_devices (uuid, tenant, home_id, room_id, type, gateway, sn, mac, name,"
                " model, brand,"
                " versions, bind_time, online, onoff_time, power, power_time, battery, wrong, next_id)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, -1, ?, ?, 0, ?)",
                *(uuid, tenant, home_id, room_id, type, gateway),
                *(digest[:16].upper(), ":".join(digest[i : i + 2] for i in range(16, 28, 2)).upper()),
                *(name or uuid[:8], model or type, brand, a.Versions().model_dump_json(), now, now, now),
                *(Alarms().text(), a.FIRST_ID),
            )
            device = self._core.device(tenant, uuid)
            if self._core.policy.later:
                self._core.emit(device, "deviceInstall")
            if type in LOCKS and self._cloud.agent.admin_code(uuid) is not None:
                payload = {"what": "sync", "at": self._core.millis(), "values": {}}
                self._core.work(self._core.millis() + self._core.policy.delay, "sync", uuid, payload)

    def _check_free(self, tenant: str, uuid: str) -> None:
        row = self._core.bound(uuid)
        if row is not None:
            raise Refused(codes.DEVICE_EXISTS if row["tenant"] == tenant else codes.DEVICE_TAKEN)

    def _check_place(self, tenant: str, kind: a.DeviceKind, home_id: str, room_id: str, gateway: str) -> str:
        """The gateway of a new lock; "" for a gateway."""
        first = self._cloud.devices.first_centre(tenant, home_id)
        if kind == "gateway":
            if first is not None and not self._core.policy.several_centres:
                raise Refused(codes.HOME_HAS_CENTRE)
            return ""
        if self._store.one(
            "SELECT 1 FROM dding_devices"
            " WHERE tenant = ? AND home_id = ? AND room_id = ? AND type != 'gateway'",
            *(tenant, home_id, room_id),
        ):
            raise Refused(codes.ROOM_HAS_LOCK)
        centre = self._core.device(tenant, gateway) if gateway else first
        if centre is None or centre["type"] != "gateway" or centre["home_id"] != home_id:
            raise Refused(codes.NOT_FOUND)
        return str(centre["uuid"])

    def unbind_device(self, tenant: str, uuid: str) -> None:
        with self._store.transaction():
            self._cloud.homes.unbind(self._core.device(tenant, uuid))

    def reconfigure_lock(self, tenant: str, uuid: str) -> None:
        """Unbind a lock and bind it again; it keeps its administrator code, which comes back by pwdSync."""
        row = self._core.device(tenant, uuid)
        self.unbind_device(tenant, uuid)
        self.bind_device(
            tenant, uuid, row["type"], row["home_id"], row["room_id"], row["gateway"], row["name"]
        )

    def set_line(self, uuid: str, online: bool) -> None:  # noqa: FBT001 - a field of the body
        with self._store.transaction():
            self._cloud.devices.set_line(uuid, online=online)

    # Installation

    def assign_installer(
        self,
        tenant: str,
        home_id: str,
        name: str | None = None,
        phone: str | None = None,
        date: int | None = None,
        time: int | None = None,
        note: str | None = None,
    ) -> None:
        """The installer's side of the order, and install_state 3."""
        self._install(tenant, home_id, a.OrderStage.ACTIVE, name, phone, date, time, note)

    def confirm_order(
        self,
        tenant: str,
        home_id: str,
        name: str | None = None,
        phone: str | None = None,
        date: int | None = None,
        time: int | None = None,
        note: str | None = None,
    ) -> None:
        """As `assign_installer`, and nobody may change the order any more."""
        self._install(tenant, home_id, a.OrderStage.CONFIRMED, name, phone, date, time, note)

    def _install(
        self,
        tenant: str,
        home_id: str,
        stage: a.OrderStage,
        name: str | None,
        phone: str | None,
        date: int | None,
        time: int | None,
        note: str | None,
    ) -> None:
        fresh = {"name": name, "phone": phone, "confirm_time": time, "note": note}
        fresh["confirm_date"] = None if date is None else self._cloud.orders.day(date)
        with self._store.transaction():
            self._core.home(tenant, home_id)
            self._cloud.orders.change(tenant, home_id, "installer", fresh, stage)
            self._set_install(tenant, home_id, a.InstallState.ASSIGNED)

    def finish_installation(self, tenant: str, home_id: str) -> None:
        with self._store.transaction():
            self._core.home(tenant, home_id)
            self._set_install(tenant, home_id, a.InstallState.FINISHED)

    def _set_install(self, tenant: str, home_id: str, state: a.InstallState) -> None:
        self._store.run(
            "UPDATE dding_homes SET install_state = ? WHERE tenant = ? AND home_id = ?",
            *(state, tenant, home_id),
        )

    # What happens at the door

    def report_battery(self, uuid: str, level: int) -> None:
        """A reading, percent; -1: unknown."""
        if not -1 <= level <= 100:
            raise Refused(codes.BAD_PARAMETER)
        self._report(uuid, "battery", level=level)

    def force_lock(self, uuid: str) -> None:
        self._report(uuid, "broken")

    def press(self, uuid: str, code: str) -> bool:
        """Enter a code at a bench lock; whether it opened. The lock reports either."""
        with self._store.transaction():
            opened = self._hands().press(uuid, code, partial(self._cloud.devices.report, uuid))
            self._cloud.collect(uuid)
        return opened

    def local_password(
        self,
        uuid: str,
        op: Literal["add", "update", "delete"],
        password_id: int | None = None,
        code: str | None = None,
    ) -> int:
        """A code made, changed or removed at the keypad of a bench lock; its id."""
        hands = self._hands()
        if op != "delete" and (code is None or len(code) != 6 or not (code.isascii() and code.isdigit())):
            raise Refused(codes.BAD_PARAMETER)
        with self._store.transaction():
            if op == "add":
                password_id = self._cloud.devices.new_id(uuid)
            elif password_id is None or not self._known(uuid, password_id):
                raise Refused(codes.NOT_FOUND)
            if op == "delete":
                if password_id == a.ADMIN_ID:
                    raise Refused(codes.ADMIN_PASSWORD)
                if not hands.drop_code(uuid, password_id):
                    raise Refused(codes.NOT_FOUND)
                self._cloud.devices.report(uuid, "local_delete", password_id=password_id)
            else:
                if not hands.set_code(uuid, password_id, str(code)):
                    raise Refused(codes.DUPLICATE)
                self._cloud.devices.report(uuid, f"local_{op}", password_id=password_id, code=code)
        return password_id

    def _known(self, uuid: str, password_id: int) -> bool:
        return (
            self._store.one("SELECT 1 FROM dding_memory WHERE uuid = ? AND id = ?", uuid, password_id)
            is not None
        )

    def _report(self, uuid: str, what: str, **values: object) -> None:
        with self._store.transaction():
            self._cloud.devices.report(uuid, what, **values)

    def _hands(self) -> Hands:
        if self._people is None:
            raise Refused(codes.NOT_IMPLEMENTED)
        return self._people

    # What to look at

    def messages(self, tenant: str) -> list[Json]:
        """The text messages that would have been sent, codes left out."""
        rows = self._store.all("SELECT * FROM dding_messages WHERE tenant = ? ORDER BY number", tenant)
        return [
            {
                "phone": row["phone"],
                "uuid": row["uuid"],
                "password_id": row["password_id"],
                "time": row["at"],
                "code": "******",
            }
            for row in rows
        ]

    def callbacks(self, tenant: str) -> list[Json]:
        return self._cloud.outbox.journal(tenant)

    def redeliver(self, number: int) -> None:
        self._found(int(self._cloud.outbox.redeliver(number)))

    def remarks(self, tenant: str) -> list[Json]:
        """Spellings and liberties that were let pass, by client and endpoint."""
        rows = self._store.all(
            "SELECT r.* FROM dding_remarks r LEFT JOIN dding_clients c USING (client_id)"
            " WHERE c.tenant = ? ORDER BY client_id, endpoint, remark",
            tenant,
        )
        return [dict(row) for row in rows]

    def reset(self, tenant: str) -> None:
        """Forget the tenant's homes, what hangs on them, and its callbacks; its clients and tokens stay."""
        with self._store.transaction():
            for home in self._store.all("SELECT home_id FROM dding_homes WHERE tenant = ?", tenant):
                for device in self._cloud.homes.devices(tenant, home["home_id"]):
                    self._store.run("DELETE FROM dding_memory WHERE uuid = ?", device["uuid"])
                self._cloud.homes.remove(tenant, home["home_id"])
            self._cloud.outbox.forget(tenant)
            for table in ("operations", "events", "messages"):
                self._store.run(f"DELETE FROM dding_{table} WHERE tenant = ?", tenant)  # noqa: S608 - our own names

    def state(self, tenant: str) -> Json:
        """How much there is, for a look or a comparison."""
        tables = ("homes", "rooms", "devices", "operations", "events", "orders", "messages")
        return {
            **{table: self._store.count(f"dding_{table} WHERE tenant = ?", tenant) for table in tables},
            "outbox": self._cloud.outbox.count(tenant),
            "now": self._core.millis(),
            "next_due": self._cloud.next_due(),
            "policy": str(self._core.policy),
        }

    def _found(self, rows: int) -> None:
        if rows == 0:
            raise Refused(codes.NOT_FOUND)
