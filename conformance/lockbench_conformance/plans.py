"""Random plans: one call of the plug-in while phone, link, lock and cloud go wrong; what must hold then."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import strategies as st
from lockbench_harness.cases import expect
from lockbench_harness.client.call import Result
from lockbench_harness.client.operations import PERMANENT, list_passcodes, unlock
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.faults.call import CallFault, CallPlan, CloudFault, Mute, Outage, Stop, WriteFault
from lockbench_harness.faults.link import Drop, Extend, Flip, Part, Repeat, Swap, Truncate
from lockbench_harness.faults.phone import Block, Fail, Hide, PhoneFault, Refuse, Strip, Switch
from lockbench_harness.inputs import register
from lockbench_harness.phone import Handset
from lockbench_harness.phone.troubles import CALLS
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.cloud import PACKAGES, CloudBench
from lockbench_protocol.plugin import LATEST, Version, contract

from lockbench_conformance.app import (
    OK,
    UPGRADING_VERSIONS,
    App,
    check_ends,
    check_error,
    check_story,
    expect_code,
    in_time,
)
from lockbench_conformance.ota import NEW, running
from lockbench_conformance.stack import BadLink

ADD, UPGRADE = "createCustomPasscode", "enterDfuMode"
CODE = "13562461"
WRITES = 60  # of an upgrade, and more
HOST_CALLS = 90
PHONE = (Block, Fail, Hide, Refuse, Strip, Switch)
WIRE = (Drop, Repeat, Swap, Flip, Truncate, Extend)

for shape in (*PHONE, *WIRE, Part, Mute, Outage, Stop, CallPlan, CloudFault):
    register(shape)

# Drawing --------------------------------------------------------------------------------------------------

early = st.integers(0, 7) | st.integers(0, WRITES)
calls = st.integers(0, 16) | st.integers(0, HOST_CALLS)  # of the host
moments = st.sampled_from((0.0, 0.01, 0.1, 1.0)) | st.floats(0, 12)
skips = st.integers(0, 1) | early
phone_faults: st.SearchStrategy[PhoneFault] = st.one_of(
    st.builds(Switch, st.sampled_from(("bluetooth", "location", "network")), calls),
    st.builds(
        Refuse,
        st.sampled_from(("bluetooth", "nearby", "location", "precise", "program")),
        st.booleans(),
        calls,
    ),
    st.sampled_from([(call, how) for call, ways in CALLS.items() for how in ways]).flatmap(
        lambda way: st.builds(Fail, st.just(way[0]), st.just(way[1]), skips, st.integers(1, 3))
    ),
    st.builds(Hide, st.sampled_from(("1910", "fff2", "fff4", "2a19"))),
    st.just(Strip()),
    st.just(Block("elsewhere.test")),
)
link_faults: st.SearchStrategy[CallFault] = st.one_of(
    st.builds(Drop, early),
    st.builds(Repeat, early),
    st.builds(Swap, early),
    st.builds(Flip, early, st.integers(0, 87)),
    st.builds(Truncate, early, st.integers(0, 19)),
    st.builds(Extend, early, st.binary(min_size=1, max_size=2)),
    st.builds(Part, early),
    st.builds(Mute, st.integers(0, 6)),
)
lock_faults = st.builds(Outage, moments, st.floats(0.1, 20))
cloud_faults = st.builds(
    CloudFault,
    st.sampled_from(("/v3/lock/detail", "/v3/lock/getUpgradePackage", PACKAGES, "/v3/lock/upgradeSuccess")),
    status=st.none() | st.sampled_from((404, 500)),
    cut=st.none() | st.integers(0, 60),
    errcode=st.none() | st.sampled_from((1, 10004, 90000)),
    package=st.none() | st.sampled_from(("short", "garbled", "blank")),
    times=st.none() | st.just(1),
)


def _plans(
    method: str, versions: Sequence[str], faults: st.SearchStrategy[CallFault]
) -> st.SearchStrategy[CallPlan]:
    return st.builds(
        CallPlan,
        st.just(method),
        st.sampled_from(versions),
        st.sampled_from(("android", "ios", "mac")),
        st.lists(faults, min_size=1, max_size=4).map(tuple),
    )


around = st.one_of(phone_faults, link_faults, lock_faults, st.builds(Stop, moments))
adding = _plans(ADD, contract().versions[::-1], around)
upgrading = _plans(UPGRADE, UPGRADING_VERSIONS[::-1], around | cloud_faults)
plans = st.integers(0, 5).flatmap(lambda drawn: adding if drawn else upgrading)  # an upgrade costs more

# Running --------------------------------------------------------------------------------------------------


class Wire:
    """What becomes of the writes of a call, over all its connections."""

    def __init__(self, faults: Sequence[WriteFault]) -> None:
        self._faults = faults
        self._written = 0
        self._held: bytes | None = None  # for after the next write

    def change(self, _number: int, piece: bytes) -> Sequence[bytes]:
        number, self._written = self._written, self._written + 1
        pieces = [piece]
        held, self._held = self._held, None
        for fault in self._faults:
            if fault.pdu == number:
                pieces = self._apply(fault, pieces)
        return [*pieces, held] if held is not None else pieces

    def _apply(self, fault: WriteFault, pieces: list[bytes]) -> list[bytes]:
        match fault:
            case Drop():
                return []
            case Repeat():
                return pieces * 2
            case Swap():
                self._held = b"".join(pieces)[:20] or None
                return []
            case Flip(bit=bit):
                return [_flipped(piece, bit) for piece in pieces]
            case Truncate(length=length):
                return [piece[:length] for piece in pieces]
            case Extend(more=more):
                return [(piece + more)[:20] for piece in pieces]


def _flipped(piece: bytes, bit: int) -> bytes:
    at = bit % (8 * len(piece) or 1)
    return bytes(octet ^ (1 << at % 8 if at // 8 == place else 0) for place, octet in enumerate(piece))


def app_under(plan: CallPlan, bench: LockBench, cloud: CloudBench | None) -> App:
    """The app on a phone and a link with the faults of the plan."""
    wire = Wire([fault for fault in plan.faults if isinstance(fault, WIRE)])
    parts = [fault.pdu for fault in plan.faults if isinstance(fault, Part)]
    mute = min((fault.after for fault in plan.faults if isinstance(fault, Mute)), default=None)
    link = BadLink(
        bench.link,
        writes=wire.change,
        notifications=lambda number, piece: () if mute is not None and number >= mute else (piece,),
        hang_up_after=min(parts) + 1 if parts else None,
    )
    phone = bench.phone(
        *(fault for fault in plan.faults if isinstance(fault, PHONE)),
        handset=Handset(plan.platform),  # type: ignore[arg-type]  # drawn from its values
        link=link,
    )
    return App(bench, cloud, link=phone, version=Version(plan.version))


async def call_under(plan: CallPlan, bench: LockBench, app: App) -> Result:
    """The call, while what the plan times happens."""
    async with asyncio.TaskGroup() as going:
        for fault in plan.faults:
            if isinstance(fault, Outage):
                going.create_task(_outage(bench, fault))
            elif isinstance(fault, Stop):
                going.create_task(_stop(app, fault))
        return await (app.upgrade() if plan.method == UPGRADE else app.add(passcode=CODE))


async def _outage(bench: LockBench, fault: Outage) -> None:
    await asyncio.sleep(fault.seconds)
    bench.hands.cut_power()
    await asyncio.sleep(fault.pause)
    bench.hands.restore_power()


async def _stop(app: App, fault: Stop) -> None:
    await asyncio.sleep(fault.seconds)
    result = await in_time("stopAllOperations", app.plugin.stop_all_operations())
    expect_code(result, OK, 10037, 10008, version=app.version)


# Judging --------------------------------------------------------------------------------------------------

UNSURE = (10001, 10002, 10003, 10004, 10008, 10017, 10021, 10033, 10034, 1, -4, 20, 27)
"""Codes after which the passcode may be in the lock: the link was open, and the last word got lost."""
GUESSES = (19, 23, 99999)


async def judge(plan: CallPlan, bench: LockBench) -> None:
    """Run the plan and hold it to what a call promises."""
    cloud = await _publishing(bench) if plan.method == UPGRADE else None
    if cloud is not None:
        for fault in plan.faults:
            if isinstance(fault, CloudFault):
                cloud.hands.fail(fault)
    app = app_under(plan, bench, cloud)
    result = await call_under(plan, bench, app)
    told = (len(app.steps), len(app.ends))
    app.plugin.phone.mend()
    if cloud is not None:
        cloud.hands.mend()
    expect_code(await app.plugin.finish_operations(), OK, version=app.version)
    await asyncio.sleep(bench.firmware.idle_seconds + RESTART_SECONDS)
    late = (len(app.steps) - told[0], len(app.ends) - told[1])
    expect(late in ((0, 0), (0, 1)), True, f"is but the end of a link told after the result, not {late}")
    check_ends(app.ends, app.version)
    check_error(result, app.version)
    if plan.version == LATEST:
        expect(result["errorCode"] in GUESSES, False, f"is {result['errorCode']} a guess")
    await (_judge_upgrade if cloud else _judge_passcode)(plan, bench, app, result)
    async with bench.session() as client:
        await client.run(unlock(bench.keys, 1))


async def _publishing(bench: LockBench) -> CloudBench:
    cloud = await bench.cloud()
    cloud.hands.publish(NEW, bench.firmware.image(NEW, 600))
    return cloud


async def _stored(bench: LockBench) -> list[tuple[object, ...]]:
    async with bench.session() as client:
        return [(row.code, row.start, row.end) for row in await client.run(list_passcodes(bench.keys))]


async def _judge_passcode(_plan: CallPlan, bench: LockBench, app: App, result: Result) -> None:
    whole = [(CODE, *PERMANENT)]
    found = await _stored(bench)
    expect(found in ([], whole), True, f"is what the lock stored, {found}, the passcode or nothing")
    sure = result["errorCode"] not in {app.version.code(code) for code in UNSURE}
    if sure:
        expect(
            found, whole if result["errorCode"] == OK else [], f"the passcodes after {result['errorCode']}"
        )
    again = await App(bench, version=app.version).add(passcode=CODE)
    expect_code(again, 20 if found else OK, version=app.version)


async def _judge_upgrade(plan: CallPlan, bench: LockBench, app: App, result: Result) -> None:
    if app.steps:
        check_story(app, result)
    version = await running(bench)
    known = "lockData" in result or not any(isinstance(fault, Outage) for fault in plan.faults)
    if (
        "type" in result and known
    ):  # else the lock was not read, and its supply may have failed in that moment
        expect(version, NEW, f"the version that runs after type {result['type']}")
    healthy = App(bench, await bench.cloud(), version=app.version)
    again = await healthy.upgrade()
    check_story(healthy, again)
    expect_code(again, *((OK,) if version != NEW else (OK, 11015)), version=app.version)
    expect(await running(bench), NEW, "the version that runs after a good upgrade")
