"""TTC: what the TTLock open platform does from afar: gateways, lists, records, generated passcodes."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import auto_lock, status
from lockbench_harness.client.receiver import Reply
from lockbench_harness.inputs import register
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import CloudBench, Fault
from lockbench_protocol.cloud.ttlock.replies import OpenState
from lockbench_protocol.cloud.ttlock.webhook import read_webhook
from lockbench_protocol.lock.lockdata import YearCode

from lockbench_conformance.app import lock_data_with
from lockbench_conformance.ttlock import cloud_refuses

register(Fault)
register(Reply)

NEEDS = ("cloud faults", "clock")
BARE = ("bare",)
HOUR = 3_600_000  # ms
OPENED_BY_APP, OPENED_BY_CODE, OPENED_BY_GATEWAY = 1, 4, 12  # recordType


def gateway(cloud: CloudBench, bench: LockBench, *, near: bool = True) -> int:
    """A gateway of the bench's user, which hears the lock; its number."""
    own = cloud.account
    number = cloud.hands.control(
        "add_gateway", client_id=own.client_id, username=own.username, mac="A0:00:00:00:00:01", name="hall"
    )
    if near:
        cloud.hands.control("hear", gateway_id=number, mac=bench.address, rssi=-61)
    return int(str(number))


async def is_open(bench: LockBench) -> bool:
    """What the lock itself says of its bolt."""
    async with bench.session() as client:
        return (await client.run(status())).unlocked


@case(
    "TTC/5",
    clause="ttlock-cloud: errcode 30008",
    needs=NEEDS,
    links=BARE,
    examples=2,
    regions=st.sampled_from((("eu", "cn"), ("cn", "eu"))),
)
async def test_users_belong_to_a_region(bench: LockBench, regions: tuple[str, str]) -> None:
    """At the host of another region a user is 30008, at a log-in and later; his own host takes him."""
    cloud = await bench.cloud()
    own, here = cloud.account, regions[0]
    for region in regions:
        user = {"client_id": own.client_id, "username": f"user{region}", "password": "p", "region": region}
        cloud.hands.control("add_user", **user)
    session = await cloud.open_session()
    await session.log_in(own.client_secret, f"user{regions[1]}", "p")
    cloud.hands.set_policy(region=here)
    with cloud_refuses(30008):
        await session.locks()
    with cloud_refuses(30008):
        await session.log_in(own.client_secret, f"user{regions[1]}", "p")
    await session.log_in(own.client_secret, f"user{here}", "p")
    expect((await session.locks()).total, 0, "locks of a new user")


@case("TTC/6", clause="ttlock-cloud: errcode -1014, known from one client's table", needs=NEEDS, links=BARE)
async def test_a_new_device_is_verified(bench: LockBench) -> None:
    """From a new device a log-in is -1014; the code that the user is sent lets it in, and works once. A new
    user logs in under the name that he is given."""
    cloud = await bench.cloud()
    own, session = cloud.account, await cloud.open_session()
    login = (own.client_secret, own.username, own.password)
    code = str(cloud.hands.control("guard", client_id=own.client_id, username=own.username))
    with cloud_refuses(-1014):
        await session.log_in(*login)
    with cloud_refuses(10002):
        await session.log_in(*login, verifyCode=code[:-1] + str((int(code[-1]) + 1) % 10))
    await session.log_in(*login, verifyCode=code)
    await session.log_in(*login)
    late = str(cloud.hands.control("guard", client_id=own.client_id, username=own.username))
    with cloud_refuses(10002):
        await session.log_in(*login, verifyCode=code)
    await asyncio.sleep(3600)
    with cloud_refuses(10002):
        await session.log_in(*login, verifyCode=late)
    name = await session.register(own.client_secret, "tom", "a password")
    for taken, errcode in (("tom", 30003), ("to m", 30002)):
        with cloud_refuses(errcode):
            await session.register(own.client_secret, taken, "a password")
    await session.log_in(own.client_secret, name, "a password")


@case(
    "TTC/7",
    clause="ttlock-cloud: lock/list, key/list",
    needs=NEEDS,
    links=BARE,
    examples=3,
    near=st.booleans(),
    alias=st.sampled_from(("", "Haus", "前门 🔑")),
)
async def test_locks_are_listed(bench: LockBench, near: bool, alias: str) -> None:  # noqa: FBT001 - drawn
    """Both lists hold the lock with data, battery and features; lock/list says whether a gateway is near."""
    cloud = await bench.cloud()
    lock_id = (await cloud.session.initialize(bench.credentials.lock_data, alias or None)).lock_id
    gateway(cloud, bench, near=near)
    shown = await cloud.session.locks(alias=alias[:2] or None)
    expect((shown.total, shown.pages, len(shown.rows)), (1, 1, 1), "total, pages and rows")
    row = shown.rows[0]
    detail = await cloud.session.detail(lock_id)
    expect(
        (row.lock_id, row.lock_mac, row.lock_name, row.has_gateway, row.date),
        (lock_id, bench.address, detail.lock_name, int(near), detail.date),
        "lockId, lockMac, lockName, hasGateway and date",
    )
    expect(
        (row.electric_quantity, row.feature_value),
        (detail.electric_quantity, detail.feature_value),
        "battery and features",
    )
    if alias:
        expect(row.lock_alias, alias, "lockAlias")
    key = (await cloud.session.keys()).rows[0]
    expect((key.lock_id, key.user_type, key.key_status), (lock_id, "110301", "110401"), "key")
    relisted = (await cloud.session.initialize(row.lock_data)).lock_id
    expect(
        (await cloud.session.detail(relisted)).admin_pwd != "",
        True,
        "does its lockData hold the owner's password",
    )
    expect((await cloud.session.locks(page=2)).rows, [], "the second page")
    answer = await cloud.post("/v3/lock/list", cloud.signed(pageNo=1, pageSize=20))
    expect("errcode" in answer.json(), False, "has a list an errcode")


