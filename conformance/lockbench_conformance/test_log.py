"""LOG: the operation log."""

from __future__ import annotations

import asyncio

from hypothesis import strategies as st
from lockbench_harness.cases import SHOULD, Expectation, case, expect
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import (
    LogRecord,
    add_passcode,
    auto_lock,
    codes_in,
    delete_passcode,
    lock,
    read_log,
    unlock,
)
from lockbench_harness.failures import Failure
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.trace import Mask, Trace
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.log import RECORD_BODY, SINCE_LAST_READ, TAILS, LogType
from lockbench_protocol.lock.dates import date6, read_date

from lockbench_conformance.words import OF_THE_CLIENT, codes, other_code, record_ids

MANY = 9  # wrong codes: their records need more than one reply
PAUSE = 310.0  # seconds: longer than any window in which wrong codes are counted


async def read(bench: LockBench, *, new: bool) -> list[LogRecord]:
    async with bench.session() as client:
        return await client.run(read_log(new=new))


async def type_wrong(bench: LockBench, numbers: range) -> None:
    """Wrong codes, so slowly that they do not lock the keypad."""
    for number in numbers:
        bench.hands.enter_code(f"{number:06}")
        await asyncio.sleep(PAUSE)


def typed(records: list[LogRecord]) -> list[int]:
    return [int(record.tail["code"]) for record in records if record.type == LogType.WRONG_PASSCODE]


@case(
    "LOG/1",
    clause="ttlock-ble 5.17",
    needs=("log", "passcodes", "hands", "clock", "fresh"),
    record_id=record_ids,
    code=codes,
)
async def test_each_action_writes_its_record(bench: LockBench, record_id: int, code: str) -> None:
    """App, keypad, key and passcode changes write one record each, in order, with type, time and details."""
    other = other_code(code)
    async with bench.session() as client:
        await client.run(unlock(bench.keys, record_id))
        await client.run(lock(bench.keys, record_id))
        await client.run(add_passcode(bench.keys, code))
    bench.hands.enter_code(code)
    bench.hands.enter_code(other)
    bench.hands.turn_key(unlocked=True)
    async with bench.session() as client:
        await client.run(delete_passcode(bench.keys, code))
        records = await client.run(read_log(new=True))
    seen = [
        (record.type, record.tail.get("record_id"), record.tail.get("code") or record.tail.get("old"))
        for record in records
    ]
    expect(
        seen,
        [
            (LogType.BLE_UNLOCK, record_id, None),
            (LogType.BLE_LOCK, record_id, None),
            (LogType.PASSCODE_ADDED, None, code),
            (LogType.KEYPAD_UNLOCK, None, code),
            (LogType.WRONG_PASSCODE, None, other),
            (LogType.KEY_UNLOCK, None, None),
            (LogType.PASSCODE_DELETED, None, code),
        ],
        "type, record id and code of each record",
    )
    for record in records:
        expect(
            (bench.local() - read_date(record.date)).total_seconds() < 60,
            True,
            "is the time of the record right",
        )


@case(
    "LOG/2", clause="ttlock-ble 10", needs=("log", "hands", "clock", "auto_lock"), seconds=st.integers(5, 900)
)
async def test_auto_lock_writes_nothing(bench: LockBench, seconds: int) -> None:
    """The bolt that falls by itself writes no record."""
    async with bench.session() as client:
        await client.run(auto_lock(bench.keys, seconds))
        await client.run(unlock(bench.keys, 1))
    await asyncio.sleep(seconds + 1)
    expect(bench.hands.is_open(), False, "is the bolt open after the auto-lock time")
    expect(
        [record.type for record in await read(bench, new=True)],
        [LogType.BLE_UNLOCK],
        "the types of the records",
    )


