"""CBK: what the dding SaaS posts to its callers, and how often."""

from __future__ import annotations

import asyncio
from itertools import pairwise

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.receiver import Reply
from lockbench_harness.inputs import register
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.dding import DdingCloud

from lockbench_conformance.dding import ADMIN_CODE, furnished, ok, passwords, press, settled, turn

register(Reply)

NEEDS = ("dding", "clock")
BARE = ("bare",)
DAY = 86_400
ALARM, CLEAR = "batteryAlarm", "clearBattryAlarm"


async def told(dding: DdingCloud) -> list[str]:
    """The events so far, once all that is due was posted."""
    await settled()
    return dding.receiver.events()


async def read_battery(dding: DdingCloud, *levels: int) -> None:
    for level in levels:
        dding.hands.control("report_battery", uuid="l", level=level)
    await settled()


@case("CBK/1", clause="dding 9.1", needs=NEEDS, links=BARE, examples=2, uuid=st.sampled_from("ol"))
async def test_the_envelope_is_as_printed(bench: LockBench, uuid: str) -> None:
    """event, time, uuid, home_id and nickname are always there; room_id for inner locks only."""
    dding = await furnished(bench)
    dding.hands.control("force_lock", uuid=uuid)
    at = dding.now()
    await settled()
    letter = (await dding.receiver.wait_for("brokenAlarm")).body
    wanted = {"event", "time", "uuid", "home_id", "nickname"} | ({"room_id"} if uuid == "l" else set())
    expect(set(letter) - {"detail", "sign"}, wanted, "fields")
    expect(
        (letter.get("uuid"), letter.get("home_id"), letter.get("nickname")),
        (uuid, "h", f"name of {uuid}"),
        "ids",
    )
    expect(abs(int(str(letter.get("time"))) / 1000 - at) < 2, True, "is time in ms")


@case(
    "CBK/2",
    clause="dding 9.2.1",
    needs=NEEDS,
    links=BARE,
    examples=4,
    days=st.integers(0, 4),
    low=st.integers(0, 4),
)
async def test_a_battery_alarms_at_10_at_7_and_daily_below_5(bench: LockBench, days: int, low: int) -> None:
    """batteryAlarm comes once below 10 percent, once at 7, and once a day below 5."""
    dding = await furnished(bench)
    await read_battery(dding, 50, 10, 9, 8, 7, 6, 5, low)
    for _ in range(days):
        dding.hands.control("advance", seconds=DAY)
        await settled()
    levels = [
        letter.body["detail"].get("battery_level")  # type: ignore[attr-defined]  # an object
        for letter in dding.receiver.letters
        if letter.event == ALARM
    ]
    expect(levels, [9, 7, low, *[low] * days], "levels of the alarms")
    await read_battery(dding, 5)
    dding.hands.control("advance", seconds=3 * DAY)
    expect((await told(dding)).count(ALARM), 3 + days, "alarms after the level rose to 5")


@case(
    "CBK/3",
    clause="dding 9.2.1",
    needs=NEEDS,
    links=BARE,
    examples=4,
    low=st.integers(0, 9),
    high=st.integers(11, 100),
)
async def test_an_alarm_is_cleared_above_10(bench: LockBench, low: int, high: int) -> None:
    """clearBattryAlarm, as it is printed, comes once when an alarmed battery is above 10 percent again."""
    dding = await furnished(bench)
    await read_battery(dding, high, low, 10, high, high)
    expect(await told(dding), [ALARM, CLEAR], "events")


@case(
    "CBK/4",
    clause="dding 9.2.1",
    needs=NEEDS,
    links=BARE,
    examples=6,
    levels=st.lists(st.integers(8, 12), max_size=12),
)
async def test_each_crossing_tells_once(bench: LockBench, levels: list[int]) -> None:
    """Around 10 percent each crossing gives one alarm or one clear, and nothing else does."""
    dding = await furnished(bench)
    await read_battery(dding, *levels)
    wanted: list[str] = []
    for level in levels:
        if level < 10 and wanted[-1:] != [ALARM]:
            wanted.append(ALARM)
        elif level > 10 and wanted[-1:] == [ALARM]:
            wanted.append(CLEAR)
    expect(await told(dding), wanted, f"events of {levels}")


@case("CBK/5", clause="dding 9.2.2", needs=NEEDS, links=BARE)
async def test_force_is_told_once(bench: LockBench) -> None:
    """A lock that is forced gives one brokenAlarm."""
    dding = await furnished(bench)
    dding.hands.control("force_lock", uuid="l")
    expect(await told(dding), ["brokenAlarm"], "events")


