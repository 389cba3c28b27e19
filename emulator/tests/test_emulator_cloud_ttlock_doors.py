"""The TTLock cloud beside a model: passcodes, gateways, records, keys and webhooks in any order."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lockbench_emulator.cloud.outbox import Answer
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import Refused, Ttlock, md5
from lockbench_emulator.cloud.ttlock.agent import MemoryBolts
from lockbench_emulator.cloud.ttlock.bench import TtlockBench
from lockbench_emulator.cloud.ttlock.policy import Policy
from lockbench_protocol.cloud.ttlock import ENDPOINTS
from lockbench_protocol.cloud.ttlock.codes import HOUR, SAME_HOUR, YEAR
from lockbench_protocol.cloud.ttlock.webhook import read_webhook
from lockbench_protocol.lock.lockdata import LockData, YearCode

ROWS = {row.name: row for row in ENDPOINTS}
MAC = "C2:11:22:33:44:55"
LOCK = LockData(
    lock_mac=MAC,
    lock_name="S202T_554433",
    admin_pwd="0012345678",  # noqa: S106 - test data
    lock_key="0087654321",
    aes_key=bytes(16),
    pwd_info=(YearCode(24, 7, "0123456789"),),
    timestamp=1_709_214_310_000,
    no_key_pwd="1234567",  # noqa: S106 - test data
)


class Bench:
    """A cloud with the users ann, the owner of a lock, and bob, who has a user's key to it."""

    def __init__(self, policy: Policy | None = None) -> None:
        self.store = Store()
        self.time = 1_709_214_310.0
        self.bolts = MemoryBolts(self.store, lambda: self.time)
        self.cloud = Ttlock(
            self.store,
            lambda: self.time,
            random.Random(1),  # noqa: S311 - test data
            self.bolts,
            policy,
        )
        self.bench = TtlockBench(self.cloud)
        self.bench.add_client("app", "s")
        self.tokens = {}
        for user in ("ann", "bob", "eve"):
            self.bench.add_user("app", user, "secret")
            login = {"clientId": "app", "clientSecret": "s", "username": user, "password": md5("secret")}
            self.tokens[user] = str(self.call("token", **login)["access_token"])
        self.lock_id = int(
            str(self.user("initialize", "ann", lockData=LOCK.encode(random.Random(1)))["lockId"])  # noqa: S311 - test data
        )
        self.bench.add_key(self.lock_id, "bob")

    def call(self, name: str, **parameters: object) -> dict[str, object]:
        row = ROWS[name]
        return self.cloud.call(row, row.request.model_validate(parameters)).body()

    def user(self, name: str, who: str = "ann", **parameters: object) -> dict[str, object]:
        signed = {"clientId": "app", "accessToken": self.tokens[who], "date": self.cloud.millis()}
        return self.call(name, **signed, **parameters)

    def lock(self, name: str, who: str = "ann", **parameters: object) -> dict[str, object]:
        return self.user(name, who, lockId=self.lock_id, **parameters)

    def gateway(self) -> int:
        number = self.bench.add_gateway("app", "ann", "A0:00:00:00:00:01")
        self.bench.hear(number, MAC)
        return number

    def listed(self) -> list[dict[str, object]]:
        found = self.lock("passcodes", pageNo=1, pageSize=200)["list"]
        assert isinstance(found, list)
        return found

    def post(self, *answers: Answer) -> None:
        """The courier's round, once for each answer."""
        for answer in answers:
            for letter in self.cloud.outbox.due():
                self.cloud.outbox.settle(letter.number, answer)
            self.time += 31


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    with bench.store:
        yield bench


def refusal(code: int) -> AbstractContextManager[object]:
    return pytest.raises(Refused, match=f"^{code}:")


