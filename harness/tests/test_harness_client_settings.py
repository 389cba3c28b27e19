"""Settings, passage mode, codes of the administrator, network: the client's conversations with a lock."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_emulator.gatt import Happened
from lockbench_emulator.lock import hands
from lockbench_harness.client import configuration as conf
from lockbench_harness.client.configuration import PassageTime
from lockbench_harness.client.operations import (
    PERMANENT,
    Exchange,
    LockRefused,
    add_passcode,
    auto_lock,
    enter_dfu,
    list_passcodes,
    lock,
    login_admin,
    login_user,
    read_log,
    set_time,
    status,
    unlock,
)
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.commands.settings import DOOR_SENSOR, PassageType, SwitchItem
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.status import Status

HIGHEST = {
    conf.REMOTE_UNLOCK: 1,
    conf.SHOW_PASSCODE: 1,
    conf.FREEZE: 1,
    conf.LAMP: 0xFFFF,
    conf.SENSITIVITY: 3,
}
KNOWN = int(sum(SwitchItem))


@given(st.sampled_from(sorted(HIGHEST)), st.lists(st.integers(0, 0xFF), min_size=1, max_size=5))
def test_a_switch_keeps_the_last_value_that_it_took(owner: Any, opcode: int, values: list[int]) -> None:
    app = owner()
    known = app.run(conf.get(app.keys, opcode))
    for value in values:
        code = app.code_of(conf.put(app.keys, opcode, value))
        assert code == (None if value <= HIGHEST[opcode] else Status.INVALID_PARAMETER)
        known = value if code is None else known
        assert app.run(conf.get(app.keys, opcode)) == known


@given(st.lists(st.tuples(st.integers(0, 0xFF), st.integers(0, 0xFF)), max_size=5))
def test_the_item_mask_says_which_switches_change(owner: Any, changes: list[tuple[int, int]]) -> None:
    app, on = owner(), 0
    for items, values in changes:
        code = app.code_of(conf.put(app.keys, conf.SWITCHES, {"item_mask": items, "value_mask": values}))
        assert code == (Status.INVALID_PARAMETER if items & ~KNOWN else None)
        on = on if code else on & ~items | values & items
    shown = app.run(conf.get(app.keys, conf.SWITCHES))
    assert (shown.item_mask, shown.value_mask) == (KNOWN, on)


@given(st.integers(0, 2), st.none() | st.integers(0, 7), st.none() | st.integers(0, 3))
def test_sound_takes_one_two_or_three_values(
    owner: Any, on: int, volume: int | None, language: int | None
) -> None:
    app = owner()
    before = app.run(conf.get(app.keys, conf.AUDIO))
    language = None if volume is None else language
    code = app.code_of(conf.put(app.keys, conf.AUDIO, {"on": on, "volume": volume, "language": language}))
    fits = on <= 1 and (volume is None or 1 <= volume <= 5)
    assert code == (None if fits else Status.INVALID_PARAMETER)
    shown = app.run(conf.get(app.keys, conf.AUDIO))
    wanted = (on, before.volume if volume is None else volume) if fits else (before.on, before.volume)
    assert (shown.on, shown.volume) == wanted
    if fits and language is not None:
        assert app.device.memory.language == language


@given(st.integers(0, DOOR_SENSOR - 1))
def test_auto_lock_takes_its_range_and_0(owner: Any, seconds: int) -> None:
    app = owner()
    code = app.code_of(auto_lock(app.keys, seconds))
    fits = seconds == 0 or 5 <= seconds <= 900
    assert code == (None if fits else Status.INVALID_PARAMETER)
    assert app.run(auto_lock(app.keys)) == (seconds if fits else 0)


def test_the_door_sensor_variant_of_auto_lock_changes_no_time(owner: Any) -> None:
    app = owner()
    app.run(auto_lock(app.keys, 60))

    def door_variant() -> Any:
        yield from login_admin(app.keys)
        yield Exchange(0x36, {"op": 2, "seconds": DOOR_SENSOR, "door_sensor": 1})

    app.run(door_variant())
    assert app.run(auto_lock(app.keys)) == 60


def test_the_bolt_falls_after_the_auto_lock_time_whoever_opened_it(owner: Any) -> None:
    app = owner()
    app.run(auto_lock(app.keys, 60))
    admin_code = app.device.memory.admin_passcode
    ways: tuple[Callable[[], object], ...] = (
        lambda: app.run(unlock(app.keys, 1)),
        lambda: app.do(hands.enter_code, admin_code),
        lambda: app.do(hands.turn_key, unlocked=True),
        lambda: app.do(hands.turn_thumb, unlocked=True),
    )
    for opens in ways:
        opens()
        app.wait(59)
        assert app.device.memory.unlocked
        app.wait(2)
        assert not app.device.memory.unlocked


hours = st.tuples(st.integers(0, 23), st.integers(0, 59))
passages = st.builds(
    lambda kind, day, month, pair: PassageTime(
        kind, day % 7 + 1 if kind is PassageType.WEEKLY else day, month, min(pair), max(pair)
    ),
    st.sampled_from(PassageType),
    st.integers(1, 31),
    st.integers(0, 12),
    st.tuples(hours, hours),
)


@given(
    st.lists(st.tuples(st.sampled_from(["add", "add", "delete", "clear"]), st.integers(0, 3)), max_size=10),
    st.lists(passages, min_size=4, max_size=4, unique=True),
)
def test_passage_times_are_listed_as_they_were_written(
    owner: Any, changes: list[tuple[str, int]], rows: list[PassageTime]
) -> None:
    app = owner()
    known: dict[PassageTime, None] = {}
    for what, at in changes:
        row = rows[at]
        if what == "add":
            app.run(conf.add_passage(app.keys, row))
            known[row] = None
        elif what == "clear":
            app.run(conf.clear_passage(app.keys))
            known.clear()
        else:
            code = app.code_of(conf.delete_passage(app.keys, row))
            assert code == (None if row in known else Status.RECORD_UNKNOWN)
            known.pop(row, None)
    assert app.run(conf.passage_times(app.keys)) == list(known)


def test_a_passage_on_no_day_is_refused_and_a_full_table_too(owner: Any) -> None:
    app = owner(settings={"passages": 1})
    for kind, day in ((PassageType.WEEKLY, 8), (PassageType.MONTHLY, 32), (PassageType.MONTHLY, 0)):
        row = PassageTime(kind, day, 0, (9, 0), (10, 0))
        assert app.code_of(conf.add_passage(app.keys, row)) == Status.INVALID_PARAMETER
    app.run(conf.add_passage(app.keys, PassageTime(PassageType.WEEKLY, 1, 0, (9, 0), (10, 0))))
    other = PassageTime(PassageType.WEEKLY, 2, 0, (9, 0), (10, 0))
    assert app.code_of(conf.add_passage(app.keys, other)) == Status.OUT_OF_MEMORY


@given(st.integers(0, 6), st.integers(0, 23), st.integers(1, 120))
def test_in_a_passage_time_the_bolt_stays_open_and_falls_within_a_minute_of_its_end(
    owner: Any, day: int, hour: int, length: int
) -> None:
    start = datetime(2026, 6, 1, hour) + timedelta(days=day)  # a Monday
    end = start + timedelta(minutes=length)
    if end.date() != start.date():
        end = start.replace(hour=23, minute=59)
    app = owner()
    app.run(auto_lock(app.keys, 5))
    times = (start.hour, start.minute), (end.hour, end.minute)
    app.run(conf.add_passage(app.keys, PassageTime(PassageType.WEEKLY, start.isoweekday(), 0, *times)))
    app.run(set_time(app.keys, start))
    app.run(unlock(app.keys, 1))
    minutes = (end - start).total_seconds()
    app.wait(minutes - 1)
    assert app.device.memory.unlocked
    app.wait(70)
    assert not app.device.memory.unlocked


codes = st.text("0123456789", min_size=4, max_size=9)


@given(codes, codes, codes)
def test_the_codes_of_administrator_and_eraser_clash_with_each_other_and_with_passcodes(
    owner: Any, admin: str, eraser: str, code: str
) -> None:
    app = owner()
    app.run(conf.set_admin_passcode(app.keys, admin))
    assert app.run(conf.get_admin_passcode(app.keys)) == admin
    clash = app.code_of(conf.set_erase_code(app.keys, eraser))
    assert clash == (Status.ADMIN_EQUALS_ERASE if eraser == admin else None)
    if clash is None:
        assert app.code_of(conf.set_admin_passcode(app.keys, eraser)) == Status.ADMIN_EQUALS_ERASE
    taken = code == admin or (clash is None and code == eraser)
    assert (app.code_of(add_passcode(app.keys, code)) is not None) == taken
    if not taken:
        assert app.code_of(conf.set_admin_passcode(app.keys, code)) == Status.PASSCODE_EXISTS
        if clash is None:
            app.do(hands.enter_code, eraser)
            assert app.run(list_passcodes(app.keys)) == []
            assert app.run(read_log(new=False))[-1].type == LogType.PASSCODES_CLEARED


@pytest.mark.parametrize("code", ["123", "1234567890"])
def test_a_code_of_the_administrator_has_4_to_9_digits(owner: Any, code: str) -> None:
    app = owner()
    assert app.code_of(conf.set_admin_passcode(app.keys, code)) == Status.PASSCODE_LENGTH
    assert app.code_of(conf.set_erase_code(app.keys, code)) == Status.PASSCODE_LENGTH


kinds = st.sampled_from(PasscodeType)


@given(st.lists(st.tuples(kinds, codes), min_size=1, max_size=12, unique_by=lambda row: row[1]))
def test_recovered_codes_of_all_four_types_are_in_both_lists(owner: Any, rows: list[Any]) -> None:
    app = owner()
    for kind, code in rows:
        end = PERMANENT[1] if kind is PasscodeType.PERIOD else None
        cycle = 3 if kind is PasscodeType.CYCLIC else None
        operation = conf.recover_passcode(
            app.keys, kind, code, PERMANENT[0], original="1234", end=end, cycle=cycle
        )
        app.run(operation)
    assert [(row.type, row.code, row.original) for row in app.run(list_passcodes(app.keys))] == [
        (kind, code, "1234") for kind, code in rows
    ]
    old = app.run(conf.old_list())
    assert [(row.type, row.code) for row in old] == rows
    assert {row.count for row in old} <= {None, 0}


def test_used_codes_start_anew_when_their_count_is_reset(owner: Any) -> None:
    app = owner()
    app.run(add_passcode(app.keys, "1234", PERMANENT, PasscodeType.COUNT))
    assert [app.do(hands.enter_code, "1234") for _ in range(2)] == [True, False]
    app.run(conf.reset_passcode_count(app.keys, 0))
    assert app.do(hands.enter_code, "1234")


secrets = st.integers(0, 2**36 - 1)  # the vendor's client draws permutations of the digits, others anything


@given(
    st.integers(0, 99),
    st.lists(st.integers(0, 1070), min_size=10, max_size=10),
    st.lists(secrets, min_size=10, max_size=10),
    st.integers(-3, 14),
)
def test_the_pair_of_this_year_is_read_back(
    owner: Any, year: int, numbers: list[int], perms: list[int], on: int
) -> None:
    app = owner()
    assert app.code_of(conf.read_password_parameters(app.keys)) == Status.RECORD_UNKNOWN
    app.run(conf.init_passwords(app.keys, year, list(zip(numbers, perms, strict=True))))
    if 0 <= year + on <= 99:
        app.run(set_time(app.keys, datetime(2000 + year + on, 6, 1)))
        at = max(0, min(on, 9))
        assert app.run(conf.read_password_parameters(app.keys)) == (numbers[at], perms[at])


def test_a_dead_locked_door_opens_for_the_administrator_alone(owner: Any) -> None:
    app = owner()
    app.run(conf.dead_lock(app.keys, 1))
    assert app.code_of(unlock(app.keys, 2)) == Status.DOUBLE_LOCKED
    app.run(unlock(app.keys, 3, admin=True))
    app.run(lock(app.keys, 4))
    app.run(unlock(app.keys, 5))


def test_a_frozen_lock_obeys_no_user_key_card_or_code_but_its_administrator(owner: Any) -> None:
    app = owner()
    app.run(add_passcode(app.keys, "1234"))
    app.run(conf.put(app.keys, conf.FREEZE, 1))
    assert app.code_of(unlock(app.keys, 1)) == Status.FROZEN
    assert not app.do(hands.enter_code, "1234")
    assert app.do(hands.enter_code, app.device.memory.admin_passcode)
    app.run(conf.put(app.keys, conf.FREEZE, 0))
    app.run(unlock(app.keys, 2))


def test_a_key_that_is_frozen_within_its_session_is_refused_at_the_bolt(owner: Any) -> None:
    app = owner()
    app.run(login_user(app.keys))
    app.device.memory.frozen = 1
    with pytest.raises(LockRefused, match="FROZEN"):
        app.run(iter_of(Exchange(0x47, {"sum": right_sum(app), "time": 1})))


def iter_of(exchange: Exchange) -> Any:
    yield exchange


def right_sum(app: Any) -> int:
    return int(app.device.lock.session.ps + app.keys.unlock_key) % 2**32


def test_an_arm_that_is_in_the_way_of_a_car_stays_down(owner: Any) -> None:
    app = owner("parking")
    app.device.by_hand(lambda lock, _now: hands.obstruct(lock, on=True), app.now)
    assert app.code_of(lock(app.keys, 1)) == Status.OBSTRUCTED
    app.device.by_hand(lambda lock, _now: hands.obstruct(lock, on=False), app.now)
    app.run(lock(app.keys, 2))


@pytest.mark.parametrize(("percent", "code"), [(19, Status.OUT_OF_BATTERY), (20, None)])
def test_a_weak_battery_takes_no_firmware(owner: Any, percent: int, code: int | None) -> None:
    app = owner()
    app.device.set_battery(percent, app.now)
    assert app.code_of(enter_dfu(app.keys)) == code


def test_network_settings_are_taken_and_a_lock_without_the_feature_answers_27(owner: Any) -> None:
    app, plain = owner(), owner("strict")
    for talker, code in ((app, None), (plain, Status.INVALID_COMMAND)):
        keys = talker.keys
        for operation in (
            conf.set_nb_address(keys, 8011, "nb.example"),
            conf.scan_wifi(keys),
            conf.set_wifi(keys, "home", "secret"),
        ):
            assert talker.code_of(operation) == code
    assert app.code_of(conf.set_wifi(app.keys, "", "secret")) == Status.WRONG_SSID
    assert app.code_of(other_network(app.keys)) is None


def other_network(keys: Any) -> Any:
    yield from login_admin(keys)
    four = bytes((192, 168, 1, 2))
    yield Exchange(0xF4, {"type": 1, "ip": four, "mask": four, "gateway": four, "dns": four * 2})
    yield Exchange(0xF5, {"host": b"wifi.example", "port": 4999})
    info = yield Exchange(0xF6)
    assert len(info.mac) == 6


def test_door_tamper_key_and_keypad_lock_are_told_and_logged(owner: Any) -> None:
    app = owner()
    app.run(conf.put(app.keys, conf.SWITCHES, {"item_mask": 1, "value_mask": 1}))
    app.do(hands.move_door, closed=False)
    assert app.run(status()).door == 2
    app.do(hands.move_door, closed=True)
    assert app.run(status()).door == 1
    app.do(hands.tamper)
    assert Happened("tamper", {"alarm": True}) in app.effects
    app.do(hands.turn_key, unlocked=True)
    app.do(hands.turn_key, unlocked=False)
    app.do(hands.lock_by_keypad)
    assert [row.type for row in app.run(read_log(new=False))] == [
        LogType.DOOR_OPENED,
        LogType.DOOR_CLOSED,
        LogType.TAMPER,
        LogType.KEY_UNLOCK,
        LogType.KEY_LOCK,
        LogType.KEYPAD_LOCK,
    ]


def test_every_feature_of_the_full_model_is_one_of_the_known_bits(owner: Any) -> None:
    assert owner().device.profile.features <= set(Feature)
