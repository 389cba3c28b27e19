"""The dding SaaS and its doors: passwords into locks, what locks report, callbacks on their way out."""
# ruff: noqa: S105, S106 - passwords are the subject, and all are test data

from __future__ import annotations

import json
import random
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lockbench_emulator.cloud.dding.agent import MemoryLocks
from lockbench_emulator.cloud.dding.battery import DAY, Alarms, read_battery
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding, Refused
from lockbench_emulator.cloud.dding.policy import PROFILES, Policy
from lockbench_emulator.cloud.outbox import PAUSES, Answer
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.times import SkippingClock
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS
from lockbench_protocol.cloud.dding.events import signature

ROWS = {row.name: row for row in ENDPOINTS}
URL = "http://127.0.0.1:1/cb"
TAKEN = Answer(200, b'{"ErrNo": 0, "ErrMsg": ""}')
Row = dict[str, object]


class Bench:
    """One tenant: home h with gateway g, outer lock o, room r with lock l, whose admin code is 111111."""

    def __init__(self, policy: Policy = PROFILES["v1.6"]) -> None:
        self.store = Store()
        self.time = 1_709_214_310.0
        self.locks = MemoryLocks(self.store, lambda: self.time)
        self.cloud = Dding(self.store, lambda: self.time, random.Random(1), self.locks, policy)  # noqa: S311 - test data
        self.hands = DdingBench(self.cloud, self.locks)
        self.hands.add_client("ann", "s", "t", name="Ann")
        self.token: object = None
        self.token = self.call("access_token", client_id="ann", client_secret="s")["access_token"]
        self.call("add_home", home_id="h", home_name="Home")
        self.call("add_room", home_id="h", room_id="r", room_name="Room", room_description="")
        self.hands.bind_device("t", "g", "gateway", "h", name="Gateway")
        self.hands.bind_device("t", "o", "home_lock", "h", name="Outer")
        self.hands.bind_device("t", "l", "room_lock", "h", "r", name="Inner")
        self.add("111111", is_default=1)
        self.wait()
        self.hands.set_callback_url("t", URL)

    def call(self, name: str, /, **fields: object) -> Row:
        return self.cloud.call(ROWS[name], {"access_token": self.token} | fields)

    def refused(self, name: str, /, **fields: object) -> int:
        with pytest.raises(Refused) as found:
            self.call(name, **fields)
        return found.value.code

    def wait(self, seconds: float = 1.0) -> None:
        """Time passes; what falls due meanwhile is done at its time."""
        end = self.time + seconds
        while (due := self.cloud.next_due()) is not None and due <= end * 1000:
            self.time = max(self.time, due / 1000)
            self.cloud.run_due()
        self.time = end

    def add(self, code: str, **fields: object) -> int:
        good = {"uuid": "l", "phonenumber": "123", "is_default": 0, "password": code, "name": "Bob"}
        return int(str(self.call("add_password", **(good | fields))["id"]))

    def ask(self, name: str, password_id: int, /, **fields: object) -> None:
        self.call(name, uuid="l", password_id=password_id, **fields)

    def passwords(self) -> dict[str, Row]:
        rows = self.call("fetch_passwords", uuid="l")["passwords"]
        assert isinstance(rows, dict)
        return rows

    def stage(self, password_id: int) -> tuple[object, object]:
        row = self.passwords()[str(password_id)]
        return row["operation"], row["operation_stage"]

    def letters(self) -> list[Row]:
        return [json.loads(row["body"]) for row in self.store.all("SELECT body FROM letters ORDER BY number")]

    def names(self) -> list[object]:
        return [body.get("event", body.get("service")) for body in self.letters()]

    def log(self, **fields: object) -> list[Row]:
        rows = self.call("search_device_op_log", uuid="l", **fields)["op_list"]
        assert isinstance(rows, list)
        return rows


@pytest.fixture
def bench() -> Bench:
    return Bench()


# Passwords


