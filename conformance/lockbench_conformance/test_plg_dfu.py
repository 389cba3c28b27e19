"""PLG: what enterDfuMode promises, step by step, and each of its errors from a real cause."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.call import Result
from lockbench_harness.client.operations import unlock
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.inputs import register
from lockbench_harness.links import Connection
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import PACKAGES, CloudBench, Fault
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.lockdata import USER, LockData
from lockbench_protocol.plugin import Version

from lockbench_conformance.app import (
    NOT_SYNCED,
    OK,
    SYNC_FAILED,
    UPGRADE,
    UPGRADING,
    UPGRADING_VERSIONS,
    App,
    NoRadio,
    check_story,
    expect_code,
    lock_data_with,
    upgrading_app,
)
from lockbench_conformance.ota import NEW, TappedLink, expect_running, running

DETAIL, GET_PACKAGE, SUCCESS = "/v3/lock/detail", "/v3/lock/getUpgradePackage", "/v3/lock/upgradeSuccess"
WRITES = 41  # of firmware of 600 bytes: VERSION, START, 38 data PDUs, END
ANOTHER = "C0:00:00:00:00:01"

Event = Literal["nothing", "hang up", "lose", "power", "power later"]


@dataclass(frozen=True, slots=True)
class Trouble:
    """What happens during an upgrade: at a write of firmware, or after some seconds of the call."""

    event: Event
    write: int  # from 0
    seconds: float
    pause: float  # s, until the power is back


register(Fault)
register(Feature)
register(Trouble)

troubles = st.builds(
    Trouble,
    st.sampled_from(("nothing", "hang up", "lose", "power", "power later")),
    st.integers(0, WRITES - 1),
    st.floats(0, 6),
    st.floats(0.1, 5),
)
faults = st.none() | st.builds(
    Fault,
    st.sampled_from((DETAIL, GET_PACKAGE, PACKAGES, SUCCESS)),
    status=st.none() | st.sampled_from((404, 500)),
    cut=st.none() | st.integers(0, 60),
    errcode=st.sampled_from((1, 10004, 90000)),
    times=st.just(1),
)


async def power_cut(bench: LockBench, trouble: Trouble) -> None:
    bench.hands.cut_power()
    await asyncio.sleep(trouble.pause)
    bench.hands.restore_power()


async def power_cut_later(bench: LockBench, trouble: Trouble) -> None:
    await asyncio.sleep(trouble.seconds)
    await power_cut(bench, trouble)


def troubled(bench: LockBench, trouble: Trouble, going: asyncio.TaskGroup) -> TappedLink:
    """The bench's link, on which the trouble comes."""

    async def happen(number: int, value: bytes, connection: Connection) -> Sequence[bytes]:
        if number != trouble.write:
            return (value,)
        if trouble.event == "hang up":
            await connection.disconnect()
        elif trouble.event == "power":
            going.create_task(power_cut(bench, trouble))
            await asyncio.sleep(0)
        return () if trouble.event == "lose" else (value,)

    if trouble.event == "power later":
        going.create_task(power_cut_later(bench, trouble))
    return TappedLink(bench, happen)


async def expect_usable(bench: LockBench, app: App, result: Result) -> None:
    """The lock opens, it runs what the result says, and the next upgrade succeeds."""
    await asyncio.sleep(bench.firmware.idle_seconds + RESTART_SECONDS)
    version = await running(bench)
    if "type" in result:
        expect(version, NEW, f"the version that runs after type {result['type']}")
    async with bench.session() as client:
        await client.run(unlock(bench.keys, 1))
    again = await app.upgrade()
    check_story(app, again)
    expect_code(again, *((OK,) if version != NEW else (OK, 11015)), version=app.version)
    await expect_running(bench, NEW)


