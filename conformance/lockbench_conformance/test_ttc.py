"""TTC: the TTLock open platform, as far as passcodes and upgrades need it."""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Mapping

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.inputs import register
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import Account, Answer, CloudBench, Fault
from lockbench_protocol.cloud.ttlock import (
    DATE_WINDOW,
    ENDPOINTS,
    PASSCODES,
    Endpoint,
    NeedUpgrade,
    Right,
    open_package,
    unpack_firmware,
)
from lockbench_protocol.lock.lockdata import LockData
from lockbench_protocol.telink.image import version_of

from lockbench_conformance.app import NoRadio, expect_code, lock_data_with, upgrading_app
from lockbench_conformance.ota import NEW, expect_running
from lockbench_conformance.ttlock import cloud_refuses, filled
from lockbench_conformance.words import DIGITS, codes

register(Fault)

TOKEN, DETAIL = "/oauth2/token", "/v3/lock/detail"
PATHS: Mapping[str, Endpoint] = {row.path: row for row in ENDPOINTS}
signed_paths = st.sampled_from([row.path for row in ENDPOINTS if 10003 in row.codes])

printable = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=32)


def expect_errcode(answer: Answer, errcode: int) -> None:
    expect((answer.status, answer.json().get("errcode", 0)), (200, errcode), "HTTP status and errcode")


def login(cloud: CloudBench, **changes: str) -> dict[str, str]:
    """The parameters of a log-in, with changes."""
    account = cloud.account
    return {
        "clientId": account.client_id,
        "clientSecret": account.client_secret,
        "username": account.username,
        "password": md5(account.password),
    } | changes


def md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


@case(
    "TTC/1",
    clause="ttlock-cloud: token; errcodes 30005, 10007",
    needs=("cloud",),
    links=("bare",),
    examples=8,
    text=printable,
)
async def test_a_password_is_sent_as_md5(bench: LockBench, text: str) -> None:
    """A log-in takes the md5 of the right password; a plain one is 30005, the md5 of a wrong one 10007."""
    cloud = await bench.cloud()
    answer = await cloud.post(TOKEN, login(cloud))
    expect_errcode(answer, 0)
    expect(
        bool(re.fullmatch("[0-9a-f]{32}", str(answer.json().get("access_token")))), True, "is there a token"
    )
    for plain in (cloud.account.password, text):
        if not re.fullmatch("[0-9a-f]{32}", plain):
            expect_errcode(await cloud.post(TOKEN, login(cloud, password=plain)), 30005)
    expect_errcode(await cloud.post(TOKEN, login(cloud, password=md5(text))), 10007)


@case(
    "TTC/2",
    clause="ttlock-cloud: date; errcode 80000",
    needs=("cloud", "clock"),
    links=("bare",),
    examples=10,
    off=st.integers(-3 * DATE_WINDOW, 3 * DATE_WINDOW)
    | st.sampled_from((-DATE_WINDOW - 1, -DATE_WINDOW, DATE_WINDOW, DATE_WINDOW + 1)),
    path=signed_paths,
)
async def test_the_date_must_be_near(bench: LockBench, off: int, path: str) -> None:
    """A request whose date is more than five minutes from the cloud's clock is 80000, on every endpoint."""
    cloud = await bench.cloud()
    form = cloud.signed(date=round(cloud.access.now() * 1000) + off)
    answer = await cloud.post(path, form)
    expect(
        (answer.status, answer.json().get("errcode") == 80000),
        (200, abs(off) > DATE_WINDOW),
        "HTTP status, and whether errcode is 80000",
    )


@case(
    "TTC/3",
    clause="ttlock-cloud: errcodes 10000, 10001, 10003, 10004",
    needs=("cloud",),
    links=("bare",),
    examples=6,
    path=signed_paths,
    wrong=printable,
)
async def test_who_calls_is_checked(bench: LockBench, path: str, wrong: str) -> None:
    """An unknown client is 10000, a wrong secret 10001, an unknown token 10003, a renewed one 10004."""
    cloud = await bench.cloud()
    expect_errcode(await cloud.post(TOKEN, login(cloud, clientId=f"no {wrong}")), 10000)
    expect_errcode(await cloud.post(TOKEN, login(cloud, clientSecret=f"no {wrong}")), 10001)
    old = cloud.signed(**filled(bench))
    expect_errcode(await cloud.post(path, old | {"clientId": f"no {wrong}"}), 10000)
    expect_errcode(await cloud.post(path, old | {"accessToken": f"no {wrong}"}), 10003)
    await cloud.session.refresh(cloud.account.client_secret, cloud.token.refresh_token)
    expect_errcode(await cloud.post(path, old), 10004)


