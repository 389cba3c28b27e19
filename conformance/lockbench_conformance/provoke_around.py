"""Codes with a cause around the lock: in the app, the phone, the link or the cloud."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

from lockbench_harness.client.call import Result
from lockbench_harness.faults.phone import Block, Fail, Hide, PhoneFault, Refuse, Strip, Switch
from lockbench_harness.phone import Handset
from lockbench_harness.targets.cloud import PACKAGES, CloudBench, Fault
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.lockdata import USER, LockData, LockVersion
from lockbench_protocol.plugin import LATEST

from lockbench_conformance.provoke import Cause, Run, Scene
from lockbench_conformance.provoke_lock import silent_link
from lockbench_conformance.stack import BadLink

GET_PACKAGE, SUCCESS = "/v3/lock/getUpgradePackage", "/v3/lock/upgradeSuccess"
YEAR_2150 = "5680281600000"
EARLIER, LATER = "1861920000000", "1893456000000"


# The app --------------------------------------------------------------------------------------------------


def adding(**changes: object) -> Run:
    """A passcode with other options."""

    async def run(scene: Scene) -> Result:
        return await scene.app().add(**changes)

    return run


def adding_with(**changes: object) -> Run:
    """A passcode with other fields in lockData."""

    async def run(scene: Scene) -> Result:
        return await scene.app().add(lockData=scene.lock_data(**changes))

    return run


async def upgrading_with_upload(scene: Scene) -> Result:
    """The lockData that an upgrade returns has no credentials."""
    app = await scene.upgrading()
    blob = (await app.upgrade())["lockData"]
    return await app.add(lockData=blob)


async def of_another_lock(scene: Scene) -> Result:
    app = await scene.upgrading()
    return await app.upgrade(lockData=scene.lock_data(lock_mac="C0:00:00:00:00:01"))


async def without_feature(scene: Scene) -> Result:
    value = int(LockData.decode(scene.bench.credentials.lock_data).feature_value or "0", 16)
    less = value & ~(1 << Feature.PASSCODE)
    return await scene.app().add(lockData=scene.lock_data(feature_value=f"{less:X}"))


async def overlapping(scene: Scene) -> Result:
    app = scene.app()
    first = asyncio.create_task(app.add())
    await asyncio.sleep(0)
    second = await app.add(passcode="246813")
    await first
    return second


async def stopping(scene: Scene) -> Result:
    """A stop while the lock is spoken to, which its second notification tells."""
    stops: list[asyncio.Task[Result]] = []

    def stop(number: int, piece: bytes) -> Sequence[bytes]:
        if number == 1:
            stops.append(asyncio.create_task(app.plugin.stop_all_operations()))
        return (piece,)

    app = scene.app(BadLink(scene.bench.link, notifications=stop))
    result = await app.add()
    for each in stops:
        await each
    return result


async def stopping_a_connect(scene: Scene) -> Result:
    """Another phone holds the lock, so that a connection stays in the making."""
    async with scene.bench.session():
        app = scene.app()
        call = asyncio.create_task(app.add(deviceId=scene.bench.address))
        await asyncio.sleep(1)
        stopped = await app.plugin.stop_all_operations()
        await call
    return stopped


async def a_step(scene: Scene) -> Result:
    app = await scene.upgrading()
    await app.upgrade()
    return app.steps[0]


async def the_end(scene: Scene) -> Result:
    app = scene.app()
    await app.add()
    return app.ends[0]


# The phone ------------------------------------------------------------------------------------------------


def on_phone(*faults: PhoneFault, handset: Handset | None = None) -> Run:
    """A passcode, from this phone."""

    async def run(scene: Scene) -> Result:
        return await scene.app(scene.bench.phone(*faults, handset=handset)).add()

    return run


def upgrading_on_phone(*faults: PhoneFault) -> Run:
    async def run(scene: Scene) -> Result:
        return await (await scene.upgrading(scene.bench.phone(*faults))).upgrade()

    return run


async def not_closing(scene: Scene) -> Result:
    app = scene.app(scene.bench.phone(Fail("close adapter")))
    await app.add()
    return await app.plugin.finish_operations()


async def link_left_open(scene: Scene) -> Result:
    """The host does not close the link of a first call; the second finds it there."""
    app = scene.app(scene.bench.phone(Fail("disconnect")))
    await app.add()
    return await app.add(passcode="246813")


async def lock_is_taken(scene: Scene) -> Result:
    async with scene.bench.session():
        return await scene.app().add(deviceId=scene.bench.address)


async def unknown_device(scene: Scene) -> Result:
    phone = scene.bench.phone(handset=Handset("ios"))
    return await scene.app(phone).add(deviceId="00000000-0000-0000-0000-000000000000")


async def blocked_domain(scene: Scene) -> Result:
    cloud = await scene.bench.cloud()
    return await (await scene.upgrading(scene.bench.phone(Block(domain_of(cloud))))).upgrade()


def domain_of(cloud: CloudBench) -> str:
    return cloud.access.base_url.partition("://")[2].partition("/")[0].partition(":")[0]


# The link -------------------------------------------------------------------------------------------------


def over(make: Callable[[Scene], BadLink]) -> Run:
    """A passcode, over this link."""

    async def run(scene: Scene) -> Result:
        return await scene.app(make(scene)).add()

    return run


def garbled(scene: Scene) -> BadLink:
    """One bit of the first notification is turned."""

    def spoil(number: int, piece: bytes) -> Sequence[bytes]:
        return (piece[:-1] + bytes((piece[-1] ^ 1,)) if number == 0 else piece,)

    return BadLink(scene.bench.link, notifications=spoil)


async def no_power(scene: Scene) -> Result:
    scene.bench.hands.cut_power()
    return await scene.app().add()


async def power_lost(scene: Scene) -> Result:
    """The supply fails in the middle of the transfer."""
    app = await scene.upgrading()
    cut: list[None] = []

    def watch(step: Result) -> None:
        if not cut and step["type"] == 2 and int(step["progress"]) >= 50:
            cut.append(scene.bench.hands.cut_power())  # type: ignore[func-returns-value]  # once

    result = await app.upgrade(callback=watch)
    scene.bench.hands.restore_power()
    return result


# The cloud ------------------------------------------------------------------------------------------------


def upgrading(fault: Fault | None = None) -> Run:
    async def run(scene: Scene) -> Result:
        return await (await scene.upgrading(fault=fault)).upgrade()

    return run


async def nothing_newer(scene: Scene) -> Result:
    return await scene.app(cloud=await scene.bench.cloud()).upgrade()


async def bad_token(scene: Scene) -> Result:
    app = await scene.upgrading()
    cloud = await scene.bench.cloud()
    return await app.upgrade(dfuPackageInfo=cloud.package_info(accessToken="0" * 32))


async def bad_address(scene: Scene) -> Result:
    """The app names a server by what is no address."""
    app = await scene.upgrading()
    cloud = await scene.bench.cloud()
    access = replace(cloud.access, base_url="ttlock.test")
    plugin = scene.bench.plugin(access, version=scene.version)
    option = {"dfuPackageInfo": cloud.package_info(), "lockData": app.lock_data}
    return await plugin.enter_dfu_mode(option)


def cut(scene: Scene) -> BadLink:
    return BadLink(scene.bench.link, hang_up_after=8)


def mute(scene: Scene) -> BadLink:
    return silent_link(scene, 0)


def soon_mute(scene: Scene) -> BadLink:
    return silent_link(scene, 3)


def app_row(code: int, says: str, run: Run, version: str = LATEST) -> Cause:
    return Cause(code, "app", says, run, version)


def phone_row(code: int, says: str, run: Run, version: str = LATEST) -> Cause:
    return Cause(code, "phone", says, run, version)


def cloud_row(code: int, says: str, run: Run, version: str = LATEST) -> Cause:
    return Cause(code, "cloud", says, run, version)


def link_row(code: int, says: str, run: Run, version: str = LATEST) -> Cause:
    return Cause(code, "link", says, run, version)


IOS, WINDOWS = Handset("ios"), Handset("windows")
BEFORE = "3.0.4"  # the last version before 3.1.0 with which something came

ROWS = (
    app_row(-4, "the app stops the call while the lock is spoken to", stopping, BEFORE),
    link_row(-3, "nothing is heard of the lock", over(mute), "2.6.0"),
    app_row(-2, "a step of an upgrade is told", a_step, BEFORE),
    app_row(-1, "the plug-in ends the link as the call settles", the_end, BEFORE),
    app_row(0, "a passcode is written", adding()),
    app_row(
        15,
        "a passcode is too short; a later version has its own code",
        adding(passcode="1"),
        "2.0.2",
    ),
    app_row(
        19,
        "the package is no firmware; a later version has its own code",
        upgrading(Fault(PACKAGES, package="garbled")),
        "2.9.2",
    ),
    app_row(10000, "the key ends before it begins", adding_with(start_date=2, end_date=1), BEFORE),
    link_row(10002, "another phone holds the lock, and it is not connectable", lock_is_taken, "2.9.2"),
    link_row(
        10003,
        "the link ends while the lock is spoken to",
        over(cut),
    ),
    phone_row(10004, "the host does not take a write in time", on_phone(Fail("write", "write busy", skip=2))),
    app_row(10005, "lockData is no lockData", adding(lockData="x")),
    app_row(10006, "lockData is no lockData", adding(lockData="x"), BEFORE),
    phone_row(10007, "the app names a device that the phone never saw", unknown_device, "2.9.2"),
    phone_row(
        10008,
        "the link does not close before a restart",
        upgrading_on_phone(Fail("disconnect")),
    ),
    app_row(
        10009,
        "lockData is of a lock of the second generation",
        adding_with(lock_version=LockVersion(protocol_version=2)),
    ),
    phone_row(10012, "the Bluetooth switch is off", on_phone(Switch("bluetooth"))),
    phone_row(
        10013,
        "the host cannot say whether Bluetooth is off or not permitted",
        on_phone(Fail("adapter", "bluetooth unknown"), handset=IOS),
        BEFORE,
    ),
    phone_row(10014, "the owner refuses the host Bluetooth", on_phone(Refuse("bluetooth"), handset=IOS)),
    phone_row(10015, "the owner refuses the host the location", on_phone(Refuse("location"))),
    link_row(10017, "the lock falls silent after its first answers", over(soon_mute)),
    phone_row(10018, "discovery does not find the characteristic for writing", on_phone(Hide("fff2"))),
    link_row(10021, "nothing is heard of the lock", over(mute), BEFORE),
    app_row(10022, "the app stops the call while the lock is spoken to", stopping, "2.7.6"),
    phone_row(10030, "the adapter does not open", on_phone(Fail("adapter"))),
    phone_row(10031, "the scan does not stop", on_phone(Fail("stop scan"))),
    phone_row(10032, "notifications are not enabled", on_phone(Fail("notify")), BEFORE),
    phone_row(10033, "the host fails to write", on_phone(Fail("write", skip=2))),
    link_row(10034, "the lock's answer does not parse", over(garbled)),
    link_row(10036, "the lock has no power", no_power),
    app_row(10037, "the app stops a call while it connects", stopping_a_connect, "2.9.2"),
    phone_row(10038, "the base library is too old", on_phone(handset=Handset(library="1.9.0"))),
    phone_row(10039, "the owner refuses the mini-program Bluetooth", on_phone(Refuse("program"))),
    phone_row(10040, "the adapter does not close", not_closing),
    phone_row(10041, "the scan does not start", on_phone(Fail("start scan"))),
    phone_row(
        10042,
        "no connection, on a host that cannot read the permission for nearby devices",
        on_phone(Fail("connect", "connect unseen")),
    ),
    phone_row(10043, "the owner refuses the host nearby devices", on_phone(Refuse("nearby"))),
    phone_row(10044, "the owner gives the location by and large only", on_phone(Refuse("precise"))),
    phone_row(10045, "connecting ends with status 133", on_phone(Fail("connect", "connect 133"))),
    phone_row(10046, "the location switch is off", on_phone(Switch("location"))),
    phone_row(10101, "the host app is too old", on_phone(handset=Handset(host="6.7.4"))),
    phone_row(10302, "the cloud's domain is not on the host's list", blocked_domain),
    app_row(10304, "the app names a server by what is no address", bad_address),
    cloud_row(10305, "the cloud answers with HTTP status 502", upgrading(Fault(GET_PACKAGE, status=502))),
    phone_row(
        10404,
        "nothing is heard, on a host that cannot read the permission for nearby devices",
        on_phone(Refuse("nearby", told=False)),
    ),
    phone_row(10503, "the connecting fails", on_phone(Fail("connect"))),
    phone_row(10508, "notifications are not enabled", on_phone(Fail("notify"))),
    phone_row(10513, "discovery does not find the lock's service", on_phone(Hide("1910"))),
    phone_row(10601, "the host did not close the link of the call before", link_left_open),
    app_row(10602, "lockId and lockData are of two locks", of_another_lock),
    app_row(11001, "lockData says that the lock takes no passcodes", without_feature, "2.0.2"),
    phone_row(11002, "the app runs in a developer tool without Bluetooth", on_phone(handset=WINDOWS)),
    app_row(11003, "an option is missing", adding(lockData=None)),
    app_row(11004, "lockData says that the lock takes no passcodes", without_feature),
    app_row(11005, "lockData is a user's", adding_with(user_type=USER)),
    app_row(11006, "lockData is the one that an upgrade returned", upgrading_with_upload, BEFORE),
    app_row(
        11007,
        "a passcode is to be valid in years that no lock knows",
        adding(startDate=YEAR_2150, endDate=YEAR_2150),
        BEFORE,
    ),
    app_row(11009, "a passcode is too short", adding(passcode="1"), BEFORE),
    app_row(
        11010,
        "a passcode is to be valid when the key is not",
        adding_with(start_date=1, end_date=int(EARLIER)),
        BEFORE,
    ),
    app_row(11011, "a passcode is to end before it begins", adding(startDate=LATER, endDate=EARLIER), BEFORE),
    app_row(11013, "a second call is made while one runs", overlapping),
    cloud_row(11015, "the cloud has nothing newer", nothing_newer),
    Cause(11016, "lock", "the lock's supply fails in the middle of the transfer", power_lost),
    cloud_row(11017, "the package does not decrypt", upgrading(Fault(PACKAGES, package="garbled"))),
    cloud_row(11018, "the cloud refuses the news", upgrading(Fault(SUCCESS, errcode=90000))),
    cloud_row(11101, "the cloud refuses the token", bad_token),
    phone_row(13007, "the services cannot be listed", on_phone(Fail("services"))),
    phone_row(13008, "the characteristics cannot be listed", on_phone(Fail("characteristics"))),
    phone_row(13011, "the battery is not advertised and cannot be read", on_phone(Strip(), Fail("read"))),
    cloud_row(13013, "the package answers with HTTP status 404", upgrading(Fault(PACKAGES, status=404))),
)