@case(
    "CBK/6",
    clause="dding 9.2.3",
    needs=NEEDS,
    links=BARE,
    examples=6,
    tries=st.lists(st.booleans(), max_size=9).map(lambda tries: [*tries, False, False, False]),
)
async def test_three_wrong_codes_alarm(bench: LockBench, tries: list[bool]) -> None:
    """wrongPwdAlarm comes with the third wrong code in a row; a right one starts the count anew."""
    dding = await furnished(bench)
    wanted, wrong = [], 0
    for right in tries:
        expect(press(dding, ADMIN_CODE if right else "000000"), right, "does it open")
        wrong = 0 if right else wrong + 1
        if right:
            wanted.append("lockerOpenAlarm")
        elif wrong == 3:
            wanted.append("wrongPwdAlarm")
            wrong = 0
    expect(await told(dding), wanted, "events")


@case("CBK/7", clause="dding 9.2.4, 6.4", needs=NEEDS, links=BARE)
async def test_a_paired_lock_brings_its_code(bench: LockBench) -> None:
    """A lock that had an administrator's code and is configured again sends it in pwdSync."""
    dding = await furnished(bench)
    dding.hands.control("reconfigure_lock", tenant="t", uuid="l")
    await settled()
    letter = (await dding.receiver.wait_for("pwdSync")).body
    expect(letter.get("detail"), {"passwords": [{"id": 999, "password": ADMIN_CODE}]}, "detail")
    await ok(dding, "get_default_password_plaintext", uuid="l")


@case("CBK/8", clause="dding 9.2.5", needs=NEEDS, links=BARE)
async def test_codes_made_at_the_lock_are_told(bench: LockBench) -> None:
    """Adding, changing and deleting at the keypad is told with id and code; deleting with the id alone."""
    dding = await furnished(bench)
    number = dding.hands.control("local_password", uuid="l", op="add", code="222222")
    row = (await passwords(dding)).get(str(number), {})
    expect(row.get("permission"), {"begin": 0, "end": 0, "status": 1}, "permission")
    dding.hands.control("local_password", uuid="l", op="update", password_id=number, code="333333")
    dding.hands.control("local_password", uuid="l", op="delete", password_id=number)
    await settled()
    expect(set(await passwords(dding)), {"999"}, "ids")
    for event, password in (
        ("pwdAddLocal", {"id": number, "password": "222222"}),
        ("pwdUpdateLocal", {"id": number, "password": "333333"}),
        ("pwdDelLocal", {"id": number}),
    ):
        expect((await dding.receiver.wait_for(event)).body.get("detail"), {"password": password}, event)


@case("CBK/9", clause="dding 9.2.6", needs=NEEDS, links=BARE)
async def test_an_opening_is_told_and_listed(bench: LockBench) -> None:
    """lockerOpenAlarm comes with an opening, and says what get_lock_events lists."""
    dding = await furnished(bench)
    press(dding, ADMIN_CODE)
    await settled()
    letter = (await dding.receiver.wait_for("lockerOpenAlarm")).body
    rows = (await ok(dding, "get_lock_events", uuid="l")).get("lock_events")
    detail = letter.get("detail")
    expect(isinstance(detail, dict) and isinstance(rows, list), True, "is there a detail and a list")
    if isinstance(detail, dict) and isinstance(rows, list):
        expect({"time": letter.get("time")} | detail, rows[0], "event and entry")


@case(
    "CBK/10",
    clause="dding 9.2.7, 9.2.8",
    needs=NEEDS,
    links=BARE,
    examples=6,
    turns=st.lists(st.tuples(st.sampled_from("gol"), st.booleans()), max_size=10),
)
async def test_offline_and_online_alternate(bench: LockBench, turns: list[tuple[str, bool]]) -> None:
    """For each device, going offline and coming back are told in turn, and agree with onoff_line."""
    dding = await furnished(bench)
    for uuid, online in turns:
        turn(dding, uuid, online=online)
    await settled(60)
    for uuid in "gol":
        lines = [one.event for one in dding.receiver.letters if one.body.get("uuid") == uuid]
        expect(
            all(("clear" in a) != ("clear" in b) for a, b in pairwise(lines)), True, f"do {lines} alternate"
        )
        expect(not lines or "clear" not in lines[0], True, "is the first an alarm")
        name = "get_center_info" if uuid == "g" else "get_lock_info"
        body = await ok(dding, name, uuid=uuid)
        expect(body.get("onoff_line"), 2 if lines and "clear" not in lines[-1] else 1, f"line of {uuid}")