@case("LOG/3", clause="ttlock-ble 5.17 cursor FFFF", needs=("log",), count=st.integers(0, 6))
async def test_what_was_read_is_not_new(bench: LockBench, count: int) -> None:
    """A second reading of the new records is empty, until something happens."""
    async with bench.session() as client:
        for number in range(count):
            await client.run(unlock(bench.keys, number + 1))
        expect(len(await client.run(read_log(new=True))), count, "the number of new records")
        expect(await client.run(read_log(new=True)), [], "the new records at once after")
        await client.run(lock(bench.keys, 99))
        expect(len(await client.run(read_log(new=True))), 1, "the number of new records after one event")


@case("LOG/4", clause="ttlock-ble 5.17 cursor 0", needs=("log", "fresh"), count=st.integers(0, 9))
async def test_all_is_all_and_oldest_first(bench: LockBench, count: int) -> None:
    """Reading from cursor 0 gives every record, oldest first, as often as one likes."""
    async with bench.session() as client:
        for number in range(count):
            await client.run(unlock(bench.keys, number + 1))
        for _ in range(2):
            ids = [record.tail["record_id"] for record in await client.run(read_log(new=False))]
            expect(ids, list(range(1, count + 1)), "the ids of all records")


@case(
    "LOG/5",
    clause="ttlock-ble 5.17 next",
    needs=("log", "hands", "clock"),
    links=("bare", "air"),
    examples=3,
    count=st.integers(1, MANY),
)
async def test_pages_meet_without_gap_or_double(bench: LockBench, count: int) -> None:
    """A log that needs several replies is read without gap and without double."""
    await type_wrong(bench, range(count))
    async with bench.session() as client:
        expect(
            typed(await client.run(read_log(new=False))), list(range(count)), "the typed codes, from cursor 0"
        )
        expect(
            typed(await client.run(read_log(new=True))), list(range(count)), "the typed codes, as new records"
        )


@case(
    "LOG/6",
    clause="policy: the oldest record goes first",
    needs=("log", "hands", "clock", "fresh"),
    links=("bare",),
    examples=1,
)
async def test_an_overflow_drops_the_oldest(bench: LockBench) -> None:
    """When the log is full the oldest records go; what is left is whole and in order."""
    total = 600
    for number in range(total):
        bench.hands.turn_key(unlocked=bool(number % 2))
    bench.hands.enter_code("000000")
    records = await read(bench, new=False)
    expect(0 < len(records) <= total, True, "is the number of records below that of the events")
    expect(typed(records[-1:]), [0], "the newest record")
    kinds = [record.type for record in records[:-1]]
    expect(kinds, ([LogType.KEY_LOCK, LogType.KEY_UNLOCK] * total)[-len(kinds) :], "the types of the others")


@case(
    "LOG/7",
    clause="plug-in: a broken reading loses nothing",
    needs=("log", "hands", "clock"),
    examples=3,
    count=st.integers(7, MANY),
)
async def test_a_broken_reading_loses_nothing(bench: LockBench, count: int) -> None:
    """If the link goes while the log is read, the rest is still new afterwards."""
    await type_wrong(bench, range(count))
    async with bench.session() as client:
        page = (await client.ask_values(0x25, {"cursor": SINCE_LAST_READ})).page
    first = [int(record.tail.code) for record in page.records]
    rest = typed(await read(bench, new=True))
    expect(first + rest, list(range(count)), "the codes read before and after the break")


@case(
    "LOG/8",
    no_mutant=OF_THE_CLIENT,
    clause="ttlock-ble 5.17 record tails",
    needs=("lock",),
    kind=st.sampled_from(sorted(TAILS)),
    rest=st.binary(max_size=3),
)
async def test_a_short_record_is_read(bench: LockBench, kind: int, rest: bytes) -> None:
    """A record that is shorter than its type needs is read with what it has."""
    record = RECORD_BODY.parse(bytes((kind, 26, 1, 2, 3, 4, 5, 95)) + rest)
    expect(
        (record.type, record.battery), (kind, 95), f"type and battery of a short record of {bench.address}"
    )