class Machine(RuleBasedStateMachine):
    """Passcodes, gateway and bolt beside a model of each."""

    @initialize()
    def start(self) -> None:
        self.bench = Bench()
        self.gateway: int | None = None
        self.state = "online"
        self.frozen = False
        self.opened: float | None = None
        self.codes: dict[str, tuple[int, bool, bool]] = {}  # code: number, custom, used
        self.records = 0

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            with self.bench.store:
                pass

    few = st.sampled_from(["1111", "2222", "33333"])

    def far(self) -> int:
        if self.gateway is None:
            return -2012
        return {"online": 0, "offline": -3002, "busy": -3003}[self.state]

    def expect(self, code: int, name: str, **parameters: object) -> dict[str, object]:
        try:
            reply = self.bench.lock(name, "ann", **parameters)
        except Refused as refused:
            assert refused.errcode == code
            return {}
        assert code == 0
        return reply

    @rule()
    def hang_gateway(self) -> None:
        if self.gateway is None:
            self.gateway = self.bench.gateway()

    @rule(state=st.sampled_from(["online", "offline", "busy"]))
    def turn_gateway(self, state: str) -> None:
        if self.gateway is not None:
            self.state = state
            self.bench.bench.set_gateway(self.gateway, online=state != "offline", busy=state == "busy")

    @rule(frozen=st.booleans())
    def freeze(self, frozen: bool) -> None:
        self.frozen = frozen
        self.bench.bench.freeze(self.bench.lock_id, frozen=frozen)

    @rule(verb=st.sampled_from(["lock", "unlock"]))
    def move(self, verb: str) -> None:
        code = -2025 if self.frozen else self.far()
        self.expect(code, verb)
        if not code:
            self.opened = self.bench.time if verb == "unlock" else None
            self.records += 1
            self.bench.time += 0.5

    @rule(seconds=st.integers(1, 9))
    def wait(self, seconds: int) -> None:
        self.bench.time += seconds

    @rule()
    def ask_state(self) -> None:
        code = self.far()
        if code == -3003:
            assert self.expect(0, "open_state") == {"state": 2}
        else:
            reply = self.expect(code, "open_state")
            is_open = self.opened is not None and self.bench.time < self.opened + self.bench.bolts.auto_lock
            assert not reply or reply == {"state": int(is_open)}

    @rule(code=few, how=st.sampled_from([1, 2]))
    def add(self, code: str, how: int) -> None:
        wanted = -3007 if code in self.codes else self.far() if how == 2 else 0
        reply = self.expect(wanted, "add_passcode", keyboardPwd=code, keyboardPwdType=2, addType=how)
        if reply:
            self.codes[code] = (int(str(reply["keyboardPwdId"])), True, False)

    @rule(hours=st.integers(0, 3))
    def generate(self, hours: int) -> None:
        start = self.bench.cloud.millis() + hours * HOUR
        try:
            reply = self.bench.lock("get_passcode", keyboardPwdType=2, startDate=start)
        except Refused as refused:
            assert refused.errcode == -1026
            return
        self.codes[str(reply["keyboardPwd"])] = (int(str(reply["keyboardPwdId"])), False, False)

    @rule(data=st.data(), new=few, how=st.sampled_from([1, 2]))
    def change(self, data: st.DataObject, new: str, how: int) -> None:
        if not self.codes:
            return
        code = data.draw(st.sampled_from(sorted(self.codes)))
        number, custom, used = self.codes[code]
        wanted = 0
        if new in self.codes and new != code:
            wanted = -3007
        elif not custom and not used:
            wanted = -3008
        elif how == 2:
            wanted = self.far()
        self.expect(wanted, "change_passcode", keyboardPwdId=number, newKeyboardPwd=new, changeType=how)
        if not wanted:
            del self.codes[code]
            self.codes[new] = (number, custom, used)

    @rule(data=st.data())
    def press(self, data: st.DataObject) -> None:
        if self.codes:
            code = data.draw(st.sampled_from(sorted(self.codes)))
            row = {"recordType": 4, "keyboardPwd": code, "lockDate": self.bench.cloud.millis()}
            self.bench.lock("upload_records", "bob", records=json.dumps([row]))
            number, custom, _ = self.codes[code]
            self.codes[code] = (number, custom, True)
            self.records += 1
            self.bench.time += 1

    @rule(data=st.data(), how=st.sampled_from([1, 2]), by_code=st.booleans())
    def delete(self, data: st.DataObject, how: int, by_code: bool) -> None:
        if self.codes:
            code = data.draw(st.sampled_from(sorted(self.codes)))
            wanted = self.far() if how == 2 else 0
            if by_code:
                self.expect(wanted, "delete_code", keyboardPwd=code, deleteType=how)
            else:
                self.expect(wanted, "delete_passcode", keyboardPwdId=self.codes[code][0], deleteType=how)
            if not wanted:
                del self.codes[code]

    @invariant()
    def the_lists_are_as_the_model(self) -> None:
        if hasattr(self, "bench"):
            rows = {
                row["keyboardPwd"]: (row["keyboardPwdId"], bool(row["isCustom"]))
                for row in self.bench.listed()
            }
            assert rows == {code: (number, custom) for code, (number, custom, _) in self.codes.items()}
            assert self.bench.lock("records")["total"] == self.records


TestCloud = Machine.TestCase
TestCloud.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)


