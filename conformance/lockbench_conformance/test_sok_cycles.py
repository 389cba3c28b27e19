"""SOK: the same again and again, and many at once. `--effort soak` makes the catalogue's numbers of them."""

from __future__ import annotations

import time
from random import Random

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import LogRecord, add_passcode, list_passcodes, read_log, unlock
from lockbench_harness.links import Sighting
from lockbench_harness.links.rules import sighting
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.advertising import read_manufacturer

from lockbench_conformance.owner import adopt, forget
from lockbench_conformance.words import numbered, sighted

CYCLES = 10  # in one example; a soak has a hundred examples
IDEAL, PHONE = (0.0, 4), (0.03, 4)  # seconds between two connection events, packets each way in one
SIGHT_SECONDS = 5.0  # in which each of many locks is heard
STORM = 2000  # advertisements


@case(
    "SOK/1",
    clause="policy: ten cycles, a thousand in a soak",
    needs=("paced", "log"),
    links=("air",),
    examples=1,
    first=st.integers(1, 1 << 20),
    paced=st.booleans(),
)
async def test_a_lock_opens_every_time(bench: LockBench, first: int, paced: bool) -> None:  # noqa: FBT001 - drawn
    """Each of many connections opens the lock, at the ideal pace and at a phone's, and is in the log."""
    await read_all(bench)
    for number in range(first, first + CYCLES):
        async with bench.session() as client:
            bench.pace(*(PHONE if paced else IDEAL))
            moved = await client.run(unlock(bench.keys, number))
            bench.pace(*IDEAL)
        expect(moved.record_id, number, "the record id in the answer")
    ids = [record.tail["record_id"] for record in await read_all(bench)]
    expect(ids, list(range(first, first + CYCLES)), "the record ids in the log")


async def read_all(bench: LockBench) -> list[LogRecord]:
    """The records that nobody has read."""
    async with bench.session() as client:
        return await client.run(read_log(new=True))


@case(
    "SOK/2",
    clause="ttlock-ble 5.2, 5.21; policy: two cycles, two hundred in a soak",
    needs=("fresh", "passcodes"),
    links=("air",),
    examples=1,
    admin_ps=st.integers(1, 1 << 30),
)
async def test_a_lock_is_paired_and_reset_every_time(bench: LockBench, admin_ps: int) -> None:
    """Pairing and reset follow each other without end; each owner finds a clean lock, and opens it."""
    await forget(bench)
    for cycle in range(2):
        keys = await adopt(bench, admin_ps + cycle)
        async with bench.session(bench.client(keys.aes_key)) as client:
            expect(await client.run(list_passcodes(keys)), [], "the passcodes of a new lock")
            await client.run(add_passcode(keys, numbered(cycle)))
            await client.run(unlock(keys, 1 + cycle))
        await forget(bench, keys)


@case(
    "SOK/4",
    clause="policy: one site, one process; as many locks as fifty",
    needs=("passcodes", "neighbour"),
    links=("air",),
    examples=1,
    count=st.integers(5, 50),
)
async def test_many_locks_stand_side_by_side(bench: LockBench, count: int) -> None:
    """Of up to fifty locks on one air each is heard within seconds, and what it is told stays with it."""
    locks = [bench, *[await bench.neighbour() for _ in range(count - 1)]]
    addresses = [each.address for each in locks]
    expect(len(set(addresses)), count, "addresses")
    silent = set(addresses)

    def all_seen(heard: Sighting) -> bool:
        silent.discard(heard.address)
        return not silent

    await bench.link.scan(SIGHT_SECONDS, until=all_seen)
    expect(sorted(silent), [], "locks that nobody heard in time")
    for number, each in enumerate(locks):
        async with each.session() as client:
            await client.run(add_passcode(each.keys, numbered(number)))
    for number, each in enumerate(locks):
        async with each.session() as client:
            codes = [row.code for row in await client.run(list_passcodes(each.keys))]
        expect(codes, [numbered(number)], f"the passcodes of lock {number}")


@case(
    "SOK/5",
    clause="policy: 2,000 advertisements in a second of one core",
    needs=("lock",),
    links=("bare",),
    examples=1,
    chance=st.integers(0, 1 << 30),
)
async def test_a_storm_of_advertisements_is_read(bench: LockBench, chance: int) -> None:
    """Of 2,000 advertisements a second each is read or, when it is garbled, counted as dropped."""
    seen = await sighted(bench)
    drawn = Random(chance)  # noqa: S311 - drawn by Hypothesis
    storm = [garbled(seen.data, drawn) if number % 4 == 0 else seen.data for number in range(STORM)]
    read = dropped = 0
    begun = time.thread_time()
    for data in storm:
        heard = sighting(bench.address, data, seen.scan_response, seen.rssi)
        if read_manufacturer(heard.manufacturer, bench.address) is None:
            dropped += 1
        else:
            read += 1
    taken = time.thread_time() - begun
    bench.trace.event("storm", read=read, dropped=dropped)
    expect(read + dropped, STORM, "advertisements that were read or counted")
    expect(read >= STORM * 3 // 4, True, f"are the sound ones among the {read} that were read")
    expect(taken < 1.0, True, f"does it take {taken:.2f} s of a core, less than a second")


def garbled(data: bytes, drawn: Random) -> bytes:
    """One byte is another, or the end is missing."""
    at = drawn.randrange(len(data))
    return data[:at] + bytes((drawn.randrange(256),)) + data[at + 1 :] if at % 2 else data[:at]
