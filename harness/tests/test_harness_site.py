"""A site: what the dding SaaS asks for goes through gateways into whole emulated locks, and comes back."""

from __future__ import annotations

from typing import Any

import pytest
from lockbench_emulator.cloud.dding.cloud import Refused

START = 1_709_214_300.0


def test_a_code_travels_from_the_cloud_into_the_lock_and_its_opening_comes_back(house: Any) -> None:
    number = house.add("123456")
    assert house.stage(number) == 1
    assert not house.press("123456")
    house.wait()
    assert house.stage(number) == 3
    assert house.listed() == ["123456"]
    assert house.press("123456")
    assert house.openings() == [number]
    assert house.events()[-1] == "lockerOpenAlarm"


def test_a_frozen_code_is_refused_and_an_unfrozen_one_opens(house: Any) -> None:
    number = house.add("123456")
    house.wait()
    for name, opens in (("frozen_password", False), ("unfrozen_password", True), ("delete_password", False)):
        house.ask(name, number)
        house.wait()
        assert house.press("123456") == opens


def test_a_code_that_changes_is_changed_in_the_lock(house: Any) -> None:
    number = house.add("123456")
    house.wait()
    house.ask("update_password", number, password="654321", phonenumber="1")  # noqa: S106 - test data
    house.wait()
    assert house.listed() == ["654321"]
    assert house.press("654321")
    assert house.openings() == [number]


def test_a_window_opens_from_its_first_minute_to_its_last(house: Any) -> None:
    start = int(START) + 600
    house.add("123456", permission_begin=start, permission_end=start + 600)
    house.wait(1)
    for at, opens in ((599, False), (600, True), (1199, True), (1200, False)):
        house.wait(START + at - house.time)
        assert house.press("123456") == opens


def test_three_wrong_codes_alarm_once_and_the_lock_counts_them_too(house: Any) -> None:
    for _ in range(3):
        assert not house.press("999999")
    assert house.events().count("wrongPwdAlarm") == 1


def test_digits_that_the_lock_knows_from_elsewhere_are_refused_and_stay(house: Any) -> None:
    house.locks.set_code("l", 7, "123456")
    number = house.add("123456")
    house.wait()
    assert (house.stage(number), house.row(number)["description"]) == (2, "the code exists")
    house.ask("delete_password", number)
    house.wait()
    assert house.press("123456")


def test_an_offline_gateway_lets_commands_and_records_wait(house: Any) -> None:
    old = house.add("111111")
    house.wait()
    house.hands.set_line("g", online=False)
    house.ask("delete_password", old)
    new = house.add("222222")
    house.wait(10)
    assert house.press("111111")
    at = house.time
    assert (house.stage(old), house.stage(new), house.openings()) == (1, 1, [])
    house.wait(5)
    house.hands.set_line("g", online=True)
    house.wait(5)
    assert house.stage(old) is None
    assert house.stage(new) == 3
    assert house.openings() == [old]
    (event,) = house.call("get_lock_events", uuid="l")["lock_events"]
    assert event["time"] == int(at) * 1000


@pytest.mark.parametrize("loss", ["command lost", "answer lost"])
@pytest.mark.parametrize("name", ["add_password", "update_password", "frozen_password", "delete_password"])
def test_what_became_of_a_lost_command_is_read_from_the_lock(house: Any, loss: str, name: str) -> None:
    number = house.add("111111")
    house.wait()
    house.locks.trouble["l"] = loss
    if name == "add_password":
        number = house.add("222222")
    else:
        fields = {"password": "222222", "phonenumber": "1"} if name == "update_password" else {}
        house.ask(name, number, **fields)
    house.wait()
    assert house.stage(number) == 1
    house.locks.trouble.clear()
    house.wait(40)
    done = loss == "answer lost"
    assert house.stage(number) in ((3, None) if done else (2,))
    held = {
        "add_password": ["111111", "222222"] if done else ["111111"],
        "update_password": ["222222"] if done else ["111111"],
    }.get(name, [] if done else ["111111"])
    assert house.listed() == held
    house.ask("delete_password", number) if house.stage(number) else None
    house.wait()
    assert number != house.locks.site.store.one("SELECT max(id) FROM dding_memory")[0]


def test_a_lock_without_power_answers_later_and_its_clock_is_set_right(house: Any) -> None:
    window = {"permission_begin": int(START), "permission_end": int(START) + 86_400}
    number = house.add("111111", **window)
    house.wait()
    house.locks.set_power("l", on=False)
    other = house.add("222222")
    house.wait(20)
    assert house.stage(other) == 1
    assert not house.press("111111")
    house.locks.set_power("l", on=True)
    house.wait(40)
    assert house.stage(other) == 2
    assert house.press("111111")
    assert house.openings()[-1] == number


def test_a_lock_that_is_unbound_keeps_only_its_administrator_code(house: Any) -> None:
    house.add("111111", is_default=1)
    house.add("222222")
    house.wait()
    house.hands.reconfigure_lock("t", "l")
    house.wait()
    assert house.listed() == ["111111"]
    assert house.call("get_default_password_plaintext", uuid="l")["password"] == "111111"  # noqa: S105 - test data


def test_codes_made_at_the_keypad_are_the_clouds_too(house: Any) -> None:
    number = house.hands.local_password("l", "add", code="345678")
    assert house.press("345678")
    house.hands.local_password("l", "update", number, "876543")
    assert house.listed() == ["876543"]
    house.hands.local_password("l", "delete", number)
    assert house.listed() == []
    assert [name for name in house.events() if "Local" in name] == [
        "pwdAddLocal",
        "pwdUpdateLocal",
        "pwdDelLocal",
    ]
    house.hands.local_password("l", "add", code="345678")
    with pytest.raises(Refused, match="11000"):
        house.hands.local_password("l", "add", code="345678")
