"""SES: the challenge, and what moves the bolt."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import (
    answer,
    check_admin,
    check_user,
    features,
    lock,
    read_log,
    status,
    unlock,
)
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.info import RECORD_PUSH, STATE_PUSH
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.envelope import Refusal, Reply, pack
from lockbench_protocol.lock.frame import MAGIC, REPLY, Frame, chunks, encode
from lockbench_protocol.lock.status import Status

from lockbench_conformance.line import raw_line
from lockbench_conformance.owner import adopt, forget
from lockbench_conformance.stack import BadLink
from lockbench_conformance.words import byte, move_request, record_ids, refused

PARKING = 7  # the scene of parking locks (ttlock-ble 1.4)

numbers32 = st.integers(0, 0xFFFFFFFF)


@case(
    "SES/1",
    clause="ttlock-ble 5.3, 5.4, 5.17",
    needs=("log",),
    links=("bare", "air"),
    examples=2,
    uid=numbers32,
    record_id=record_ids,
)
async def test_unlocking_opens_once(bench: LockBench, uid: int, record_id: int) -> None:
    """User and administrator open the lock once: the answer and one record have account and record id."""
    keys = replace(bench.keys, uid=uid)
    for admin in (False, True):
        async with bench.session() as client:
            await client.run(read_log(new=True))
            battery, _ = await client.run(features())
            moved = await client.run(unlock(keys, record_id, admin=admin))
            answered = (moved.battery, moved.uid, moved.record_id)
            expect(answered, (battery, uid, record_id), "battery, account and record id of the answer")
            expect((await client.run(status())).unlocked, True, "is the lock open")
            rows = await client.run(read_log(new=True))
            records = [(row.type, row.tail.get("uid"), row.tail.get("record_id")) for row in rows]
            expect(records, [(LogType.BLE_UNLOCK, uid, record_id)], "the records of the unlocking")
            await client.run(lock(bench.keys, record_id))


@case("SES/2", clause="ttlock-ble 5.1, 5.4", links=("bare", "air"), examples=3, record_id=record_ids)
async def test_locking_closes(bench: LockBench, record_id: int) -> None:
    """58 closes the lock and is answered in full; 4C, of the parking locks of old, is refused with 27."""
    async with bench.session() as client:
        await client.run(unlock(bench.keys, record_id))
        ps = await client.run(check_user(bench.keys))
        with refused(Status.INVALID_COMMAND):
            await client.ask(0x4C, move_request(answer(ps, bench.keys), record_id))
        expect((await client.run(status())).unlocked, True, "is the lock open after 4C")
        moved = await client.run(lock(bench.keys, record_id))
        expect((moved.record_id, len(moved.date)), (record_id, 6), "the record id and the date of the answer")
        expect((await client.run(status())).unlocked, False, "is the lock open after 58")


@case(
    "SES/3",
    clause="ttlock-ble 5.3, 5.4; plug-in error 8",
    needs=("fresh",),
    examples=2,
    unlock_key=st.integers(0xC0000000, 0xFFFFFFFF),
)
async def test_the_sum_wraps(bench: LockBench, unlock_key: int) -> None:
    """The answer to a challenge counts modulo 2 to the 32; cut off or wrapped elsewhere it is refused."""
    await forget(bench)
    keys = await adopt(bench, unlock_key=unlock_key)
    async with bench.session(bench.client(keys.aes_key)) as client:
        for _ in range(20):
            ps = await client.run(check_user(keys))
            if ps + unlock_key > 0xFFFFFFFF:
                break
        whole = ps + unlock_key
        wrong = {min(whole, 0xFFFFFFFF), whole % 2_000_000_000, whole % 0xFFFFFFFF} - {whole & 0xFFFFFFFF}
        for sum_ in sorted(wrong):
            with refused(Status.INVALID_DYNAMIC_CODE):
                await client.ask(0x47, move_request(sum_, 1))
        await client.ask(0x47, move_request(whole & 0xFFFFFFFF, 1))
        await client.run(lock(keys, 2))


@case(
    "SES/4",
    clause="ttlock-ble 6; plug-in error 8",
    links=("bare", "air"),
    examples=4,
    wrong=numbers32,
    opcode=st.sampled_from((0x47, 0x58)),
    admin=st.booleans(),
)
async def test_a_wrong_key_moves_nothing(bench: LockBench, wrong: int, opcode: int, admin: bool) -> None:  # noqa: FBT001 - drawn
    """A sum with another unlock key is refused with 8 and the bolt stays where it is."""
    keys = bench.keys
    async with bench.session() as client:
        if opcode == 0x58:
            await client.run(unlock(keys, 1))
        for other in {wrong, keys.unlock_key ^ 1, keys.unlock_key ^ 1 << 31} - {keys.unlock_key}:
            ps = await client.run(check_admin(keys) if admin else check_user(keys))
            with refused(Status.INVALID_DYNAMIC_CODE):
                await client.ask(opcode, move_request(answer(ps, replace(keys, unlock_key=other)), 2))
        expect((await client.run(status())).unlocked, opcode == 0x58, "is the lock open")
        if opcode == 0x58:
            await client.run(lock(keys, 3))


@case(
    "SES/5",
    clause="ttlock-ble 5.3, 6; plug-in error 8",
    links=("bare", "air"),
    examples=2,
    record_id=record_ids,
)
async def test_a_replay_is_refused(bench: LockBench, record_id: int) -> None:
    """Each challenge is a new one, and a recorded answer opens nothing in another session."""
    seen: list[int] = []
    async with bench.session() as client:
        seen += [await client.run(check_user(bench.keys)) for _ in range(3)]
        recorded = move_request(answer(seen[-1], bench.keys), record_id)
        await client.ask(0x47, recorded)
    async with bench.session() as client:
        with refused(Status.NOT_LOGGED_IN):
            await client.ask(0x47, recorded)
        await client.run(lock(bench.keys, record_id))
    async with bench.session() as client:
        for check in (check_user, check_admin):
            seen.append(await client.run(check(bench.keys)))
            with refused(Status.INVALID_DYNAMIC_CODE):
                await client.ask(0x47, recorded)
        expect((await client.run(status())).unlocked, False, "is the lock open")
    expect(len(set(seen)), len(seen), f"the number of different challenges in {seen}")
    expect([ps for ps in seen if not 1 <= ps <= 0x7FFFFFFF], [], "the challenges that a client cannot add to")


@case("SES/11", clause="ttlock-ble 4; plug-in error 30", needs=("hands",), links=("bare", "air"))
async def test_the_privacy_bolt_keeps_users_out(bench: LockBench) -> None:
    """A thrown privacy bolt refuses users with 30, no administrator; a barred parking arm stays open: 33."""
    bench.hands.throw_privacy_bolt(True)
    async with bench.session() as client:
        with refused(Status.DOUBLE_LOCKED):
            await client.run(unlock(bench.keys, 1))
        expect((await client.run(status())).unlocked, False, "is the lock open to a user")
        await client.run(unlock(bench.keys, 2, admin=True))
        expect((await client.run(status())).unlocked, True, "is the lock open to the administrator")
        await client.run(lock(bench.keys, 3))
        bench.hands.throw_privacy_bolt(False)
        await client.run(unlock(bench.keys, 4))
        if bench.credentials.lock_version["scene"] == PARKING:
            bench.hands.obstruct(True)
            with refused(Status.OBSTRUCTED):
                await client.run(lock(bench.keys, 5))
            bench.hands.obstruct(False)
        await client.run(lock(bench.keys, 6))


@case(
    "SES/26",
    clause="ttlock-ble 4, 5.19",
    examples=3,
    battery=byte,
    state=st.integers(0, 1),
    record_id=record_ids,
    long=st.booleans(),
)
async def test_a_push_is_no_reply(
    bench: LockBench,
    battery: int,
    state: int,
    record_id: int,
    long: bool,  # noqa: FBT001 - drawn
) -> None:
    """A push between request and reply is told apart by its echo; a lock keeps its own out of the way."""
    body: bytes = STATE_PUSH.build({"battery": battery, "state": state, "flag": 0})
    if long:
        body = RECORD_PUSH.build({"battery": battery, "uid": 0, "record_id": record_id, "date": bytes(6)})
    pushed = chunks(encode(Frame(REPLY, cipher(bench.keys.aes_key).encrypt(pack(Reply(0x14, body))))))

    def before_each_reply(_number: int, piece: bytes) -> Sequence[bytes]:
        return (*pushed, piece) if piece.startswith(MAGIC) else (piece,)

    heard: list[object] = []
    client = bench.client(link=BadLink(bench.link, notifications=before_each_reply))
    client.pushes = heard.append
    async with bench.session(client):
        expect(
            (await client.run(unlock(bench.keys, record_id))).record_id,
            record_id,
            "the record id in the reply",
        )
        await client.run(features())
    expect(heard, [Reply(0x14, body)] * 3, "the pushes that were delivered")
    own = bench.client()
    own.pushes = heard.append
    heard.clear()
    async with bench.session(own):
        await own.run(lock(bench.keys, record_id))
        for _ in range(8):
            await own.run(features())
            await asyncio.sleep(0.1)
        await asyncio.sleep(2.0)
    told = [
        push
        for push in heard
        if not (isinstance(push, Reply) and push.echo == 0x14 and len(push.body) in (3, 15))
    ]
    expect(told, [], "the pushes that tell neither the state nor a record")


@case(
    "SES/27", clause="ttlock-ble 5.4, 5.17", needs=("log",), examples=2, first=record_ids, second=record_ids
)
async def test_unlocking_twice_is_one_or_two_movements(bench: LockBench, first: int, second: int) -> None:
    """Two unlock requests in a row are each answered, and each that succeeds is one record."""
    async with bench.session() as client:
        await client.run(read_log(new=True))
    async with raw_line(bench) as line:
        window = {"start": bytes(5), "end": b"\x63" * 5, "lock_flag_pos": 0, "uid": 0}
        challenged = await line.ask(line.frame(0x55, COMMANDS[0x55].build_request(window)))
        expect(isinstance(challenged, Reply), True, "is there a challenge")
        ps = int.from_bytes(challenged.body, "big") if isinstance(challenged, Reply) else 0
        requests = [
            line.frame(0x47, move_request(answer(ps, bench.keys), number)) for number in (first, second)
        ]
        await line.send(b"".join(requests))
        replies = [reply for reply in await line.answers(2) if reply and reply.echo == 0x47]
    expect(len(replies), 2, "the number of answers")
    done = [int.from_bytes(reply.body[5:9], "big") for reply in replies if isinstance(reply, Reply)]
    expect(
        [reply.code for reply in replies if isinstance(reply, Refusal)], [8] * (2 - len(done)), "the refusals"
    )
    async with bench.session() as client:
        expect((await client.run(status())).unlocked, True, "is the lock open")
        rows = [
            row.tail["record_id"]
            for row in await client.run(read_log(new=True))
            if row.type == LogType.BLE_UNLOCK
        ]
        expect(rows, done, "the records of the unlockings that succeeded")
        await client.run(lock(bench.keys, 1))