@case(
    "PLG/10",
    clause="enterDfuMode: type; telink-ota 9.3",
    needs=(*UPGRADE, "hands", "phone"),
    links=("bare", "air"),
    examples=5,
    trouble=troubles,
    fault=faults,
    release=st.sampled_from(UPGRADING_VERSIONS),
)
async def test_steps_come_in_order(
    bench: LockBench, trouble: Trouble, fault: Fault | None, release: str
) -> None:
    """Whatever happens, the steps are 1, 2 rising, 3, and 4 or 5, or the call ends early in an error."""
    cloud = await bench.cloud()
    if fault is not None:
        cloud.hands.fail(fault)
    async with asyncio.TaskGroup() as going:
        link = troubled(bench, trouble, going)
        app, _ = await upgrading_app(bench, NEW, link=link, version=Version(release))
        result = await app.upgrade()
    told = (len(app.steps), len(app.ends))
    await asyncio.sleep(5)
    expect((len(app.steps), len(app.ends)), told, "the number of callbacks after the call has settled")
    check_story(app, result)
    cloud.hands.mend()
    await expect_usable(bench, App(bench, cloud, version=app.version), result)


@case(
    "PLG/11",
    clause="enterDfuMode: type 5; plug-in error 11018",
    needs=(*UPGRADE, "phone"),
    links=("bare", "air"),
    examples=3,
    release=st.sampled_from(("2.9.0", "3.0.0", "3.1.0")),
    fault=st.sampled_from(
        (
            Fault(SUCCESS, errcode=90000, times=1),
            Fault(SUCCESS, errcode=10004, times=1),
            Fault(SUCCESS, status=502, times=1),
            Fault(SUCCESS, cut=5, times=1),
        )
    ),
)
async def test_a_failed_sync_is_type_5(bench: LockBench, fault: Fault, release: str) -> None:
    """If only the cloud cannot be told, it is type 5 with 11018; the lock is new, and a later sync works."""
    app, cloud = await upgrading_app(bench, NEW, version=Version(release))
    cloud.hands.fail(fault)
    result = await app.upgrade()
    expect_code(result, SYNC_FAILED, version=app.version)
    check_story(app, result)
    expect(result.get("type"), NOT_SYNCED, "the type")
    await expect_running(bench, NEW)
    if fault.cut is None:  # else only the answer was lost, and the cloud knows
        known = (await cloud.session.detail(cloud.lock_id)).firmware_revision
        expect(known, bench.firmware.version, "the version that the cloud knows")
    await cloud.session.upgrade_success(cloud.lock_id, str(result.get("lockData")))
    known = (await cloud.session.detail(cloud.lock_id)).firmware_revision
    expect(known, NEW, "the version that the cloud knows after another sync")


@case(
    "PLG/12",
    clause="enterDfuMode: lockData, not for Bluetooth; plug-in error 10005",
    needs=(*UPGRADE, "passcodes"),
    links=("bare",),
    examples=1,
)
async def test_the_returned_lock_data_opens_nothing(bench: LockBench) -> None:
    """The lockData of the result is for the cloud; used on the lock it is 10005; the old key still works."""
    app, cloud = await upgrading_app(bench, NEW)
    result = await app.upgrade()
    expect_code(result, OK)
    blob = str(result.get("lockData"))
    expect(LockData.decode(blob).firmware_revision, NEW, "the version in the returned lockData")
    await cloud.session.update_lock_data(cloud.lock_id, blob)
    deaf = App(bench, cloud, link=NoRadio())
    expect_code(await deaf.add(lockData=blob), 10005)
    expect_code(await deaf.upgrade(lockData=blob), 10005)
    expect_code(await app.add(), OK)


@case(
    "PLG/13",
    clause="enterDfuMode: a lock with a Telink module; plug-in error 11004",
    needs=UPGRADE,
    links=("bare",),
    examples=2,
    missing=st.sampled_from((Feature.TELINK, Feature.FIRMWARE_UPGRADE)),
)
async def test_a_lock_that_cannot_be_upgraded_is_left_alone(bench: LockBench, missing: Feature) -> None:
    """A lock whose features lack the Telink module or the upgrade is 11004, before the radio is used."""
    known = LockData.decode(bench.credentials.lock_data).feature_value
    less = int(known or "0", 16) & ~(1 << missing)
    app, _ = await upgrading_app(bench, NEW, link=NoRadio())
    expect_code(await app.upgrade(lockData=lock_data_with(bench, feature_value=f"{less:X}")), 11004)
    expect((app.steps, app.ends), ([], []), "what the callbacks were told")
    await expect_running(bench, bench.firmware.version)


SPOILT = {  # how lockData is wrong, and the code that tells it
    "cut": 10005,
    "no password": 10005,
    "no key": 10005,
    "no secret": 10005,
    "user": 11005,
    "another lock": 10602,
}


