"""AIO: what the AIOT cloud pushes about upgrades, and what a lock makes of them."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.receiver import Reply
from lockbench_harness.inputs import register
from lockbench_harness.targets.aiot import DOOR
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.cloud.aiot.pushes import CAUSES, DONE, FAILED, PushError, read_push

from lockbench_conformance.aiot import (
    NEW,
    furnished,
    furnished_door,
    offered,
    ok,
    percentages,
    pushed,
    results,
    settled,
    turn,
)
from lockbench_conformance.ota import expect_running
from lockbench_conformance.words import ended_by

register(Reply)

NEEDS = ("aiot", "clock")
DOOR_NEEDS = (*NEEDS, "dfu")
BARE = ("bare",)


@case(
    "AIO/9",
    clause="AIOT OTA: ota_upgrade_progress",
    needs=NEEDS,
    links=BARE,
    examples=3,
    cut=st.none() | st.integers(0, 99),
)
async def test_progress_is_pushed(bench: LockBench, cut: int | None) -> None:
    """Progress is a whole percentage that never falls, of the version to come; then comes the result."""
    aiot = await furnished(bench)
    if cut is not None:
        aiot.hands.control("fail_device", did="l", percent=cut, cause="checksum")
    await ok(aiot, "upgrade_selected", did="l")
    await settled()
    shown = percentages(aiot, "l")
    expect(
        shown,
        [percent for percent in range(0, 101, 10) if percent <= (100 if cut is None else cut)],
        "progress",
    )
    expect(all(a <= b for a, b in pairwise(shown)), True, "does it never fall")
    letters = aiot.receiver.letters
    expect(
        [letter.event for letter in letters],
        ["ota_upgrade_progress"] * len(shown) + ["ota_upgrade_result"],
        "msgType of the pushes",
    )
    expect({push.firmware_version for push in pushed(aiot, "l")}, {NEW}, "versions")
    grant = aiot.grants["user"]
    headers = [(letter.headers.get("Appid"), letter.headers.get("Appkey")) for letter in letters]
    expect(set(headers), {(grant.appid, grant.appkey)}, "headers of the pushes")


@case(
    "AIO/10",
    clause="AIOT OTA: ota_upgrade_result 1; telink-ota 4.2",
    needs=DOOR_NEEDS,
    links=BARE,
    examples=1,
    size=st.sampled_from((600, 1500)),
)
async def test_success_means_that_the_lock_runs_it(bench: LockBench, size: int) -> None:
    """Result 1 comes after progress 100, and the lock then runs what was offered."""
    aiot = await furnished_door(bench, bench.firmware.image("6.4.34", size), "6.4.34")
    await ok(aiot, "upgrade_selected", did=DOOR)
    await settled(120)
    expect(results(aiot, DOOR), [(DONE, None)], "results")
    expect(percentages(aiot, DOOR)[-1:], [100], "last progress before it")
    await expect_running(bench, "6.4.34")
    expect(await ok(aiot, "query_selected", did=DOOR), [], "what is still offered")


@case(
    "AIO/11",
    clause="AIOT OTA: ota_upgrade_result 0, cause",
    needs=DOOR_NEEDS,
    links=BARE,
    examples=2,
    language=st.sampled_from(("en", "zh")),
    spoilt=st.integers(0x60, 0x200),
)
async def test_failure_says_why(bench: LockBench, language: str, spoilt: int) -> None:
    """An image whose check fails gives result 0 with that cause; lock and query stay with the old version."""
    image = bytearray(bench.firmware.image("6.4.34", 600))
    image[spoilt] ^= 1
    aiot = await furnished_door(bench, bytes(image), "6.4.34")
    aiot.hands.set_policy(language=language)
    await ok(aiot, "upgrade_selected", did=DOOR)
    await settled(120)
    cause = CAUSES["checksum"][language == "zh"]
    expect(results(aiot, DOOR), [(FAILED, cause)], "results")
    await expect_running(bench, bench.firmware.version)
    rows = aiot.hands.control("history", did=DOOR)
    expect(
        [(row["upgradeResult"], row["cause"]) for row in rows] if isinstance(rows, list) else rows,
        [(FAILED, cause)],
        "history",
    )
    expect(list(await offered(aiot)), [DOOR], "what is still offered")


@case(
    "AIO/12",
    clause="AIOT OTA: pushes as printed, without quotes",
    needs=NEEDS,
    links=BARE,
    examples=3,
    bare=st.booleans(),
    quoted=st.booleans(),
)
async def test_printed_types_are_read_leniently(bench: LockBench, bare: bool, quoted: bool) -> None:  # noqa: FBT001 - drawn
    """Pushes are JSON with a text and a number; as literally printed, only a lenient reader takes them."""
    aiot = await furnished(bench)
    aiot.hands.set_policy(bare_version=bare, quoted_progress=quoted)
    await ok(aiot, "upgrade_selected", did="l")
    await settled()
    expect(percentages(aiot, "l"), list(range(0, 101, 10)), "progress, read leniently")
    for letter in aiot.receiver.letters:
        if bare or (quoted and letter.event == "ota_upgrade_progress"):
            with ended_by(PushError):
                read_push(letter.raw, strict=True)
        else:
            expect(read_push(letter.raw, strict=True), read_push(letter.raw), "the strict reading")


@case(
    "AIO/13",
    clause="AIOT OTA: ota_upgrade_result lost",
    needs=NEEDS,
    links=BARE,
    examples=3,
    lost=st.integers(1, 5),
    reply=st.sampled_from((Reply(status=500), Reply(body=b'{"code": 1}'), Reply(seconds=30.0))),
)
async def test_a_lost_result_comes_again(bench: LockBench, lost: int, reply: Reply) -> None:
    """A push that is not taken is tried four times in all; the query tells the truth meanwhile."""
    aiot = await furnished(bench)
    await ok(aiot, "upgrade_selected", did="l")
    await settled(4.8)
    before = len(aiot.receiver.letters)
    expect(before, 10, "pushes until 90 percent")
    aiot.receiver.replies.extend([Reply()] + [reply] * lost)
    await settled(0.5)
    expect(await ok(aiot, "query_selected", did="l"), [], "what is still offered")
    await settled(300)
    tries = [letter.raw for letter in aiot.receiver.letters[before + 1 :]]
    expect(len(tries), min(lost + 1, 4), "tries of the result")
    expect(len(set(tries)), 1, "different results")
    states = aiot.hands.control("pushes", appid=aiot.grants["user"].appid)
    expect(
        states[-1]["state"] if isinstance(states, list) else states,
        "dead" if lost >= 4 else "delivered",
        "end of the result",
    )


@case(
    "AIO/15",
    clause="AIOT OTA: several devices",
    needs=NEEDS,
    links=BARE,
    examples=2,
    percent=st.integers(0, 99),
    cause=st.sampled_from(sorted(CAUSES)),
    off=st.booleans(),
)
async def test_devices_fail_alone(bench: LockBench, percent: int, cause: str, off: bool) -> None:  # noqa: FBT001 - drawn
    """Of two devices upgraded at once one fails; the other's progress and result are as if it were alone."""
    aiot = await furnished(bench)
    if not off:
        aiot.hands.control("fail_device", did="l", percent=percent, cause=cause)
    await ok(aiot, "upgrade")
    await settled(1.2)
    if off:
        turn(aiot, "l", online=False)
    await settled()
    expect(
        results(aiot, "l"),
        [(FAILED, CAUSES["offline" if off else cause][0])],
        "results of the one that fails",
    )
    expect(results(aiot, "m"), [(DONE, None)], "results of the other")
    expect(percentages(aiot, "m"), list(range(0, 101, 10)), "progress of the other")
    expect(list(await offered(aiot)), ["l"], "what is still offered")
