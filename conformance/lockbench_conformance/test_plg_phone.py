"""PLG and SES: what the phone does to a call, by cause, in every version that tells it otherwise."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.faults.phone import Block, Fail, Hide, PhoneFault, Refuse, Strip, Switch
from lockbench_harness.inputs import register
from lockbench_harness.phone import Handset
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.errors import error_codes
from lockbench_protocol.plugin import Version, contract

from lockbench_conformance.app import OK, App, NoRadio, expect_code, upgrading_app
from lockbench_conformance.ota import expect_running
from lockbench_conformance.words import numbered

ADD = ("plugin", "passcodes", "phone")
LOCK_SERVICE, WRITE, NOTIFY = "1910", "fff2", "fff4"

for shape in (Block, Fail, Handset, Hide, Refuse, Strip, Switch):
    register(shape)

steps = st.sampled_from(contract().versions)

# What stands between an app and Bluetooth: the phone, what is wrong with it, and the code that tells it.
BARRIERS: Sequence[tuple[Handset, tuple[PhoneFault, ...], int]] = (
    (Handset("android"), (Switch("bluetooth"),), 10012),
    (Handset("ios"), (Switch("bluetooth"),), 10012),
    (Handset("ios"), (Refuse("bluetooth"),), 10014),
    (Handset("ios", answers=("bluetooth",)), (), 10014),
    (Handset("ios"), (Fail("adapter", "bluetooth unknown"),), 10013),
    (Handset("mac"), (Refuse("bluetooth"),), 10014),
    (Handset("android"), (Refuse("location"),), 10015),
    (Handset("android"), (Refuse("nearby"),), 10043),
    (Handset("android"), (Refuse("precise"),), 10044),
    (Handset("android"), (Switch("location"),), 10046),
    (Handset("android"), (Refuse("program"),), 10039),
    (Handset("ios", answers=("program",)), (), 10039),
    (Handset("android"), (Fail("adapter"),), 10030),
    (Handset("android"), (Fail("start scan"),), 10041),
    (Handset("android"), (Fail("stop scan"),), 10031),
    (Handset("android"), (Refuse("nearby", told=False),), 10404),
    (Handset("android", library="1.9.0"), (), 10038),
    (Handset("ios", host="6.7.4"), (), 10101),
)


def telling_apart(code: int) -> list[Version]:
    """For each way in which versions tell the code, the newest of them."""
    found = {release.code(code): release for release in map(Version, contract().versions)}
    return list(found.values())


@case(
    "PLG/18",
    clause="plug-in errors 10012, 10014, 10015, 10038, 10039, 10042 to 10046, 10101",
    needs=ADD,
    links=("bare",),
    examples=len(BARRIERS),
    barrier=st.sampled_from(range(len(BARRIERS))),
)
async def test_what_keeps_a_phone_from_bluetooth_is_named(bench: LockBench, barrier: int) -> None:
    """A switch that is off, each permission refused, a host too old: each its code; mended, calls work."""
    handset, faults, code = BARRIERS[barrier]
    for number, release in enumerate(telling_apart(code)):
        app = App(bench, link=bench.phone(*faults, handset=handset), version=release)
        result = await app.add(passcode=numbered(number))
        expect_code(result, code, version=release)
        expect(app.ends, [], "what disconnectCallback was told")
        if result["errorCode"] == 10101:
            expect(contract().readings["lowest_host"] in str(result["errorMsg"]), True, "is the lowest named")
        if code not in (10038, 10101):  # which no switch mends
            app.plugin.phone.mend()
            expect_code(await app.add(passcode=numbered(number)), OK, version=release)


@case(
    "PLG/19",
    clause="plug-in error 11002",
    needs=ADD,
    links=("bare",),
    examples=4,
    platform=st.sampled_from(("windows", "mac", "ios", "android")),
)
async def test_a_desktop_without_bluetooth_debugging_is_told(bench: LockBench, platform: str) -> None:
    """A developer tool that is not on a Mac is 11002, without radio; a Mac and phones serve."""
    handset = Handset(platform)  # type: ignore[arg-type]  # drawn from its values
    desktop = platform == "windows"
    for number, release in enumerate(telling_apart(11002)):
        phone = bench.phone(handset=handset, link=NoRadio() if desktop else None)
        app = App(bench, link=phone, version=release)
        result = await app.add(passcode=numbered(number))
        expect_code(result, 11002 if desktop else OK, version=release)
        expect(len(app.ends), 0 if desktop else 1, "how often disconnectCallback was called")


@case(
    "PLG/17",
    clause="plug-in errors 10302, 13013; the host's list of domains",
    needs=("dfu", "plugin", "cloud faults", "clock", "phone"),
    links=("bare",),
    examples=3,
    version=st.sampled_from(("2.9.0", "3.0.0", "3.1.0")),
)
async def test_a_domain_that_is_not_listed_is_told(bench: LockBench, version: str) -> None:
    """A cloud that the mini-program may not reach is 10302, without a request and without radio."""
    release = Version(version)
    app, cloud = await upgrading_app(bench, "6.4.34", link=NoRadio(), version=release)
    before = cloud.hands.requests()
    domain = cloud.access.base_url.partition("://")[2].partition("/")[0].partition(":")[0]
    blocked = App(bench, cloud, link=bench.phone(Block(domain), link=NoRadio()), version=release)
    expect_code(await blocked.upgrade(), 10302, version=release)
    expect(cloud.hands.requests(), before, "the requests to the cloud")
    offline = App(bench, cloud, link=bench.phone(Switch("network"), link=NoRadio()), version=release)
    expect_code(await offline.upgrade(), 11101, version=release)
    expect(app.steps, [], "what callback was told")
    await expect_running(bench, bench.firmware.version)


MISSING: Sequence[tuple[PhoneFault, int]] = (
    (Hide(LOCK_SERVICE), 10513),
    (Hide(WRITE), 10018),
    (Hide(NOTIFY), 10018),
    (Fail("services"), 13007),
    (Fail("characteristics"), 13008),
    (Fail("notify"), 10508),
)


@case(
    "SES/22",
    clause="plug-in errors 10018, 10032, 10508, 10513, 13007, 13008",
    needs=ADD,
    links=("bare",),
    examples=len(MISSING),
    missing=st.sampled_from(range(len(MISSING))),
)
async def test_what_discovery_lacks_is_told(bench: LockBench, missing: int) -> None:
    """A service or characteristic that is missing, or not listed or enabled, has its code; no link stays."""
    fault, told = MISSING[missing]
    for number, release in enumerate(telling_apart(told)):
        app = App(bench, link=bench.phone(fault), version=release)
        expect_code(await app.add(passcode=numbered(number)), told, version=release)
        app.plugin.phone.mend()
        expect_code(await app.add(passcode=numbered(number)), OK, version=release)


FAILING = {"connect 133": 10045, "connect": 10503, "connect timeout": 10002, "connect unseen": 10042}


@case(
    "SES/23",
    clause="plug-in errors 10002, 10007, 10042, 10045, 10503",
    needs=ADD,
    links=("bare",),
    examples=2 * len(FAILING),
    how=st.sampled_from(sorted(FAILING)),
    times=st.integers(1, 2),
)
async def test_a_connection_that_fails_is_told_and_works_again(
    bench: LockBench, how: str, times: int
) -> None:
    """Android's status 133, a failure and a time-out each have their code; the try after them succeeds."""
    told = FAILING[how]
    for number, release in enumerate(telling_apart(told)):
        app = App(bench, link=bench.phone(Fail("connect", how, times=times)), version=release)
        for _ in range(times):
            expect_code(await app.add(passcode=numbered(number)), told, version=release)
            expect(app.ends, [], "what disconnectCallback was told")
        expect_code(await app.add(passcode=numbered(number)), OK, version=release)
    if how == "connect 133":
        expect("Android" in error_codes()[10045].en, True, "does the text of 10045 name Android")
