"""The TTLock cloud without HTTP: what it decides, remembers and refuses."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.faults import NONE, Fault, Faults
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import Refused, Ttlock, md5
from lockbench_protocol.cloud import ttlock as wire
from lockbench_protocol.cloud.ttlock import ENDPOINTS, Right
from lockbench_protocol.lock.lockdata import LockData
from pydantic import ValidationError

ROWS = {row.name: row for row in ENDPOINTS}
LOCK = LockData(
    lock_mac="C2:11:22:33:44:55",
    admin_pwd="0012345678",  # noqa: S106 - test data
    lock_key="0087654321",
    aes_key=bytes(16),
    model_num="SN242",
    hardware_revision="1.0",
    firmware_revision="6.4.33",
)


MORE = ("passcodes_deleted", "gateways", "lock_records", "webhooks", "verify_codes", "letters")
FILLED = {
    "keyboardPwd": "123456",
    "keyboardPwdId": 1,
    "keyboardPwdType": 2,
    "keyboardPwdList": "[]",
    "startDate": 0,
    "pageNo": 1,
    "pageSize": 20,
    "records": "[]",
    "gatewayId": 1,
}


class Bench:
    """A cloud with two apps; "app" has the users ann and bob, "other" has eve."""

    def __init__(self, path: str = ":memory:", seed: int = 1) -> None:
        self.store = Store(path)
        self.time = 1_709_214_310.0
        self.chance = random.Random(seed)  # noqa: S311 - test data
        self.cloud = Ttlock(self.store, lambda: self.time, self.chance)

    def fill(self) -> Bench:
        for client, users in {"app": ["ann", "bob"], "other": ["eve"]}.items():
            self.cloud.add_client(client, "s")
            for user in users:
                self.cloud.add_user(client, user, "secret")
        self.tokens = {
            user: self.call(
                "token", clientId=client, clientSecret="s", username=user, password=md5("secret")
            )["access_token"]
            for client, user in (("app", "ann"), ("app", "bob"), ("other", "eve"))
        }
        return self

    def call(self, name: str, **parameters: object) -> dict[str, object]:
        row = ROWS[name]
        return self.cloud.call(row, row.request.model_validate(parameters)).body()

    def as_user(self, name: str, user: str = "ann", **parameters: object) -> dict[str, object]:
        client = "other" if user == "eve" else "app"
        signed = {"clientId": client, "accessToken": self.tokens[user], "date": self.cloud.millis()}
        return self.call(name, **signed, **parameters)

    def lock_id(self, user: str = "ann", lock: LockData = LOCK) -> int:
        lock_id = self.as_user("initialize", user, lockData=lock.encode(self.chance))["lockId"]
        assert isinstance(lock_id, int)
        return lock_id

    def rows(self) -> dict[str, list[tuple[object, ...]]]:
        tables = ["clients", "users", "tokens", "locks", "keys", "passcodes", "firmware", *MORE]
        return {table: [tuple(row) for row in self.store.all(f"SELECT * FROM {table}")] for table in tables}  # noqa: S608 - our own names


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench().fill()
    with bench.store:
        yield bench


def refusal(code: int) -> AbstractContextManager[object]:
    return pytest.raises(Refused, match=f"^{code}:")


VALUES = st.one_of(
    st.text(max_size=12),
    st.integers(),
    st.none(),
    st.sampled_from(["app", "other", "1", "2", "3", "123456", md5("secret"), "s", "QUJD"]),
)


@settings(max_examples=150)
@given(data=st.data())
def test_any_parameters_get_a_documented_refusal_and_then_nothing_is_stored(data: st.DataObject) -> None:
    bench = Bench().fill()
    with bench.store:
        lock_id = bench.lock_id()
        row = data.draw(st.sampled_from(ENDPOINTS))
        names = [field.alias or name for name, field in row.request.model_fields.items()]
        good = FILLED | {
            "clientId": "app",
            "clientSecret": "s",
            "username": "ann",
            "password": md5("secret"),
            "accessToken": bench.tokens["ann"],
            "date": bench.cloud.millis(),
            "lockId": lock_id,
            "lockData": LOCK.encode(bench.chance),
            "keyboardPwd": "123456",
        }
        drawn = data.draw(st.dictionaries(st.sampled_from([*names, "clientId"]), VALUES, max_size=3))
        before = bench.rows()
        try:
            bench.call(row.name, **(good | drawn))
        except ValidationError:
            assert bench.rows() == before
        except Refused as refused:
            assert refused.errcode in row.codes
            assert bench.rows() == before


@given(st.lists(st.text("01", max_size=5) | st.text("0123456789", max_size=11), max_size=12))
def test_the_cloud_knows_each_accepted_passcode_exactly_once(codes: list[str]) -> None:
    bench = Bench().fill()
    with bench.store:
        lock_id, known = bench.lock_id(), set()
        for code in codes:
            expected = -3006 if not 4 <= len(code) <= 9 else -3007 if code in known else None
            try:
                bench.as_user("add_passcode", lockId=lock_id, keyboardPwd=code or "x", keyboardPwdType=2)
                assert expected is None
                known.add(code)
            except Refused as refused:
                assert refused.errcode == expected
        stored = bench.store.all("SELECT code FROM passcodes WHERE lock_id = ?", lock_id)
        assert {row["code"] for row in stored} == known


@given(st.lists(st.lists(st.integers(0, 30), min_size=1, max_size=4), min_size=1, max_size=6))
def test_the_newest_version_is_offered_until_it_runs(versions: list[list[int]]) -> None:
    bench = Bench().fill()
    with bench.store:
        lock_id = bench.lock_id()
        for version in versions:
            bench.cloud.add_firmware("SN242", "1.0", ".".join(map(str, version)), b"image")
        newest = max(versions)
        reply = bench.as_user("upgrade_check", lockId=lock_id)
        if newest > [6, 4, 33]:
            assert (reply["needUpgrade"], reply["version"]) == (1, ".".join(map(str, newest)))
            bench.as_user("upgrade_success", lockId=lock_id, lockData=LOCK.encode(bench.chance))
            assert bench.as_user("upgrade_check", lockId=lock_id)["version"] == reply["version"]
        assert bench.as_user("upgrade_check", lockId=lock_id)["needUpgrade"] == 0
        with refusal(1):
            bench.as_user("upgrade_package", lockId=lock_id)


def test_a_passwords_form_and_value_are_told_apart(bench: Bench) -> None:
    for password, code in {"secret": 30005, md5("secret").upper(): 30005, md5("wrong"): 10007}.items():
        with refusal(code):
            bench.call("token", clientId="app", clientSecret="s", username="ann", password=password)
    with refusal(10007):
        bench.call("token", clientId="other", clientSecret="s", username="ann", password=md5("secret"))
    with refusal(-3):
        bench.call("token", clientId="app", clientSecret="s", username="ann")


def test_client_secret_and_token_have_codes_of_their_own(bench: Bench) -> None:
    with refusal(10000):
        bench.call("token", clientId="nobody", clientSecret="s")
    with refusal(10001):
        bench.call("token", clientId="app", clientSecret="wrong")
    signed = {"date": 0, "lockData": LOCK.encode(bench.chance)}
    with refusal(10003):
        bench.call("initialize", clientId="app", accessToken="0" * 32, **signed)
    with refusal(10003):
        bench.call("initialize", clientId="other", accessToken=bench.tokens["ann"], **signed)
    bench.time += wire.TOKEN_SECONDS
    with refusal(10004):
        bench.call("initialize", clientId="app", accessToken=bench.tokens["ann"], **signed)


def test_refreshing_gives_a_new_pair_and_ends_the_old_one(bench: Bench) -> None:
    login = {"clientId": "app", "clientSecret": "s"}
    first = bench.call("token", **login, username="ann", password=md5("secret"))
    assert isinstance(first["uid"], int)
    renew = {**login, "grant_type": "refresh_token", "refresh_token": first["refresh_token"]}
    second = bench.call("token", **renew)
    assert set(second) == {"access_token", "refresh_token", "expires_in"}
    with refusal(10011):
        bench.call("token", **renew)
    bench.tokens["ann"] = str(first["access_token"])
    with refusal(10004):
        bench.lock_id()
    bench.tokens["ann"] = str(second["access_token"])
    assert bench.lock_id()


@pytest.mark.parametrize("name", [row.name for row in ENDPOINTS if row.right is Right.ADMIN])
def test_another_user_is_no_administrator_and_another_client_sees_no_lock(bench: Bench, name: str) -> None:
    lock_id = bench.lock_id()
    rest = FILLED | {"lockData": LOCK.encode(bench.chance)}
    with refusal(20002):
        bench.as_user(name, "bob", lockId=lock_id, **rest)
    for user, number in (("eve", lock_id), ("ann", lock_id + 1), ("eve", lock_id + 1)):
        with refusal(-1003):
            bench.as_user(name, user, lockId=number, **rest)


@pytest.mark.parametrize("row", [row for row in ENDPOINTS if 10003 in row.codes], ids=lambda row: row.name)
def test_another_apps_ids_are_as_ids_that_do_not_exist(bench: Bench, row: wire.Endpoint) -> None:
    """And its users' tokens as tokens that were never given."""
    lock_id = bench.lock_id()
    number = bench.cloud.core.new_id("gateways", "gateway_id")
    bench.store.run("INSERT INTO gateways VALUES (?, 'app', 1, 'A0', 'hall', 2, 1, 0)", number)
    rest = FILLED | {"lockData": LOCK.encode(random.Random(1))}  # noqa: S311 - test data

    def answer(**changes: object) -> object:
        good = {"clientId": "other", "accessToken": bench.tokens["eve"], "date": bench.cloud.millis()}
        try:
            return bench.call(row.name, **(rest | good | changes))
        except Refused as refused:
            return refused.errcode

    if "lock_id" in row.request.model_fields or "gateway_id" in row.request.model_fields:
        theirs = answer(lockId=lock_id, gatewayId=number)
        assert theirs == answer(lockId=lock_id + 1, gatewayId=number + 1)
    assert (
        answer(lockId=1, accessToken=bench.tokens["ann"]) == answer(lockId=1, accessToken="unknown") == 10003
    )