def test_a_code_opens_after_stage_3_and_not_before(bench: Bench) -> None:
    assert bench.add("123456") == 1001
    assert bench.stage(1001) == (1, 1)
    assert not bench.hands.press("l", "123456")
    bench.wait()
    assert bench.passwords()["1001"] == {
        "id": 1001,
        "time": 1_709_214_311_000,
        "is_default": 0,
        "operation": 1,
        "operation_stage": 3,
        "permission_state": 1,
        "name": "Bob",
        "send_to": "123",
        "permission": {"begin": 0, "end": 0, "status": 1},
        "pwd_state": 2,
        "description": "",
    }
    assert bench.hands.press("l", "123456")
    assert [row["password_id"] for row in bench.hands.messages("t")] == [999, 1001]
    assert "123456" not in json.dumps(bench.hands.messages("t"))


def test_the_administrator_code_is_one_and_stays(bench: Bench) -> None:
    assert bench.refused("add_password", uuid="l", phonenumber="1", is_default=1, password="1" * 6) == 11000
    for name in ("delete_password", "frozen_password"):
        assert bench.refused(name, uuid="l", password_id=999) == 15013
        assert bench.refused(name, uuid="l", password_id=7) == 15006
    bench.ask(
        "update_password", 999, phonenumber="1", password="222222", permission_begin=1, permission_end=2
    )
    bench.wait()
    assert bench.call("get_default_password_plaintext", uuid="l")["password"] == "222222"
    assert bench.passwords()["999"]["permission"] == {"begin": 0, "end": 0, "status": 1}


@pytest.mark.parametrize(
    "window", [{"permission_begin": 5}, {"permission_end": 5}, {"permission_begin": 5, "permission_end": 5}]
)
def test_half_a_window_and_an_empty_one_are_14001(bench: Bench, window: dict[str, object]) -> None:
    good: Row = {"uuid": "l", "phonenumber": "1", "password": "123456"}
    assert bench.refused("add_password", is_default=0, **good, **window) == 14001
    assert bench.refused("update_password", password_id=7, **good, **window) == 14001


def test_a_code_is_good_within_its_window(bench: Bench) -> None:
    start = int(bench.time) + 100
    bench.add("123456", permission_begin=start, permission_end=start + 10)
    for at, normal, state in ((50.0, 2, 3), (100.0, 1, 2), (109.0, 1, 2), (110.0, 2, 4)):
        bench.wait(start - 100 + at - bench.time)
        row = bench.passwords()["1001"]
        assert (row["permission_state"], row["pwd_state"]) == (normal, state)
        assert row["permission"] == {"begin": start, "end": start + 10, "status": 2}
        assert bench.hands.press("l", "123456") == (normal == 1)


def test_an_update_keeps_the_old_code_until_it_is_done(bench: Bench) -> None:
    bench.add("123456")
    bench.wait()
    bench.ask("update_password", 1001, phonenumber="5", password="654321", name="Eve")
    assert bench.stage(1001) == (3, 1)
    assert bench.hands.press("l", "123456")
    bench.wait()
    assert not bench.hands.press("l", "123456")
    assert bench.hands.press("l", "654321")
    assert (bench.passwords()["1001"]["name"], bench.passwords()["1001"]["send_to"]) == ("Eve", "5")


def test_freezing_takes_effect_with_stage_3(bench: Bench) -> None:
    bench.add("123456")
    bench.wait()
    for name, operation, opens in (("frozen_password", 4, False), ("unfrozen_password", 5, True)):
        for _ in range(2):
            bench.ask(name, 1001)
            assert bench.stage(1001) == (operation, 1)
            bench.wait()
            assert bench.stage(1001) == (operation, 3)
            assert bench.hands.press("l", "123456") == opens
    bench.ask("frozen_password", 1001)
    bench.ask("update_password", 1001, phonenumber="1", password="777777")
    bench.wait()
    assert bench.stage(1001) == (3, 3)
    assert not bench.hands.press("l", "777777")


