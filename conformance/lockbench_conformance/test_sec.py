"""SEC: what an attacker near the door tries."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.lock_client import LockClient, NoAnswer
from lockbench_harness.client.operations import (
    LockRefused,
    add_passcode,
    answer,
    check_user,
    list_passcodes,
    lock,
    login_user,
    read_log,
    status,
    unlock,
)
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.client.wire import Malformed, Undecryptable
from lockbench_harness.links import AttError, LinkLost, NotFound
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.verdicts import warn
from lockbench_protocol.lock.cipher import DEFAULT_KEY
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.envelope import Refusal
from lockbench_protocol.lock.status import Status
from lockbench_protocol.telink.ota import command, end

from lockbench_conformance.line import raw_line
from lockbench_conformance.ota import (
    START,
    enter,
    expect_running,
    given_up,
    pdus,
    running,
    send_image,
    transferring,
    whole,
)
from lockbench_conformance.stack import BadLink
from lockbench_conformance.words import COMMON_DIGITS, ONLY_TOLD, ended_by, move_request, numbered, refused

RELAY_SECONDS = 8.0  # longer than any phone needs for its answer, shorter than the idle time
HOLD_SECONDS = 15.0  # no lock serves a silent client so long (ttlock-ble 6)
GUESSES = 40
MINUTES = 10  # of guessing at the keypad
DOWN = "1.0.0"
FUZZED = 24  # frames in one example


class Tape:
    """What a phone wrote, in order."""

    def __init__(self) -> None:
        self.pieces: list[bytes] = []

    def keep(self, _number: int, piece: bytes) -> tuple[bytes]:
        self.pieces.append(piece)
        return (piece,)


async def expect_closed(client: LockClient, words: str) -> None:
    expect((await client.run(status())).unlocked, False, f"is the lock open after {words}")


@case(
    "SEC/1",
    clause="ttlock-ble 5.3, 6; plug-in error 8",
    links=("bare", "air"),
    examples=2,
    admin=st.booleans(),
)
async def test_a_recorded_unlocking_opens_nothing(bench: LockBench, admin: bool) -> None:  # noqa: FBT001 - drawn
    """All that a phone wrote to open the lock, written again later, does not open it: 8."""
    tape = Tape()
    async with bench.session(bench.client(link=BadLink(bench.link, writes=tape.keep))) as client:
        await client.run(unlock(bench.keys, 1, admin=admin))
    async with bench.session() as client:
        await client.run(lock(bench.keys, 2))
    for _ in range(3):
        async with raw_line(bench) as line:
            await line.write(tape.pieces)
            heard = await line.answers(2)
            expect(heard[-1], Refusal(0x47, Status.INVALID_DYNAMIC_CODE), "the answer to the recorded 47")
        async with bench.session() as client:
            await expect_closed(client, "a recorded session")


@case(
    "SEC/2",
    clause="GA 374-2019; ttlock-ble 5.3",
    needs=("passcodes", "hands", "clock", "log"),
    links=("bare",),
    examples=2,
    first=st.integers(0, 40000),
)
async def test_guessing_is_slow(bench: LockBench, first: int) -> None:
    """Guessed answers to a challenge never open, and of guessed codes a keypad hears a few a minute."""
    async with bench.session() as client:
        right = answer(await client.run(check_user(bench.keys)), bench.keys)
        for number in range(GUESSES):
            with refused(Status.INVALID_DYNAMIC_CODE, Status.NOT_LOGGED_IN):
                await client.ask(0x47, move_request((right + 1 + first + number) % 2**32, 1))
        await expect_closed(client, f"{GUESSES} guessed answers")
        await client.run(read_log(new=True))
    for number in range(first, first + MINUTES * 60):
        bench.hands.enter_code(numbered(number))
        await asyncio.sleep(1)
    async with bench.session() as client:
        heard = [row for row in await client.run(read_log(new=True)) if row.type == LogType.WRONG_PASSCODE]
        await expect_closed(client, "guessed codes")
    a_day = len(heard) * 24 * 60 // MINUTES
    bench.trace.event("finding", guesses_a_day=a_day, days_for_half_of_six_digits=5 * 10**5 // max(a_day, 1))
    expect(len(heard) <= 5 * MINUTES, True, f"are {len(heard)} codes heard in {MINUTES} minutes few")


@case("SEC/3", no_mutant=ONLY_TOLD, clause="policy: an answer may come late", needs=("clock",), examples=1)
async def test_a_late_answer(bench: LockBench) -> None:
    """An answer that is relayed for seconds is refused where the lock has a bound for it."""
    async with bench.session() as client:
        sum_ = answer(await client.run(check_user(bench.keys)), bench.keys)
        await asyncio.sleep(RELAY_SECONDS)
        try:
            await client.ask(0x47, move_request(sum_, 1))
        except LockRefused as error:
            expect(error.code, Status.INVALID_DYNAMIC_CODE, "the refusal of a late answer")
            return
        await client.run(lock(bench.keys, 2))
    warn(f"The lock has no bound for a relayed answer: after {RELAY_SECONDS:g} s it still opened.")


@case(
    "SEC/4",
    clause="ttlock-ble 3.4, 6",
    links=("bare", "air"),
    examples=3,
    opcodes=st.lists(st.sampled_from(sorted(COMMANDS)), min_size=8, max_size=16, unique=True),
    plain=st.binary(min_size=1, max_size=32),
)
async def test_the_known_key_opens_nothing(bench: LockBench, opcodes: list[int], plain: bytes) -> None:
    """A paired lock reads nothing that is under the key which every lock has before pairing."""
    async with bench.session() as client:
        before = await client.run(read_log(new=False))
    async with bench.session(bench.client(DEFAULT_KEY)) as client:
        for opcode in opcodes:
            with ended_by(Undecryptable):
                await client.ask(opcode, plain)
    async with bench.session() as client:
        await expect_closed(client, "commands under the default key")
        expect(await client.run(read_log(new=False)), before, "the log")


@case(
    "SEC/5",
    clause="ttlock-ble 3.3, 4, 6",
    needs=("passcodes", "log", "logins", "fresh"),
    links=("bare",),
    examples=4,
    logged_in=st.booleans(),
    frames=st.lists(
        st.tuples(st.integers(0, 0xFF), st.binary(max_size=96)), min_size=FUZZED, max_size=FUZZED
    ),
    noise=st.lists(st.binary(max_size=20), max_size=8),
)
async def test_no_frame_of_a_stranger_counts(
    bench: LockBench,
    logged_in: bool,  # noqa: FBT001 - drawn
    frames: list[tuple[int, bytes]],
    noise: list[bytes],
) -> None:
    """Whatever is sent without a right answer to a challenge opens and stores nothing, and is survived."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, COMMON_DIGITS))
        before = await stored(client, bench)
    async with bench.session(bench.client(answer_seconds=1.0)) as client:
        if logged_in:  # a user may set the clock, and a right sum opens; nothing else
            await client.run(login_user(bench.keys))
        for opcode, plain in frames:
            if logged_in and opcode in (0x43, 0x47, 0x58, 0x69):
                continue
            with suppress(LockRefused, Malformed, Undecryptable, NoAnswer):
                await client.ask(opcode, plain)
        for piece in noise:
            await client.write_raw(piece)
        await expect_served(client)
        await expect_closed(client, "any frames")
    async with bench.session() as client:
        expect(await stored(client, bench), before, "what the lock has stored")


