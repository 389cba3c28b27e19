"""IMG: which firmware the cloud offers, and the packages in which it comes."""

from __future__ import annotations

import asyncio

from hypothesis import assume
from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import add_passcode, list_passcodes, read_log
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.inputs import register
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import PACKAGES, Fault
from lockbench_protocol.cloud.ttlock import NeedUpgrade
from lockbench_protocol.lock.advertising import is_dfu
from lockbench_protocol.lock.lockdata import LockData
from lockbench_protocol.telink.image import ZIGBEE_CONTAINER, make_image

from lockbench_conformance.app import (
    OK,
    PREPARING,
    App,
    NoRadio,
    check_story,
    expect_code,
    lock_data_with,
    upgrading_app,
)
from lockbench_conformance.ota import NEW, expect_running
from lockbench_conformance.words import OF_THE_CLIENT, codes, sighted

register(Fault)

UPGRADE = ("dfu", "plugin", "cloud faults")  # what an upgrade by the plug-in needs
GET_PACKAGE = "/v3/lock/getUpgradePackage"


@case("IMG/10", clause="plug-in error 11015", needs=UPGRADE, links=("bare",))
async def test_the_same_version_is_no_upgrade(bench: LockBench) -> None:
    """When the newest firmware is the one that runs, it is 11015, and the radio is not used."""
    await expect_nothing_newer(bench, bench.firmware.version)


@case(
    "IMG/11",
    clause="policy: the cloud offers no older firmware",
    needs=UPGRADE,
    links=("bare",),
    examples=4,
    version=st.sampled_from(("6.4.32", "6.3.99", "5.9.40", "6.4.9", "6.4")),
)
async def test_an_older_version_is_not_offered(bench: LockBench, version: str) -> None:
    """When the newest firmware is older than the one that runs, it is 11015, and the radio is not used."""
    await expect_nothing_newer(bench, version)


async def expect_nothing_newer(bench: LockBench, version: str) -> None:
    app, _ = await upgrading_app(bench, version, link=NoRadio())
    expect_code(await app.upgrade(), 11015)
    expect(
        ([step["type"] for step in app.steps], app.ends), ([PREPARING], []), "what the callbacks were told"
    )
    await expect_running(bench, bench.firmware.version)


@case(
    "IMG/12",
    clause="policy: an upgrade keeps what the owner set",
    needs=(*UPGRADE, "passcodes", "log"),
    links=("bare",),
    examples=4,
    version=st.sampled_from(("6.4.34", "6.5.0", "7.0.1", "12.0.0")),
    stored=st.lists(codes, max_size=4, unique=True),
)
async def test_skipping_versions_keeps_the_settings(
    bench: LockBench, version: str, stored: list[str]
) -> None:
    """An upgrade over any number of versions succeeds, and passcodes and log are the same afterwards."""
    async with bench.session() as client:
        for code in stored:
            await client.run(add_passcode(bench.keys, code))
        before = (await client.run(list_passcodes(bench.keys)), await client.run(read_log(new=False)))
    app, _ = await upgrading_app(bench, version)
    result = await app.upgrade()
    expect_code(result, OK)
    check_story(app, result)
    await expect_running(bench, version)
    async with bench.session() as client:
        after = (await client.run(list_passcodes(bench.keys)), await client.run(read_log(new=False)))
    expect(after, before, "passcodes and log")


others = st.text("ABCXYZ0123456789", min_size=1, max_size=8)


@case(
    "IMG/7",
    clause="upgradeCheck: firmwareInfo, modelNum; plug-in errors 11015, 11017",
    needs=UPGRADE,
    links=("bare",),
    examples=4,
    other=others,
    recorded=st.booleans(),
)
async def test_a_package_for_another_model_is_refused(bench: LockBench, other: str, recorded: bool) -> None:  # noqa: FBT001 - drawn
    """Firmware for another model is not offered; where the cloud is wrong about the lock, it is 11017."""
    assume(other != LockData.decode(bench.credentials.lock_data).model_num)
    await expect_not_for_this_lock(
        bench, lock_data_with(bench, model_num=other) if recorded else None, model=other
    )