def test_a_deleted_code_is_gone_and_its_id_is_not_used_again(bench: Bench) -> None:
    bench.add("123456")
    bench.wait()
    bench.ask("delete_password", 1001)
    assert bench.stage(1001) == (2, 1)
    bench.wait()
    assert set(bench.passwords()) == {"999"}
    assert not bench.hands.press("l", "123456")
    assert bench.add("123456") == 1002


def test_the_same_digits_fail_at_the_lock(bench: Bench) -> None:
    bench.add("123456")
    bench.add("123456")
    bench.wait()
    assert (bench.stage(1001), bench.stage(1002)) == ((1, 3), (1, 2))
    assert bench.passwords()["1002"]["description"] == "the code exists"
    other = Bench(replace(PROFILES["v1.6"], same_digits="cloud"))
    assert other.refused("add_password", uuid="l", phonenumber="1", is_default=0, password="111111") == 11000


def test_a_command_waits_for_the_gateway_until_its_time_is_over(bench: Bench) -> None:
    bench.hands.set_line("g", online=False)
    bench.add("123456")
    bench.wait(20)
    assert bench.stage(1001) == (1, 1)
    bench.hands.set_line("g", online=True)
    bench.wait()
    assert bench.stage(1001) == (1, 3)
    bench.hands.set_line("l", online=False)
    bench.ask("delete_password", 1001)
    bench.wait(29)
    assert bench.stage(1001) == (2, 1)
    bench.wait(2)
    assert bench.stage(1001) == (2, 2)
    bench.hands.set_line("l", online=True)
    bench.wait()
    assert bench.hands.press("l", "123456")


@pytest.mark.parametrize(("trouble", "stage"), [("answer lost", 3), ("command lost", 2), ("refuses", 2)])
def test_the_locks_own_list_decides_when_an_answer_is_lost(bench: Bench, trouble: str, stage: int) -> None:
    bench.locks.trouble["l"] = trouble  # type: ignore[assignment]  # a parameter of the test
    bench.add("123456")
    bench.wait(1)
    assert bench.stage(1001) == (1, 2 if trouble == "refuses" else 1)
    bench.wait(31)
    assert bench.stage(1001) == (1, stage)
    assert bench.hands.press("l", "123456") == (stage == 3)


def test_a_late_answer_counts_and_a_second_one_does_not(bench: Bench) -> None:
    bench.locks.trouble["l"] = "answer lost"
    bench.add("123456")
    bench.wait()
    number = bench.store.all("SELECT number FROM dding_work")[0]["number"]
    bench.cloud.answered(number, done=True)
    bench.cloud.answered(number, done=False)
    assert bench.stage(1001) == (1, 3)


def test_strict_refuses_a_second_operation_on_a_busy_row() -> None:
    bench = Bench()
    bench.add("123456")
    bench.cloud.core.policy = replace(bench.cloud.core.policy, strict=True)
    with pytest.raises(Refused, match="14001"):
        bench.cloud.call(
            ROWS["delete_password"], {"accesst_token": bench.token, "uuid": "l", "password_id": 1001}
        )


def test_a_dynamic_code_opens_until_its_moment(bench: Bench) -> None:
    body = bench.call("get_dynamic_password_plaintext", uuid="l")
    code, end = str(body["password"]), int(str(body["invalid_time"]))
    bench.wait()
    assert bench.hands.press("l", code)
    assert set(bench.passwords()) == {"999"}
    bench.wait(end - 1 - bench.time)
    assert bench.hands.press("l", code)
    bench.wait(1)
    assert not bench.hands.press("l", code)


def test_an_administrator_code_comes_back_after_a_new_configuration(bench: Bench) -> None:
    bench.add("123456")
    bench.wait()
    bench.hands.reconfigure_lock("t", "l")
    assert bench.refused("get_default_password_plaintext", uuid="l") == 15006
    bench.wait()
    assert bench.call("get_default_password_plaintext", uuid="l")["password"] == "111111"
    assert bench.letters()[-1]["detail"] == {"passwords": [{"id": 999, "password": "111111"}]}
    assert not bench.hands.press("l", "123456")


