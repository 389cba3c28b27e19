"""The hands at an emulated lock (see `targets.bench.Hands`)."""

from __future__ import annotations

from collections.abc import Callable

from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Effect, Happened
from lockbench_emulator.lock import hands
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.site import Act


class EmulatedHands:
    """Hands at an emulated lock; what they do goes through the radio like every other event."""

    def __init__(self, device: LockDevice, act: Act) -> None:
        self._device = device
        self._act = act

    def touch(self) -> None:
        self._act(lambda now: self._device.by_hand(hands.touch, now))

    def enter_code(self, code: str) -> bool:
        return self._opened(lambda lock, now: hands.enter_code(lock, code, now))

    def present_card(self, number: bytes) -> bool:
        return self._opened(lambda lock, now: hands.present_card(lock, number, now))

    def present_finger(self, number: bytes) -> bool:
        return self._opened(lambda lock, now: hands.present_finger(lock, number, now))

    def turn_key(self, *, unlocked: bool) -> None:
        self._opened(lambda lock, now: hands.turn_key(lock, unlocked=unlocked, now=now))

    def turn_thumb(self, *, unlocked: bool) -> None:
        self._opened(lambda lock, now: hands.turn_thumb(lock, unlocked=unlocked, now=now))

    def press_fob(self, mac: bytes, key: int) -> bool:
        return self._opened(lambda lock, now: hands.press_fob(lock, mac, key, now))

    def lock_by_keypad(self) -> None:
        self._act(lambda now: self._device.by_hand(hands.lock_by_keypad, now))

    def move_door(self, *, closed: bool) -> None:
        self._opened(lambda lock, now: hands.move_door(lock, closed=closed, now=now))

    def tamper(self) -> None:
        self._act(lambda now: self._device.by_hand(hands.tamper, now))

    def obstruct(self, on: bool) -> None:  # noqa: FBT001 - whether something is in the way
        self._act(lambda now: self._device.by_hand(lambda lock, _now: hands.obstruct(lock, on=on), now))

    def _opened(self, hand: Callable[[Lock, float], list[Effect]]) -> bool:
        effects = self._act(lambda now: self._device.by_hand(hand, now))
        return Happened("bolt", {"unlocked": True}) in effects

    def is_open(self) -> bool:
        return self._device.memory.unlocked

    def press_reset(self) -> None:
        self._act(self._device.press_reset)

    def throw_privacy_bolt(self, on: bool) -> None:  # noqa: FBT001 - the position of the bolt
        self._act(
            lambda now: self._device.by_hand(lambda lock, _now: hands.throw_privacy_bolt(lock, on=on), now)
        )

    def set_battery(self, percent: int) -> None:
        self._act(lambda now: self._device.set_battery(percent, now))

    def cut_power(self) -> None:
        self._act(self._device.cut_power)

    def restore_power(self) -> None:
        self._act(self._device.restore_power)