def test_the_same_lock_initialised_again_replaces_the_old_one_of_that_client_only(bench: Bench) -> None:
    first, elsewhere = bench.lock_id("ann"), bench.lock_id("eve")
    second = bench.lock_id("bob")
    assert second != first
    with refusal(-1003):
        bench.as_user("detail", "ann", lockId=first)
    assert bench.as_user("detail", "bob", lockId=second)["lockMac"] == LOCK.lock_mac
    assert bench.as_user("detail", "eve", lockId=elsewhere)["lockMac"] == LOCK.lock_mac


def test_initialising_needs_a_blob_with_credentials(bench: Bench) -> None:
    for blob in ("QUJD", LockData(lock_mac=LOCK.lock_mac).encode(bench.chance)):
        with refusal(-3):
            bench.as_user("initialize", lockData=blob)


def test_a_blob_without_credentials_renews_what_it_holds_and_keeps_the_rest(bench: Bench) -> None:
    lock_id = bench.lock_id()
    fresh = LockData(lock_mac=LOCK.lock_mac, firmware_revision="6.4.40", electric_quantity=50)
    bench.as_user("update_lock_data", lockId=lock_id, lockData=fresh.encode(bench.chance))
    known = LockData.decode(bench.cloud.lock_data(lock_id))
    assert (known.firmware_revision, known.electric_quantity) == ("6.4.40", 50)
    assert (known.admin_pwd, known.aes_key) == (LOCK.admin_pwd, LOCK.aes_key)
    with refusal(-3):
        other = LockData(lock_mac="C2:11:22:33:44:56").encode(bench.chance)
        bench.as_user("update_lock_data", lockId=lock_id, lockData=other)


