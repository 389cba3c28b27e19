"""SES: a lock gets an owner, keeps it, and loses it."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import (
    Keys,
    check_admin,
    check_user,
    lock,
    login_admin,
    read_log,
    reset,
    status,
    unlock,
)
from lockbench_harness.client.wire import Undecryptable
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.advertising import Flag
from lockbench_protocol.lock.cipher import DEFAULT_KEY
from lockbench_protocol.lock.commands.row import VENDOR_STRING
from lockbench_protocol.lock.status import Status

from lockbench_conformance.owner import (
    ADMIN_PS,
    UNLOCK_KEY,
    adopt,
    cut_short,
    forget,
    pair_again,
    pairing_refused,
)
from lockbench_conformance.words import advertised, ended_by, refused

PAIRING_STEPS = 11  # of `pair`: 19 56 43 01 65 53, 90 four times, 57
HALF_PAIRED = st.just(1) | st.integers(0, PAIRING_STEPS)
"""Steps that are taken; after the first one the lock has a key and no owner."""


async def expect_owned(bench: LockBench, keys: Keys) -> None:
    """These keys log in, open and close, and the lock is not in setting mode."""
    expect(Flag.SETTING in (await advertised(bench)).flags, False, "is the lock in setting mode")
    async with bench.session(bench.client(keys.aes_key)) as client:
        await client.run(login_admin(keys))
        await client.run(unlock(keys, 1))
        await client.run(lock(keys, 2))


@case(
    "SES/12",
    clause="ttlock-ble 3.4, 5.21, 6; plug-in error 10001",
    needs=("fresh", "second central"),
    examples=2,
    paired_anew=st.booleans(),
)
async def test_an_old_key_reads_nothing(bench: LockBench, paired_anew: bool) -> None:  # noqa: FBT001 - drawn
    """When another phone has reset the lock, whatever an old key asks is answered unreadably."""
    other = bench.client(link=await bench.second())
    async with bench.session(other):
        await other.run(reset(bench.keys))
    if paired_anew:
        await adopt(bench)
    async with bench.session() as client:
        for operation in (check_user(bench.keys), check_admin(bench.keys), status(), read_log(new=False)):
            with ended_by(Undecryptable):
                await client.run(operation)


@case("SES/13", clause="ttlock-ble 5.2, 6; plug-in error 7", links=("bare", "air"))
async def test_a_paired_lock_is_not_paired_again(bench: LockBench) -> None:
    """A lock that has an owner refuses each step of pairing with 7, and keeps the owner's keys."""
    await pairing_refused(bench)
    async with bench.session() as client:
        for opcode, plain in ((0x19, VENDOR_STRING), (0x56, bytes(8) + VENDOR_STRING), (0x57, b"")):
            with refused(Status.NOT_IN_SETTING_MODE):
                await client.ask(opcode, plain)
    await expect_owned(bench, bench.keys)


@case("SES/14", clause="ttlock-ble 4, 6; plug-in errors 5, 6", needs=("fresh",))
async def test_a_lock_without_owner_obeys_nobody(bench: LockBench) -> None:
    """A lock without an administrator answers 6 to a login as one, and 5 to whatever else wants an owner."""
    await forget(bench)
    async with bench.session(bench.client(DEFAULT_KEY)) as client:
        with refused(Status.NO_ADMIN):
            await client.run(check_admin(bench.keys))
        for opcode in (0x47, 0x58, 0x52, 0x02, 0x68, 0x55):
            with refused(Status.IN_SETTING_MODE):
                await client.ask(opcode, bytes(17))
    await expect_owned(bench, await adopt(bench))


@case(
    "SES/15",
    clause="ttlock-ble 5.2, 14.7; plug-in error 29",
    needs=("fresh",),
    examples=3,
    wrong=st.sampled_from((b"", VENDOR_STRING[:-1], VENDOR_STRING.lower(), VENDOR_STRING[::-1]))
    | st.binary(max_size=20).filter(lambda text: not text.startswith(VENDOR_STRING)),
)
async def test_the_vendor_string_is_checked(bench: LockBench, wrong: bytes) -> None:
    """Pairing with another vendor string, or none, is refused with 29; with the right one it succeeds."""
    await forget(bench)
    async with bench.session(bench.client(DEFAULT_KEY)) as client:
        with refused(Status.INVALID_VENDOR):
            await client.ask(0x19, wrong)
    expect(Flag.SETTING in (await advertised(bench)).flags, True, "is the lock in setting mode afterwards")
    async with bench.session(bench.client(DEFAULT_KEY)) as client:
        key = await client.ask(0x19, VENDOR_STRING)
    expect(len(key), 16, "the length of the key for the right vendor string")
    await expect_owned(bench, await adopt(bench))


@case("SES/16", clause="ttlock-ble 6", needs=("fresh",), examples=4, steps=HALF_PAIRED)
async def test_pairing_cut_short_leaves_no_half_owner(bench: LockBench, steps: int) -> None:
    """When the link ends within pairing, the lock is free again or belongs to the keys that were given."""
    await forget(bench)
    client = bench.client(DEFAULT_KEY)
    async with bench.session(client):
        done = await client.run(cut_short(pair_again(), steps))
    free = Flag.SETTING in (await advertised(bench)).flags
    if done:
        expect(free, False, "is the lock free after pairing")
    if steps < 2:
        expect(free, True, "is the lock free when it was told no owner")
    await expect_owned(bench, await adopt(bench) if free else Keys(client.key, ADMIN_PS, UNLOCK_KEY))


@case("SES/17", clause="plug-in documents: initLock; ttlock-ble 5.21", needs=("hands", "fresh"))
async def test_lost_keys_are_mended_by_the_reset_button(bench: LockBench) -> None:
    """When the keys of a paired lock are lost it refuses to be paired, until the button inside frees it."""
    await forget(bench)
    lost = await adopt(bench, admin_ps=987654321, unlock_key=123456789)
    await pairing_refused(bench, lost)
    await expect_owned(bench, lost)
    bench.hands.press_reset()
    expect(
        Flag.SETTING in (await advertised(bench)).flags, True, "is the lock in setting mode after the reset"
    )
    found = await adopt(bench)
    await expect_owned(bench, found)
    async with bench.session(bench.client(found.aes_key)) as client:
        with refused(Status.WRONG_ADMIN_PASSWORD):
            await client.run(check_admin(replace(lost, aes_key=found.aes_key)))
        with refused(Status.INVALID_DYNAMIC_CODE):
            await client.run(unlock(lost, 3))