async def expect_served(client: LockClient) -> None:
    """A good frame is answered, at the latest once the garbage before it was given up."""
    for _ in range(3):
        with suppress(NoAnswer, Malformed, Undecryptable):
            await client.run(status())
            return
    await client.run(status())


async def stored(client: LockClient, bench: LockBench) -> tuple[object, ...]:
    return (
        await client.run(list_passcodes(bench.keys)),
        await client.run(read_log(new=False)),
    )


fields = st.binary(min_size=2, max_size=20)
ota_writes = st.lists(
    fields
    | st.sampled_from((START, command("VERSION")))
    | st.integers(0, 40).map(end)
    | st.integers(0, 40).map(lambda index: index.to_bytes(2, "little")),
    max_size=12,
)


@case(
    "SEC/6",
    clause="telink-ota 4; catalogue PFL, IMG",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=4,
    before=ota_writes,
    after=ota_writes,
    size=st.integers(84, 1024),
    keeps=st.integers(0, 64),
)
async def test_no_garbage_becomes_firmware(
    bench: LockBench, before: list[bytes], after: list[bytes], size: int, keeps: int
) -> None:
    """Garbage among the data of an upgrade never boots: the lock runs its old firmware, or all of the new."""
    image = bench.firmware.image("6.4.34", size)
    await enter(bench)
    async with transferring(bench) as transfer:
        with suppress(LinkLost, AttError):
            await transfer.send([*before, START, *pdus(image)[:keeps], *after])
            await transfer.verdict()
    await given_up(bench)
    expect(await running(bench) in (bench.firmware.version, "6.4.34"), True, "is the firmware whole")
    async with bench.session() as client:
        await client.run(unlock(bench.keys, 1))


