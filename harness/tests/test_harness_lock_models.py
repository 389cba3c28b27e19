"""What tells the models of locks apart: a parking arm, sleep, a modem, a door sensor; and the frame of 19."""

from __future__ import annotations

from typing import Any

import pytest
from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Advertise, Notify
from lockbench_emulator.lock import hands
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.profiles import load_profile
from lockbench_harness.client.operations import Exchange, device_info, login_admin
from lockbench_harness.client.wire import Wire
from lockbench_protocol.lock.advertising import Flag
from lockbench_protocol.lock.commands.info import InfoType
from lockbench_protocol.lock.commands.settings import DOOR_SENSOR, QUERY, SET
from lockbench_protocol.lock.status import Status

MODEM = (InfoType.NB_OPERATOR, InfoType.NB_IMEI, InfoType.NB_CARD, InfoType.NB_RSSI)


def device_of(profile: str, *, paired: bool = True) -> LockDevice:
    return LockDevice(load_profile(profile), seed=1, paired=paired)


@pytest.mark.parametrize(("profile", "shows"), [("parking", True), ("strict", False)])
def test_a_car_shows_in_the_advertisement_of_a_parking_lock(profile: str, shows: bool) -> None:
    device = device_of(profile)

    def arrive(lock: Lock, _now: float) -> Any:
        return hands.obstruct(lock, on=True)

    device.by_hand(arrive, 0.0)
    assert (Flag.PARKED in device.flags()) is shows


def test_a_lock_that_sleeps_is_on_the_air_for_a_while_after_a_touch() -> None:
    device = device_of("sleepy")
    assert device.advertisement() is None
    shown = [effect for effect in device.by_hand(hands.touch, 5.0) if isinstance(effect, Advertise)]
    assert shown == [Advertise(device.advertisement())]
    assert device.advertisement() is not None
    assert device.deadline() == 25.0
    assert device.advance(25.0)[-1] == Advertise(None)


@pytest.mark.parametrize("vendor", [b"SCIENER", b"OTHER"])
def test_key_and_refusal_of_the_key_come_in_the_frame_of_19(vendor: bytes) -> None:
    device = device_of("strict", paired=False)
    device.connected(0.0)
    (chunk,) = Wire().request(0x19, vendor)[:1]
    heard = [*device.write("fff2", chunk, 0.0), *device.write("fff2", Wire().request(0x19, vendor)[1], 0.0)]
    (first, *_) = [effect.value for effect in heard if isinstance(effect, Notify)]
    assert first[9] == 0x19


def test_a_lock_tells_of_the_modem_that_it_has(owner: Any) -> None:
    for kind in MODEM:
        assert owner("full").run(device_info(kind))
        assert owner("strict").code_of(device_info(kind)) == Status.INVALID_COMMAND


def test_the_switch_for_the_door_sensor_is_told_as_it_was_set(owner: Any) -> None:
    def put(value: int) -> Any:
        yield from login_admin(app.keys)
        yield Exchange(0x36, {"op": SET, "seconds": DOOR_SENSOR, "door_sensor": value})
        return (yield Exchange(0x36, {"op": QUERY, "seconds": None, "door_sensor": None})).door_sensor

    app = owner("full")
    assert [app.run(put(value)) for value in (1, 0)] == [1, 0]
    assert app.code_of(put(2)) == Status.INVALID_PARAMETER
    app = owner("strict")
    assert app.code_of(put(1)) == Status.INVALID_PARAMETER
