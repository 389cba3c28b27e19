"""SAS: the dding SaaS, its token, homes, rooms, devices, records and orders."""

from __future__ import annotations

import asyncio
import json

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.dding import ROWS
from lockbench_protocol.cloud.dding.endpoints import TOKENS

from lockbench_conformance.dding import (
    DEVICES,
    add,
    expect_code,
    furnished,
    ok,
    passwords,
    press,
    settled,
    staff_is_refused,
)

NEEDS = ("dding", "clock")
BARE = ("bare",)
DAY = 86_400

signed_calls = st.sampled_from([row.name for row in ROWS.values() if row.roles])
junk = (
    st.none()
    | st.booleans()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.integers(-(2**70), 2**70)
    | st.text(max_size=4)
    | st.sampled_from(["\0", "x" * 2000])
    | st.lists(st.integers(), max_size=2)
)


@case("SAS/1", clause="dding 4.1", needs=NEEDS, links=BARE)
async def test_a_token_ends_in_the_future(bench: LockBench) -> None:
    """client_id and client_secret give a token and the second at which it ends."""
    dding = await bench.dding()
    client_id, secret = dding.clients["admin"]
    body = await ok(dding, "access_token", client_id=client_id, client_secret=secret)
    expect(isinstance(body.get("access_token"), str), True, "is the token a text")
    lifetime = int(str(body.get("expires_time"))) - dding.now()
    expect(DAY < lifetime < 1000 * DAY, True, f"is a lifetime of {lifetime:.0f} s sensible")


@case(
    "SAS/2",
    clause="dding 3.1, 4.1",
    needs=NEEDS,
    links=BARE,
    examples=4,
    wrong=st.text(min_size=1, max_size=9),
)
async def test_a_wrong_pair_gets_no_token(bench: LockBench, wrong: str) -> None:
    """A missing field is 14001, a pair that was never issued 15006; neither gives a token."""
    dding = await bench.dding()
    client_id, secret = dding.clients["admin"]
    for fields, code in (
        ({"client_id": client_id}, 14001),
        ({"client_secret": secret}, 14001),
        ({"client_id": client_id, "client_secret": "?" + wrong.replace("\0", "")}, 15006),
    ):
        body = await dding.call("access_token", **fields)
        expect((body.get("ErrNo"), "access_token" in body), (code, False), "ErrNo, and is there a token")


@case("SAS/3", clause="dding 3.1", needs=NEEDS, links=BARE, examples=6, name=signed_calls)
async def test_tokens_are_checked_first(bench: LockBench, name: str) -> None:
    """Every call answers 101 to an unknown token and to none, and 102 to one that has expired."""
    dding = await bench.dding()
    await expect_code(dding, 101, name, access_token="unknown")  # noqa: S106 - test data
    await expect_code(dding, 101, name, access_token=None)
    dding.hands.control("advance", seconds=1000 * DAY)
    await expect_code(dding, 102, name)


@case("SAS/4", clause="dding 4 to 8", needs=NEEDS, links=BARE, examples=4, spelling=st.sampled_from(TOKENS))
async def test_every_spelling_of_the_token_is_taken(bench: LockBench, spelling: str) -> None:
    """Where spellings are lenient, all that are printed anywhere are taken everywhere, and reported."""
    dding = await furnished(bench, admin=False)
    token = dding.tokens["admin"]
    for name in ("get_lock_info", "find_home_state", "get_lock_events"):
        await ok(dding, name, **{"access_token": None, spelling: token}, home_id="h")
    if spelling != TOKENS[0]:
        expect(spelling in str(dding.hands.control("remarks", tenant="t")), True, "is it reported")


@case(
    "SAS/5",
    clause="dding 5.4 to 5.7, 3.1",
    needs=NEEDS,
    links=BARE,
    examples=8,
    name=st.sampled_from(sorted(ROWS)),
)
async def test_a_wrong_verb_is_15007(bench: LockBench, name: str) -> None:
    """A call takes the verbs that are printed for it; any other is 15007."""
    dding = await bench.dding()
    row = ROWS[name]
    for method in ("GET", "POST", "PUT", "DELETE"):
        code = (await dding.send(method, row.path, {})).json().get("ErrNo")
        expect(code == 15007, method not in row.methods, f"is {method} {name} refused as such")


