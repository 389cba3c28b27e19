"""Every way in which an upgrade ends, from a real cause: the plug-in's code, what then runs, what is kept.

The lock's data stay byte for byte as they were, its clock goes on, and its version is told alike over command
90, over 2A26 and by the cloud.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from lockbench_conformance.app import App, check_story, lock_data_with
from lockbench_conformance.ota import TappedLink, running
from lockbench_emulator.device import LockDevice
from lockbench_harness import clock
from lockbench_harness.client.enrolment import CARD, restore
from lockbench_harness.client.operations import add_passcode, get_time, set_time, unlock
from lockbench_harness.links import Connection
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import PACKAGES, CloudBench, Fault
from lockbench_harness.targets.emulated import EmulatedTarget, make_lock
from lockbench_harness.trace import Trace
from lockbench_protocol.telink.image import declared_size, make_image

OLD, NEW = "6.4.33", "6.4.34"
SIZE = 600
GET_PACKAGE, SUCCESS = "/v3/lock/getUpgradePackage", "/v3/lock/upgradeSuccess"
LAST = 40  # number of the write that is END: VERSION, START, 38 data PDUs before it
A_WHILE = 45.0  # s, in which a lock has given up any transfer

Change = Callable[[int, bytes], bytes | str | None]
"""What becomes of a write of firmware: another value, None when it is lost, or a word of `tapped`."""


def same(_number: int, value: bytes) -> bytes:
    return value


@dataclass(frozen=True)
class Cause:
    """What goes wrong, and the code that it must lead to."""

    code: int
    runs: str = OLD
    image: Callable[[bytes], bytes] = bytes
    version: str = NEW  # under which it is published; "" for nowhere
    fault: Fault | None = None
    change: Change = same
    act: Callable[[LockBench], object] = lambda _bench: None  # before the call
    recorded: str = ""  # a model that the cloud has on record for this lock


def damaged(image: bytes) -> bytes:
    at = declared_size(image) - 1
    return image[:at] + bytes((image[at] ^ 0xFF,)) + image[at + 1 :]


def at(number: int, becomes: bytes | str | None) -> Change:
    return lambda found, value: becomes if found == number else value


CAUSES = {
    "nothing goes wrong": Cause(0, NEW),
    # 11015
    "the cloud knows no firmware": Cause(11015, version=""),
    "the newest firmware runs already": Cause(11015, version=OLD),
    "the newest firmware is older": Cause(11015, version="6.4.9"),
    "the cloud says that nothing is newer": Cause(11015, fault=Fault(GET_PACKAGE, errcode=1)),
    # 11016, stage by stage
    "the first data PDU is lost": Cause(11016, change=at(2, None)),
    "a data PDU is lost": Cause(11016, change=at(20, None)),
    "the last data PDU is lost": Cause(11016, change=at(LAST - 1, None)),
    "END is lost": Cause(11016, change=at(LAST, None)),
    "a bit of a data PDU is wrong": Cause(11016, change=lambda n, v: v[:9] + b"?" + v[10:] if n == 9 else v),
    "the link is lost before the data": Cause(10003, change=at(1, "hang up")),
    "the link is lost in mid-transfer": Cause(11016, change=at(20, "hang up")),
    "the link is lost before END": Cause(11016, change=at(LAST, "hang up")),
    "the client stalls for longer than the lock waits": Cause(11016, change=at(20, "stall")),
    "the supply fails in a row": Cause(11016, act=lambda bench: bench.supply.cut("row", 9)),
    "the supply fails between verdict and mark": Cause(
        11016, act=lambda bench: bench.supply.cut("new mark", leaves="none")
    ),
    "a row does not take": Cause(11016, act=lambda bench: bench.supply.weaken("row", 9)),
    "the image has a wrong check value": Cause(11016, image=damaged),
    "the image is for a chip of another family": Cause(
        11016, image=lambda _image: make_image(SIZE, NEW, 1, mark_offset=0x20)
    ),
    "the image is of the version that runs": Cause(11016, image=lambda _image: make_image(SIZE, OLD, 2)),
    # 11017
    "the cloud gives no address": Cause(11017, fault=Fault(GET_PACKAGE, without=("url",))),
    "the cloud gives no key": Cause(11017, fault=Fault(GET_PACKAGE, without=("decryptionKey",))),
    "the package does not decrypt": Cause(11017, fault=Fault(PACKAGES, package="garbled")),
    "the package is truncated": Cause(11017, fault=Fault(PACKAGES, package="short")),
    "the package holds no image": Cause(11017, fault=Fault(PACKAGES, package="blank")),
    "the package holds a text": Cause(11017, image=lambda _image: b"firmware " * 60),
    "the package is for another model": Cause(11017, recorded="ANOTHER"),
    # 13013
    "the package is not found": Cause(13013, fault=Fault(PACKAGES, status=404)),
    "the package is elsewhere": Cause(13013, fault=Fault(PACKAGES, status=302)),
    "the download drags on": Cause(13013, fault=Fault(PACKAGES, drip=5.0)),
    "the download does not begin": Cause(13013, fault=Fault(PACKAGES, seconds=900.0)),
    "the download is cut": Cause(13013, fault=Fault(PACKAGES, cut=300)),
    "the download is reset": Cause(13013, fault=Fault(PACKAGES, reset=True)),
    # 11018
    "the cloud refuses to be told": Cause(11018, NEW, fault=Fault(SUCCESS, errcode=90000)),
    "the cloud is down when it is to be told": Cause(11018, NEW, fault=Fault(SUCCESS, status=502)),
    "the token dies on the way": Cause(11018, NEW, fault=Fault(SUCCESS, errcode=10004)),
    "the answer of the cloud is lost": Cause(11018, NEW, fault=Fault(SUCCESS, reset=True)),
}
TOLD = {"the answer of the cloud is lost"}  # the cloud knows all the same


@asynccontextmanager
async def opened() -> AsyncIterator[tuple[LockBench, LockDevice]]:
    device, _ = make_lock("full", 1)
    async with EmulatedTarget("full").hang(device, seed=1, link="bare", trace=Trace()) as bench:
        yield bench, device


def kept(device: LockDevice) -> bytes:
    """All that the lock remembers: the region of its data in flash."""
    return b"".join(device.flash.sectors(device.board.data_region, device.flash.size))


async def prepare(bench: LockBench, late: float) -> None:
    """An owner's lock: codes, a card, records, and a clock that is wrong."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, "24631356"))
        await client.run(unlock(bench.keys, 1))
        await client.run(set_time(bench.keys, bench.local() - timedelta(seconds=late)))
    bench.hands.enter_code("24631356")