@case(
    "IMG/8",
    clause="upgradeCheck: firmwareInfo, hardwareRevision; plug-in errors 11015, 11017",
    needs=UPGRADE,
    links=("bare",),
    examples=4,
    other=others,
    recorded=st.booleans(),
)
async def test_a_package_for_other_hardware_is_refused(bench: LockBench, other: str, recorded: bool) -> None:  # noqa: FBT001 - drawn
    """Firmware for other hardware is not offered; where the cloud is wrong about the lock, it is 11017."""
    assume(other != LockData.decode(bench.credentials.lock_data).hardware_revision)
    blob = lock_data_with(bench, hardware_revision=other) if recorded else None
    await expect_not_for_this_lock(bench, blob, hardware=other)


async def expect_not_for_this_lock(bench: LockBench, recorded: str | None, **lock: str) -> None:
    """Firmware for such a lock is published; `recorded` is lockData by which the cloud takes ours for one."""
    cloud = await bench.cloud()
    cloud.hands.publish(NEW, bench.firmware.image(NEW, 600), **lock)
    if recorded is None:
        expect_code(await App(bench, cloud, link=NoRadio()).upgrade(), 11015)
    else:
        await cloud.session.update_lock_data(cloud.lock_id, recorded)
        expect_code(await App(bench, cloud).upgrade(), 11017)
        expect(is_dfu((await sighted(bench)).manufacturer), False, "has the lock been put into DFU mode")
    await expect_running(bench, bench.firmware.version)


@case(
    "IMG/9",
    clause="telink-ota 6, 6.4; plug-in errors 11016, 11017",
    needs=(*UPGRADE, "clock"),
    links=("bare",),
    examples=4,
    what=st.sampled_from(("container", "vendor", "family")),
    seed=st.integers(0, 0xFFFF),
)
async def test_a_file_of_another_vendor_is_refused(bench: LockBench, what: str, seed: int) -> None:
    """A Zigbee container or a file without a Telink mark is 11017, unsent; that of another chip is 11016."""
    image = bench.firmware.image(NEW, 600, seed)
    mark = bench.firmware.board.mark_offset
    wrong = {
        "container": ZIGBEE_CONTAINER + bytes(52) + b"\0\0" + len(image).to_bytes(4, "little") + image,
        "vendor": image[:mark] + bytes(4) + image[mark + 4 :],
        "family": make_image(600, NEW, seed, mark_offset=0x28 - mark),
    }[what]
    cloud = await bench.cloud()
    cloud.hands.publish(NEW, wrong)
    sent = what == "family"
    expect_code(await App(bench, cloud, link=None if sent else NoRadio()).upgrade(), 11016 if sent else 11017)
    await asyncio.sleep(bench.firmware.idle_seconds + RESTART_SECONDS)
    await expect_running(bench, bench.firmware.version)


def numbers(version: str) -> tuple[int, ...]:
    return tuple(map(int, version.split(".")))


# their order as texts is not that of their numbers
small = st.sampled_from((0, 1, 5, 6, 9, 10, 33, 34, 100))
versions = st.builds(lambda *parts: ".".join(map(str, parts)), small, small, small)
dated = st.builds("".join, st.tuples(versions, st.sampled_from(("", ".200305", ".240530"))))


@case(
    "IMG/13",
    clause="ttlock-cloud: upgradeCheck, versions as 5.1.0.200305",
    needs=("dfu", "cloud faults"),
    links=("bare",),
    examples=10,
    published=st.lists(dated, min_size=1, max_size=4, unique_by=numbers),
)
async def test_versions_compare_as_numbers(bench: LockBench, published: list[str]) -> None:
    """The cloud offers the newest version, by numbers: 5.10 is newer than 5.9, and a later date is newer."""
    cloud = await bench.cloud()
    for version in published:
        cloud.hands.publish(version, bench.firmware.image(version))
    newest = max(published, key=numbers)
    newer = numbers(newest) > numbers(bench.firmware.version)
    reply = await cloud.session.upgrade_check(cloud.lock_id)
    expect(reply.need_upgrade, NeedUpgrade.YES if newer else NeedUpgrade.NO, "needUpgrade")
    expect(reply.version, newest if newer else bench.firmware.version, "the newest version")