@case(
    "SAS/6",
    clause="dding 4.2; bad input",
    needs=NEEDS,
    links=BARE,
    examples=12,
    name=st.sampled_from(sorted(ROWS)),
    wrong=st.dictionaries(
        st.sampled_from(
            ["home_id", "room_id", "uuid", "password_id", "is_default", "count", "date", "sp_state"]
        ),
        junk,
    ),
)
async def test_bad_input_gets_a_documented_code(
    bench: LockBench, name: str, wrong: dict[str, object]
) -> None:
    """Whatever is wrong with a request, the answer is HTTP 200 and JSON with a code that the call lists."""
    dding = await bench.dding()
    row = ROWS[name]
    token = {"access_token": dding.tokens["admin"]} if row.roles else {}
    answer = await dding.send(row.methods[0], row.path, token | wrong)
    expect((answer.status, answer.content_type.split(";")[0]), (200, "application/json"), "status and type")
    expect(
        answer.json().get("ErrNo") in {0, *row.codes}, True, f"does {name} list {answer.json().get('ErrNo')}"
    )
    if row.methods[0] == "POST":
        for raw in (b"", b"[]", b"{", b'{"a": NaN}', b'"' + b"x" * 300_000 + b'"', b'{"a":1,"a":2}', b"\xff"):
            code = (await dding.send("POST", row.path, raw)).json().get("ErrNo")
            expect(code, 14001, f"ErrNo for {raw[:12]!r}")


@case("SAS/7", clause="dding 5.1, 3.1", needs=NEEDS, links=BARE)
async def test_a_home_is_added_once(bench: LockBench) -> None:
    """A home_id that the caller has already is 11000; another caller may use it."""
    dding = await furnished(bench, admin=False)
    await expect_code(dding, 11000, "add_home", home_id="h")
    await ok(dding, "add_home", "stranger", home_id="h")


@case("SAS/8", clause="dding 5.1, 5.4", needs=NEEDS, links=BARE)
async def test_a_new_home_is_not_installed(bench: LockBench) -> None:
    """A new home is in sp_state 1 and install_state 4."""
    dding = await furnished(bench, admin=False)
    state = (await ok(dding, "find_home_state", home_id="h")).get("result")
    expect(state, {"sp_state": 1, "install_state": 4}, "state")


@case("SAS/9", clause="dding 5.2", needs=NEEDS, links=BARE)
async def test_what_an_update_leaves_out_stays(bench: LockBench) -> None:
    """update_home sets sp_state when it comes, and leaves it alone otherwise."""
    dding = await furnished(bench, admin=False)
    for fields, state in (({"home_name": "x"}, 1), ({"sp_state": 2}, 2), ({"location": "y"}, 2)):
        await ok(dding, "update_home", home_id="h", **fields)
        found = (await ok(dding, "find_home_state", home_id="h")).get("result")
        expect(found, {"sp_state": state, "install_state": 4}, f"state after {fields}")


@case("SAS/10", clause="dding 5.3", needs=NEEDS, links=BARE)
async def test_a_home_takes_its_devices_along(bench: LockBench) -> None:
    """del_home answers a serviceid; then the home, its gateway, locks and rooms are gone."""
    dding = await furnished(bench)
    expect(bool((await ok(dding, "del_home", home_id="h")).get("serviceid")), True, "is there a serviceid")
    await settled()
    await expect_code(dding, 15006, "find_home_state", home_id="h")
    await expect_code(dding, 15006, "get_center_info", uuid="g")
    await expect_code(dding, 15006, "get_lock_info", uuid="l")
    await expect_code(dding, 15012, "get_lock_info", room_id="r")


@case("SAS/11", clause="dding 5.8, 3.1", needs=NEEDS, links=BARE)
async def test_a_room_needs_a_home(bench: LockBench) -> None:
    """add_room echoes room_id, is 15006 for an unknown home and 11000 the second time."""
    dding = await furnished(bench, admin=False)
    room = {"room_id": "n", "room_name": "n", "room_description": "d"}
    await expect_code(dding, 15006, "add_room", home_id="?", **room)
    expect((await ok(dding, "add_room", home_id="h", **room)).get("room_id"), "n", "room_id")
    await expect_code(dding, 11000, "add_room", home_id="h", **room)


@case("SAS/12", clause="dding 5.10", needs=NEEDS, links=BARE)
async def test_a_room_takes_its_lock_along(bench: LockBench) -> None:
    """del_room removes the room and the lock in it, and nothing else."""
    dding = await furnished(bench)
    await expect_code(dding, 15012, "del_room", room_id="?")
    await ok(dding, "del_room", room_id="r")
    await expect_code(dding, 15006, "fetch_passwords", uuid="l")
    await ok(dding, "get_lock_info", uuid="o")