@settings(max_examples=40)
@given(
    st.lists(st.text("0123456789", min_size=4, max_size=9), unique=True, max_size=12),
    st.integers(1, 15),
    st.data(),
)
def test_pages_together_are_the_whole_list_in_order(codes: list[str], size: int, data: st.DataObject) -> None:
    bench = Bench()
    with bench.store:
        for code in codes:
            bench.lock("add_passcode", keyboardPwd=code, keyboardPwdName=code[::-1], keyboardPwdType=2)
            bench.time += 1
        order = data.draw(st.sampled_from([0, 1, 2]))
        wanted = {
            0: sorted(codes, key=lambda code: code[::-1]),
            1: codes[::-1],
            2: sorted(codes, key=lambda code: code[::-1], reverse=True),
        }
        seen: list[str] = []
        for number in range(1, -(-len(codes) // size) + 2):
            page = bench.lock("passcodes", pageNo=number, pageSize=size, orderBy=order)
            rows = page["list"]
            assert isinstance(rows, list)
            assert (page["total"], page["pages"]) == (len(codes), -(-len(codes) // size))
            seen += [row["keyboardPwd"] for row in rows]
        assert seen == wanted[order]


def test_a_period_change_without_a_start_is_accepted_and_does_nothing(bench: Bench) -> None:
    number = bench.lock("add_passcode", keyboardPwd="1234", startDate=1, endDate=2)["keyboardPwdId"]
    bench.lock("change_passcode", keyboardPwdId=number, endDate=9)
    assert (bench.listed()[0]["startDate"], bench.listed()[0]["endDate"]) == (1, 2)
    bench.lock("change_passcode", keyboardPwdId=number, startDate=3, endDate=9)
    assert (bench.listed()[0]["startDate"], bench.listed()[0]["endDate"]) == (3, 9)
    for wrong in ({"startDate": 3}, {"startDate": 3, "endDate": 2}, {"changeType": 3}):
        with refusal(-3):
            bench.lock("change_passcode", "ann", keyboardPwdId=number, **wrong)


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"keyboardPwdType": 15}, -3),
        ({"keyboardPwdType": 0}, -3),
        ({"keyboardPwdVersion": 5}, -3),
        ({"keyboardPwdType": 3}, -3),
        ({"keyboardPwdType": 3, "startDate": HOUR, "endDate": HOUR + YEAR + 1}, -3),
        ({"keyboardPwdType": 3, "startDate": 2 * HOUR, "endDate": HOUR}, -3),
    ],
)
def test_a_generated_code_is_refused_for_its_reason(
    bench: Bench, parameters: dict[str, int], code: int
) -> None:
    with refusal(code):
        bench.lock("get_passcode", "ann", **({"keyboardPwdType": 1, "startDate": HOUR} | parameters))


def test_one_hour_has_200_codes_for_one_use(bench: Bench) -> None:
    given_out = {
        bench.lock("get_passcode", keyboardPwdType=1, startDate=HOUR + each)["keyboardPwd"]
        for each in range(SAME_HOUR)
    }
    assert len(given_out) == SAME_HOUR
    with refusal(-3):
        bench.lock("get_passcode", keyboardPwdType=1, startDate=HOUR + 1)
    bench.lock("get_passcode", keyboardPwdType=1, startDate=2 * HOUR)


def test_a_lock_without_passcode_data_has_no_generated_codes() -> None:
    bench = Bench()
    with bench.store:
        bare = LockData(lock_mac="C2:11:22:33:44:56", admin_pwd="1", lock_key="2", aes_key=bytes(16))  # noqa: S106 - test data
        number = bench.user("initialize", lockData=bare.encode(random.Random(1)))["lockId"]  # noqa: S311 - test data
        with refusal(-1007):
            bench.user("get_passcode", lockId=number, keyboardPwdType=1, startDate=HOUR)


def test_what_the_lock_holds_is_recorded_and_what_it_lacks_is_invalid(bench: Bench) -> None:
    bench.lock("add_passcode", keyboardPwd="1111", keyboardPwdType=2)
    rows = [{"keyboardPwd": "2222"}, {"keyboardPwd": "3333", "startDate": 1, "endDate": 2}]
    bench.lock("upload_passcodes", keyboardPwdList=json.dumps(rows))
    found = {row["keyboardPwd"]: (row["status"], row["keyboardPwdType"]) for row in bench.listed()}
    assert found == {"1111": (2, 2), "2222": (1, 2), "3333": (1, 3)}
    for text, code in (
        ("[", 80002),
        ("{}", -3),
        ('[{"keyboardPwd": "x"}]', -3),
        ('[{"keyboardPwd": 1}]', -3),
    ):
        with refusal(code):
            bench.lock("upload_passcodes", keyboardPwdList=text)