def spoil(bench: LockBench, how: str, keep: int) -> str:
    whole = bench.credentials.lock_data
    if how == "cut":
        return whole[: len(whole) * keep // 101] or "x"
    changes: dict[str, dict[str, object]] = {
        "no password": {"admin_pwd": None},
        "no key": {"lock_key": None},
        "no secret": {"aes_key": None},
        "user": {"user_type": USER},
        "another lock": {"lock_mac": ANOTHER},
    }
    return lock_data_with(bench, **changes[how])


@case(
    "PLG/14",
    clause="plug-in errors 10005, 10602, 11005",
    needs=(*UPGRADE, "passcodes"),
    links=("bare",),
    examples=2,
    keep=st.integers(0, 100),
)
async def test_a_wrong_key_is_refused_by_its_fault(bench: LockBench, keep: int) -> None:
    """lockData that is cut or lacks a secret is 10005, a user's 11005, another lock's 10602, all unheard."""
    app, _ = await upgrading_app(bench, NEW, link=NoRadio())
    for how, code in SPOILT.items():
        blob = spoil(bench, how, keep)
        expect_code(await app.upgrade(lockData=blob), code)
        if how != "another lock":  # which only an upgrade knows by lockId
            expect_code(await app.add(lockData=blob), code)
        expect(app.ends, [], "what disconnectCallback was told")


@case(
    "PLG/15",
    clause="enterDfuMode: dfuPackageInfo; plug-in errors 11003, 11101",
    needs=UPGRADE,
    links=("bare",),
    examples=10,
    name=st.sampled_from(("clientId", "accessToken", "lockId")),
    value=st.none() | st.booleans() | st.just("") | st.lists(st.integers(), max_size=1) | st.floats(0, 1),
    unknown=st.integers(1, 999),
)
async def test_wrong_package_info_is_refused(
    bench: LockBench, name: str, value: object, unknown: int
) -> None:
    """A field that is missing or of a wrong type is 11003 without a request; an unknown lockId is 11101."""
    app, cloud = await upgrading_app(bench, NEW, link=NoRadio())
    before = cloud.hands.requests()
    expect_code(await app.upgrade(dfuPackageInfo=cloud.package_info(**{name: value})), 11003)
    expect_code(await app.upgrade(dfuPackageInfo=None), 11003)
    expect(app.steps, [], "what callback was told")
    expect(cloud.hands.requests(), before, "the requests to the cloud")
    expect_code(await app.upgrade(dfuPackageInfo=cloud.package_info(lockId=unknown)), 11101)
    expect_code(await app.upgrade(dfuPackageInfo=cloud.package_info(clientId="nobody")), 11101)
    expect_code(await app.upgrade(dfuPackageInfo=cloud.package_info(accessToken="0" * 32)), 11101)
    await expect_running(bench, bench.firmware.version)


async def outdate(cloud: CloudBench) -> None:
    """Renew the token: the old one, which the app still has, is dead (TTLock cloud, refresh)."""
    await cloud.session.refresh(cloud.account.client_secret, cloud.token.refresh_token)


@case(
    "PLG/16",
    clause="plug-in errors 11101, 11018; ttlock-cloud 10004",
    needs=UPGRADE,
    links=("bare",),
    examples=4,
    percent=st.none() | st.integers(0, 100),
)
async def test_a_dead_token_is_told(bench: LockBench, percent: int | None) -> None:
    """A token that is dead at the start is 11101, the lock untouched; one that dies on the way is type 5."""
    app, cloud = await upgrading_app(bench, NEW, link=NoRadio() if percent is None else None)
    info = cloud.package_info()
    if percent is None:
        await outdate(cloud)
        expect_code(await app.upgrade(dfuPackageInfo=info), 11101)
        await expect_running(bench, bench.firmware.version)
        return
    dying: list[asyncio.Task[None]] = []

    def watch(step: Result) -> None:
        app.steps.append(step)
        if not dying and (step["type"], int(step["progress"]) >= percent) == (UPGRADING, True):
            dying.append(asyncio.create_task(outdate(cloud)))

    result = await app.upgrade(dfuPackageInfo=info, callback=watch)
    await dying[0]
    expect_code(result, SYNC_FAILED)
    check_story(app, result)
    await expect_running(bench, NEW)
