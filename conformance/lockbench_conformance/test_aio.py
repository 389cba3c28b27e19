"""AIO: the AIOT cloud, its firmware queries, upgrades and pushes."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.receiver import Reply
from lockbench_harness.inputs import register
from lockbench_harness.targets.aiot import DOOR, ROWS
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.cloud.aiot.models import PREFIXES
from lockbench_protocol.cloud.aiot.pushes import CAUSES, DONE, FAILED, PushError, read_push

from lockbench_conformance.aiot import (
    GATEWAY,
    LOCK,
    NEW,
    OLD,
    bind,
    expect_code,
    furnished,
    furnished_door,
    offered,
    ok,
    percentages,
    publish,
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

calls = st.sampled_from(sorted(ROWS))
chinese = "修复了开锁\n记录的问题"
logs = st.sampled_from((chinese, "a pair \U0001f468\u200d\U0001f527", chinese * 600)) | st.text(
    'aé中🔒 \t\r\n"\\<&', max_size=40
)


@case(
    "AIO/1",
    clause="AIOT OTA: query/firmware",
    needs=NEEDS,
    links=BARE,
    examples=3,
    versions=st.tuples(*[st.sampled_from(("0.9.9", OLD, "1.0.1", "1.0.10", "2.0"))] * 3),
)
async def test_upgradable_devices_are_listed(bench: LockBench, versions: tuple[str, str, str]) -> None:
    """The query lists a user's devices that run something older, each with all fields, and no others."""
    aiot = await bench.aiot()
    publish(aiot, version="1.0.2")
    for did, version in zip("abc", versions, strict=True):
        bind(aiot, did, LOCK, version=version)
    bind(aiot, "another model", GATEWAY)
    bind(aiot, "a neighbour's", LOCK, "neighbour")
    bind(aiot, "a stranger's", LOCK, "stranger")
    rows = await offered(aiot)
    older = [did for did, version in zip("abc", versions, strict=True) if version not in ("1.0.10", "2.0")]
    expect(sorted(rows), older, "devices")
    for did, row in rows.items():
        offer = row.pop("upgradeFirmware", None)
        expect(
            row,
            {
                "did": did,
                "name": f"name of {did}",
                "deviceModel": LOCK,
                "firmwareVersion": versions["abc".index(did)],
            },
            "device",
        )
        expect(
            {name: type(value).__name__ for name, value in offer.items()}
            if isinstance(offer, dict)
            else offer,
            dict.fromkeys(("firmwareVersion", "fileSize", "updateLog", "releaseDate"), "str"),
            "fields of upgradeFirmware and their types",
        )
        expect(isinstance(offer, dict) and offer["firmwareVersion"], "1.0.2", "version offered")


@case("AIO/2", clause="AIOT OTA: query/firmware/selected; codes 601, 604, 717", needs=NEEDS, links=BARE)
async def test_a_device_is_looked_up_by_whose_it_is(bench: LockBench) -> None:
    """A did that nobody has, or another application, is 604, a neighbour's 717, an unbound one 601."""
    aiot = await furnished(bench)
    bind(aiot, "n", LOCK, "neighbour")
    bind(aiot, "s", LOCK, "stranger")
    bind(aiot, "u", LOCK)
    aiot.hands.control("unbind", did="u")
    for name in ("query_selected", "upgrade_selected"):
        for did, code in (("nobody's", 604), ("s", 604), ("n", 717), ("u", 601)):
            await expect_code(aiot, code, name, did=did)
    rows = await ok(aiot, "query_selected", did="l")
    expect([row["did"] for row in rows] if isinstance(rows, list) else rows, ["l"], "devices in the result")


