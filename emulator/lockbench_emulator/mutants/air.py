"""Locks that advertise what is not so (ttlock-ble 1), and the door to the bootloader (5.20)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from lockbench_protocol.lock import advertising as adv

from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Advertisement, Effect
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.mutants.row import Mutant, faulty

_SILENCE = 30.0  # seconds


class _NameFromTheFront(LockDevice):
    @property
    def name(self) -> str:
        return adv.name_of(self.profile.model.name, self._address[9:] + ":" + self._address[:8])


class _AddressForwards(LockDevice):
    def state(self) -> adv.LockState:
        state = super().state()
        return replace(state, address=":".join(reversed(state.address.split(":"))))


class _BatteryFrozen(LockDevice):
    def state(self) -> adv.LockState:
        return replace(super().state(), battery=100)


class _BoltHidden(LockDevice):
    def flags(self) -> adv.Flag:
        return super().flags() & ~adv.Flag.UNLOCKED


class _UnreadForEver(LockDevice):
    def flags(self) -> adv.Flag:
        return super().flags() | adv.Flag.NEW_RECORDS


class _SettingForEver(LockDevice):
    def flags(self) -> adv.Flag:
        return super().flags() | adv.Flag.SETTING


class _Rewritten(LockDevice):
    def rewrite(self, data: bytes) -> bytes:
        return data

    def advertisement(self) -> Advertisement | None:
        shown = super().advertisement()
        return shown and replace(shown, data=self.rewrite(shown.data))


class _CompanySwapped(_Rewritten):
    def rewrite(self, data: bytes) -> bytes:
        return data.replace(b"\xff\x05\x03", b"\xff\x03\x05")


class _LongStructure(_Rewritten):
    """The last structure claims one byte more than there is."""

    def rewrite(self, data: bytes) -> bytes:
        *_, (_, value) = adv.structures(data)
        at = len(data) - len(value) - 2
        return data[:at] + bytes((data[at] + 1,)) + data[at + 1 :]


class _SilentAfterLink(LockDevice):
    _silent_until: float | None = None

    def disconnected(self, now: float) -> list[Effect]:
        self._silent_until = now + _SILENCE
        return super().disconnected(now)

    def advance(self, now: float) -> list[Effect]:
        if self._silent_until is not None and now >= self._silent_until:
            self._silent_until = None
        return super().advance(now)

    def deadline(self) -> float | None:
        due = (super().deadline(), self._silent_until)
        return min((at for at in due if at is not None), default=None)

    def advertisement(self) -> Advertisement | None:
        return super().advertisement() if self._silent_until is None else None


class _WindowStays(LockDevice):
    def _settle(self, effects: list[Effect], now: float) -> list[Effect]:
        if self._window_until is not None:
            self._window_until = now + 1
        return super()._settle(effects, now)

    def deadline(self) -> float | None:
        due = (self.lock.deadline(), self.server.deadline())
        return min((at for at in due if at is not None), default=None)


class _FullInReplies(Lock):
    """Whatever the battery does, replies say 100."""

    @property
    def battery(self) -> int:
        return 100

    @battery.setter
    def battery(self, percent: int) -> None:
        pass


class _Obeys(Lock):
    def receive(self, chunk: bytes, now: float, *, busy: bool = False) -> list[Effect]:  # noqa: ARG002 - the shape of the sound one
        return super().receive(chunk, now)


class _BoltWaits(LockDevice):
    def advance(self, now: float) -> list[Effect]:
        if self.server.busy and self.lock.relock_at is not None:
            self.lock.relock_at = max(self.lock.relock_at, now + 60)
        return super().advance(now)


class _HandEndsTransfer(LockDevice):
    def by_hand(self, hand: Callable[[Lock, float], list[Effect]], now: float) -> list[Effect]:
        if self.server.busy:
            self.server = self.parts.server(self.flash, self.board, self.dialect, self.bank)
        return super().by_hand(hand, now)


class _UpgradeForgets(LockDevice):
    def _start(self) -> list[Effect]:
        before = self.lock.firmware
        effects = super()._start()
        if self.lock.firmware != before:
            self.memory.passcodes.clear()
            self.memory.commit()
        return effects


class _UpgradeLosesTime(LockDevice):
    def _start(self) -> list[Effect]:
        before = self.lock.firmware
        effects = super()._start()
        if self.lock.firmware != before:
            self.clock.lose(0.0)
        return effects


class _NeverSleeps(LockDevice):
    _asleep = False


AIR = (
    Mutant(
        "never-sleeps",
        "a lock that should wait for a touch advertises by itself",
        ("ADV/13",),
        device=_NeverSleeps,
        profile="sleepy",
    ),
    Mutant(
        "name-from-the-front",
        "the name ends in the first three octets of the address",
        ("ADV/1",),
        device=_NameFromTheFront,
    ),
    Mutant(
        "company-swapped",
        "the manufacturer data begin with 03 05",
        ("ADV/2", "ADV/10"),
        device=_CompanySwapped,
    ),
    Mutant(
        "address-forwards",
        "the address in the advertisement is not reversed",
        ("ADV/8", "COD/21"),
        device=_AddressForwards,
    ),
    Mutant("bolt-hidden", "the bit for an open bolt is never set", ("ADV/3", "ADV/4"), device=_BoltHidden),
    Mutant("unread-for-ever", "the bit for new records is never cleared", ("ADV/5",), device=_UnreadForEver),
    Mutant(
        "setting-for-ever",
        "a lock with an owner shows setting mode",
        ("SES/13", "SES/16", "ADV/6"),
        device=_SettingForEver,
    ),
    Mutant(
        "battery-frozen",
        "the battery in the advertisement is always full",
        ("ADV/7", "ADV/2"),
        device=_BatteryFrozen,
    ),
    faulty("battery-full-in-replies", "the battery in replies is always full", "ADV/7 PLG/5", _FullInReplies),
    Mutant(
        "dfu-unmarked",
        "the DFU window does not show in the advertisement",
        ("ADV/9", "DFU/26"),
        keys={"advertising.dfu_mark": "0503"},
    ),
    Mutant(
        "long-structure",
        "a structure of the advertisement is longer than what is there",
        ("ADV/11",),
        device=_LongStructure,
    ),
    Mutant(
        "silent-after-link",
        "a lock that was let go is silent for some seconds",
        ("ADV/12", "ADV/14", "SES/19"),
        device=_SilentAfterLink,
    ),
    Mutant(
        "slow-to-be-found",
        "a lock that is awake advertises every three seconds",
        ("ADV/16",),
        keys={"advertising.interval": 3.0},
    ),
    Mutant(
        "ota-without-window",
        "the OTA service works without command 02",
        ("DFU/28",),
        keys={"dfu.gate": False},
    ),
    Mutant(
        "window-for-ever",
        "the DFU window never closes",
        ("DFU/28", "ADV/9"),
        device=_WindowStays,
    ),
    faulty("obeys-in-transfer", "commands are obeyed during a firmware transfer", "DFU/20", _Obeys),
    Mutant(
        "hand-ends-transfer",
        "whatever is done at the door ends a firmware transfer",
        ("DFU/21",),
        device=_HandEndsTransfer,
    ),
    Mutant(
        "bolt-waits-for-transfer",
        "the bolt does not fall during a firmware transfer",
        ("DFU/22",),
        device=_BoltWaits,
    ),
    Mutant(
        "upgrade-forgets-codes",
        "the new firmware begins without the passcodes",
        ("DFU/30", "IMG/12", "CLK/12"),
        device=_UpgradeForgets,
    ),
    Mutant(
        "upgrade-loses-time",
        "the new firmware begins without the time",
        ("DFU/30", "CLK/12"),
        device=_UpgradeLosesTime,
    ),
    Mutant(
        "upgrade-at-any-battery",
        "an upgrade begins with an empty battery",
        ("PFL/14",),
        keys={"dfu.battery_limit": 0},
    ),
)