@case(
    "TTC/8",
    clause="ttlock-cloud: lock/unlock; errcodes -2012, -2025, -3002, -3003, -4043",
    needs=NEEDS,
    links=BARE,
    examples=2,
    frozen=st.booleans(),
)
async def test_gateways_open_from_afar(bench: LockBench, frozen: bool) -> None:  # noqa: FBT001 - drawn
    """No gateway near the lock is -2012, offline -3002, busy -3003, frozen -2025; else the bolt moves."""
    cloud = await bench.cloud()
    session, lock_id = cloud.session, cloud.lock_id
    with cloud_refuses(-2012):
        await session.unlock(lock_id)
    number = gateway(cloud, bench, near=False)
    for call in (session.unlock, session.lock, session.battery, session.open_state):
        with cloud_refuses(-2012):
            await call(lock_id)
    cloud.hands.control("hear", gateway_id=number, mac=bench.address)
    for path in ("setUpgradeMode", "getUpgradePackage", "upgradeSuccess"):
        answer = await cloud.post(f"/v3/gateway/{path}", cloud.signed(gatewayId=number))
        expect(
            answer.json().get("errcode"), -4043, f"errcode of gateway/{path}, whose reply is in no document"
        )
    for state, errcode in (({"online": False}, -3002), ({"busy": True}, -3003)):
        cloud.hands.control("set_gateway", gateway_id=number, **state)
        for call in (session.unlock, session.lock, session.battery):
            with cloud_refuses(errcode):
                await call(lock_id)
        with cloud_refuses(errcode):
            await session.add_passcode(lock_id, "246813", 0, 0, how=2)
    cloud.hands.control("set_gateway", gateway_id=number)
    expect(await is_open(bench), False, "is the lock open before")
    if frozen:
        cloud.hands.control("freeze", lock_id=lock_id)
        with cloud_refuses(-2025):
            await session.unlock(lock_id)
        expect(await is_open(bench), False, "is the frozen lock open")
        cloud.hands.control("freeze", lock_id=lock_id, frozen=False)
    await session.unlock(lock_id)
    expect(await is_open(bench), True, "is the lock open")
    await session.lock(lock_id)
    expect(await is_open(bench), False, "is the lock open after")
    records = [(row.record_type, row.success, row.username) for row in (await session.records(lock_id)).rows]
    expect((OPENED_BY_GATEWAY, 1, cloud.account.username) in records, True, f"is the opening among {records}")
    expect([row.lock_id for row in await session.gateway_locks(number)], [lock_id], "locks near the gateway")
    shown = (await session.gateways()).rows[0]
    expect((shown.gateway_id, shown.lock_num, shown.is_online), (number, 1, 1), "gateway")


@case(
    "TTC/9",
    clause="ttlock-cloud: lock/queryOpenState",
    needs=(*NEEDS, "auto_lock", "hands"),
    links=BARE,
    examples=2,
    seconds=st.integers(5, 60),
    delay=st.sampled_from((0, 20)),
)
async def test_the_state_follows_the_bolt(bench: LockBench, seconds: int, delay: int) -> None:
    """state is 0, then 1 after an opening, and 0 when the lock has locked itself, at most a delay later."""
    cloud = await bench.cloud()
    gateway(cloud, bench)
    cloud.hands.set_policy(state_seconds=delay)
    async with bench.session() as client:
        await client.run(auto_lock(bench.keys, seconds))

    async def asked() -> OpenState:
        bench.hands.touch()  # a lock that sleeps is not to be found
        return await cloud.session.open_state(cloud.lock_id)

    expect(await asked(), OpenState.LOCKED, "state before")
    await cloud.session.unlock(cloud.lock_id)
    expect(await asked(), OpenState.UNLOCKED, "state after an opening")
    await asyncio.sleep(seconds - 1)
    expect(await asked(), OpenState.UNLOCKED, "state before the lock locks itself")
    await asyncio.sleep(2 + delay)
    expect(await is_open(bench), False, "is the lock open")
    expect(await asked(), OpenState.LOCKED, "state after it has")