@pytest.mark.parametrize("code", ["1111", "12345", "98765", "0123456789"[:9]])
def test_simple_codes_are_refused_where_the_policy_says_so(code: str) -> None:
    bench = Bench(Policy(refuse_simple=True))
    with bench.store:
        with refusal(-2032):
            bench.lock("add_passcode", keyboardPwd=code, keyboardPwdType=2)
        bench.lock("add_passcode", keyboardPwd="1357", keyboardPwdType=2)


def test_a_user_may_look_and_tell_but_not_manage(bench: Bench) -> None:
    bench.gateway()
    assert bench.lock("open_state", "bob") == {"state": 0}
    bench.lock("upload_records", "bob", records="[]")
    for name in ("unlock", "detail", "records", "battery", "delete_lock"):
        with refusal(20002):
            bench.lock(name, "bob")
    for name in ("open_state", "upload_records"):
        with refusal(-1003):
            bench.lock(name, "eve", records="[]")


def test_a_users_key_hides_the_administrators_secrets(bench: Bench) -> None:
    blobs = {}
    for user in ("ann", "bob"):
        rows = bench.user("keys", user, pageNo=1, pageSize=20)["list"]
        assert isinstance(rows, list)
        blobs[user] = (rows[0]["userType"], LockData.decode(rows[0]["lockData"]))
    assert blobs["ann"][0] == "110301"
    assert (blobs["ann"][1].admin_pwd, blobs["ann"][1].no_key_pwd) == (LOCK.admin_pwd, LOCK.no_key_pwd)
    assert blobs["bob"][0] == "110302"
    assert (blobs["bob"][1].admin_pwd, blobs["bob"][1].no_key_pwd) == (None, None)
    assert bench.user("locks", "bob", pageNo=1, pageSize=20)["list"] == []


def test_lists_are_found_by_a_part_of_the_alias_and_by_group(bench: Bench) -> None:
    other = LockData(lock_mac="C2:11:22:33:44:57", admin_pwd="1", lock_key="2", aes_key=bytes(16))  # noqa: S106 - test data
    bench.user("initialize", lockData=other.encode(random.Random(1)), lockAlias="front 前门", groupId=7)  # noqa: S311 - test data
    for parameters, total in (
        ({}, 2),
        ({"lockAlias": "前"}, 1),
        ({"lockAlias": "%"}, 0),
        ({"groupId": 7}, 1),
        ({"type": 2}, 0),
    ):
        assert bench.user("locks", pageNo=1, pageSize=20, **parameters)["total"] == total, parameters


def test_the_battery_is_what_the_lock_says_now(bench: Bench) -> None:
    bench.gateway()
    bench.bolts.battery = 42
    assert bench.lock("battery") == {"electricQuantity": 42}
    assert bench.lock("detail")["electricQuantity"] == 42


def test_a_lock_that_gives_no_answer_is_a_busy_gateway_and_an_unknown_state(bench: Bench) -> None:
    bench.gateway()
    bench.bolts.trouble[MAC] = -3003
    with refusal(-3003):
        bench.lock("unlock")
    assert bench.lock("open_state") == {"state": 2}


def test_the_gateways_own_upgrade_is_not_supported_and_a_strangers_gateway_is_none(bench: Bench) -> None:
    number = bench.gateway()
    for name in ("gateway_upgrade_mode", "gateway_upgrade_package", "gateway_upgrade_success"):
        with refusal(-4043):
            bench.user(name, gatewayId=number)
        for user, gateway in (("bob", number), ("ann", number + 1)):
            with refusal(-4037):
                bench.user(name, user, gatewayId=gateway)
    with refusal(-1003):
        bench.user("gateway_locks", gatewayId=number + 1)
    with refusal(20002):
        bench.user("gateway_locks", "bob", gatewayId=number)
    with refusal(-4043):
        bench.call("on_premise", secret="s", lockData=LOCK.encode(random.Random(1)))  # noqa: S106, S311 - test data


def test_recovery_data_has_no_errcode(bench: Bench) -> None:
    bench.lock("add_passcode", keyboardPwd="1111", keyboardPwdType=2)
    reply = bench.lock("recover_data")
    assert set(reply) == {"keyboardPwdList", "identityCardList", "fingerprintList"}


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"username": "a b"}, 30002),
        ({"username": "ü"}, 30002),
        ({"password": "plain"}, 30005),
        ({"clientSecret": "x"}, 10001),
    ],
)
def test_a_user_is_not_registered_for_a_reason(bench: Bench, parameters: dict[str, str], code: int) -> None:
    good = {"clientId": "app", "clientSecret": "s", "username": "tom", "password": md5("p"), "date": 0}
    with refusal(code):
        bench.call("register", **(good | parameters))
    name = bench.call("register", **good)["username"]
    assert str(name).endswith("_tom")
    login = {"clientId": "app", "clientSecret": "s", "username": name, "password": md5("p")}
    assert bench.call("token", **login)["access_token"]
    with refusal(30003):
        bench.call("register", **good)