troubles = st.sampled_from(
    (
        Reply(status=500),
        Reply(status=302),
        Reply(body=b'{"ErrNo": 7, "ErrMsg": "no"}'),
        Reply(seconds=30.0),
        Reply(body=b"[]"),
    )
)


@case(
    "CBK/11",
    clause="dding 9; redelivery",
    needs=NEEDS,
    links=BARE,
    examples=6,
    replies=st.lists(troubles, max_size=5),
)
async def test_a_callback_is_tried_four_times(bench: LockBench, replies: list[Reply]) -> None:
    """A letter that is not taken comes again after 1, 5 and 30 s, four in all, before the device's next."""
    dding = await furnished(bench)
    dding.receiver.replies.extend(replies)
    dding.hands.control("force_lock", uuid="l")
    press(dding, ADMIN_CODE)
    await settled(300)
    events = dding.receiver.events()
    tries = min(len(replies) + 1, 4)
    expect(events[:tries], ["brokenAlarm"] * tries, "tries of the first letter")
    expect(set(events[tries:]), {"lockerOpenAlarm"}, "letters after it")
    first = [letter for letter in dding.receiver.letters if letter.event == "brokenAlarm"]
    expect({letter.raw for letter in first}, {first[0].raw}, "bytes of all tries")
    for (earlier, later), pause, reply in zip(pairwise(first), (1, 5, 30), replies, strict=False):
        least = pause + min(reply.seconds, 5.0)
        expect(least - 0.01 <= later.at - earlier.at < least + 1, True, f"is the pause about {least} s")


@case("CBK/12", clause="dding 9.1", needs=NEEDS, links=BARE)
async def test_an_answer_without_json_counts_as_taken(bench: LockBench) -> None:
    """A 2xx answer that is no JSON takes the letter, and the journal says so; ErrNo other than 0 does not."""
    dding = await furnished(bench)
    dding.receiver.replies.append(Reply(body=b"ok"))
    dding.hands.control("force_lock", uuid="l")
    await settled(60)
    expect(await told(dding), ["brokenAlarm"], "events")
    expect("no JSON" in str(dding.hands.control("callbacks", tenant="t")), True, "is it noted")


@case("CBK/13", clause="dding 9; redelivery", needs=NEEDS, links=BARE)
async def test_a_letter_can_be_sent_again(bench: LockBench) -> None:
    """A letter that was delivered or given up can be sent again; it is the same letter."""
    dding = await furnished(bench)
    dding.hands.control("force_lock", uuid="l")
    await settled()
    rows = dding.hands.control("callbacks", tenant="t")
    number = rows[-1]["number"] if isinstance(rows, list) else 0
    dding.hands.control("redeliver", number=number)
    expect(await told(dding), ["brokenAlarm"] * 2, "events")
    expect(len({letter.raw for letter in dding.receiver.letters}), 1, "different letters")


@case("CBK/14", clause="dding 9.1", needs=NEEDS, links=BARE)
async def test_time_puts_late_letters_in_order(bench: LockBench) -> None:
    """An opening while the gateway was offline comes when it is back, with the time at which it happened."""
    dding = await furnished(bench)
    turn(dding, "g", online=False)
    press(dding, ADMIN_CODE)
    at = dding.now()
    await asyncio.sleep(600)
    expect("lockerOpenAlarm" in await told(dding), False, "is it told while offline")
    turn(dding, "g", online=True)
    await settled()
    letter = (await dding.receiver.wait_for("lockerOpenAlarm")).body
    expect(abs(int(str(letter.get("time"))) / 1000 - at) < 1, True, "is time that of the opening")


@case("CBK/15", clause="SEC", needs=NEEDS, links=BARE)
async def test_the_journal_hides_codes(bench: LockBench) -> None:
    """Neither codes nor tokens nor secrets stand in the journal of calls and callbacks."""
    dding = await furnished(bench)
    dding.hands.control("local_password", uuid="l", op="add", code="222222")
    await settled()
    text = "\n".join(dding.hands.journal())
    expect("pwdAddLocal" in text and "add_password" in text, True, "is all of it in the journal")
    secrets = (ADMIN_CODE, "222222", dding.tokens["admin"], dding.clients["admin"][1])
    expect([secret for secret in secrets if secret in text], [], "secrets in the journal")