@case(
    "TTC/11",
    clause="ttlock-cloud: keyboardPwd/change; errcodes -1007, -1026, -2009, -3008",
    needs=NEEDS,
    links=BARE,
    examples=3,
    kind=st.sampled_from((1, 2, 3)),
    minutes=st.integers(0, 59),
)
async def test_a_code_that_was_never_used_cannot_be_changed(
    bench: LockBench, kind: int, minutes: int
) -> None:
    """A generated code is -3008 until the records show it used; its start is a whole hour, and, deleted,
    it is not given again."""
    cloud = await bench.cloud()
    session = cloud.session
    start = round(cloud.access.now() * 1000) // HOUR * HOUR + minutes * 60_000
    end = start + 24 * HOUR if kind == 3 else None
    lock_id = (await session.initialize(lock_data_with(bench, pwd_info=None))).lock_id
    with cloud_refuses(-1007):
        await session.get_passcode(lock_id, kind, start, end)
    data = lock_data_with(bench, pwd_info=(YearCode(24, 7, "0123456789"),), timestamp=start)
    lock_id = (await session.initialize(data)).lock_id
    made = await session.get_passcode(lock_id, kind, start, end)
    expect(
        6 <= len(made.keyboard_pwd) <= 9 and made.keyboard_pwd.isdigit(),
        True,
        f"is {made.keyboard_pwd} 6 to 9 digits",
    )
    row = (await session.passcodes(lock_id, search=made.keyboard_pwd)).rows[0]
    expect((row.start_date, row.is_custom), (start // HOUR * HOUR, 0), "startDate and isCustom")
    with cloud_refuses(-3008):
        await session.change_passcode(lock_id, made.keyboard_pwd_id, code="246813579")
    await session.change_passcode(lock_id, made.keyboard_pwd_id, name="a name")
    await session.upload_records(
        lock_id,
        [{"recordType": OPENED_BY_CODE, "keyboardPwd": made.keyboard_pwd, "lockDate": start, "success": 1}],
    )
    await session.change_passcode(lock_id, made.keyboard_pwd_id, code="246813579")
    row = (await session.passcodes(lock_id, search="246813579")).rows[0]
    expect(
        (row.keyboard_pwd_id, row.keyboard_pwd_name), (made.keyboard_pwd_id, "a name"), "the changed passcode"
    )
    await session.delete_passcode(lock_id, made.keyboard_pwd_id)
    with cloud_refuses(-2009):
        await session.change_passcode(lock_id, made.keyboard_pwd_id, name="gone")
    with cloud_refuses(-1026):
        await session.get_passcode(lock_id, kind, start, end)


troubles = st.sampled_from((Reply(status=500), Reply(status=403), Reply(seconds=30.0)))


@case(
    "TTC/15",
    clause="ttlock-cloud: webhook",
    needs=NEEDS,
    links=BARE,
    examples=3,
    replies=st.lists(troubles, max_size=5),
    battery=st.integers(0, 100),
)
async def test_records_are_posted(bench: LockBench, replies: list[Reply], battery: int) -> None:
    """An address is probed, and one that answers 403 not used; records come as a form, four times at most."""
    cloud = await bench.cloud()
    receiver, url = cloud.hands.receiver
    own = cloud.account.client_id

    async def upload(at: int) -> None:
        row = {
            "recordType": OPENED_BY_APP,
            "lockDate": at,
            "username": "Ann",
            "electricQuantity": battery,
        }
        await cloud.session.upload_records(cloud.lock_id, [row, row])

    receiver.replies.append(Reply(status=403))
    cloud.hands.control("set_webhook", client_id=own, url=url)
    await asyncio.sleep(60)
    expect(
        (len(receiver.letters), cloud.hands.control("webhook", client_id=own)),
        (1, "refused"),
        "probes and state",
    )
    await upload(1)
    cloud.hands.control("set_webhook", client_id=own, url=url)
    await asyncio.sleep(1)
    expect(
        (len(receiver.letters), cloud.hands.control("webhook", client_id=own)),
        (2, "active"),
        "probes and state",
    )
    receiver.replies.extend(replies)
    await upload(2)
    await asyncio.sleep(200)
    letters = receiver.letters[2:]
    expect(len(letters), min(len(replies) + 1, 4), "tries")
    expect({letter.raw for letter in letters}, {letters[0].raw}, "bytes of all tries")
    for (earlier, later), pause in zip(pairwise(letters), (1, 5, 30), strict=False):
        expect(later.at - earlier.at >= pause - 0.01, True, f"is the pause at least {pause} s")
    body = letters[0].body
    expect((body.get("lockId"), body.get("notifyType")), (str(cloud.lock_id), "1"), "lockId and notifyType")
    rows = read_webhook(body)
    expect(len(rows), 1, "records")
    expect(
        (
            rows[0].lock_id,
            rows[0].lock_mac,
            rows[0].record_type,
            rows[0].lock_date,
            rows[0].electric_quantity,
            rows[0].username,
        ),
        (cloud.lock_id, bench.address, OPENED_BY_APP, 2, battery, "Ann"),
        "the record",
    )
    await upload(2)
    await asyncio.sleep(200)
    expect(len(receiver.letters), 2 + len(letters), "letters after the same record came again")