@case("SAS/13", clause="dding 3.1", needs=NEEDS, links=BARE)
async def test_a_room_has_one_lock_and_a_home_one_gateway(bench: LockBench) -> None:
    """A second lock in a room is 15008, a second gateway in a home 15009, an unknown room 15012."""
    dding = await furnished(bench, admin=False)
    for kind, room, code in (("room_lock", "r", 15008), ("gateway", "", 15009), ("room_lock", "?", 15012)):
        with staff_is_refused(code):
            dding.hands.control("bind_device", tenant="t", uuid="n", type=kind, home_id="h", room_id=room)


@case(
    "SAS/14", clause="dding 3.1", needs=NEEDS, links=BARE, examples=3, uuid=st.sampled_from(sorted(DEVICES))
)
async def test_a_device_is_bound_once(bench: LockBench, uuid: str) -> None:
    """Binding a device again is 15010; binding another account's is 15011."""
    dding = await furnished(bench, admin=False)
    await ok(dding, "add_home", "stranger", home_id="h2")
    for tenant, home, code in (("t", "h", 15010), ("other", "h2", 15011)):
        with staff_is_refused(code):
            dding.hands.control("bind_device", tenant=tenant, uuid=uuid, type="gateway", home_id=home)


@case("SAS/15", clause="dding 5.6", needs=NEEDS, links=BARE)
async def test_a_home_lists_its_devices(bench: LockBench) -> None:
    """The types are gateway, home_lock and room_lock; for the first two, room_id is the home's id."""
    dding = await furnished(bench, admin=False)
    rows = (await ok(dding, "find_home_device", home_id="h")).get("result")
    expect(isinstance(rows, list), True, "is result a list")
    if isinstance(rows, list):
        found = {row["uuid"]: (row["type"], row["room_id"]) for row in rows}
        expect(found, {uuid: (kind, room or "h") for uuid, (kind, room) in DEVICES.items()}, "devices")


@case(
    "SAS/16",
    clause="dding 5.7",
    needs=NEEDS,
    links=BARE,
    examples=3,
    more=st.lists(st.sampled_from("abc"), max_size=3),
)
async def test_many_homes_are_a_map(bench: LockBench, more: list[str]) -> None:
    """find_home_devices, find_home_states and find_orders are maps by home_id without the unknown ones."""
    dding = await furnished(bench, admin=False)
    await ok(dding, "add_home", home_id="empty")
    for name, known in (
        ("find_home_devices", {"h", "empty"}),
        ("find_home_states", {"h", "empty"}),
        ("find_orders", set()),
    ):
        found = (await ok(dding, name, home_id=["h", *more, "empty", "h"])).get("result")
        expect(set(found) if isinstance(found, dict) else None, known, f"homes in {name}")


@case("SAS/17", clause="dding 6.1, 6.2", needs=NEEDS, links=BARE)
async def test_devices_tell_about_themselves(bench: LockBench) -> None:
    """get_center_info and get_lock_info have all fields; an unknown battery is -1, offline is 2."""
    dding = await furnished(bench, admin=False)
    for name, uuid in (("get_center_info", "g"), ("get_lock_info", "l")):
        body = await ok(dding, name, uuid=uuid)
        wanted = {key for key, field in ROWS[name].reply.model_fields.items() if field.is_required()}
        expect(wanted - body.keys(), set(), f"missing in {name}")
        expect(body.get("onoff_line"), 1, "onoff_line")
    expect(body.get("power"), -1, "power")
    dding.hands.control("report_battery", uuid="l", level=55)
    dding.hands.control("set_line", uuid="g", online=False)
    body = await ok(dding, "get_lock_info", uuid="l")
    expect((body.get("power"), body.get("onoff_line")), (55, 2), "power and onoff_line")


@case("SAS/18", clause="dding 6.2, note", needs=NEEDS, links=BARE)
async def test_uuid_decides_which_lock(bench: LockBench) -> None:
    """Neither uuid nor room_id nor home_id is 14001; of both uuid and room_id, uuid wins."""
    dding = await furnished(bench, admin=False)
    await expect_code(dding, 14001, "get_lock_info")
    for fields, uuid in (
        ({"uuid": "o", "room_id": "r"}, "o"),
        ({"room_id": "r"}, "l"),
        ({"home_id": "h"}, "o"),
    ):
        expect((await ok(dding, "get_lock_info", **fields)).get("uuid"), uuid, f"lock of {fields}")