async def stranger_installs(bench: LockBench, version: str) -> bool:
    """In the window that the owner's app opened, somebody else is faster."""
    await enter(bench)
    async with transferring(bench) as transfer:
        with suppress(LinkLost):
            await transfer.send(whole(bench.firmware.image(version, 400)))
            await transfer.verdict()
    await asyncio.sleep(RESTART_SECONDS)
    return await running(bench) == version


@case(
    "SEC/7",
    no_mutant=ONLY_TOLD,
    clause="ttlock-ble 5.20; telink-ota 4.1",
    needs=("dfu", "clock", "fresh"),
    examples=1,
)
async def test_the_window_is_for_its_owner(bench: LockBench) -> None:
    """The OTA service asks whoever uses it for a login, also in the window that command 02 opened."""
    if await stranger_installs(bench, "6.4.34"):
        warn("In the window after command 02, anybody may replace the firmware without a login.")


@case("SEC/8", no_mutant=ONLY_TOLD, clause="telink-ota 6, 7", needs=("dfu", "clock", "fresh"), examples=1)
async def test_firmware_is_signed(bench: LockBench) -> None:
    """Firmware that nobody signed is refused."""
    await send_image(bench, bench.firmware.image("6.4.34", 400))
    if await running(bench) == "6.4.34":
        warn("The lock runs firmware that nobody signed: a CRC is all that it checks.")


@case(
    "SEC/9",
    no_mutant=ONLY_TOLD,
    clause="policy: no way back to old faults",
    needs=("dfu", "clock", "fresh"),
    examples=1,
)
async def test_an_older_version(bench: LockBench) -> None:
    """An older version than the one that runs is refused."""
    await send_image(bench, bench.firmware.image(DOWN, 400))
    if await running(bench) == DOWN:
        warn(f"The lock let itself be put back from {bench.firmware.version} to {DOWN}.")
    else:
        await expect_running(bench, bench.firmware.version)


@case(
    "SEC/10",
    clause="ttlock-ble 6; ttlock-ble 3.3",
    needs=("clock", "second central"),
    links=("bare", "air"),
    examples=2,
    drip=st.binary(max_size=3),
)
async def test_a_held_link_comes_free(bench: LockBench, drip: bytes) -> None:
    """Whoever connects and says nothing that is a frame is dropped, and the owner can connect."""
    loop = asyncio.get_running_loop()
    async with bench.raw() as connection:
        started = loop.time()
        while not connection.lost and loop.time() - started < 4 * HOLD_SECONDS:
            with suppress(LinkLost):
                if drip:
                    await connection.write("fff2", drip)
            await asyncio.sleep(1.0)
        expect(connection.lost, True, "is the link dropped")
        held = loop.time() - started
        expect(held <= HOLD_SECONDS, True, f"are {held:g} s of holding a few seconds")
    async with bench.session(bench.client(link=await bench.second())) as client:
        await client.run(unlock(bench.keys, 1))


@case(
    "SEC/11",
    clause="ttlock-ble 1.7, 6",
    needs=("hands", "passcodes", "clock", "second central"),
    links=("bare", "air"),
    examples=1,
)
async def test_the_keypad_works_while_a_link_is_held(bench: LockBench) -> None:
    """While a stranger holds the only link with frames of his own, the owner opens by keypad."""
    other = bench.client(link=await bench.second())
    async with raw_line(bench, key=DEFAULT_KEY) as line:
        for _ in range(15):
            await line.send(line.frame(0x14, b"SCIENER"))
            await asyncio.sleep(2.0)
        with ended_by(NotFound):
            await other.connect(seconds=2.0)
        opened = bench.hands.enter_code(bench.credentials.admin_passcode)
        expect(opened, True, "does the administrator's code open")
    async with bench.session(other) as client:
        await client.run(lock(bench.keys, 1))
