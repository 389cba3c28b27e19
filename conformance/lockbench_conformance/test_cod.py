"""COD: how a lock cuts frames out of what it is sent, and what it makes of broken ones."""

from __future__ import annotations

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import status
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.row import VENDOR_STRING
from lockbench_protocol.lock.crc import TEXTBOOK, VENDOR, crc8
from lockbench_protocol.lock.envelope import Refusal, Reply
from lockbench_protocol.lock.frame import (
    AES,
    CHUNK,
    MAGIC,
    REPLY,
    TAIL,
    Frame,
    FrameError,
    LegacyFrame,
    chunks,
    decode,
    decode_legacy,
    encode,
    is_legacy,
)
from lockbench_protocol.lock.status import Status

from lockbench_conformance.line import PROBE, Line, plain_of, raw_line
from lockbench_conformance.words import byte, word

ANYONE = {0x01: b"", 0x14: VENDOR_STRING, 0x34: b""}
"""Requests that need no login, with their plaintext."""

TV20 = bytes.fromhex(
    "7f5a0503020001000154aa206409dd4f20119a93510311779be22b070878f777142f661c707cb12fa92c1804000d0a"
)
"""A reply whose CRC is 0x00 by the vendor's table and 0xd5 by the textbook's (ttlock-ble 12)."""


BORDER = st.just(CHUNK - 12 - len(TAIL))
"""Where the ciphertext has its last two bytes of the first write."""


def differs(raw: bytes) -> bool:
    """Whether the two tables give this frame different CRCs."""
    return crc8(raw[:-3], VENDOR) != crc8(raw[:-3], TEXTBOOK)


@case("COD/1", clause="ttlock-ble 3.1", links=("bare", "air"), examples=5, scene=byte, group=word, org=word)
async def test_the_header_is_read_field_by_field(bench: LockBench, scene: int, group: int, org: int) -> None:
    """Scene, group and org of a request are free and travel big-endian; a reply carries the lock's own."""
    own = bench.credentials.lock_version
    async with raw_line(bench) as line:
        raw = line.frame(PROBE, scene=scene, group=group, org=org)
        wire = bytes((scene,)) + group.to_bytes(2, "big") + org.to_bytes(2, "big")
        expect(raw[4:9], wire, "scene, group and org on the wire")
        expect(decode(raw), Frame(PROBE, scene=scene, group=group, org=org), "the frame read back")
        await line.send(raw)
        found = await line.hear()
        answers = [type(line.read(frame)) for frame in found]
    expect(answers, [Reply], "the answers to a request with these values")
    wanted = Frame(
        REPLY,
        b"",
        own["protocolType"],
        own["protocolVersion"],
        own["scene"],
        own["groupId"],
        own["orgId"],
        AES,
    )
    headers = [Frame(frame.command, b"", *_version(frame), encrypt=frame.encrypt) for frame in found]
    expect(headers, [wanted], "the headers of the replies")


def _version(frame: Frame) -> tuple[int, int, int, int, int]:
    return frame.protocol_type, frame.protocol_version, frame.scene, frame.group, frame.org


@case(
    "COD/2",
    clause="ttlock-ble 3.1, 14.13",
    examples=4,
    kind=st.integers(1, 4),
    opcode=st.sampled_from(sorted(ANYONE)),
    seed=byte,
    version=st.tuples(st.integers(5, 255), byte).filter(lambda pair: pair != (5, 3)),
)
async def test_other_generations_are_not_obeyed(
    bench: LockBench, kind: int, opcode: int, seed: int, version: tuple[int, int]
) -> None:
    """A V3 lock obeys neither the short header of older types nor another type or version, and goes on."""
    old = LegacyFrame(opcode, b"", kind, seed)
    raw = encode(old)
    expect((len(raw), is_legacy(raw), decode_legacy(raw)), (9, True, old), "a frame with the short header")
    expect(is_whole(raw), False, "is a frame with the short header one of V3")
    async with raw_line(bench) as line:
        foreign = line.frame(opcode, ANYONE[opcode], protocol_type=version[0], protocol_version=version[1])
        for frame in (raw, foreign):
            await line.send(frame)
            obeyed = [answer for answer in await line.answers() if isinstance(answer, Reply)]
            expect(obeyed, [], f"what {frame.hex()} was answered with success")
            await line.expect_served()