def test_codes_made_at_the_keypad_are_told(bench: Bench) -> None:
    assert bench.hands.local_password("l", "add", code="123456") == 1001
    bench.hands.local_password("l", "update", 1001, "234567")
    assert bench.passwords()["1001"]["permission"] == {"begin": 0, "end": 0, "status": 1}
    assert bench.hands.press("l", "234567")
    bench.hands.local_password("l", "delete", 1001)
    assert [(body["event"], body["detail"]) for body in bench.letters() if "Local" in str(body["event"])] == [
        ("pwdAddLocal", {"password": {"id": 1001, "password": "123456"}}),
        ("pwdUpdateLocal", {"password": {"id": 1001, "password": "234567"}}),
        ("pwdDelLocal", {"password": {"id": 1001}}),
    ]
    for arguments, code in (
        (("add", None, "111111"), 11000),
        (("delete", 999), 15013),
        (("delete", 7), 15006),
    ):
        with pytest.raises(Refused, match=str(code)):
            bench.hands.local_password("l", *arguments)
    assert "123456" not in json.dumps(bench.hands.callbacks("t"))


class Doors(RuleBasedStateMachine):
    """Whatever is asked and lost: once all is settled, the codes that open are the active ones."""

    @initialize()
    def start(self) -> None:
        self.bench = Bench()
        self.ids: list[int] = []

    @rule(code=st.sampled_from(["111111", "222222", "333333"]))
    def add(self, code: str) -> None:
        self.ids.append(self.bench.add(code))

    @rule(data=st.data(), name=st.sampled_from(["delete_password", "frozen_password", "unfrozen_password"]))
    def ask(self, data: st.DataObject, name: str) -> None:
        self._try(name, data, {})

    @rule(data=st.data(), code=st.sampled_from(["222222", "333333", "444444"]))
    def change(self, data: st.DataObject, code: str) -> None:
        self._try("update_password", data, {"password": code, "phonenumber": "1"})

    def _try(self, name: str, data: st.DataObject, fields: Row) -> None:
        if self.ids:
            try:
                self.bench.ask(name, data.draw(st.sampled_from(self.ids)), **fields)
            except Refused as refusal:
                assert refusal.code == 15006

    @rule(trouble=st.sampled_from(["command lost", "answer lost", "refuses", None]))
    def trouble(self, trouble: str | None) -> None:
        self.bench.locks.trouble.pop("l", None)
        if trouble is not None:
            self.bench.locks.trouble["l"] = trouble  # type: ignore[assignment]  # a name of the table

    @rule(online=st.booleans(), device=st.sampled_from(["g", "l"]))
    def line(self, online: bool, device: str) -> None:
        self.bench.hands.set_line(device, online=online)

    @rule(seconds=st.sampled_from([0.2, 1.0, 31.0]))
    def wait(self, seconds: float) -> None:
        self.bench.wait(seconds)

    @rule()
    def settle(self) -> None:
        self.bench.locks.trouble.clear()
        for device in ("g", "l"):
            self.bench.hands.set_line(device, online=True)
        self.bench.wait(31 * 60)
        rows = self.bench.passwords().values()
        assert all(row["operation_stage"] != 1 for row in rows)
        active = {row["id"] for row in rows if row["pwd_state"] == 2}
        codes = ("111111", "222222", "333333", "444444")
        opening = {self.bench.locks.opens("l", code) for code in codes} - {None}
        assert opening == active

    @invariant()
    def pairs(self) -> None:
        if hasattr(self, "bench"):
            for device in ("g", "l", "o"):
                rows = [str(b["event"]) for b in self.bench.letters() if b["uuid"] == device]
                lines = [name for name in rows if "Offline" in name]
                assert all(("clear" in a) != ("clear" in b) for a, b in pairwise(lines))


TestDoors = Doors.TestCase
TestDoors.settings = settings(max_examples=15, stateful_step_count=15, deadline=None)


# Records


