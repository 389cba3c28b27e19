"""AIO: the AIOT cloud, its firmware queries and the starts of upgrades."""

from __future__ import annotations

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.targets.aiot import DOOR, ROWS
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.cloud.aiot.models import PREFIXES
from lockbench_protocol.cloud.aiot.pushes import DONE

from lockbench_conformance.aiot import (
    GATEWAY,
    LOCK,
    OLD,
    bind,
    expect_code,
    furnished,
    furnished_door,
    offered,
    ok,
    publish,
    pushed,
    results,
    settled,
    turn,
)

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
    clause="AIOT OTA: header; codes 306, 304, 305, 2002, 109, 2004, 2005, 108",
    needs=NEEDS,
    links=BARE,
    examples=4,
    name=calls,
    prefix=st.sampled_from(PREFIXES),
)
async def test_callers_are_checked_by_their_headers(bench: LockBench, name: str, prefix: str) -> None:
    """Path and verb come first, 306 and 304; then a call needs Appid, Appkey and Access-Token, in any case
    of their names, and right ones."""
    aiot = await furnished(bench)
    grant, path = aiot.grants["user"], prefix + ROWS[name].path
    old = aiot.hands.control("grant", appid=grant.appid, open_id=grant.open_id, seconds=0)
    for method, odd, code in (("POST", path + "/more", 306), ("PUT", path, 304), ("DELETE", path, 304)):
        expect((await aiot.send(method, odd, {}, {})).get("code"), code, f"code of {method} {odd}")
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
    aiot.hands.set_policy(expired_token=108)
    body = await aiot.send("POST", path, grant.headers(Access_Token=str(old)), {"did": "l"})
    expect(body.get("code"), 108, "code of an expired token where the cloud is set so")
    shouted = {header.upper(): value for header, value in grant.headers(Openid=None).items()}
    body = await aiot.send("POST", path, shouted, {"did": "l"})
    expect(body.get("code"), 0, "code with names in capitals and without Openid")


@case(
    "AIO/4",
    clause="AIOT OTA: openId; codes 302, 2009, 2010, 303, 758",
    needs=NEEDS,
    links=BARE,
    examples=4,
    name=calls,
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
    aiot.hands.set_policy(field_codes=True)
    for wrong, code in ((7, 303), ("u" * 65, 758)):
        body = await aiot.send("POST", path, grant.headers(), {"did": "l", "openId": wrong})
        expect(body.get("code"), code, "code of a bad openId where the cloud is set so")


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
    clause="AIOT OTA: upgrade/firmware/selected; codes 602, 912",
    needs=NEEDS,
    links=BARE,
    examples=2,
    far=st.sampled_from("lg"),
)
async def test_what_is_offline_is_not_started(bench: LockBench, far: str) -> None:
    """A device that is offline, or whose gateway is, is 602, of another kind 912; nothing is started."""
    aiot = await furnished(bench)
    turn(aiot, far, online=False)
    await expect_code(aiot, 602, "upgrade_selected", did="l")
    turn(aiot, far, online=True)
    bind(aiot, "x", LOCK, upgradable=False)
    await expect_code(aiot, 912, "upgrade_selected", did="x")
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


@case("AIO/16", clause="AIOT OTA: updateLog", needs=NEEDS, links=BARE, examples=4, log=logs)
async def test_an_update_log_comes_through_intact(bench: LockBench, log: str) -> None:
    """updateLog is delivered as it was written: Chinese, emoji, line ends, ten kilobytes."""
    aiot = await furnished(bench, newer=())
    publish(aiot, update_log=log)
    for rows in (list((await offered(aiot)).values()), await ok(aiot, "query_selected", did="l")):
        found = [row["upgradeFirmware"]["updateLog"] for row in rows] if isinstance(rows, list) else rows
        expect(set(found) if isinstance(found, list) else found, {log}, "updateLog")
