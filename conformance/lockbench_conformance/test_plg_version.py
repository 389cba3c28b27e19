"""PLG: what a version and an edition of the plug-in has, how it is called, stopped and finished."""

from __future__ import annotations

import asyncio

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import list_passcodes
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.verdicts import Expectation
from lockbench_protocol.plugin import NotAvailable, Version, contract

from lockbench_conformance.app import (
    OK,
    UPGRADING_VERSIONS,
    App,
    NoRadio,
    check_story,
    expect_code,
    in_time,
    upgrading_app,
)
from lockbench_conformance.ota import NEW, expect_running

ADD = ("plugin", "passcodes", "phone")
UPGRADE = ("dfu", "plugin", "cloud faults", "clock", "phone")
CODE = "13562461"
INTERRUPTED, CONNECTING, UPGRADE_FAILED = -4, 10037, 11016

FIRST = (  # method, edition, the last version without it, the first with it
    ("createCustomPasscode", "online", "1.9.9", "2.0.0"),
    ("createCustomPasscode", "offline", "0.9.9", "1.0.0"),
    ("enterDfuMode", "online", "2.8.9", "2.9.0"),
    ("enterDfuMode", "offline", "1.9.9", "2.0.0"),
)


@case(
    "PLG/7",
    clause="createCustomPasscode, enterDfuMode: version support",
    needs=(*UPGRADE, "passcodes"),
    links=("bare",),
    examples=4,
    row=st.integers(0, len(FIRST) - 1),
)
async def test_a_method_comes_with_its_first_version(bench: LockBench, row: int) -> None:
    """Before its first version in either edition a method is not available, without radio; then it works."""
    method, edition, before, first = FIRST[row]
    cloud = (await upgrading_app(bench, NEW))[1] if method == "enterDfuMode" else None
    early = App(bench, cloud, link=NoRadio(), version=Version(before, edition))  # type: ignore[arg-type]  # a row of a table
    try:
        seen: object = await (early.upgrade() if cloud else early.add())
    except NotAvailable:
        pass
    else:
        raise Expectation(f"{method} of {early.version}", "not available", seen)
    expect((early.steps, early.ends), ([], []), "what the callbacks were told")
    app = App(bench, cloud, version=Version(first, edition))  # type: ignore[arg-type]  # likewise
    silent: dict[str, object] = {"callback": None, "disconnectCallback": None}  # they may be left out
    call = app.upgrade(**silent) if cloud else app.add(disconnectCallback=None)
    expect_code(await call, OK, version=app.version)


@case(
    "PLG/8",
    clause="createCustomPasscode, enterDfuMode: 3.0.0 takes an option object",
    needs=(*UPGRADE, "passcodes"),
    links=("bare",),
    examples=8,
    version=st.sampled_from(("2.0.0", "2.6.0", "2.9.0", "2.9.2", "3.0.0", "3.1.0")),
    positional=st.booleans(),
    named=st.booleans(),
)
async def test_both_forms_of_a_call_are_taken(
    bench: LockBench,
    version: str,
    positional: bool,  # noqa: FBT001 - drawn
    named: bool,  # noqa: FBT001 - drawn
) -> None:
    """Before 3.0.0 arguments come in order, with a deviceId or without; from then on as one object too."""
    release = Version(version)
    app = App(bench, version=release)
    option: dict[str, object] = {
        "passcode": CODE,
        "startDate": "0",
        "endDate": "0",
        "lockData": app.lock_data,
        "disconnectCallback": app.ends.append,
    }
    if named:
        option["deviceId"] = app.plugin.phone.handset.device_id(bench.address)
    order = contract().methods["createCustomPasscode"].positional
    plain = (
        [option.get(name) for name in order]
        if positional
        else release.arguments("createCustomPasscode", option)
    )
    expect_code(await app.plugin.create_custom_passcode(*plain), OK, version=release)
    expect(len(app.ends), 1, "how often disconnectCallback was called")
    async with bench.session() as client:
        found = [row.code for row in await client.run(list_passcodes(bench.keys))]
    expect(found, [CODE], "the list of passcodes")
    if not release.takes_object:
        early = App(bench, link=NoRadio(), version=release)
        expect_code(await early.plugin.create_custom_passcode(option), 11003, version=release)


def moments(limit: float) -> st.SearchStrategy[float]:
    """Seconds of the virtual clock; early ones are as likely as late ones."""
    return st.sampled_from((0.0, 0.001, 0.01, 0.05, 0.2, 1.0)) | st.floats(0, limit)


@case(
    "PLG/20",
    clause="plug-in FAQ: stopAllOperations, finishOperations; plug-in errors -4, 10022, 10037, 11013",
    needs=(*UPGRADE, "passcodes"),
    links=("bare", "air"),
    examples=6,
    version=st.sampled_from(contract().versions),
    upgrading=st.booleans(),
    after=moments(8.0),
)
async def test_a_stop_releases_in_every_state(
    bench: LockBench,
    version: str,
    upgrading: bool,  # noqa: FBT001 - drawn
    after: float,
) -> None:
    """stopAllOperations ends what runs with one result, but no connecting; then the next call works."""
    release = Version(version)
    if upgrading and release.number in UPGRADING_VERSIONS:
        app, _ = await upgrading_app(bench, NEW, version=release)
        call = asyncio.create_task(app.upgrade())
    else:
        app = App(bench, version=release)
        call = asyncio.create_task(app.add())
    await asyncio.sleep(after)
    busy = not call.done()
    early = await app.plugin.finish_operations()
    expect_code(early, *((11013, OK) if busy else (OK,)), version=release)
    stopped = await in_time("stopAllOperations", app.plugin.stop_all_operations())
    expect_code(stopped, OK, CONNECTING, version=release)
    kept_on = stopped["errorCode"] == CONNECTING
    result = await call
    allowed = (OK, 20) if kept_on or not busy else (OK, INTERRUPTED, UPGRADE_FAILED)
    expect_code(result, *allowed, version=release)
    if app.steps:
        check_story(app, result)
    expect_code(await app.plugin.finish_operations(), OK, version=release)
    await asyncio.sleep(bench.firmware.idle_seconds + RESTART_SECONDS)
    again = await app.add(passcode="246813")
    expect_code(again, OK, version=release)
    if result.get("type") is not None:
        await expect_running(bench, NEW)
