"""The dding SaaS without HTTP: what it decides, remembers and refuses."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.dding.agent import MemoryLocks
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding, Refused
from lockbench_emulator.cloud.dding.policy import PROFILES, Policy
from lockbench_emulator.cloud.store import Store
from lockbench_protocol.cloud.dding.codes import ERRORS, LATER_ERRORS
from lockbench_protocol.cloud.dding.endpoints import ENDPOINTS, Endpoint, Role

ROWS = {row.name: row for row in ENDPOINTS}
LATER = 10**6
ID_TABLES = ("dding_homes", "dding_rooms", "dding_devices", "dding_passwords", "dding_orders", "dding_work")


class Bench:
    """A cloud with the tenants t (home h: gateway g, outer lock o, room r with lock l) and other (eve)."""

    def __init__(self, policy: Policy = PROFILES["v1.6"], path: str = ":memory:", seed: int = 1) -> None:
        self.store = Store(path)
        self.time = 1_709_214_310.0
        self.locks = MemoryLocks(self.store, lambda: self.time)
        self.cloud = Dding(self.store, lambda: self.time, random.Random(seed), self.locks, policy)  # noqa: S311 - test data
        self.hands = DdingBench(self.cloud, self.locks)

    def fill(self) -> Bench:
        for client, tenant, role in (
            ("ann", "t", Role.ADMIN),
            ("sam", "t", Role.STEWARD),
            ("mia", "t", Role.MERCHANT),
            ("eve", "other", Role.ADMIN),
        ):
            self.hands.add_client(client, "s", tenant, role)
        self.tokens = {
            client: self.raw("access_token", client_id=client, client_secret="s")["access_token"]  # noqa: S106 - test data
            for client in ("ann", "sam", "mia", "eve")
        }
        self.call("add_home", home_id="h", home_name="Home", description="d")
        self.call("add_room", home_id="h", room_id="r", room_name="Room", room_description="x")
        self.hands.bind_device("t", "g", "gateway", "h", name="Gateway")
        self.hands.bind_device("t", "o", "home_lock", "h", name="Outer")
        self.hands.bind_device("t", "l", "room_lock", "h", "r", name="Inner")
        self.hands.set_callback_url("t", "http://127.0.0.1:1/cb")
        return self

    def raw(self, name: str, /, **fields: object) -> dict[str, object]:
        return self.cloud.call(ROWS[name], fields)

    def call(self, name: str, who: str = "ann", /, **fields: object) -> dict[str, object]:
        row = ROWS[name]
        printed = next(iter(row.names(strict=self.cloud.core.policy.strict)), "access_token")
        body = self.raw(name, **({printed: self.tokens[who]} | fields))
        assert body.pop("ErrNo") == 0
        body.pop("ErrMsg")
        return body

    def refused(self, name: str, who: str = "ann", /, **fields: object) -> int:
        with pytest.raises(Refused) as found:
            self.call(name, who, **fields)
        return found.value.code

    def wait(self, seconds: float = 1.0) -> None:
        """Time passes; what falls due meanwhile is done at its time."""
        end = self.time + seconds
        while (due := self.cloud.next_due()) is not None and due <= end * 1000:
            self.time = max(self.time, due / 1000)
            self.cloud.run_due()
        self.time = end

    def add(self, code: str, lock: str = "l", **fields: object) -> int:
        good = {"uuid": lock, "phonenumber": "123", "is_default": 0, "password": code, "name": "Bob"}
        return int(str(self.call("add_password", **(good | fields))["id"]))

    def password(self, password_id: int, lock: str = "l") -> dict[str, object]:
        rows = self.call("fetch_passwords", uuid=lock)["passwords"]
        assert isinstance(rows, dict)
        row = rows[str(password_id)]
        assert isinstance(row, dict)
        return row

    def stage(self, password_id: int) -> tuple[object, object]:
        row = self.password(password_id)
        return row["operation"], row["operation_stage"]

    def events(self, tenant: str = "t") -> list[tuple[str, object]]:
        return [
            (str(row["event"]), body.get("detail"))
            for row in self.cloud.outbox.journal(tenant)
            if isinstance(body := row["body"], dict)
        ]

    def names(self) -> list[str]:
        return [name for name, _ in self.events()]

    def everything(self) -> list[list[tuple[object, ...]]]:
        return [[tuple(row) for row in self.store.all(f"SELECT * FROM {name}")] for name in ID_TABLES]  # noqa: S608 - our own names


@pytest.fixture
def bench() -> Bench:
    return Bench().fill()


def good(row: Endpoint) -> dict[str, object]:
    """A request of tenant t that succeeds on a filled bench whose lock l has the codes 999 and 1001."""
    special: dict[str, dict[str, object]] = {
        "access_token": {"client_id": "ann", "client_secret": "s"},
        "add_home": {"home_id": "new", "location": "Street 1", "home_name": "n", "description": "d"},
        "update_home": {"home_id": "h", "sp_state": 2, "location": "x", "home_name": "n", "description": "d"},
        "add_room": {"home_id": "h", "room_id": "new", "room_name": "n", "room_description": "d"},
        "update_room": {"home_id": "h", "room_id": "r", "room_name": "n", "room_description": "d"},
        "del_room": {"home_id": "h", "room_id": "r"},
        "get_center_info": {"home_id": "h", "uuid": "g"},
        "add_password": {
            "phonenumber": "123",
            "is_default": 0,
            "password": "222222",
            "name": "n",
            "description": "d",
            "permission_begin": 1,
            "permission_end": 2,
        },
        "update_password": {
            "password_id": 1001,
            "phonenumber": "123",
            "password": "333333",
            "name": "n",
            "description": "d",
            "permission_begin": 1,
            "permission_end": 2,
        },
        "order_add": {"home_id": "h", "date": LATER, "time": 100, "name": "n", "phone": "1", "note": "x"},
        "order_update": {"home_id": "h", "date": LATER, "time": 101, "name": "n", "phone": "1", "note": "x"},
    }
    fields = special.get(row.name, {})
    properties = row.request.model_fields
    if "room_id" in properties and "uuid" in properties:
        fields = fields | {"home_id": "h", "room_id": "r", "uuid": "l"}
    if row.name in ("delete_password", "frozen_password", "unfrozen_password"):
        fields = fields | {"password_id": 1001}
    if not fields:
        fields = {"home_id": ["h"] if row.name.endswith("s") else "h"}
    if "offset" in properties:
        fields = fields | {"offset": 0, "count": 5}
    if "start_time" in properties:
        fields = fields | {"start_time": 1, "end_time": 2**62}
    if "op_id" in properties:
        fields = fields | {"operator": "ann", "op_id": "20002"}
    return fields


def codes_of(row: Endpoint) -> set[int]:
    return {0, *row.codes, *LATER_ERRORS}


def ready(policy: Policy = PROFILES["v1.6"]) -> Bench:
    """A filled bench whose lock l holds 999 and 1001."""
    bench = Bench(policy).fill()
    bench.add("111111", is_default=1)
    bench.wait()
    assert bench.add("123456") == 1001
    bench.wait()
    return bench


@pytest.mark.parametrize("name", ROWS)
def test_every_call_succeeds_once(name: str) -> None:
    bench = ready()
    if name == "order_update":
        bench.call("order_add", **good(ROWS["order_add"]))
    if name == "access_token":
        assert set(bench.raw(name, **good(ROWS[name]))) == {"ErrNo", "ErrMsg", "access_token", "expires_time"}
        return
    body = bench.call(name, **good(ROWS[name]))
    required = {key for key, field in ROWS[name].reply.model_fields.items() if field.is_required()}
    assert required <= set(body)


# Bad input and other people's input

junk = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.integers(-(2**70), 2**70),
    st.text(max_size=8),
    st.text(st.characters(categories=("Cs", "Cc")), max_size=3),
    st.sampled_from(
        [
            "x" * 2000,
            "\0",
            "\ud800",
            "1e5",
            "\uff10",
            "-1",
            " 1",
            "9" * 19,
            [],
            {},
            [[]],
            [None],
            {"begin": []},
        ]
    ),
    st.lists(st.text(max_size=3), max_size=3),
)


@settings(max_examples=100)
@given(st.data())
def test_a_bad_field_is_a_code_of_the_endpoint_and_stores_nothing(data: st.DataObject) -> None:
    row = data.draw(st.sampled_from([row for row in ENDPOINTS if row.roles]))
    policy = PROFILES[data.draw(st.sampled_from(sorted(PROFILES)))]
    bench = ready(policy)
    fields = good(row)
    changed = data.draw(
        st.dictionaries(st.sampled_from([*fields, "permission"]), junk, min_size=1, max_size=2)
    )
    before = bench.everything()
    try:
        bench.call(row.name, **(fields | changed))
    except Refused as refusal:
        assert refusal.code in codes_of(row)
        assert bench.everything() == before


BAD: list[object] = [None, True, 1.5, -1, 2**63, "", "\0", "\ud800", "x" * 1025, "no", [], [1], {}, {"a": {}}]


@pytest.mark.parametrize("row", ENDPOINTS, ids=lambda row: row.name)
def test_every_field_refuses_every_bad_value_with_a_code_of_its_endpoint(row: Endpoint) -> None:
    bench = ready()
    for field in good(row):
        for bad in BAD:
            before = bench.everything()
            call = bench.call if row.roles else bench.raw
            try:
                call(row.name, **(good(row) | {field: bad}))
            except Refused as refusal:
                assert refusal.code in row.codes
                assert bench.everything() == before
            else:
                number = isinstance(bad, int | float) and not isinstance(bad, bool)
                assert number or bad in (None, "", "no", []), f"{row.name} takes {field} = {bad!r:.20}"


@settings(max_examples=60)
@given(st.sampled_from([row for row in ENDPOINTS if row.roles]), junk)
def test_a_bad_token_is_101_before_anything_else(row: Endpoint, token: object) -> None:
    bench = Bench().fill()
    before = bench.everything()
    assert bench.refused(row.name, access_token=token, accesst_token=token, acccess_token=token) == 101
    assert bench.everything() == before


@pytest.mark.parametrize(
    "row",
    [row for row in ENDPOINTS if row.roles and row.name != "add_home"],  # ids of homes are each tenant's own
    ids=lambda row: row.name,
)
def test_another_tenants_ids_are_ids_that_do_not_exist(row: Endpoint) -> None:
    def unknown(value: object) -> object:
        return "nobody" if isinstance(value, str) else ["nobody"]

    ids = {"home_id", "room_id", "uuid"}
    bench = ready()
    bench.call("order_add", **good(ROWS["order_add"]))
    before = bench.everything()
    for keep in (ids, {"home_id"}, {"room_id"}, {"uuid"}):
        fields = {key: value for key, value in good(row).items() if key not in ids or key in keep}
        strange = {key: unknown(value) if key in ids else value for key, value in fields.items()}
        assert outcome(bench, row.name, "eve", fields) == outcome(bench, row.name, "eve", strange)
    assert bench.everything() == before


def outcome(bench: Bench, name: str, who: str, fields: dict[str, object]) -> object:
    try:
        return bench.call(name, who, **fields)
    except Refused as refusal:
        return refusal.code


# Token and roles


def test_a_token_ends_at_its_moment(bench: Bench) -> None:
    body = bench.raw("access_token", client_id="ann", client_secret="s")  # noqa: S106 - test data
    end = body["expires_time"]
    assert end == int(bench.time) + 30 * 86_400
    bench.time = float(str(end)) - 1
    bench.call("find_home_state", home_id="h")
    bench.time += 1
    for row in ENDPOINTS:
        if row.roles:
            assert bench.refused(row.name) == 102
    assert bench.refused("access_token", client_id="ann", client_secret="x") == 15006  # noqa: S106 - test data
    assert bench.refused("access_token", client_id="ann") == 14001


def test_roles_may_do_what_is_printed(bench: Bench) -> None:
    steward = {"get_lock_events", "order_add", "order_update"}
    for row in ENDPOINTS:
        if row.roles:
            assert (outcome(bench, row.name, "sam", {}) == 15014) == (row.name not in steward)
            assert (outcome(bench, row.name, "mia", {}) == 15014) == (
                row.name not in steward - {"get_lock_events"}
            )
    strict = Bench(replace(PROFILES["v1.6"], admin_orders=False)).fill()
    assert strict.refused("order_add") == 15014


# Homes and rooms


def test_a_new_home_is_neither_installed_nor_assigned(bench: Bench) -> None:
    assert bench.call("find_home_state", home_id="h")["result"] == {"sp_state": 1, "install_state": 4}
    assert bench.refused("add_home", home_id="h") == 11000
    bench.call("update_home", home_id="h", sp_state=2)
    bench.call("update_home", home_id="h", home_name="x")
    assert bench.call("find_home_states", home_id=["h", "?"])["result"] == {
        "h": {"sp_state": 2, "install_state": 4}
    }


def test_a_home_shows_its_devices(bench: Bench) -> None:
    rows = bench.call("find_home_device", home_id="h")["result"]
    assert isinstance(rows, list)
    assert [(row["type"], row["uuid"], row["room_id"]) for row in rows] == [
        ("gateway", "g", "h"),
        ("home_lock", "o", "h"),
        ("room_lock", "l", "r"),
    ]
    found = bench.call("find_home_devices", home_id=["h", "?"])["result"]
    assert isinstance(found, dict)
    assert list(found) == ["h"]
    assert [row.get("power") for row in found["h"]] == [None, -1, -1]


def test_a_room_takes_its_lock_along(bench: Bench) -> None:
    bench.add("123456")
    assert bench.refused("del_room", room_id="?") == 15012
    bench.call("del_room", room_id="r")
    assert bench.refused("get_lock_info", uuid="l") == 15006
    assert bench.refused("get_lock_info", room_id="r") == 15012
    assert not bench.store.all("SELECT * FROM dding_passwords")


def test_a_home_goes_when_its_devices_answered(bench: Bench) -> None:
    bench.call("order_add", **good(ROWS["order_add"]))
    assert str(bench.call("del_home", home_id="h")["serviceid"]).isdigit()
    bench.call("find_home_state", home_id="h")
    bench.wait()
    assert bench.refused("find_home_state", home_id="h") == 15006
    assert not any(bench.everything())
    bench.call("add_home", home_id="h")
    bench.call("del_home", home_id="h")
    assert bench.refused("find_home_state", home_id="h") == 15006


def test_a_room_id_of_two_homes_needs_its_home(bench: Bench) -> None:
    bench.call("add_home", home_id="h2")
    bench.call("add_room", home_id="h2", room_id="r", room_name="n", room_description="d")
    assert bench.refused("add_room", home_id="h2", room_id="r", room_name="n", room_description="") == 11000
    assert bench.refused("get_lock_info", room_id="r") == 14001
    assert bench.call("get_lock_info", room_id="r", home_id="h")["uuid"] == "l"
    assert bench.refused("get_lock_info", room_id="r", home_id="h2") == 15006


def test_a_lock_is_named_by_uuid_then_room_then_home(bench: Bench) -> None:
    assert bench.call("get_lock_info", uuid="l", room_id="?", home_id="?")["name"] == "Inner"
    assert bench.call("get_lock_info", home_id="h")["name"] == "Outer"
    assert bench.refused("get_lock_info") == 14001
    assert bench.refused("get_lock_info", uuid="g") == 15006
    assert bench.call("get_center_info", home_id="h")["uuid"] == "g"
    assert bench.refused("get_center_info", uuid="l") == 15006
    assert bench.refused("get_center_info") == 14001
    strict = Bench(replace(PROFILES["v1.6"], strict=True)).fill()
    assert strict.refused("get_lock_info", home_id="h") == 14001


def test_binding_has_codes_of_its_own(bench: Bench) -> None:
    def code(*arguments: str) -> int:
        with pytest.raises(Refused) as found:
            bench.hands.bind_device(*arguments)  # type: ignore[arg-type]  # kinds as text
        return found.value.code

    bench.call("add_home", "eve", home_id="h")
    assert code("t", "l", "room_lock", "h", "r") == 15010
    assert code("other", "l", "room_lock", "h", "r") == 15011
    assert code("t", "n", "room_lock", "h", "r") == 15008
    assert code("t", "n", "home_lock", "h") == 15008
    assert code("t", "n", "gateway", "h") == 15009
    assert code("t", "n", "room_lock", "h", "?") == 15012
    assert code("t", "n", "gateway", "?") == 15006
    assert code("other", "n", "home_lock", "h") == 15006
    bench.hands.unbind_device("t", "g")
    assert bench.call("find_home_device", home_id="h")["result"] == []


# Spellings


def test_lenient_says_which_spellings_it_met(bench: Bench) -> None:
    bench.call(
        "get_lock_info", access_token=None, accesst_token=bench.tokens["ann"], acccess_token=None, uuid="l"
    )
    rows = bench.hands.remarks("t")
    assert ("get_lock_info", "spells accesst_token", 1) in [
        (row["endpoint"], row["remark"], row["count"]) for row in rows
    ]


def test_strict_wants_the_printed_names_and_the_admin_first() -> None:
    bench = Bench(replace(PROFILES["v1.6"], strict=True)).fill()
    assert bench.refused("update_room", home_id="h", room_id="r", room_name="n") == 14001
    assert bench.refused("add_password", **(good(ROWS["add_password"]) | {"accesst_token": "x"})) == 101
    assert bench.refused("add_password", **good(ROWS["add_password"])) == 14001
    fields = good(ROWS["add_password"])
    fields["permisson_begin"] = fields.pop("permission_begin")
    assert bench.refused("add_password", **fields) == 15014
    assert bench.refused("add_password", **(fields | {"is_default": "1"})) == 14001


def test_v2_answers_as_its_checks_expect() -> None:
    bench = ready(PROFILES["v2"])
    assert bench.refused("find_home_state", home_id="?") == 15004
    assert bench.refused("add_room", home_id="?", room_id="x", room_name="", room_description="") == 15004
    assert bench.refused("get_lock_info", uuid="?") == 15006
    assert bench.refused("delete_password", uuid="l", password_id=7) == 5006
    for fields, code in (
        ({"name": 5}, 422),
        ({"is_default": 2}, 14001),
        ({"password": "123"}, 14001),
        ({"password": "xxxxxx"}, 14001),
        ({"phonenumber": "x"}, 14001),
    ):
        assert bench.refused("add_password", **(good(ROWS["add_password"]) | fields)) == code
    wrong: list[dict[str, object]] = [{"sp_state": 3}, {"sp_state": True}, {"install_state": 6}]
    for change in wrong:
        assert bench.refused("update_home", home_id="h", **change) == 14001
    bench.call("update_home", home_id="h", sp_state=None)
    bench.call("update_home", home_id="h", sp_state="")
    assert bench.refused("add_home", home_id="n", home_type=3) == 14001
    assert bench.refused("get_lock_events", uuid="l", offset=-1) == 14001
    assert bench.call("get_lock_info", home_id="h")["uuid"] == "o"
    assert bench.call("get_lock_info", uuid="l", room_id="?")["uuid"] == "l"
    assert bench.refused("get_lock_info", uuid="l", home_id="?") == 15006


# Orders


def test_an_order_is_open_until_the_installer_confirms(bench: Bench) -> None:
    order = {"home_id": "h", "date": 1_709_214_310, "time": 101, "name": "Ann", "phone": "1"}
    assert bench.refused("order_update", home_id="h") == 15006
    assert bench.refused("order_add", "sam", **(order | {"time": 99})) == 14001
    bench.call("order_add", "sam", **order)
    assert bench.refused("order_add", **order) == 11000
    bench.call("order_update", "mia", home_id="h", note="ring", date=1_709_214_310 + 60)
    found = bench.call("find_orders", home_id=["h", "?"])["result"]
    assert isinstance(found, dict)
    assert list(found) == ["h"]
    assert found["h"]["demander"] == {
        "name": "Ann",
        "phone": "1",
        "expect_date": 1_709_136_000,
        "expect_time": 101,
        "note": "ring",
    }
    assert found["h"]["installer"]["confirm_date"] is None
    bench.hands.assign_installer("t", "h", name="Ivo")
    assert bench.call("find_home_state", home_id="h")["result"] == {"sp_state": 1, "install_state": 3}
    bench.hands.confirm_order("t", "h", time=103)
    assert bench.refused("order_update", home_id="h", note="x") == 15014
    with pytest.raises(Refused, match="15014"):
        bench.hands.assign_installer("t", "h", name="x")
    bench.hands.finish_installation("t", "h")
    assert bench.call("find_home_state", home_id="h")["result"] == {"sp_state": 1, "install_state": 5}


# The store


def test_a_refused_call_leaves_nothing_and_a_file_keeps_what_was_acknowledged(tmp_path: Path) -> None:
    path = str(tmp_path / "store")
    bench = Bench(path=path).fill()
    bench.add("111111", is_default=1)
    before = bench.everything()
    with bench.store:
        pass
    again = Bench(path=path)
    assert again.everything() == before
    assert again.cloud.next_due() is not None
    again.tokens = bench.tokens
    again.wait()
    assert again.password(999)["operation_stage"] == 3
    with again.store:
        pass


def test_the_same_seed_gives_the_same_answers() -> None:
    def story(make: Callable[[], Bench]) -> list[object]:
        bench = make()
        return [bench.tokens, bench.call("del_home", home_id="h")]

    assert story(lambda: Bench().fill()) == story(lambda: Bench().fill())
    assert story(lambda: Bench().fill()) != story(lambda: Bench(seed=2).fill())


def test_every_code_that_a_handler_gives_is_in_the_table() -> None:
    assert {code for row in ENDPOINTS for code in row.codes} <= set(ERRORS)