def test_openings_are_listed_newest_first_and_counted(bench: Bench) -> None:
    bench.add("123456")
    bench.wait()
    for _ in range(3):
        bench.wait(10)
        assert bench.hands.press("l", "123456")
    whole = bench.call("get_lock_events", uuid="l")["lock_events"]
    assert isinstance(whole, list)
    assert [row["sourceid"] for row in whole] == [1001] * 3
    assert whole[0] == {
        "time": 1_709_214_342_000,
        "eventid": 1,
        "source": 2,
        "sourceid": 1001,
        "source_name": "Bob",
    }
    assert bench.call("get_lock_events", uuid="l", offset=1, count=1)["lock_events"] == whole[1:2]
    period = {"start_time": 1_709_214_332, "end_time": 1_709_214_332}
    assert bench.call("get_lock_events", uuid="l", **period)["lock_events"] == whole[1:2]
    assert bench.call("count_lock_events", uuid="l", **period)["count"] == 1
    assert bench.call("count_lock_events", uuid="l")["count"] == 3
    assert bench.letters()[-1]["detail"] == {
        key: whole[0][key] for key in ("eventid", "source", "sourceid", "source_name")
    }


@settings(max_examples=40)
@given(
    st.fixed_dictionaries(
        {},
        optional={
            "operator": st.sampled_from(["ann", "Ann", "?"]),
            "op_id": st.sampled_from(["20002", "20003", "20006", "9"]),
            "start_time": st.integers(1_709_214_309, 1_709_214_315),
            "end_time": st.integers(1_709_214_309, 1_709_214_315),
        },
    )
)
def test_filters_of_the_operation_log_join_and_count(filters: Row) -> None:
    bench = Bench()
    bench.add("123456")
    bench.wait()
    bench.ask("frozen_password", 1001)
    bench.wait()
    bench.ask("delete_password", 1001)
    rows = bench.log()
    assert [row["op_id"] for row in rows] == ["20003", "20006", "20002", "20002"]
    assert "result" not in rows[0]
    assert rows[1] == {
        "op_id": "20006",
        "operator": {"id": "ann", "name": "Ann"},
        "target": {"type": "lock", "id": "l", "name": "Inner"},
        "holder": {"type": "room", "id": "r", "name": "Room"},
        "recipient": {"id": "123", "name": "Bob"},
        "timestamp": 1_709_214_312_000,
        "result": 0,
    }

    def fits(row: Row) -> bool:
        second = int(str(row["timestamp"])) // 1000
        return (
            filters.get("operator", "ann") in ("ann", "Ann")
            and filters.get("op_id", row["op_id"]) == row["op_id"]
            and int(str(filters.get("start_time", 0))) <= second <= int(str(filters.get("end_time", 2**40)))
        )

    found = bench.log(**filters)
    assert found == [row for row in rows if fits(row)]
    assert bench.call("count_device_op_log", uuid="g", **filters)["count"] == len(found)


def test_later_profiles_log_and_tell_more() -> None:
    bench = Bench(PROFILES["v2"])
    bench.call("get_default_password_plaintext", uuid="l")
    assert [row["op_id"] for row in bench.log()] == ["200010", "20009"]
    assert len(bench.log(op_id="20010")) == 1
    serviceid = bench.call("add_password", uuid="l", phonenumber="1", is_default=0, password="123456")[
        "serviceid"
    ]
    bench.wait()
    letter = bench.letters()[-1]
    assert letter["result"] == {"id": 1001, "passwordid": "1001", "ErrNo": 1000}
    assert (letter["service"], letter["serviceid"]) == ("Password_Add_Service", serviceid)
    assert letter["sign"] == signature(URL, letter)


# Alarms


@given(st.lists(st.tuples(st.integers(-1, 100), st.integers(0, 3 * DAY)), max_size=30))
def test_alarms_and_clears_of_a_battery_keep_their_rules(readings: list[tuple[int, int]]) -> None:
    alarms, now = Alarms(), 1_709_214_310_000
    episode: list[int] = []
    for level, pause in readings:
        now += pause
        before = alarms
        alarms, told = read_battery(alarms, level, now, at_ten=False)
        if told == "clear":
            assert level > 10
            assert episode
            episode = []
        elif told == "alarm":
            assert 0 <= level < 10
            episode.append(level)
            assert len([one for one in episode if one >= 5]) <= 2
        else:
            assert level in (-1, 10) or (level > 10 and not episode) or (before.latched and level < 10)
        assert bool(alarms.latched) == bool(episode)


