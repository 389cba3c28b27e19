"""Each quirk of a profile, beside the lock that does not have it."""

from dataclasses import replace
from functools import partial
from typing import Any

import pytest
from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Effect, Notify
from lockbench_emulator.lock import hands
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.profiles import load_profile
from lockbench_protocol.lock import advertising as adv
from lockbench_protocol.lock.cipher import DEFAULT_KEY, cipher
from lockbench_protocol.lock.crc import TEXTBOOK, VENDOR, crc8
from lockbench_protocol.lock.frame import Frame, Reassembler, chunks, decode, encode

STRICT = load_profile("strict")
ALWAYS = bytes(5) + b"\x63" * 5 + bytes(7)


def lock(*, paired: bool = True, **tables: dict[str, Any]) -> LockDevice:
    profile = STRICT
    for table, values in tables.items():
        profile = replace(profile, **{table: replace(getattr(profile, table), **values)})
    return LockDevice(profile, seed=1, paired=paired)


def frames(device: LockDevice, opcode: int, plain: bytes, key: bytes | None = None) -> list[bytes]:
    secret = key or device.memory.key or DEFAULT_KEY
    raw = encode(Frame(opcode, cipher(secret).encrypt(plain) if plain else b""))
    stream = Reassembler()
    effects = [effect for chunk in chunks(raw) for effect in device.write("fff2", chunk, 0.0)]
    return [found for effect in effects if isinstance(effect, Notify) for found in stream.feed(effect.value)]


def ask(device: LockDevice, opcode: int, plain: bytes) -> bytes:
    secret = device.memory.key or DEFAULT_KEY
    (raw,) = frames(device, opcode, plain)
    return cipher(secret).decrypt(decode(raw).data)


def shown(device: LockDevice) -> adv.LockState:
    advertisement = device.advertisement()
    assert advertisement is not None
    state = adv.read_manufacturer(dict(adv.structures(advertisement.data))[adv.MANUFACTURER])
    assert state is not None
    return state


def move(device: LockDevice, ps: int, off: int = 0) -> bytes:
    admin = device.memory.admin
    assert admin is not None
    return ask(device, 0x47, ((ps + admin.unlock_key + off) % 2**32).to_bytes(4, "big") + bytes(4))


def challenge(device: LockDevice) -> int:
    return int.from_bytes(ask(device, 0x55, ALWAYS)[2:])


def turn_thumb(one: Lock, now: float, *, on: bool) -> list[Effect]:
    return hands.turn_thumb(one, unlocked=on, now=now)


@pytest.mark.parametrize(("word", "bits"), [("live", [0, 1]), ("locked", [0, 0]), ("unlocked", [1, 1])])
def test_the_status_byte_may_be_constant(word: str, bits: list[int]) -> None:
    device = lock(quirks={"status_byte": word})
    seen = []
    for unlocked in (False, True):
        device.by_hand(partial(turn_thumb, on=unlocked), 0.0)
        seen.append(ask(device, 0x14, b"SCIENER")[3])
    assert seen == bits


@pytest.mark.parametrize(("word", "set_"), [("live", False), ("stuck", True)])
def test_the_flag_for_new_records_may_never_clear(word: str, set_: bool) -> None:
    assert bool(shown(lock(quirks={"records_flag": word})).flags & adv.Flag.NEW_RECORDS) is set_


@pytest.mark.parametrize("spikes", [False, True])
def test_the_battery_may_look_full_a_minute_after_a_link(spikes: bool) -> None:
    device = lock(quirks={"battery_spike": spikes})
    device.connected(10.0)
    device.disconnected(12.0)
    seen = {}
    for at in (12.0, 69.9, 70.0, 74.9, 75.0, 80.0):
        device.advance(at)
        seen[at] = shown(device).battery
    full = 100 if spikes else 95
    assert seen == {12.0: 95, 69.9: 95, 70.0: full, 74.9: full, 75.0: 95, 80.0: 95}
    assert device.deadline() is None


@pytest.mark.parametrize("lag", [0.0, 120.0])
def test_the_advertisement_may_be_late_for_what_hands_do(lag: float) -> None:
    device = lock(quirks={"hand_lag": lag})
    device.by_hand(lambda one, now: hands.turn_thumb(one, unlocked=True, now=now), 5.0)
    assert bool(shown(device).flags & adv.Flag.UNLOCKED) is not bool(lag)
    device.advance(5.0 + lag)
    assert shown(device).flags & adv.Flag.UNLOCKED


@pytest.mark.parametrize("fails", [False, True])
def test_setting_the_time_may_fail(fails: bool) -> None:
    device = lock(quirks={"set_time_fails": fails}, session={"login": "open"})
    assert ask(device, 0x43, bytes((26, 1, 1, 0, 0, 0)))[1:3] == (b"\x00\x13" if fails else b"\x01\x5f")


@pytest.mark.parametrize("hiccups", [False, True])
def test_62_and_90_may_fail_every_second_time_while_pairing(hiccups: bool) -> None:
    device = lock(paired=False, quirks={"pairing_hiccups": hiccups})
    ask(device, 0x19, b"SCIENER")
    seen = [ask(device, opcode, b"\x01")[1] for opcode in (0x62, 0x62, 0x90, 0x90)]
    assert seen == ([0, 1, 0, 1] if hiccups else [1, 1, 1, 1])


@pytest.mark.parametrize("one_shot", [False, True])
def test_a_challenge_may_be_good_for_one_try(one_shot: bool) -> None:
    device = lock(session={"one_shot": one_shot})
    ps = challenge(device)
    assert move(device, ps)[1] == 1
    assert move(device, ps)[1] == (0 if one_shot else 1)
    ps = challenge(device)
    assert move(device, ps, 1)[1:3] == b"\x00\x08"
    assert move(device, ps)[1] == (0 if one_shot else 1)


def test_the_codes_of_refusals_are_the_profiles() -> None:
    device = lock(session={"wrong_sum": 19, "not_logged_in": 2, "not_admin": 18})
    assert ask(device, 0x07, bytes(2)) == b"\x07\x00\x02"
    ps = challenge(device)
    assert move(device, ps, 1) == b"\x47\x00\x13"
    admin = device.memory.admin
    assert admin is not None
    ask(device, 0x30, ((ps + admin.unlock_key) % 2**32).to_bytes(4, "big"))
    assert ask(device, 0x07, bytes(2)) == b"\x07\x00\x12"


@pytest.mark.parametrize(("word", "count"), [("empty", 1), ("silent", 0)])
def test_what_does_not_decrypt_may_be_met_with_silence(word: str, count: int) -> None:
    device = lock(session={"unreadable": word})
    assert len(frames(device, 0x14, b"SCIENER", DEFAULT_KEY)) == count


def test_agreeable_challenges_have_one_crc_by_both_tables() -> None:
    device = lock(session={"agreeable": True})
    for _ in range(200):
        (raw,) = frames(device, 0x55, ALWAYS)
        assert crc8(raw[:-3], VENDOR) == crc8(raw[:-3], TEXTBOOK)
    plain = lock()
    raws = [frames(plain, 0x55, ALWAYS)[0] for _ in range(200)]
    assert any(crc8(raw[:-3], VENDOR) != crc8(raw[:-3], TEXTBOOK) for raw in raws)


def test_the_name_and_the_tail_of_90_are_the_profiles() -> None:
    assert lock().name == lock().name.lower().replace("s202t", "S202T")
    assert lock(model={"name_case": "upper"}).name == lock().name.upper()
    assert ask(lock(session={"info_tail": "7f"}), 0x90, b"\x01") == b"\x90\x01S202T\x7f"