@case("SAS/19", clause="dding 6.2", needs=NEEDS, links=BARE)
async def test_a_room_id_of_two_homes_is_not_enough(bench: LockBench) -> None:
    """A room_id that two homes have is 14001 without home_id."""
    dding = await furnished(bench, admin=False)
    await ok(dding, "add_home", home_id="h2")
    await ok(dding, "add_room", home_id="h2", room_id="r", room_name="n", room_description="d")
    await expect_code(dding, 14001, "get_lock_info", room_id="r")
    await ok(dding, "get_lock_info", room_id="r", home_id="h")
    await expect_code(dding, 15006, "get_lock_info", room_id="r", home_id="h2")


@case(
    "SAS/32",
    clause="dding 6.11",
    needs=NEEDS,
    links=BARE,
    examples=4,
    offset=st.integers(0, 4),
    count=st.integers(0, 4),
)
async def test_openings_come_in_pages(bench: LockBench, offset: int, count: int) -> None:
    """Openings are listed newest first from offset 0, 50 of them; a negative offset or count is 14001."""
    dding = await furnished(bench)
    for _ in range(3):
        await asyncio.sleep(1)
        expect(press(dding, "111111"), True, "does the code open")
    whole = (await ok(dding, "get_lock_events", uuid="l")).get("lock_events")
    expect(isinstance(whole, list) and len(whole), 3, "openings")
    if isinstance(whole, list):
        times = [row["time"] for row in whole]
        expect(times, sorted(times, reverse=True), "order")
        expect(round(times[0] / 1000), round(dding.now()), "time in ms")
        page = (await ok(dding, "get_lock_events", uuid="l", offset=offset, count=count)).get("lock_events")
        expect(page, whole[offset : offset + count], "page")
    await expect_code(dding, 14001, "get_lock_events", uuid="l", offset=-1)
    await expect_code(dding, 14001, "get_lock_events", uuid="l", count=-1)


@case(
    "SAS/33",
    clause="dding 6.12, 7.4",
    needs=NEEDS,
    links=BARE,
    examples=4,
    first=st.integers(0, 6),
    last=st.integers(0, 6),
)
async def test_counts_are_the_length_of_lists(bench: LockBench, first: int, last: int) -> None:
    """count_lock_events and count_device_op_log count their listings, on the misprinted path too."""
    dding = await furnished(bench)
    start = int(dding.now())
    for number in range(5):
        press(dding, "111111")
        await add(dding, f"20000{number}")
        await asyncio.sleep(1)
    period = {"start_time": start + first, "end_time": start + last, "uuid": "l"}
    for listing, key, counting in (
        ("get_lock_events", "lock_events", "count_lock_events"),
        ("search_device_op_log", "op_list", "count_device_op_log"),
    ):
        rows = (await ok(dding, listing, **period)).get(key)
        counted = (await ok(dding, counting, **period)).get("count")
        expect(counted, len(rows) if isinstance(rows, list) else None, counting)
    path = "/openapi/v1/count_lock_envents"
    answer = await dding.send("GET", path, {"access_token": dding.tokens["admin"], "uuid": "l"})
    expect(answer.json().get("count"), 5, path)


@case("SAS/34", clause="dding 7", needs=NEEDS, links=BARE)
async def test_filters_of_the_operation_log_join(bench: LockBench) -> None:
    """Operations are logged with their ids; filters all have to fit."""
    dding = await furnished(bench)
    number = await add(dding, "123456")
    await settled()
    for name in ("frozen_password", "unfrozen_password", "delete_password"):
        await ok(dding, name, uuid="l", password_id=number)
        await settled()

    async def found(**filters: object) -> list[str]:
        rows = (await ok(dding, "search_device_op_log", uuid="l", **filters)).get("op_list")
        return [row["op_id"] for row in rows] if isinstance(rows, list) else []

    expect(await found(), ["20003", "20007", "20006", "20002", "20002"], "operations")
    expect(await found(op_id="20006", operator="admin"), ["20006"], "both fit")
    expect(await found(op_id="20006", operator="nobody"), [], "one does not fit")
    expect(await found(op_id="9"), [], "unknown op_id")