@case("COD/3", clause="ttlock-ble 3.2")
async def test_the_crc_is_the_vendors(bench: LockBench) -> None:
    """Frames are summed by the vendor's table, whose entry 33 is 0x07: so are requests, so are replies."""
    expect((VENDOR[33], crc8(b"123456789")), (0x07, 0xA1), "the table's entry 33 and its check value")
    expect((decode(TV20).command, differs(TV20)), (REPLY, True), "TV20 by the vendor's table")
    async with raw_line(bench) as line:
        tricky = next(raw for org in range(0x10000) if differs(raw := line.frame(PROBE, org=org)))
        await line.expect_probed(tricky)
        window = {"start": bytes(5), "end": b"\x63" * 5, "lock_flag_pos": 0, "uid": 0}
        challenge = line.frame(0x55, COMMANDS[0x55].build_request(window))
        for _ in range(60):  # every 17th differs; the challenge makes each reply another
            await line.send(challenge)
            replies = await line.hear()
            if any(differs(encode(reply)) for reply in replies):
                break


@case(
    "COD/4",
    clause="ttlock-ble 3.2; plug-in error 1",
    examples=3,
    flips=st.lists(st.integers(0, 31 * 8 - 1), min_size=4, max_size=8, unique=True),
)
async def test_a_flipped_bit_is_caught(bench: LockBench, flips: list[int]) -> None:
    """One flipped bit makes the lock answer 1 or nothing, unless the patched entry of the table hides it."""
    async with raw_line(bench) as line:
        raw = line.frame(0x14, VENDOR_STRING)
        for at in flips:
            broken = bytearray(raw)
            broken[at // 8] ^= 1 << at % 8
            flipped = bytes(broken)
            if is_whole(flipped):
                expect(differs(raw) or differs(flipped), True, f"does entry 33 hide the flip of bit {at}")
            if is_whole(flipped) or is_whole(flipped, TEXTBOOK):
                continue
            await line.send(flipped)
            for answer in await line.answers(0):
                code = answer.code if isinstance(answer, Refusal) else answer
                expect(code, Status.CRC, f"the answer to the flip of bit {at}")
            await line.expect_served()


def is_whole(raw: bytes, table: bytes = VENDOR) -> bool:
    try:
        decode(raw, table)
    except FrameError:
        return False
    return True


@case(
    "COD/5",
    clause="ttlock-ble 3.3",
    links=("bare", "air"),
    examples=5,
    block=st.binary(min_size=16, max_size=16),
    at=BORDER | st.integers(0, 14),
)
async def test_a_line_end_inside_the_ciphertext_ends_nothing(bench: LockBench, block: bytes, at: int) -> None:
    """A frame whose ciphertext holds 0D 0A, at a border of writes or not, is cut by its length."""
    await expect_block_is_read(bench, block[:at] + TAIL + block[at + 2 :])


@case(
    "COD/6",
    clause="ttlock-ble 3.3",
    links=("bare", "air"),
    examples=5,
    block=st.binary(min_size=16, max_size=16),
    at=BORDER | st.integers(0, 14),
)
async def test_a_magic_inside_the_ciphertext_begins_nothing(bench: LockBench, block: bytes, at: int) -> None:
    """A frame whose ciphertext holds 7F 5A is one frame."""
    await expect_block_is_read(bench, block[:at] + (MAGIC + b"\x05\x03")[: 16 - at] + block[at + 4 :])


async def expect_block_is_read(bench: LockBench, block: bytes) -> None:
    """The lock answers a request whose first block of ciphertext is this one."""
    async with raw_line(bench) as line:
        raw = line.frame(PROBE, plain_of(bench.keys.aes_key, block[:16]))
        expect(raw[12:28], block[:16], "the ciphertext on the wire")
        await line.expect_probed(raw)


@case(
    "COD/7",
    clause="ttlock-ble 3.3",
    examples=6,
    size=st.integers(1, CHUNK),
    mtu=st.sampled_from((23, 24, 64, 185, 247)),
    opcode=st.sampled_from(sorted(ANYONE)),
)
async def test_any_cut_of_a_frame_is_the_same_frame(
    bench: LockBench, size: int, mtu: int, opcode: int
) -> None:
    """A request in pieces of 1 to 20 bytes is one request, and replies come in at most 20 at any MTU."""
    async with raw_line(bench, mtu=mtu) as line:
        raw = line.frame(opcode, ANYONE[opcode])
        await line.write(chunks(raw, size))
        pieces = await line.answers()
        await line.write(chunks(raw, line.connection.mtu - 3))
        whole = await line.answers()
        expect([answer.echo for answer in pieces if answer], [opcode], f"the answers to pieces of {size}")
        expect([answer.echo for answer in whole if answer], [opcode], "the answers to one long write")
        long = [value.hex() for value in line.notifications if len(value) > CHUNK]
        expect(long, [], "the notifications of more than 20 bytes")


@case("COD/8", clause="ttlock-ble 3.3", examples=4, opcodes=st.permutations(sorted(ANYONE)))
async def test_frames_in_one_write_are_all_answered(bench: LockBench, opcodes: list[int]) -> None:
    """Frames that follow each other without regard to writes are each answered once, in their order."""
    for mtu in (23, 247):
        async with raw_line(bench, mtu=mtu) as line:
            stream = b"".join(line.frame(opcode, ANYONE[opcode]) for opcode in opcodes)
            await line.write(chunks(stream, line.connection.mtu - 3))
            answers = await line.answers(len(opcodes))
        expect([answer.echo for answer in answers if answer], opcodes, f"the answers at an MTU of {mtu}")


@case("COD/9", clause="ttlock-ble 3.3", links=("bare", "air"), examples=4, at=st.integers(1, 14))
async def test_a_header_may_be_cut_anywhere(bench: LockBench, at: int) -> None:
    """A frame whose header arrives in two writes is answered once."""
    async with raw_line(bench) as line:
        raw = line.frame(PROBE)
        await line.write((raw[:at], raw[at:]))
        expect(len(await line.answers()), 1, "the number of answers")


@case(
    "COD/10",
    clause="ttlock-ble 3.3",
    examples=4,
    length=byte.filter(lambda length: length != 16),
    kept=st.integers(1, 28),
    filler=byte,
)
async def test_a_wrong_length_does_not_stall(bench: LockBench, length: int, kept: int, filler: int) -> None:
    """A frame that is cut short, or whose length field lies, is not obeyed and does not hold up the next."""
    async with raw_line(bench) as line:
        raw = line.frame(0x14, VENDOR_STRING)
        body = raw[:11] + bytes((length,)) + raw[12:-3]
        lying = body + bytes((crc8(body),)) + TAIL
        for broken in (lying, raw[:kept], lying + bytes((filler,)) * 270):
            await line.send(broken)
            obeyed = [answer for answer in await line.answers(0) if isinstance(answer, Reply)]
            expect(obeyed, [], f"what {broken[:40].hex()} was answered with success")
            await line.expect_served()


@case(
    "COD/11",
    clause="ttlock-ble 3.3",
    links=("bare", "air"),
    examples=6,
    garbage=st.binary(max_size=60),
    end=st.sampled_from((b"", MAGIC[:1], MAGIC, MAGIC + b"\x05\x03\x01")),
)
async def test_garbage_before_a_frame_is_skipped(bench: LockBench, garbage: bytes, end: bytes) -> None:
    """Bytes that are no frame, even ones that begin like it, do not hide the frame behind them."""
    async with raw_line(bench) as line:
        await line.expect_probed(garbage + end + line.frame(PROBE))


@case(
    "COD/12",
    clause="ttlock-ble 3.1, 3.3",
    tail=st.sampled_from((b"", b"\r", b"\n\r", b"\x00\x00")),
    examples=4,
)
async def test_a_frame_without_its_end_is_no_frame(bench: LockBench, tail: bytes) -> None:
    """An unlock request without CR LF is neither answered nor executed."""
    async with raw_line(bench) as line:
        sum_ = await challenge_sum(line, bench)
        request = line.frame(0x47, COMMANDS[0x47].build_request({"sum": sum_, "time": 1}))
        await line.send(request[:-2] + tail)
        await line.expect_silence("the answers to a frame without its end")
        await line.expect_served()
    async with bench.session() as client:
        expect((await client.run(status())).unlocked, False, "is the lock open")


async def challenge_sum(line: Line, bench: LockBench) -> int:
    """The answer to a challenge as a user with an everlasting key."""
    window = {"start": bytes(5), "end": b"\x63" * 5, "lock_flag_pos": 0, "uid": 0}
    answer = await line.ask(line.frame(0x55, COMMANDS[0x55].build_request(window)))
    if not isinstance(answer, Reply):
        raise RemoteError(f"the lock gave no challenge but {answer}")
    ps: int = COMMANDS[0x55].parse_reply(answer.body).ps
    return (ps + bench.keys.unlock_key) % (1 << 32)
