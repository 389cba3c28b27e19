"""SAS: passwords of the dding SaaS, what is asked of them and what became of it."""

from __future__ import annotations

import asyncio

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.targets.bench import LockBench

from lockbench_conformance.dding import (
    ADMIN_CODE,
    add,
    bind_own,
    expect_code,
    expect_stage,
    furnished,
    ok,
    passwords,
    press,
    settled,
    turn,
)

NEEDS = ("dding", "clock")
BARE = ("bare",)
OTHER = "654321"

codes = st.text("0123456789", min_size=6, max_size=6).filter(lambda code: code not in (ADMIN_CODE, OTHER))


@case("SAS/20", clause="dding 6.3", needs=NEEDS, links=BARE, examples=3, code=codes)
async def test_passwords_are_a_map_by_id(bench: LockBench, code: str) -> None:
    """Rows have operation, stage and state; the administrator's id is 999; time is ms; no code is shown."""
    dding = await furnished(bench)
    number = await add(dding, code)
    await settled()
    rows = await passwords(dding)
    expect(set(rows), {"999", str(number)}, "ids")
    for row in rows.values():
        expect(row.get("operation"), 1, "operation")
        expect(row.get("operation_stage"), 3, "operation_stage")
        expect(row.get("permission_state"), 1, "permission_state")
        expect(abs(int(str(row.get("time"))) / 1000 - dding.now()) < 60, True, "is time in ms")
    expect((rows["999"].get("is_default"), rows[str(number)].get("is_default")), (1, 0), "is_default")
    expect(
        code in {str(value) for row in rows.values() for value in row.values()}, False, "is the code shown"
    )


@case("SAS/21", clause="dding 6.6", needs=NEEDS, links=BARE)
async def test_the_administrators_code_comes_first(bench: LockBench) -> None:
    """A code before the administrator's is refused with 15014 when strict, else taken and remarked on."""
    dding = await furnished(bench, admin=False)
    body = await dding.call(
        "add_password",
        uuid="l",
        phonenumber="1",
        is_default=0,
        password=OTHER,
    )
    expect(body.get("ErrNo") in (0, 15014), True, f"is {body.get('ErrNo')} 0 or 15014")
    if body.get("ErrNo") == 0:
        remarks = str(dding.hands.control("remarks", tenant="t"))
        expect("no administrator password" in remarks, True, "is it remarked on")
    expect(await add(dding, ADMIN_CODE, is_default=1), 999, "id")


@case("SAS/22", clause="dding 6.6", needs=NEEDS, links=BARE)
async def test_there_is_one_administrators_code(bench: LockBench) -> None:
    """A second administrator's code is 11000, and the first stays."""
    dding = await furnished(bench)
    await expect_code(
        dding,
        11000,
        "add_password",
        uuid="l",
        phonenumber="1",
        is_default=1,
        password=OTHER,
    )
    body = await ok(dding, "get_default_password_plaintext", uuid="l")
    expect(body.get("password"), ADMIN_CODE, "password")


@case(
    "SAS/23",
    clause="dding 6.6",
    needs=NEEDS,
    links=BARE,
    examples=6,
    wrong=st.text("0123456789ax \u0661", max_size=8).filter(
        lambda text: not (len(text) == 6 and text.isascii() and text.isdigit())
    ),
)
async def test_a_code_has_six_digits(bench: LockBench, wrong: str) -> None:
    """A code that is not six ASCII digits is 14001, when added and when changed."""
    dding = await furnished(bench)
    fields = {"uuid": "l", "phonenumber": "1", "password": wrong}
    await expect_code(dding, 14001, "add_password", **fields, is_default=0)
    await expect_code(dding, 14001, "update_password", **fields, password_id=999)
    expect(set(await passwords(dding)), {"999"}, "ids")


@case(
    "SAS/24",
    clause="dding 6.3, 6.6",
    needs=NEEDS,
    links=BARE,
    examples=4,
    length=st.integers(1, 500),
    ahead=st.integers(2, 500),
)
async def test_a_window_begins_before_it_ends(bench: LockBench, length: int, ahead: int) -> None:
    """Begin and end come both, in order, or not at all; a code opens from begin until before end."""
    dding = await furnished(bench)
    begin = int(dding.now()) + ahead
    for window in ((begin, begin), (begin + 1, begin), (begin, None), (None, begin)):
        pair = {"permission_begin": window[0], "permission_end": window[1]}
        await expect_code(
            dding, 14001, "add_password", uuid="l", phonenumber="1", is_default=0, password=OTHER, **pair
        )
    number = await add(dding, OTHER, permission_begin=begin, permission_end=begin + length)
    await settled()
    for until, state, opens in ((begin - 0.5, 2, False), (begin, 1, True), (begin + length, 2, False)):
        await asyncio.sleep(max(until - dding.now(), 0) + 0.1)
        row = (await passwords(dding))[str(number)]
        wanted = {"begin": begin, "end": begin + length, "status": 2}
        expect((row.get("permission_state"), row.get("permission")), (state, wanted), "state and permission")
        expect(press(dding, OTHER), opens, "does it open")