@case(
    "AIO/3",
    clause="AIOT OTA: header; codes 305, 2002, 109, 2004, 2005",
    needs=NEEDS,
    links=BARE,
    examples=4,
    name=calls,
    prefix=st.sampled_from(PREFIXES),
)
async def test_callers_are_checked_by_their_headers(bench: LockBench, name: str, prefix: str) -> None:
    """A call needs Appid, Appkey and Access-Token, in any case of their names, and right ones."""
    aiot = await furnished(bench)
    grant, path = aiot.grants["user"], prefix + ROWS[name].path
    old = aiot.hands.control("grant", appid=grant.appid, open_id=grant.open_id, seconds=0)
    for changes, code in (
        ({"Appid": None}, 305),
        ({"Appkey": None}, 305),
        ({"Appid": None, "Access_Token": None}, 305),
        ({"Appid": "nobody"}, 2002),
        ({"Appkey": "wrong", "Access_Token": None}, 2002),
        ({"Access_Token": None}, 109),
        ({"Access_Token": "wrong"}, 2004),
        ({"Access_Token": aiot.grants["stranger"].token}, 2004),
        ({"Access_Token": str(old)}, 2005),
    ):
        body = await aiot.send("POST", path, grant.headers(**changes), {"did": "l"})
        expect((body.get("code"), "result" in body), (code, False), f"code and result with {changes}")
    shouted = {header.upper(): value for header, value in grant.headers(Openid=None).items()}
    body = await aiot.send("POST", path, shouted, {"did": "l"})
    expect(body.get("code"), 0, "code with names in capitals and without Openid")


@case(
    "AIO/4", clause="AIOT OTA: openId; codes 302, 2009, 2010", needs=NEEDS, links=BARE, examples=4, name=calls
)
async def test_one_user_is_meant(bench: LockBench, name: str) -> None:
    """openId in header and payload must agree, and be the user's who granted the token."""
    aiot = await furnished(bench)
    grant, path = aiot.grants["user"], ROWS[name].path
    for header, payload, code in (
        ("u", "n", 302),
        ("n", "u", 2010),
        ("n", None, 2010),
        (None, "n", 2010),
        ("nobody", None, 2009),
        (None, "nobody", 2009),
        ("u", 7, 302),
        ("u", "", 302),
        ("u", "u", 0),
    ):
        fields = {"did": "l"} | ({} if payload is None else {"openId": payload})
        body = await aiot.send("POST", path, grant.headers(Openid=header), fields)
        expect(body.get("code"), code, f"code with the header {header} and the payload {payload}")


@case("AIO/5", clause="AIOT OTA: nothing to upgrade; codes 0, 904, 905", needs=NEEDS, links=BARE)
async def test_nothing_newer_is_an_empty_list(bench: LockBench) -> None:
    """Devices without newer firmware are left out; nothing at all is code 0 and an empty list, or, where the
    cloud is set so, 905 and 904."""
    aiot = await furnished(bench, newer=())
    publish(aiot, version=OLD)
    expect(await ok(aiot, "query"), [], "result")
    expect(await ok(aiot, "query_selected", did="l"), [], "result for a lock")
    await expect_code(aiot, 904, "upgrade_selected", did="l")
    await expect_code(aiot, 902, "upgrade_selected", did="g")
    await expect_code(aiot, 906, "upgrade")
    publish(aiot, model=GATEWAY)
    expect(list(await offered(aiot)), ["g"], "devices")
    aiot.hands.set_policy(nothing_newer=905, newest=904)
    await expect_code(aiot, 904, "query_selected", did="l")
    await expect_code(aiot, 905, "query", "neighbour")


@case(
    "AIO/6",
    clause="AIOT OTA: upgrade/firmware",
    needs=NEEDS,
    links=BARE,
    examples=2,
    offline=st.sets(st.sampled_from("lm")).map(sorted),
    busy=st.booleans(),
)
async def test_all_that_can_be_upgraded_is_once(bench: LockBench, offline: list[str], busy: bool) -> None:  # noqa: FBT001 - drawn
    """Each device that is online and idle and has newer firmware starts once, a gateway before its own."""
    aiot = await furnished(bench, newer=(LOCK, GATEWAY))
    bind(aiot, "x", LOCK)
    bind(aiot, "n", LOCK, "neighbour")
    for did in offline:
        turn(aiot, did, online=False)
    if busy:
        await ok(aiot, "upgrade_selected", did="x")
    await ok(aiot, "upgrade")
    await expect_code(aiot, 908, "upgrade")
    await settled()
    started = {"g", "l", "m", "x"} - set(offline)
    expect(
        {did: results(aiot, did) for did in "glmxn"},
        {did: [(DONE, None)] if did in started else [] for did in "glmxn"},
        "results",
    )
    letters = [(str(one.body["did"]), one.body.get("progress", "result")) for one in aiot.receiver.letters]
    early = letters[: letters.index(("g", "result"))]
    expect(
        [did for did, told in early if did in "lm" and told],
        [],
        "locks on their way before their gateway was done",
    )
    expect(sorted(await offered(aiot)), offline, "what is still offered")