def test_a_lock_of_unknown_version_needs_a_recheck(bench: Bench) -> None:
    bare = LockData(lock_mac=LOCK.lock_mac, admin_pwd="1", lock_key="2", aes_key=bytes(16))  # noqa: S106 - test data
    lock_id = bench.lock_id(lock=bare)
    bench.cloud.add_firmware("SN242", "1.0", "6.4.34", b"image")
    assert bench.as_user("upgrade_check", lockId=lock_id) == {"needUpgrade": 2}
    reply = bench.as_user("upgrade_recheck", lockId=lock_id, lockData=LOCK.encode(bench.chance))
    assert (reply["needUpgrade"], reply["version"]) == (1, "6.4.34")
    assert reply["firmwareInfo"] == {
        "modelNum": "SN242",
        "hardwareRevision": "1.0",
        "firmwareRevision": "6.4.33",
    }
    assert bench.as_user("upgrade_check", lockId=lock_id)["needUpgrade"] == 1


@pytest.mark.parametrize(
    "older",
    [
        {"modelNum": "SN242", "hardwareRevision": "1.0", "firmwareRevision": "6.4.33"},
        {"firmwareInfo": '{"modelNum": "SN242", "hardwareRevision": "1.0", "firmwareRevision": "6.4.33"}'},
    ],
)
def test_a_recheck_takes_the_parameters_of_older_clients(bench: Bench, older: dict[str, str]) -> None:
    bare = LockData(lock_mac=LOCK.lock_mac, admin_pwd="1", lock_key="2", aes_key=bytes(16))  # noqa: S106 - test data
    lock_id = bench.lock_id(lock=bare)
    bench.cloud.add_firmware("SN242", "1.0", "6.4.34", b"image")
    reply = bench.as_user("upgrade_recheck", lockId=lock_id, lockData=bare.encode(bench.chance), **older)
    assert reply["needUpgrade"] == 1


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({"keyboardPwd": "123"}, -3006),
        ({"keyboardPwd": "1234567890"}, -3006),
        ({"keyboardPwd": "12345a"}, -3006),
        ({"keyboardPwdType": 3}, -3),
        ({"keyboardPwdType": 3, "startDate": 2, "endDate": 1}, -3),
        ({"keyboardPwdType": 1}, -3),
        ({"addType": 2}, -2012),
        ({"addType": 3}, -3036),
        ({"addType": 5}, -3),
    ],
)
def test_a_passcode_is_refused_for_its_reason(bench: Bench, parameters: dict[str, object], code: int) -> None:
    good = {"lockId": bench.lock_id(), "keyboardPwd": "123456", "keyboardPwdType": 2}
    with refusal(code):
        bench.as_user("add_passcode", "ann", **(good | parameters))