def test_a_battery_alarms_at_10_at_7_and_daily_below_5(bench: Bench) -> None:
    for level in (50, 10, 9, 8, 7, 6, 9, 4):
        bench.hands.report_battery("l", level)
    bench.wait(86_400 * 2 + 1)
    bench.hands.report_battery("l", 10)
    bench.wait(86_400 * 2)
    for level in (-1, 11, 50, 9, 11):
        bench.hands.report_battery("l", level)
    told = [(body["event"], body["detail"]) for body in bench.letters()]
    alarm, clear = "batteryAlarm", "clearBattryAlarm"
    levels = [
        (alarm, 9),
        (alarm, 7),
        (alarm, 4),
        (alarm, 4),
        (alarm, 4),
        (clear, 11),
        (alarm, 9),
        (clear, 11),
    ]
    assert told == [(event, {"battery_level": level}) for event, level in levels]
    assert bench.call("get_lock_info", uuid="l")["power"] == 11


def test_a_jump_tells_once_and_ten_alarms_where_the_key_says_so() -> None:
    bench = Bench(replace(PROFILES["v1.6"], battery_at_ten=True))
    bench.hands.report_battery("l", 10)
    bench.hands.report_battery("o", 4)
    assert bench.names() == ["batteryAlarm"] * 2


def test_three_wrong_codes_in_a_row_alarm(bench: Bench) -> None:
    for code in ("000000", "000000", "111111", "000000", "000000"):
        bench.hands.press("l", code)
    assert bench.names() == ["lockerOpenAlarm"]
    for _ in range(3):
        bench.hands.press("l", "000000")
    assert bench.names() == ["lockerOpenAlarm", "wrongPwdAlarm"]
    bench.hands.force_lock("l")
    assert bench.names()[-1] == "brokenAlarm"


def test_a_gateway_takes_its_locks_along(bench: Bench) -> None:
    bench.hands.set_line("l", online=False)
    bench.hands.set_line("g", online=False)
    bench.hands.set_line("g", online=False)
    assert bench.call("get_lock_info", uuid="o")["onoff_line"] == 2
    bench.hands.set_line("l", online=True)
    bench.hands.set_line("g", online=True)
    assert [(body["event"], body["uuid"]) for body in bench.letters()] == [
        ("lockOfflineAlarm", "l"),
        ("centerOfflineAlarm", "g"),
        ("lockOfflineAlarm", "o"),
        ("clearCenterOfflineAlarm", "g"),
        ("clearLockOfflineAlarm", "o"),
        ("clearLockOfflineAlarm", "l"),
    ]


def test_what_happens_while_a_lock_is_offline_is_told_afterwards(bench: Bench) -> None:
    bench.hands.set_line("g", online=False)
    at = round(bench.time * 1000)
    assert bench.hands.press("l", "111111")
    bench.wait(500)
    assert bench.call("count_lock_events", uuid="l")["count"] == 0
    bench.hands.set_line("g", online=True)
    bench.wait()
    assert bench.call("count_lock_events", uuid="l")["count"] == 1
    assert bench.letters()[-1]["event"] == "lockerOpenAlarm"
    assert bench.letters()[-1]["time"] == at


def test_the_envelope_has_a_room_for_inner_locks_only(bench: Bench) -> None:
    bench.hands.force_lock("l")
    bench.hands.force_lock("o")
    common = {"event": "brokenAlarm", "time": 1_709_214_311_000, "home_id": "h"}
    assert bench.letters() == [
        common | {"uuid": "l", "room_id": "r", "nickname": "Inner"},
        common | {"uuid": "o", "nickname": "Outer"},
    ]


# The outbox