RECORDS = st.lists(
    st.fixed_dictionaries(
        {"recordType": st.integers(0, 50), "lockDate": st.integers(0, 5)},
        optional={"success": st.integers(0, 1), "keyboardPwd": st.sampled_from(["1111", "2222"])},
    ),
    max_size=6,
)


@settings(max_examples=40)
@given(st.lists(RECORDS, max_size=4), st.integers(0, 5), st.integers(0, 5))
def test_each_record_is_kept_and_posted_once_and_listed_by_date(
    uploads: list[list[dict[str, Any]]], start: int, end: int
) -> None:
    bench = Bench()
    with bench.store:
        bench.bench.set_webhook("app", "http://127.0.0.1/records")
        bench.post(Answer(200))
        for rows in uploads:
            bench.lock("upload_records", records=json.dumps(rows))
        distinct = {
            (row["recordType"], row["lockDate"], row.get("keyboardPwd", ""))
            for rows in uploads
            for row in rows
        }
        letters = [row["body"] for row in bench.store.all("SELECT body FROM letters WHERE kind != 'probe'")]
        posted = [row for body in letters for row in read_webhook(_form(body))]
        assert len(posted) == len(distinct)
        listed = bench.lock("records", startDate=start, endDate=end, pageSize=100)["list"]
        assert isinstance(listed, list)
        dates: list[int] = [row["lockDate"] for row in listed]
        assert dates == sorted(dates, reverse=True)
        assert len(dates) == sum(start <= date and (end == 0 or date <= end) for _, date, _ in distinct)


def _form(body: str) -> dict[str, object]:
    from urllib.parse import parse_qsl

    return dict(parse_qsl(body))


def test_a_webhook_is_used_once_its_probe_was_taken(bench: Bench) -> None:
    def upload(at: int) -> None:
        bench.lock("upload_records", records=json.dumps([{"recordType": 1, "lockDate": at}]))

    assert bench.bench.webhook("app") == "none"
    bench.bench.set_webhook("app", "http://127.0.0.1/records")
    assert bench.bench.webhook("app") == "waiting"
    upload(1)
    bench.post(Answer(403))
    assert bench.bench.webhook("app") == "refused"
    bench.bench.set_webhook("app", "http://127.0.0.1/records")
    bench.post(Answer(200))
    assert bench.bench.webhook("app") == "active"
    upload(2)
    bench.post(*[Answer(500)] * 6)
    letters: list[Any] = bench.bench.letters("app")
    states = [(row["kind"], row["state"], len(row["tries"])) for row in letters]
    assert states == [("probe", "dead", 1), ("probe", "delivered", 1), ("1", "dead", 4)]
    assert bench.bench.redeliver(3)
    bench.post(Answer(200))
    assert bench.bench.letters("app")[-1]["state"] == "delivered"
    bench.bench.set_webhook("app", "")
    assert bench.bench.webhook("app") == "none"
    for wrong in ("ftp://127.0.0.1/", "http://example.test/"):
        with refusal(-3):
            bench.bench.set_webhook("app", wrong)


def test_a_strict_cloud_wants_the_word_success() -> None:
    bench = Bench(Policy(ack_text=True))
    with bench.store:
        for body, state in ((b"ok", "refused"), (b" SUCCESS\n", "active")):
            bench.bench.set_webhook("app", "http://127.0.0.1/records")
            bench.post(Answer(200, body))
            assert bench.bench.webhook("app") == state


@pytest.mark.parametrize(
    ("text", "code"),
    [("[", 80002), ("{}", -3), ('[{"recordType": 1}]', -3), ('[{"recordType": "x", "lockDate": 1}]', -3)],
)
def test_records_that_are_none_are_refused(bench: Bench, text: str, code: int) -> None:
    with refusal(code):
        bench.lock("upload_records", records=text)


def test_a_deleted_lock_is_gone_with_all_its_calls(bench: Bench) -> None:
    bench.bench.freeze(bench.lock_id)
    with refusal(-2025):
        bench.lock("delete_lock")
    bench.bench.freeze(bench.lock_id, frozen=False)
    bench.lock("delete_lock")
    for name in ("detail", "unlock", "records", "delete_lock"):
        with refusal(-1003):
            bench.lock(name)
    assert bench.user("locks", pageNo=1, pageSize=1)["total"] == 0