@case("LOG/9", clause="ttlock-ble 5.17 total 0; plug-in error 31", needs=("log", "fresh"))
async def test_an_empty_log_ends_at_once(bench: LockBench) -> None:
    """An empty log answers with a total of 0."""
    async with bench.session() as client:
        expect((await client.ask_values(0x25, {"cursor": SINCE_LAST_READ})).page, None, "the page")


@case(
    "LOG/10",
    clause="policy: the first reading is history",
    level=SHOULD,
    needs=("log", "hands", "clock"),
    examples=3,
    count=st.integers(1, 5),
)
async def test_the_backlog_is_told_from_events(bench: LockBench, count: int) -> None:
    """Records carry the time of the event, so that a client can tell a backlog from what just happened."""
    await type_wrong(bench, range(count))
    now = bench.local()
    for record in await read(bench, new=True):
        age = (now - read_date(record.date)).total_seconds()
        expect(age >= PAUSE - 1, True, f"is a record of {record.date.hex()} old at {date6(now).hex()}")


@case(
    "LOG/11",
    clause="policy: what is exported holds no working code",
    needs=("log", "hands", "passcodes", "clock"),
    examples=3,
    code=codes,
)
async def test_exports_hold_no_code(bench: LockBench, code: str) -> None:
    """The codes in a log that was read are masked in every file that is made of it, right and wrong ones."""
    other = other_code(code)
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code))
    for typed_code in (code, other):
        bench.hands.enter_code(typed_code)
    records = await read(bench, new=True)
    expect(codes_in(records) >= {code, other}, True, "are the typed codes in the log")
    mask = Mask()
    for secret in codes_in(records):
        mask.add(secret)
    trace = Trace(mask)
    for record in records:
        trace.event("record", type=record.type, tail=dict(record.tail), text=repr(record))
    failure = Failure("LOG/11", "emulated", "strict", 1, "bare", {"code": code}, None)
    for name, text in (
        ("trace", trace.text()),
        ("failure file", failure.to_json(f"the code {code} was seen", mask)),
        ("error", mask.text(str(Expectation("the records", [], records)))),
    ):
        for secret in (code, other):
            expect(secret in text or secret.encode().hex() in text, False, f"does the {name} tell a code")


@case(
    "LOG/12",
    clause="ttlock-ble 5.17 IC and FR tails",
    needs=("log", "hands", "card", "fingerprint"),
    wide=st.booleans(),
    number=st.integers(1, 0xFFFFFFFF),
)
async def test_card_and_finger_numbers_have_their_length(bench: LockBench, wide: bool, number: int) -> None:  # noqa: FBT001 - drawn
    """A card number of 4 or 8 bytes and a fingerprint of 6 are read whole."""
    card = number.to_bytes(8 if wide else 4, "big")
    finger = number.to_bytes(6, "big")
    bench.hands.present_card(card)
    bench.hands.present_finger(finger)
    records = await read(bench, new=True)
    expect([record.tail["card"] for record in records if "card" in record.tail], [card], "the card")
    expect(
        [record.tail["fingerprint"] for record in records if "fingerprint" in record.tail],
        [finger],
        "the finger",
    )


async def pages(client: LockClient) -> list[bytes]:
    """The log as raw replies."""
    found: list[bytes] = []
    cursor = 0
    while True:
        body = await client.ask(0x25, COMMANDS[0x25].build_request({"cursor": cursor}))
        page = COMMANDS[0x25].parse_reply(body).page
        if page is None:
            return found
        found.append(body)
        cursor = page.next


@case(
    "LOG/13",
    clause="policy: the log outlives a restart",
    needs=("log", "hands", "clock"),
    count=st.integers(1, 6),
    examples=3,
)
async def test_the_log_outlives_a_restart(bench: LockBench, count: int) -> None:
    """The log is the same, byte for byte, after the battery was pulled."""
    await type_wrong(bench, range(count))
    async with bench.session() as client:
        before = await pages(client)
    bench.hands.cut_power()
    await asyncio.sleep(10)
    bench.hands.restore_power()
    async with bench.session() as client:
        expect(await pages(client), before, "the pages of the log")