def test_a_letter_is_tried_four_times_and_holds_up_its_device_only(bench: Bench) -> None:
    bench.hands.force_lock("l")
    bench.hands.press("l", "111111")
    bench.hands.force_lock("o")
    box, start = bench.cloud.outbox, bench.time
    assert [letter.number for letter in box.due()] == [1, 3]
    box.settle(3, TAKEN)
    times = []
    while (due := box.next_due()) is not None and [letter.number for letter in box.due()] != [2]:
        bench.time = max(bench.time, due / 1000)
        for letter in box.due():
            if letter.number == 1:
                times.append(bench.time - start)
                box.settle(1, Answer(None, trouble="timed out"))
    assert times == [0, 1, 6, 36]
    assert [pause / 1000 for pause in PAUSES] == [1, 5, 30]
    states = {row["number"]: (row["state"], len(row["tries"])) for row in bench.hands.callbacks("t")}  # type: ignore[arg-type]  # a list
    assert states == {1: ("dead", 4), 2: ("waiting", 0), 3: ("delivered", 1)}
    bench.hands.redeliver(1)
    assert [letter.number for letter in box.due()] == [1]
    with pytest.raises(Refused, match="15006"):
        bench.hands.redeliver(1)


@pytest.mark.parametrize(
    ("answer", "state"),
    [
        (TAKEN, "delivered"),
        (Answer(200, b"ok"), "delivered"),
        (Answer(204, b""), "delivered"),
        (Answer(200, b'{"ErrNo": 7}'), "waiting"),
        (Answer(200, b'{"ErrNo": false}'), "waiting"),
        (Answer(200, b"[]"), "waiting"),
        (Answer(500, b'{"ErrNo": 0}'), "waiting"),
        (Answer(302, b""), "waiting"),
        (Answer(None, trouble="refused"), "waiting"),
    ],
)
def test_an_answer_takes_a_letter_or_does_not(bench: Bench, answer: Answer, state: str) -> None:
    bench.hands.force_lock("l")
    bench.cloud.outbox.settle(1, answer)
    assert bench.hands.callbacks("t")[0]["state"] == state


def test_without_an_address_nothing_is_sent_and_the_journal_says_so(bench: Bench) -> None:
    bench.hands.set_callback_url("t", "")
    bench.hands.force_lock("l")
    assert bench.cloud.outbox.next_due() is None
    assert bench.hands.callbacks("t")[0]["state"] == "unsent"
    for url, code in (("http://192.168.0.1/", 15014), ("file:///etc/passwd", 14001), ("x", 14001)):
        with pytest.raises(Refused, match=str(code)):
            bench.hands.set_callback_url("t", url)


def test_putting_the_clock_forward_is_like_waiting() -> None:
    def story(*, skip: bool) -> list[Row]:
        bench = Bench()
        clock = SkippingClock(lambda: bench.time)
        bench.cloud.core.now = clock
        hands = DdingBench(bench.cloud, bench.locks, clock)
        bench.hands.report_battery("l", 3)
        bench.add("123456")
        if skip:
            assert hands.advance(200_000) == 3
        else:
            bench.wait(200_000)
        assert clock() == 1_709_214_311 + 200_000
        return [*bench.letters(), bench.passwords()["1001"]]

    assert story(skip=True) == story(skip=False)
    with pytest.raises(Refused, match="15007"):
        Bench().hands.advance(1)


def test_resetting_a_tenant_leaves_its_clients_alone(bench: Bench) -> None:
    bench.hands.force_lock("l")
    bench.hands.reset("t")
    state = bench.hands.state("t")
    assert {state[name] for name in ("homes", "rooms", "devices", "operations", "outbox")} == {0}
    bench.call("add_home", home_id="h")


def test_what_a_lock_tells_stays_in_order_when_it_comes_back(bench: Bench) -> None:
    bench.hands.set_line("g", online=False)
    number = bench.hands.local_password("l", "add", code="123456")
    bench.hands.set_line("g", online=True)
    bench.hands.local_password("l", "delete", number)
    bench.wait()
    assert str(number) not in bench.passwords()
    assert [row["event"] for row in bench.letters()][-2:] == ["pwdAddLocal", "pwdDelLocal"]