def test_a_lock_has_at_most_250_custom_passcodes(bench: Bench) -> None:
    lock_id = bench.lock_id()
    for number in range(wire.PASSCODES):
        bench.as_user("add_passcode", lockId=lock_id, keyboardPwd=f"{1000 + number}", keyboardPwdType=2)
    with refusal(-3009):
        bench.as_user("add_passcode", lockId=lock_id, keyboardPwd="9999", keyboardPwdType=2)


def test_a_store_on_a_file_remembers_and_goes_on_with_new_ids(tmp_path: Path) -> None:
    path = str(tmp_path / "cloud.db")
    first = Bench(path)
    with first.store:
        lock_id = first.fill().lock_id()
        tokens = first.tokens
    again = Bench(path)
    again.tokens = tokens
    with again.store:
        assert again.as_user("detail", lockId=lock_id)["lockId"] == lock_id
        login = {"clientId": "app", "clientSecret": "s", "username": "ann", "password": md5("secret")}
        assert again.call("token", **login)["access_token"] not in tokens.values()
        assert again.lock_id() > lock_id


def test_faults_are_met_in_order_and_only_so_often() -> None:
    faults = Faults()
    faults.add(Fault("/a", errcode=1, times=2))
    faults.add(Fault("/a", errcode=2))
    assert [faults.take(path).errcode for path in ("/a", "/b", "/a", "/a", "/a")] == [1, None, 1, 2, 2]
    faults.clear()
    assert faults.take("/a") is NONE