@case(
    "TTC/4",
    clause="ttlock-cloud: errcodes 30006, 30007, by a fault of the bench",
    needs=("dfu", "plugin", "cloud faults"),
    links=("bare",),
    examples=4,
    errcode=st.sampled_from((30006, 30007)),
    path=st.sampled_from((DETAIL, "/v3/lock/getUpgradePackage")),
)
async def test_a_used_up_quota_is_told(bench: LockBench, errcode: int, path: str) -> None:
    """A quota that is used up is refused within HTTP 200; an upgrade then is 11101, without any radio."""
    app, cloud = await upgrading_app(bench, NEW, link=NoRadio())
    for _ in range(2):
        cloud.hands.fail(Fault(path, errcode=errcode, times=1))
    expect_errcode(await cloud.post(path, cloud.signed()), errcode)
    expect_code(await app.upgrade(), 11101)
    await expect_running(bench, bench.firmware.version)


@case(
    "TTC/10",
    clause="ttlock-cloud: keyboardPwd/add; errcodes -2032, -3006, -3007, -3009",
    needs=("cloud faults",),
    links=("bare",),
    examples=1,
    code=codes,
    wrong=st.text(DIGITS, min_size=1, max_size=3)
    | st.text(DIGITS, min_size=10, max_size=12)
    | st.sampled_from(("12a4", "12 34")),
)
async def test_passcodes_have_their_rules(bench: LockBench, code: str, wrong: str) -> None:
    """A code known already is -3007, one that is no 4 to 9 digits -3006, one too many -3009, and, where the
    cloud is set so, one that is too simple -2032."""
    cloud = await bench.cloud()
    session, lock_id = cloud.session, cloud.lock_id
    numbers = {await session.add_passcode(lock_id, code, 0, 0)}
    with cloud_refuses(-3007):
        await session.add_passcode(lock_id, code, 0, 0)
    with cloud_refuses(-3006):
        await session.add_passcode(lock_id, wrong, 0, 0)
    others = (f"{number:09}" for number in itertools.count() if f"{number:09}" != code)
    for other in itertools.islice(others, PASSCODES - 1):
        numbers.add(await session.add_passcode(lock_id, other, 0, 0))
    expect(len(numbers), PASSCODES, "the number of different numbers")
    with cloud_refuses(-3009):
        await session.add_passcode(lock_id, "999999999" if code != "999999999" else "888888888", 0, 0)
    cloud.hands.set_policy(refuse_simple=True)
    for simple in ("7777", "456789", "3210"):
        with cloud_refuses(-2032):
            await session.add_passcode(lock_id, simple, 0, 0)


@case(
    "TTC/12",
    clause="ttlock-cloud: upgradeCheck, upgradeRecheck",
    needs=("dfu", "cloud faults"),
    links=("bare",),
    examples=4,
    missing=st.sampled_from(("model_num", "hardware_revision", "firmware_revision")),
    newer=st.booleans(),
)
async def test_what_the_cloud_does_not_know_it_asks_for(bench: LockBench, missing: str, newer: bool) -> None:  # noqa: FBT001 - drawn
    """needUpgrade is 0 or 1 for a lock that is known, 2 for one that is not; fresh lockData settles it."""
    cloud = await bench.cloud()
    if newer:
        cloud.hands.publish(NEW, bench.firmware.image(NEW))
    known = NeedUpgrade.YES if newer else NeedUpgrade.NO
    reply = await cloud.session.upgrade_check(cloud.lock_id)
    expect(
        (reply.need_upgrade, reply.firmware_package is not None), (known, newer), "needUpgrade, and a package"
    )
    lock_id = (await cloud.session.initialize(lock_data_with(bench, **{missing: None}))).lock_id
    reply = await cloud.session.upgrade_check(lock_id)
    expect(reply.need_upgrade, NeedUpgrade.UNKNOWN, f"needUpgrade without {missing}")
    reply = await cloud.session.upgrade_recheck(lock_id, bench.credentials.lock_data)
    expect(reply.need_upgrade, known, "needUpgrade after fresh lockData")
    reply = await cloud.session.upgrade_check(lock_id)
    expect(reply.need_upgrade, known, "needUpgrade from then on")


@case(
    "TTC/13",
    clause="ttlock-cloud: firmwareInfo, firmwarePackage",
    needs=("dfu", "cloud faults"),
    links=("bare",),
    examples=3,
    size=st.integers(84, 4096),
)
async def test_what_is_offered_is_what_is_served(bench: LockBench, size: int) -> None:
    """firmwareInfo is the lock's own; address and key lead to the image of the version named."""
    cloud = await bench.cloud()
    image = bench.firmware.image(NEW, size)
    cloud.hands.publish(NEW, image)
    cloud.hands.publish("9.9.9", bench.firmware.image("9.9.9"), model="another model")
    cloud.hands.publish("9.9.8", bench.firmware.image("9.9.8"), hardware="9.9")
    lock = LockData.decode(bench.credentials.lock_data)
    reply = await cloud.session.upgrade_check(cloud.lock_id)
    info = reply.firmware_info
    expect(
        info and (info.model_num, info.hardware_revision, info.firmware_revision),
        (lock.model_num, lock.hardware_revision, lock.firmware_revision),
        "firmwareInfo",
    )
    expect(reply.version, NEW, "the version offered")
    url, key = open_package(reply.firmware_package or "")
    expect(
        await cloud.session.upgrade_package(cloud.lock_id), (url, key), "address and key by getUpgradePackage"
    )
    served = unpack_firmware(await cloud.session.download(url), key)
    expect(
        (version_of(served), served == image),
        (NEW, True),
        "the version in the image, and whether it is the one",
    )