@case(
    "AIO/7",
    clause="AIOT OTA: upgrade/firmware/selected; code 602",
    needs=NEEDS,
    links=BARE,
    examples=2,
    far=st.sampled_from("lg"),
)
async def test_what_is_offline_is_not_started(bench: LockBench, far: str) -> None:
    """A device that is offline, or whose gateway is, is 602; nothing is started, then or later."""
    aiot = await furnished(bench)
    turn(aiot, far, online=False)
    await expect_code(aiot, 602, "upgrade_selected", did="l")
    turn(aiot, far, online=True)
    await settled()
    expect((pushed(aiot, "l"), aiot.hands.control("history", did="l")), ([], []), "pushes and history")
    expect(sorted(await offered(aiot)), ["l", "m"], "what is still offered")


@case(
    "AIO/8",
    clause="AIOT OTA: upgrade/firmware/selected; codes 908, 909, 910",
    needs=NEEDS,
    links=BARE,
    examples=2,
    wait=st.sampled_from((0.0, 0.6, 2.4, 4.9)),
)
async def test_one_upgrade_at_a_time(bench: LockBench, wait: float) -> None:
    """While a device is upgraded a second start is 908, of its gateway 910, and of a gateway's device 909."""
    aiot = await furnished(bench, newer=(LOCK, GATEWAY))
    await ok(aiot, "upgrade_selected", did="l")
    await settled(wait)
    await expect_code(aiot, 908, "upgrade_selected", did="l")
    await expect_code(aiot, 910, "upgrade_selected", did="g")
    await settled()
    expect(results(aiot, "l"), [(DONE, None)], "results")
    await ok(aiot, "upgrade_selected", did="g")
    await settled(wait)
    await expect_code(aiot, 909, "upgrade_selected", did="m")
    await settled()
    expect([results(aiot, did) for did in "gm"], [[(DONE, None)], []], "results of gateway and lock")


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
    "AIO/14",
    clause="AIOT OTA: fileSize, updateLog",
    needs=DOOR_NEEDS,
    links=BARE,
    examples=2,
    size=st.integers(100, 1200),
    log=st.sampled_from(("", chinese)),
)
async def test_what_is_offered_is_what_is_in_the_catalogue(bench: LockBench, size: int, log: str) -> None:
    """fileSize is the size of the file in bytes, as text; the version without a name is the image's own."""
    image = bench.firmware.image("6.4.34", size)
    aiot = await furnished_door(bench, image, "")
    publish(aiot, image=image, version="", update_log=log)
    offer = (await offered(aiot))[DOOR].get("upgradeFirmware")
    expect(isinstance(offer, dict), True, "is there an offer")
    if isinstance(offer, dict):
        expect(
            (offer["fileSize"], offer["updateLog"], offer["firmwareVersion"]),
            (str(size), log, "6.4.34"),
            "offer",
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


@case("AIO/16", clause="AIOT OTA: updateLog", needs=NEEDS, links=BARE, examples=4, log=logs)
async def test_an_update_log_comes_through_intact(bench: LockBench, log: str) -> None:
    """updateLog is delivered as it was written: Chinese, emoji, line ends, ten kilobytes."""
    aiot = await furnished(bench, newer=())
    publish(aiot, update_log=log)
    for rows in (list((await offered(aiot)).values()), await ok(aiot, "query_selected", did="l")):
        found = [row["upgradeFirmware"]["updateLog"] for row in rows] if isinstance(rows, list) else rows
        expect(set(found) if isinstance(found, list) else found, {log}, "updateLog")
