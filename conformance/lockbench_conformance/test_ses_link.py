"""SES: links that end, are taken, lose something, or are given up."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.lock_client import AlreadyConnected, Busy, LockClient, NoAnswer, OtherLock
from lockbench_harness.client.operations import lock, status, unlock
from lockbench_harness.client.wire import Malformed
from lockbench_harness.links import LinkLost, NotFound
from lockbench_harness.targets.bench import LockBench

from lockbench_conformance.line import ANSWER_SECONDS
from lockbench_conformance.stack import BadLink
from lockbench_conformance.words import OF_THE_CLIENT, advertised, ended_by

PIECES = 10  # of unlocking: 3 + 2 writes, 2 + 3 notifications


async def expect_opens_and_closes(client: LockClient, bench: LockBench) -> None:
    expect((await client.run(unlock(bench.keys, 8))).record_id, 8, "the record id in the answer to unlock")
    expect((await client.run(status())).unlocked, True, "is the lock open")
    expect((await client.run(lock(bench.keys, 9))).record_id, 9, "the record id in the answer to lock")


@case("SES/18", clause="ttlock-ble 6; plug-in error 10003", needs=("clock",), links=("bare", "air"))
async def test_an_idle_link_is_dropped_once(bench: LockBench) -> None:
    """A lock drops a silent link after a few seconds, once, and keeps one on which something is said."""
    loop = asyncio.get_running_loop()
    client = bench.client()
    connection = await client.connect()
    drops: list[float] = []
    connection.on_lost(lambda _reason: drops.append(loop.time()))
    for _ in range(15):
        await asyncio.sleep(2.0)
        await client.run(status())
    expect(drops, [], "the drops of a link that is used every two seconds")
    used = loop.time()
    await asyncio.sleep(60.0)
    expect(len(drops), 1, "the number of times that the end of the link is told")
    expect(3.0 <= drops[0] - used <= 15.0, True, f"are {drops[0] - used:g} s a few seconds")
    with ended_by(LinkLost):
        await client.run(status())
    await client.disconnect()
    async with bench.session(client):
        await client.run(status())


@case(
    "SES/19",
    clause="plug-in documents: FAQ; ttlock-ble 1.7",
    needs=("second central",),
    links=("bare", "air"),
)
async def test_a_lock_serves_one_phone(bench: LockBench) -> None:
    """A second phone cannot connect while the first is there, nor disturb it, and can as soon as it goes."""
    other = bench.client(link=await bench.second())
    async with bench.session() as client:
        await client.run(unlock(bench.keys, 1))
        with ended_by(NotFound):
            await other.connect(seconds=3.0)
        await client.run(lock(bench.keys, 2))
    async with bench.session(other):
        await expect_opens_and_closes(other, bench)


@case(
    "SES/20",
    clause="ttlock-ble 6; plug-in error 10003",
    links=("bare", "air"),
    examples=4,
    after=st.integers(1, PIECES),
)
async def test_a_cut_link_ends_the_call_once(bench: LockBench, after: int) -> None:
    """Wherever the link ends within a call, the client comes to one result at once, and a retry works."""
    loop = asyncio.get_running_loop()
    client = bench.client(link=BadLink(bench.link, hang_up_after=after))
    started = loop.time()
    await client.connect()
    if after < PIECES:
        with ended_by(LinkLost):
            await client.run(unlock(bench.keys, 1))
    else:
        await client.run(unlock(bench.keys, 1))
    expect(loop.time() - started < ANSWER_SECONDS, True, "is the result there at once")
    await client.disconnect()
    async with bench.session() as again:
        await expect_opens_and_closes(again, bench)


@case(
    "SES/21",
    clause="ttlock-ble 6; plug-in errors 10017, 10034",
    links=("bare", "air"),
    examples=4,
    lost=st.integers(0, 4),
    written=st.booleans(),
)
async def test_a_lost_piece_ends_in_time(bench: LockBench, lost: int, written: bool) -> None:  # noqa: FBT001 - drawn
    """When one write or notification is lost the call ends within its time, and the next one is served."""

    def lose(number: int, piece: bytes) -> Sequence[bytes]:
        return () if number == lost else (piece,)

    loop = asyncio.get_running_loop()
    link = BadLink(bench.link, writes=lose) if written else BadLink(bench.link, notifications=lose)
    async with bench.session(bench.client(link=link, answer_seconds=ANSWER_SECONDS)) as client:
        started = loop.time()
        with ended_by(NoAnswer, Malformed):
            await client.run(unlock(bench.keys, 1))
        expect(loop.time() - started <= 2 * ANSWER_SECONDS, True, "does the call end in time")
        await expect_opens_and_closes(client, bench)


@case(
    "SES/24",
    no_mutant=OF_THE_CLIENT,
    clause="plug-in error 11013",
    links=("bare", "air"),
    examples=2,
    turns=st.integers(1, 8),
)
async def test_overlapping_calls_are_refused(bench: LockBench, turns: int) -> None:
    """A call while another one is under way is refused and does not disturb it; afterwards it succeeds."""
    async with bench.session() as client:
        first = asyncio.create_task(client.run(unlock(bench.keys, 1)))
        for _ in range(turns):
            await asyncio.sleep(0)
            if not first.done():
                with ended_by(Busy):
                    await client.run(status())
        expect((await first).record_id, 1, "the record id in the answer to the first call")
        await expect_opens_and_closes(client, bench)


@case("SES/25", no_mutant=OF_THE_CLIENT, clause="plug-in errors 10601, 10602", needs=("neighbour",))
async def test_a_link_is_to_one_lock(bench: LockBench) -> None:
    """A client that is connected refuses to connect again, and to speak for another lock, and goes on."""
    other = await bench.neighbour()
    async with bench.session() as client:
        with ended_by(AlreadyConnected):
            await client.connect()
        await expect_opens_and_closes(client, bench)
        client.address, client.key = other.address, other.keys.aes_key
        for use in (client.connect, lambda: client.run(unlock(other.keys, 1))):
            with ended_by(OtherLock):
                await use()
        await client.disconnect()
        await client.connect()
        await expect_opens_and_closes(client, other)
    async with bench.session() as client:
        await expect_opens_and_closes(client, bench)


@case(
    "SES/28",
    no_mutant=OF_THE_CLIENT,
    clause="plug-in documents: stopAllOperations",
    links=("bare", "air"),
    examples=4,
    turns=st.integers(0, 60),
)
async def test_a_call_can_be_given_up(bench: LockBench, turns: int) -> None:
    """A call that is cancelled at any moment leaves client and lock ready, and lets go of the link."""
    client = bench.client()
    async with bench.session(client):
        call = asyncio.create_task(client.run(unlock(bench.keys, 1)))
        for _ in range(turns):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait([call])
        await client.run(status())
        await expect_opens_and_closes(client, bench)
    await advertised(bench)
    cut = bench.client()
    await cut.connect()
    call = asyncio.create_task(cut.run(unlock(bench.keys, 2)))
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.wait([call])
    await cut.disconnect()
    async with bench.session() as next_one:
        await expect_opens_and_closes(next_one, bench)