async def lateness(bench: LockBench) -> float:
    async with bench.session() as client:
        return (bench.local() - await client.run(get_time())).total_seconds()


def tapped(bench: LockBench, change: Change) -> TappedLink:
    async def tap(number: int, value: bytes, connection: Connection) -> Sequence[bytes]:
        becomes = change(number, value)
        if becomes == "hang up":
            await connection.disconnect()
        elif becomes == "stall":
            await asyncio.sleep(A_WHILE)
        return (value,) if isinstance(becomes, str) else () if becomes is None else (becomes,)

    return TappedLink(bench, tap)


async def restore_supply(bench: LockBench) -> None:
    """Somebody who looks after the battery."""
    while True:
        await asyncio.sleep(1)
        if bench.supply.came():
            bench.hands.restore_power()


async def upgrade(bench: LockBench, cloud: CloudBench, cause: Cause) -> App:
    """The call, judged by its code and its story."""
    if cause.version:
        model = cause.recorded or ""
        cloud.hands.publish(cause.version, cause.image(bench.firmware.image(NEW, SIZE)), model=model)
    if cause.recorded:
        await cloud.session.update_lock_data(cloud.lock_id, lock_data_with(bench, model_num=cause.recorded))
    if cause.fault is not None:
        cloud.hands.fail(cause.fault)
    app = App(bench, cloud, link=tapped(bench, cause.change))
    cause.act(bench)
    looking = asyncio.create_task(restore_supply(bench))
    result = await app.upgrade()
    await asyncio.sleep(A_WHILE)
    looking.cancel()
    bench.supply.calm()
    assert result["errorCode"] == cause.code, result
    check_story(app, result)
    cloud.hands.mend()
    return app


@pytest.mark.parametrize("name", CAUSES)
def test_every_cause_has_its_code_and_touches_nothing_but_firmware(name: str) -> None:
    cause = CAUSES[name]

    async def main() -> None:
        async with opened() as (bench, device):
            cloud = await bench.cloud()
            await prepare(bench, late=1000)
            before = kept(device)
            await upgrade(bench, cloud, cause)
            assert await running(bench) == cause.runs
            told = cause.code == 0 or name in TOLD
            known = await cloud.session.detail(cloud.lock_id)
            assert known.firmware_revision == (cause.runs if told else OLD)
            assert kept(device) == before
            assert abs(await lateness(bench) - 1000) <= 1
            async with bench.session() as client:
                await client.run(unlock(bench.keys, 2))
            assert bench.hands.enter_code("24631356")

    clock.run(main())


def test_each_code_of_an_upgrade_has_more_than_one_cause() -> None:
    codes = [cause.code for cause in CAUSES.values()]
    assert min(codes.count(code) for code in (11015, 11016, 11017, 11018, 13013)) >= 4


# that leave no other firmware behind in the catalogue
PASSING = [
    name
    for name, cause in CAUSES.items()
    if (cause.runs, cause.version, cause.image, cause.recorded) == (OLD, NEW, bytes, "")
]


@settings(max_examples=6, phases=(Phase.explicit, Phase.generate))
@given(
    codes=st.lists(st.text("123456", min_size=4, max_size=9), max_size=6, unique=True),
    cards=st.lists(st.binary(min_size=8, max_size=8), max_size=3, unique=True),
    late=st.integers(60, 10**6),
    names=st.lists(st.sampled_from(PASSING), min_size=1, max_size=3),
)
def test_upgrades_in_any_order_leave_all_that_was_stored(
    codes: list[str], cards: list[bytes], late: int, names: list[str]
) -> None:
    """Failures of whatever cause, and then an upgrade that succeeds."""

    async def main() -> None:
        async with opened() as (bench, device):
            cloud = await bench.cloud()
            await prepare(bench, late)
            async with bench.session() as client:
                for code in codes:
                    if code != "24631356":
                        await client.run(add_passcode(bench.keys, code))
                for number in cards:
                    await client.run(restore(bench.keys, CARD, number))
            before = kept(device)
            for name in names:
                await upgrade(bench, cloud, CAUSES[name])
                assert await running(bench) == OLD
                assert kept(device) == before
            await upgrade(bench, cloud, Cause(0, NEW))
            assert kept(device) == before
            assert abs(await lateness(bench) - late) <= 1
            for code in codes:
                assert bench.hands.enter_code(code)
            for number in cards:
                assert bench.hands.present_card(number)

    clock.run(main())