@case(
    "SAS/25",
    clause="dding 6.6, 6.7",
    needs=NEEDS,
    links=BARE,
    examples=3,
    form=st.sampled_from(("permission_begin", "permisson_begin", "permission")),
)
async def test_the_window_is_taken_in_every_form(bench: LockBench, form: str) -> None:
    """Where spellings are lenient, permission_begin, permisson_begin and permission{begin,end} all count."""
    dding = await furnished(bench)
    pair: dict[str, object] = {form: 5, "permission_end": 9}
    if form == "permission":
        pair = {"permission": {"begin": 5, "end": 9}}
    number = await add(dding, OTHER, **pair)
    await settled()
    expect(
        (await passwords(dding))[str(number)].get("permission"),
        {"begin": 5, "end": 9, "status": 2},
        "permission",
    )


@case("SAS/26", clause="dding 6.7 to 6.10", needs=NEEDS, links=BARE)
async def test_operations_go_from_stage_1_to_3(bench: LockBench) -> None:
    """Update, freeze, unfreeze and delete are in stage 1 until the lock answered; an unknown id is 15006."""
    dding = await furnished(bench)
    number = await add(dding, OTHER)
    await expect_stage(dding, number, 1, 1)
    await settled()
    change = {"password": "222222", "phonenumber": "1"}
    for name, operation, more in (
        ("update_password", 3, change),
        ("frozen_password", 4, {}),
        ("unfrozen_password", 5, {}),
        ("delete_password", 2, {}),
    ):
        await expect_code(dding, 15006, name, uuid="l", password_id=7, **more)
        await ok(dding, name, uuid="l", password_id=number, **more)
        await expect_stage(dding, number, operation, 1)
        await settled()
        if operation == 2:
            expect(set(await passwords(dding)), {"999"}, "ids")
        else:
            await expect_stage(dding, number, operation, 3)


@case(
    "SAS/27",
    clause="dding 3.1",
    needs=NEEDS,
    links=BARE,
    examples=2,
    name=st.sampled_from(("delete_password", "frozen_password")),
)
async def test_the_administrators_code_stays(bench: LockBench, name: str) -> None:
    """Deleting or freezing 999 is 15013, and it opens on."""
    dding = await furnished(bench)
    await expect_code(dding, 15013, name, uuid="l", password_id=999)
    await settled()
    expect(press(dding, ADMIN_CODE), True, "does it open")


@case(
    "SAS/28",
    clause="dding 6.9, 6.10",
    needs=(*NEEDS, "passcodes", "full keypad", "hands"),
    links=("bare", "air"),
    examples=3,
    code=codes,
)
async def test_a_frozen_code_does_not_open(bench: LockBench, code: str) -> None:
    """A code opens the lock until its freezing is done, not while it is frozen, and again afterwards."""
    dding = await furnished(bench)
    bind_own(dding, bench)
    number = await add(dding, code, uuid=bench.address)
    await settled()
    for name, before, after in (("frozen_password", True, False), ("unfrozen_password", False, True)):
        await ok(dding, name, uuid=bench.address, password_id=number)
        expect(bench.hands.enter_code(code), before, f"does it open during {name}")
        await settled()
        expect(bench.hands.enter_code(code), after, f"does it open after {name}")


@case(
    "SAS/29",
    clause="dding 6.3",
    needs=NEEDS,
    links=BARE,
    examples=4,
    device=st.sampled_from(("g", "l")),
    back=st.booleans(),
)
async def test_an_operation_waits_for_the_lock(bench: LockBench, device: str, back: bool) -> None:  # noqa: FBT001 - drawn
    """While lock or gateway is offline an operation is in stage 1; then 3, or 2 when it took too long."""
    dding = await furnished(bench)
    turn(dding, device, online=False)
    number = await add(dding, OTHER)
    await settled(10)
    await expect_stage(dding, number, 1, 1)
    if back:
        turn(dding, device, online=True)
    await settled(600)
    await expect_stage(dding, number, 1, 3 if back else 2)
    expect(press(dding, OTHER), back, "does it open")


@case("SAS/30", clause="dding 6.4", needs=NEEDS, links=BARE)
async def test_the_administrators_code_is_told(bench: LockBench) -> None:
    """The administrator's code is told in clear; 15006 without one and, after re-pairing, until pwdSync."""
    dding = await furnished(bench)
    body = await ok(dding, "get_default_password_plaintext", uuid="l")
    expect(body.get("password"), ADMIN_CODE, "password")
    await expect_code(dding, 15006, "get_default_password_plaintext", uuid="o")
    dding.hands.control("reconfigure_lock", tenant="t", uuid="l")
    await expect_code(dding, 15006, "get_default_password_plaintext", uuid="l")
    await settled()
    await dding.receiver.wait_for("pwdSync")
    body = await ok(dding, "get_default_password_plaintext", uuid="l")
    expect(body.get("password"), ADMIN_CODE, "password after pwdSync")


@case("SAS/31", clause="dding 6.5", needs=NEEDS, links=BARE)
async def test_a_dynamic_code_opens_until_its_time(bench: LockBench) -> None:
    """A dynamic code opens until invalid_time, in seconds, and not after; it stands in no list."""
    dding = await furnished(bench)
    body = await ok(dding, "get_dynamic_password_plaintext", uuid="l")
    code, end = str(body.get("password")), float(str(body.get("invalid_time")))
    await settled()
    expect(press(dding, code), True, "does it open")
    expect(set(await passwords(dding)), {"999"}, "ids")
    await asyncio.sleep(end - dding.now() - 0.5)
    expect(press(dding, code), True, "does it open before its time")
    await asyncio.sleep(1)
    expect(press(dding, code), False, "does it open after its time")