@case(
    "IMG/15",
    no_mutant=OF_THE_CLIENT,
    clause="plug-in error 11017",
    needs=UPGRADE,
    links=("bare",),
    examples=6,
    fault=st.sampled_from(
        (
            Fault(GET_PACKAGE, without=("url",), times=1),
            Fault(GET_PACKAGE, without=("decryptionKey",), times=1),
            Fault(PACKAGES, package="short", times=1),
            Fault(PACKAGES, package="garbled", times=1),
            Fault(PACKAGES, package="blank", times=1),
        )
    ),
)
async def test_a_package_that_does_not_load_is_refused(bench: LockBench, fault: Fault) -> None:
    """A package without address or key, or that does not decrypt to an image, is 11017 before any radio."""
    await fails_before_the_radio(bench, fault, 11017)


@case(
    "IMG/16",
    no_mutant=OF_THE_CLIENT,
    clause="plug-in error 13013",
    needs=UPGRADE,
    links=("bare",),
    examples=6,
    fault=st.builds(
        Fault, st.just(PACKAGES), status=st.sampled_from((302, 403, 404, 500, 503)), times=st.just(1)
    )
    | st.builds(Fault, st.just(PACKAGES), cut=st.integers(0, 599), times=st.just(1))
    | st.builds(Fault, st.just(PACKAGES), drip=st.floats(0.5, 10), times=st.just(1))
    | st.builds(Fault, st.just(PACKAGES), seconds=st.floats(100, 1000), times=st.just(1)),
)
async def test_a_failed_download_is_told(bench: LockBench, fault: Fault) -> None:
    """A download that is refused, sent elsewhere, broken off or dragged out is 13013, before the radio."""
    await fails_before_the_radio(bench, fault, 13013)


async def fails_before_the_radio(bench: LockBench, fault: Fault, code: int) -> None:
    """The upgrade ends in this code, the lock is untouched, and the next try succeeds."""
    app, cloud = await upgrading_app(bench, NEW, link=NoRadio())
    cloud.hands.fail(fault)
    expect_code(await app.upgrade(), code)
    expect(
        ([step["type"] for step in app.steps], app.ends), ([PREPARING], []), "what the callbacks were told"
    )
    await expect_running(bench, bench.firmware.version)
    expect_code(await App(bench, cloud).upgrade(), OK)
    await expect_running(bench, NEW)


@case(
    "IMG/17",
    clause="policy: what is told is what runs, whatever was announced",
    needs=(*UPGRADE, "clock"),
    links=("bare",),
    examples=4,
    swapped=st.sampled_from(("6.4.35", "6.4.30", "7.0.0", "same")),
)
async def test_a_package_that_was_swapped_is_told(bench: LockBench, swapped: str) -> None:
    """If the package is not the version that was announced, the app is told the one that then runs."""
    version = bench.firmware.version if swapped == "same" else swapped
    cloud = await bench.cloud()
    cloud.hands.publish(NEW, bench.firmware.image(version, 600))
    expect((await cloud.session.upgrade_check(cloud.lock_id)).version, NEW, "the version that is announced")
    result = await App(bench, cloud).upgrade()
    await expect_running(bench, version)
    if swapped == "same":
        expect_code(result, 11016)
    else:
        expect_code(result, OK)
        blob = str(result.get("lockData"))
        expect(LockData.decode(blob).firmware_revision, version, "the version in the returned lockData")
        await cloud.session.update_lock_data(cloud.lock_id, blob)  # it takes its own newest for what runs
    known = (await cloud.session.detail(cloud.lock_id)).firmware_revision
    expect(known, version, "the version that the cloud knows")