@case(
    "SAS/35",
    clause="dding 8",
    needs=NEEDS,
    links=BARE,
    examples=4,
    time=st.sampled_from((100, 101, 102, 103, 1_709_214_310)),
    hour=st.integers(0, 7),
)
async def test_an_order_is_open_until_it_is_confirmed(bench: LockBench, time: int, hour: int) -> None:
    """Only the day of date counts; time is 100 to 103 or seconds; a confirmed order changes for nobody."""
    dding = await furnished(bench, admin=False)
    day = 1_709_136_000  # midnight at UTC+8
    order: dict[str, object] = {"home_id": "h", "time": time, "name": "Ann", "phone": "1"}
    await expect_code(dding, 14001, "order_add", **(order | {"time": 104, "date": day}))
    await ok(dding, "order_add", "steward", **order, date=day + hour * 3600)
    await expect_code(dding, 11000, "order_add", **order, date=day)
    await ok(dding, "order_update", "merchant", home_id="h", note="ring")
    found = (await ok(dding, "find_orders", home_id=["h"])).get("result")
    expect(isinstance(found, dict) and list(found), ["h"], "homes")
    if isinstance(found, dict):
        wanted = {"name": "Ann", "phone": "1", "expect_date": day, "expect_time": time, "note": "ring"}
        expect((found["h"]["stage"], found["h"]["demander"]), (1, wanted), "stage and demander")
    dding.hands.control("confirm_order", tenant="t", home_id="h", name="Ivo", time=101)
    await expect_code(dding, 15014, "order_update", home_id="h", note="x")
    with staff_is_refused(15014):
        dding.hands.control("confirm_order", tenant="t", home_id="h")


@case(
    "SAS/36",
    clause="dding 8",
    needs=NEEDS,
    links=BARE,
    examples=3,
    name=st.sampled_from(("order_add", "order_update", "find_orders")),
)
async def test_orders_are_on_both_paths(bench: LockBench, name: str) -> None:
    """Orders are served under the prefix and on the path that is printed."""
    dding = await furnished(bench, admin=False)
    token = {"access_token": dding.tokens["admin"]}
    for path in (f"/openapi/v1/{name}", f"/v1/{name}"):
        expect((await dding.send("POST", path, token)).json().get("ErrNo"), 14001, path)


@case("SAS/37", clause="dding 3.1, 6.11, 8.1", needs=NEEDS, links=BARE, examples=8, name=signed_calls)
async def test_roles_may_do_what_is_printed(bench: LockBench, name: str) -> None:
    """The steward may read openings and handle orders, the merchant handle orders; all else is 15014."""
    dding = await bench.dding()
    orders = ("order_add", "order_update")
    for who, allowed in (("steward", ("get_lock_events", *orders)), ("merchant", orders)):
        code = (await dding.call(name, who)).get("ErrNo")  # type: ignore[arg-type]  # names of the table
        expect(code == 15014, name not in allowed, f"is the {who} refused {name}")


@case("SEC/12", clause="tenants", needs=NEEDS, links=BARE, examples=8, name=signed_calls)
async def test_another_tenants_ids_do_not_exist(bench: LockBench, name: str) -> None:
    """Another tenant's ids are answered exactly as ids that do not exist, and nothing changes."""
    dding = await furnished(bench)
    before = json.dumps([await passwords(dding), await ok(dding, "find_home_devices", home_id=["h"])])
    properties = ROWS[name].request.model_fields

    def fields(known: bool) -> dict[str, object]:  # noqa: FBT001 - whose ids
        ids: dict[str, object] = (
            {"home_id": "h", "room_id": "r", "uuid": "l"}
            if known
            else {"home_id": "?", "room_id": "?", "uuid": "?"}
        )
        if properties.get("home_id") and "list" in str(properties["home_id"].annotation):
            ids["home_id"] = [ids["home_id"]]
        rest: dict[str, object] = {
            "room_name": "n",
            "room_description": "d",
            "date": 1,
            "time": 100,
            "name": "n",
            "phone": "1",
        }
        rest |= {"password": "123456", "phonenumber": "1", "is_default": 0, "password_id": 999}
        return {key: value for key, value in (ids | rest).items() if key in properties}

    if name != "add_home":
        answers = [await dding.call(name, "stranger", **fields(known)) for known in (True, False)]
        expect(answers[0], answers[1], f"answers of {name}")
    after = json.dumps([await passwords(dding), await ok(dding, "find_home_devices", home_id=["h"])])
    expect(after, before, "what the owner sees")