@case(
    "TTC/14",
    clause="ttlock-cloud: errcodes 20002, -1003, -2018, -2025",
    needs=("cloud faults",),
    links=("bare",),
    examples=6,
    path=st.sampled_from([row.path for row in ENDPOINTS if row.right is Right.ADMIN]),
    unknown=st.integers(1, 999),
)
async def test_other_peoples_locks_are_out_of_reach(bench: LockBench, path: str, unknown: int) -> None:
    """A lock of another user is 20002, or -2018 where that is its code; of another app, or unknown, -1003;
    one that is frozen -2025 to who would open it."""
    cloud = await bench.cloud()
    own = cloud.account
    neighbour = Account(own.client_id, own.client_secret, "neighbour", "another password")
    stranger = Account("another app", "another secret", own.username, own.password)
    row = PATHS[path]
    for account, errcode in ((neighbour, 20002 if 20002 in row.codes else -2018), (stranger, -1003)):
        cloud.hands.sign_up(account)
        session = await cloud.open_session(account.client_id)
        await session.log_in(account.client_secret, account.username, account.password)
        form = cloud.signed(clientId=account.client_id, accessToken=session.access_token, **filled(bench))
        expect_errcode(await cloud.post(path, form), errcode)
    expect_errcode(await cloud.post(path, cloud.signed(lockId=unknown, **filled(bench))), -1003)
    cloud.hands.control("freeze", lock_id=cloud.lock_id)
    expect_errcode(await cloud.post("/v3/lock/unlock", cloud.signed()), -2025)


FIELDS = ("clientId", "accessToken", "lockId", "date", "lockData", "keyboardPwd", "keyboardPwdType")


NOWHERE = {"gatewayId": "1"}
RARE: tuple[tuple[str, dict[str, str], int], ...] = (  # what no other case provokes
    (TOKEN, {"grant_type": "refresh_token", "refresh_token": "none"}, 10011),
    ("/v3/user/register", {"username": "no name"}, 30002),
    ("/v3/lock/getUpgradePackage", {}, 1),
    ("/v3/lock/upgradeCheckForOnPremise", {"secret": "none"}, -4043),
    ("/v3/keyboardPwd/add", {"addType": "3"}, -3036),
    ("/v3/lockRecord/upload", {"records": "["}, 80002),
    ("/v3/gateway/setUpgradeMode", NOWHERE, -4037),
    ("/v3/gateway/getUpgradePackage", NOWHERE, -4037),
    ("/v3/gateway/upgradeSuccess", NOWHERE, -4037),
)


@case(
    "TTC/16",
    clause="ttlock-cloud: errors in HTTP 200",
    needs=("cloud",),
    links=("bare",),
    examples=12,
    path=st.sampled_from(sorted(PATHS)),
    taken=st.sets(st.sampled_from(FIELDS), max_size=3).map(sorted),
    wrong=st.dictionaries(st.sampled_from(FIELDS), st.text("0123456789abc-+ é中\0", max_size=12), max_size=3),
)
async def test_errors_come_with_status_200(
    bench: LockBench, path: str, taken: list[str], wrong: dict[str, str]
) -> None:
    """Whatever is wrong with a request, the answer is HTTP 200 and JSON, with a documented code."""
    cloud = await bench.cloud()
    form = cloud.signed(**dict.fromkeys(taken)) | wrong
    answer = await cloud.post(path, form)
    errcode = answer.json().get("errcode", 0)
    expect(
        (answer.status, answer.content_type.startswith("application/json")), (200, True), "status and type"
    )
    expect(errcode in (0, *PATHS[path].codes), True, f"does {path} document {errcode}")
    for rare, changes, code in RARE:
        expect_errcode(await cloud.post(rare, login(cloud) | cloud.signed(**filled(bench)) | changes), code)


@case(
    "TTC/17",
    clause="ttlock-cloud: description",
    needs=("cloud",),
    links=("bare",),
    examples=6,
    path=signed_paths,
    field=st.sampled_from(("date", "accessToken", "clientId")),
)
async def test_descriptions_are_chinese(bench: LockBench, path: str, field: str) -> None:
    """A refusal has an English errmsg and a Chinese description, in UTF-8."""
    cloud = await bench.cloud()
    answer = await cloud.post(path, cloud.signed(**{field: None}))
    expect("charset=utf-8" in answer.content_type.lower(), True, f"does {answer.content_type} name UTF-8")
    text = answer.body.decode("utf-8", "replace")
    expect("\ufffd" in text, False, "is the body broken UTF-8")
    body = answer.json()
    expect(
        bool(re.search("[\u4e00-\u9fff]", str(body.get("description")))), True, "is the description Chinese"
    )
    expect(bool(re.search("[a-z]{3}", str(body.get("errmsg")))), True, "is errmsg English")
