"""A whole lock as the air sees it: the application that the boot ROM picked, the OTA server, the flash.

Sans-IO, the `Device` of `gatt`. It routes characteristics, keeps the advertisement true, opens the DFU window
after 02, and lives through reboots and power cuts. Chance comes from `seed` alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from functools import lru_cache
from random import Random

from lockbench_protocol.lock import advertising as adv
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.telink.image import make_image

from lockbench_emulator.boot.board import load_board
from lockbench_emulator.boot.dialect import load_dialect
from lockbench_emulator.boot.factory import install, running_version
from lockbench_emulator.boot.flash import Flash, PowerCut
from lockbench_emulator.boot.server import OtaServer
from lockbench_emulator.boot.startup import power_up
from lockbench_emulator.gatt import (
    Advertise,
    Advertisement,
    AttCode,
    AttRefusal,
    Characteristic,
    Effect,
    Happened,
    Properties,
    Reboot,
    Service,
)
from lockbench_emulator.kept import Kept
from lockbench_emulator.lock import hands
from lockbench_emulator.lock.lock import NOTIFY, PROTOCOL, WRITE, Lock
from lockbench_emulator.lock.memory import Admin
from lockbench_emulator.lock.store import Store
from lockbench_emulator.parts import SOUND, Parts
from lockbench_emulator.profiles import LockProfile
from lockbench_emulator.quirks import Lag

EPOCH = datetime(2026, 1, 1)  # noqa: DTZ001 - a lock's clock has no zone
"""The local time of a lock when the bench starts."""

PARKING = 7  # scene of a lock whose arm a parked car keeps down (ttlock-ble 1.3, 1.4)
FACTORY_VERSION = "6.4.33"
FACTORY_SIZE = 8192  # bytes of the image that a new lock runs

_READ = Properties.READ
_LOCK = Service(
    "1910",
    (
        Characteristic(WRITE, Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE),
        Characteristic(NOTIFY, Properties.NOTIFY),
    ),
)
_FIXED = (
    Service("1800", (Characteristic("2a00", _READ),)),
    Service("180a", tuple(Characteristic(uuid, _READ) for uuid in ("2a24", "2a26", "2a27", "2a29"))),
    Service("180f", (Characteristic("2a19", _READ),)),
    _LOCK,
)


@lru_cache
def factory_image(board_name: str = "b87", version: str = FACTORY_VERSION) -> bytes:
    """The firmware that a new lock runs."""
    return make_image(FACTORY_SIZE, version, 0, mark_offset=load_board(board_name).mark_offset)


class LockDevice:
    """One emulated lock. `paired` gives it an owner whose secrets come from the seed."""

    def __init__(
        self,
        profile: LockProfile,
        *,
        seed: int = 0,
        address: str | None = None,
        paired: bool = True,
        epoch: datetime = EPOCH,
        parts: Parts = SOUND,
    ) -> None:
        self.profile = profile
        self.parts = parts
        self.chance = Random(seed)  # noqa: S311 - an emulated lock repeats itself
        drawn = bytes((0xC0 | self.chance.getrandbits(6), *self.chance.randbytes(5)))
        self._address = address or adv.mac_text(drawn)
        self.board = load_board(profile.model.board)
        self.dialect = parts.dialect(load_dialect(profile.dfu.dialect))
        self._ota = self.dialect.on_the_wire().characteristic
        self.flash = Flash(self.board.flash_size)
        install(self.flash, self.board, factory_image(profile.model.board))
        self.memory = parts.memory(self._store(), profile.log.capacity)
        self.memory.auto_lock = profile.settings.auto_lock
        self.clock = parts.clock(epoch, drift=profile.clock.drift_ppm)
        if Feature.NO_CLOCK in profile.features:
            self.clock.lose(0.0)
        self.battery = profile.advertising.battery
        if paired:
            self._adopt()
        self.memory.commit()
        self.lock: Lock
        self.server: OtaServer
        self.lives = 1  # runs of the bench
        self.alive = False
        self.online = False
        self._window_until: float | None = None
        self._lag = Lag(profile.quirks)
        self._shown: Advertisement | None = None
        self._boot()
        self._shown = self.advertisement()

    # what it is

    @property
    def address(self) -> str:
        return self._address

    @property
    def name(self) -> str:
        model = self.profile.model
        prefix, _, suffix = adv.name_of(model.name, self._address).rpartition("_")
        return f"{prefix}_{suffix.upper() if model.name_case == 'upper' else suffix}"

    @property
    def in_dfu(self) -> bool:
        """The DFU window is open, or a transfer runs."""
        return self._window_until is not None or self.server.busy

    @property
    def _asleep(self) -> bool:
        """A lock that does not advertise by itself, which nobody has touched (feature bit 21)."""
        sleeper = Feature.NO_ADVERTISEMENT in self.profile.features
        return sleeper and not self.lock.awake_until and not self.in_dfu

    def services(self) -> tuple[Service, ...]:
        return (*_FIXED, self.dialect.service())

    def advertisement(self) -> Advertisement | None:
        if not self.alive or self.online or self._asleep:
            return None
        policy = self.profile.advertising
        state = self.state()
        if self.in_dfu:
            manufacturer = adv.dfu_manufacturer_data(state, bytes.fromhex(policy.dfu_mark))
        else:
            version = bytes((PROTOCOL, self.profile.model.protocol_version))
            manufacturer = version + adv.manufacturer_data(state)[2:]
        return Advertisement(
            adv.advertisement(manufacturer, service=policy.service),
            adv.scan_response(self.name),
            policy.interval,
        )

    def state(self) -> adv.LockState:
        """What the manufacturer data tell."""
        battery = self._lag.battery(self.battery)
        return adv.LockState(self.profile.model.scene, self.flags(), battery, self._address)

    def flags(self) -> adv.Flag:
        flags = adv.Flag(0)
        if self._lag.is_open(self.memory.unlocked):
            flags |= adv.Flag.UNLOCKED
        if self.memory.unread or self.profile.quirks.records_flag == "stuck":
            flags |= adv.Flag.NEW_RECORDS
        if self.memory.admin is None:
            flags |= adv.Flag.SETTING
        if self.lock.awake_until:
            flags |= adv.Flag.TOUCHED
        if self.lock.obstructed and self.profile.model.scene == PARKING:
            flags |= adv.Flag.PARKED
        return flags

    # the air

    def connected(self, now: float) -> list[Effect]:
        self.online = True
        self._lag.connected(now)
        return self._live(now, lambda: self.lock.connected(now))

    def disconnected(self, now: float) -> list[Effect]:
        if not self.online:
            return []
        self.online = False
        return self._live(now, lambda: [*self.lock.disconnected(now), *self.server.disconnected(now)])

    def subscribe(self, characteristic: str, on: bool, now: float) -> list[Effect]:  # noqa: ARG002, FBT001 - the CCCD bit; links keep it
        return []

    def write(self, characteristic: str, value: bytes, now: float) -> list[Effect]:
        if characteristic == WRITE:
            return self._live(now, lambda: self._command(value, now))
        if characteristic == self._ota:
            return self._live(now, lambda: self._firmware(value, now))
        raise AttRefusal(AttCode.WRITE_NOT_PERMITTED)

    def read(self, characteristic: str, now: float) -> bytes:  # noqa: ARG002 - the shape of all events
        model = self.profile.model
        live = self.profile.advertising.battery_service == "live"
        values = {
            "2a00": self.name.encode(),
            "2a24": model.name.encode(),
            "2a26": self.lock.firmware.encode(),
            "2a27": model.hardware.encode(),
            "2a29": model.manufacturer.encode(),
            "2a19": bytes((self.battery if live else 100,)),
            self._ota: b"\x00",
        }
        if characteristic not in values:
            raise AttRefusal(AttCode.READ_NOT_PERMITTED)
        return values[characteristic]

    def advance(self, now: float) -> list[Effect]:
        return self._live(now, lambda: [*self.lock.advance(now), *self.server.advance(now)])

    def deadline(self) -> float | None:
        if not self.alive:
            return None
        due = (self.lock.deadline(), self.server.deadline(), self._window_until, self._lag.deadline())
        return min((at for at in due if at is not None), default=None)

    # hands

    def by_hand(self, hand: Callable[[Lock, float], list[Effect]], now: float) -> list[Effect]:
        """One of `lock.hands`, done to this lock."""

        def act() -> list[Effect]:
            before = self.memory.unlocked
            effects = hand(self.lock, now)
            self._lag.moved_by_hand(before, self.memory.unlocked, now)
            return effects

        return self._live(now, act)

    def enter_code(self, code: str, now: float) -> list[Effect]:
        """Type the code on the keypad and confirm it."""
        return self.by_hand(lambda lock, at: hands.enter_code(lock, code, at), now)

    def press_reset(self, now: float) -> list[Effect]:
        """The reset button inside: the owner is forgotten."""

        def forget(lock: Lock, _now: float) -> list[Effect]:
            lock.forget_owner()
            lock.happened("reset")
            return lock.finish()

        return self.by_hand(forget, now)

    def set_battery(self, percent: int, now: float) -> list[Effect]:
        self.battery = percent
        self.lock.battery = percent
        return self._settle([], now)

    def cut_power(self, now: float) -> list[Effect]:  # noqa: ARG002 - the shape of all events
        """Pull the battery: RAM is lost, and the clock where the profile says so."""
        return self._die() if self.alive else []

    def restore_power(self, now: float) -> list[Effect]:
        if self.alive:
            return []
        if self.profile.clock.lost_with_power:
            self.clock.lose(now)
        return self._settle(self._start(), now)

    def reset(self, now: float) -> list[Effect]:
        """The watchdog restarts the processor: RAM is lost, the clock goes on."""
        if not self.alive:
            return []
        self.lock.take()
        return self._settle([Reboot()], now)

    # between two runs

    def keep(self, now: float) -> Kept:
        return Kept.of(self, now)

    def resume(self, kept: Kept, gap: float) -> None:
        """Go on at 0 s as the lock that was kept, `gap` seconds later; its challenges are new ones.

        LocalError when the flash does not fit this board.
        """
        self.flash.restore(kept.flash)
        self.lives = kept.lives + 1
        self.chance.seed(f"{kept.address} {self.lives}")
        self.battery = kept.battery
        kept.set_clock(self, gap)
        self.memory.unlocked, self.memory.privacy = kept.unlocked, kept.privacy
        self._boot()
        if self.alive:
            kept.set_keypad(self.memory, gap, self.profile.passcodes.lockout)
            self.memory.commit()
        self.alive = self.alive and kept.powered
        self._shown = self.advertisement()

    # inside

    def _live(self, now: float, event: Callable[[], Iterable[Effect]]) -> list[Effect]:
        """Let one event happen, unless the device is dead; it may die of it."""
        if not self.alive:
            return []
        try:
            effects = list(event())
        except PowerCut:
            self.lock.take()
            return self._die()
        return self._settle(effects, now)

    def _settle(self, effects: list[Effect], now: float) -> list[Effect]:
        """What follows from the effects: the window, a reboot, the advertisement."""
        if self.lock.enters_dfu:
            self.lock.enters_dfu = False
            self._window_until = now + self.profile.dfu.window_seconds
        if self._window_until is not None and now >= self._window_until:
            self._window_until = None
        if any(isinstance(effect, Reboot) for effect in effects):
            self.online = False
            effects.extend(self._start())
        self._lag.pass_to(now)
        shown = self.advertisement()
        if shown != self._shown:
            self._shown = shown
            effects.append(Advertise(shown))
        return effects

    def _command(self, value: bytes, now: float) -> list[Effect]:
        return self.lock.receive(value, now, busy=self.server.busy)

    def _firmware(self, value: bytes, now: float) -> list[Effect]:
        if self.profile.dfu.gate and not self.in_dfu:
            return []
        self.lock.heard(now)
        return self.server.write(value, now)

    def _die(self) -> list[Effect]:
        """The supply is gone in the middle of whatever was going on."""
        self.alive = self.online = False
        self._window_until = None
        self._shown = None
        return [Reboot(), Happened("power", {"on": False}), Advertise(None)]

    def _start(self) -> list[Effect]:
        """From power to a running application, or to a brick."""
        try:
            self._boot()
        except PowerCut:
            self.alive = False
        if not self.alive:
            return [Happened("boot", {"bank": None})]
        return [Happened("boot", {"bank": self.bank, "version": self.lock.firmware})]

    def _boot(self) -> None:
        self._window_until = None
        bank = power_up(self.flash, self.board, self.dialect)
        self.alive = bank is not None
        if bank is None:
            return
        self.bank = bank
        self.memory.reopen(self._store())
        firmware = running_version(self.flash, self.board, bank)
        self.lock = self.parts.lock(
            self.profile, self.memory, self.clock, self.chance, self._address, firmware
        )
        self.lock.battery = self.battery
        self.server = self.parts.server(self.flash, self.board, self.dialect, bank)

    def _store(self) -> Store:
        """The data region of the flash, read afresh."""
        return Store(self.flash, self.board.data_region, self.board.flash_size)

    def _adopt(self) -> None:
        """An owner, as if an app had paired: secrets from the seed."""
        chance, memory = self.chance, self.memory
        memory.key = chance.randbytes(16)
        memory.admin = Admin(chance.randrange(1, 10**9), chance.randrange(1, 10**9))
        memory.admin_passcode = "".join(
            str(chance.randrange(10)) for _ in range(self.profile.passcodes.generated_digits)
        )
