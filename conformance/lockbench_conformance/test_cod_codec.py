"""COD: what the client reads and writes: replies, keys, dates, addresses; and what a lock makes of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.key_text import read_aes_key, read_number
from lockbench_harness.client.operations import (
    ALWAYS,
    check_admin,
    check_user,
    features,
    get_time,
    lock,
    set_time,
    status,
    unlock,
)
from lockbench_harness.client.wire import Wire
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.errors import error_code
from lockbench_protocol.lock.advertising import (
    Flag,
    LockState,
    mac_bytes,
    mac_text,
    manufacturer_data,
    read_manufacturer,
)
from lockbench_protocol.lock.cipher import DEFAULT_KEY, CipherError, cipher
from lockbench_protocol.lock.commands.row import VENDOR_STRING
from lockbench_protocol.lock.dates import date5, date6, from_bcd, read_date, to_bcd
from lockbench_protocol.lock.envelope import Refusal, Reply, pack
from lockbench_protocol.lock.features import bits
from lockbench_protocol.lock.frame import MAGIC, MAX_DATA, REPLY, Frame, Reassembler, encode
from lockbench_protocol.lock.lockdata import LockData
from lockbench_protocol.lock.obfuscation import encode_field
from lockbench_protocol.lock.status import Status

from lockbench_conformance.line import PROBE, raw_line
from lockbench_conformance.refusals import PROVOCATIONS
from lockbench_conformance.stack import BadLink, Change
from lockbench_conformance.words import OF_THE_CLIENT, UNKNOWN_OPCODES, ended_by, record_ids, refused, sighted

K1 = bytes.fromhex("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
# key, plaintext, ciphertext (ttlock-ble 12: TV02, TV11, TV13, TV22, TV37)
KNOWN_ANSWERS: tuple[tuple[bytes, str, str], ...] = (
    (DEFAULT_KEY, "534349454e4552", "26ed1d9258a1e428fcb48bbd1c0e5a46"),
    (K1, "00bc614e00000000000000", "a0b18b398e915aef47466a50f2ae3d63"),
    (K1, "1f64bbfe", "2575e114eade093d676b9574f54b8239"),
    (
        K1,
        "020306313233343536180301090018031f1200",
        "97ea708621b6810da1ed579b7af004cb72fe3eb68b74e52ad2cd53e68c5d1625",
    ),
    (K1, "36015f01000500050384", "c1a48a7ea8d0aa3e49912b42dda29f5e"),
)
# 41 replies under K1 with 0D 0A in the ciphertext, at the border of two notifications and inside one (TV48)
LINE_ENDS_INSIDE = (
    ("7f5a0503020001000154aa10dd48cf6d49c40d0a", "0e6f6c479adc1363c10d0a"),
    ("7f5a0503020001000154aa107920a579201242598e160d0aaa371142460d0a",),
)


def doubled(*, late: bool) -> Change:
    """Each frame is delivered twice: at once, or the second time when the next one comes."""
    stream, pieces, old = Reassembler(), list[bytes](), list[bytes]()

    def change(_number: int, piece: bytes) -> Sequence[bytes]:
        first = tuple(old) if piece.startswith(MAGIC) else ()
        if first:
            old.clear()
        pieces.append(piece)
        if not stream.feed(piece):
            return (*first, piece)
        frame = tuple(pieces)
        pieces.clear()
        if not late:
            return (piece, *frame)
        old.extend(frame)
        return (*first, piece)

    return change


@case("COD/13", clause="ttlock-ble 4, 5.19", examples=2, record_id=record_ids)
async def test_a_doubled_notification_is_no_second_reply(bench: LockBench, record_id: int) -> None:
    """A client that hears each frame twice, at once or late, takes it for one reply."""
    for line_end in LINE_ENDS_INSIDE:
        wire = Wire(K1)
        found = [answer for piece in line_end for answer in wire.feed(bytes.fromhex(piece))]
        expect([type(answer) for answer in found], [Reply], "what is made of a reply with 0D 0A in it")
    for late in (False, True):
        link = BadLink(bench.link, notifications=doubled(late=late))
        async with bench.session(bench.client(link=link)) as client:
            for move, is_open in ((unlock, True), (lock, False)):
                moved = await client.run(move(bench.keys, record_id))
                expect(moved.record_id, record_id, f"the record id in the answer to {move.__name__}")
                expect(
                    (await client.run(status())).unlocked, is_open, f"is the lock open after {move.__name__}"
                )
            if not late:
                challenges = [await client.run(check_user(bench.keys)) for _ in range(3)]
                expect(len(set(challenges)), 3, "the number of different challenges")


@case("COD/14", clause="ttlock-ble 3.4", examples=3, other=st.binary(min_size=16, max_size=16))
async def test_the_cipher_is_aes_cbc_and_another_key_reads_nothing(bench: LockBench, other: bytes) -> None:
    """Data travel in AES-128-CBC with IV = key and PKCS#7; another key is an error, no crash."""
    for key, plain, data in KNOWN_ANSWERS:
        expect(cipher(key).encrypt(bytes.fromhex(plain)).hex(), data, f"the ciphertext of {plain}")
        expect(cipher(key).decrypt(bytes.fromhex(data)).hex(), plain, f"the plaintext of {data}")
        with ended_by(CipherError):
            cipher(DEFAULT_KEY if key == K1 else K1).decrypt(bytes.fromhex(data))
        with ended_by(CipherError):
            cipher(key).decrypt(bytes.fromhex(data)[:-1])
    for key in (DEFAULT_KEY, other):
        if key == bench.keys.aes_key:
            continue
        async with bench.session(bench.client(key, answer_seconds=1.0)) as client:
            for question in (status(), features()):
                with ended_by(RemoteError):
                    await client.run(question)
    async with bench.session() as client:
        await client.run(status())


@case(
    "COD/15",
    clause="ttlock-ble 3.1, 3.4",
    examples=3,
    more=st.lists(st.integers(0, MAX_DATA - 1), max_size=4),
)
async def test_plaintexts_of_any_length_arrive(bench: LockBench, more: list[int]) -> None:
    """Plaintexts at the edges of AES blocks are padded right; none overflows the length byte."""
    async with bench.session() as client:
        for size in dict.fromkeys((0, 15, 16, 17, MAX_DATA - 1, *more)):
            plain = bytes(size)
            expect(len(cipher(K1).encrypt(plain)), size // 16 * 16 + 16, f"the ciphertext of {size} bytes")
            expect(len(await client.ask(PROBE, plain)) >= 5, True, f"is a request of {size} bytes answered")
    expect(encode(Frame(PROBE, cipher(K1).encrypt(bytes(239))))[11], 240, "the length byte of 239 bytes")
    with ended_by(LocalError):
        encode(Frame(PROBE, cipher(K1).encrypt(bytes(240)) + bytes(16)))


@case("COD/16", clause="ttlock-ble 3.1, 4", opcode=st.sampled_from((0x01, 0x14, 0x90, 0x55)), examples=4)
async def test_the_echo_is_inside_the_reply(bench: LockBench, opcode: int) -> None:
    """A reply's frame says 54, and its plaintext begins with the opcode that it answers."""
    plain = {0x14: VENDOR_STRING, 0x90: b"\x01", 0x55: bytes(5) + b"\x63" * 5 + bytes(7)}.get(opcode, b"")
    async with raw_line(bench) as line:
        await line.send(line.frame(opcode, plain))
        frames = await line.hear()
        expect([frame.command for frame in frames], [REPLY], "the frame byte of the reply")
        (data,) = [frame.data for frame in frames]
        expect(tuple(cipher(bench.keys.aes_key).decrypt(data)[:2]), (opcode, 1), "echo and status")
    named = encode(Frame(opcode, cipher(K1).encrypt(pack(Reply(0x7E, b"\x01")))))
    expect(Wire(K1).feed(named), [Reply(0x7E, b"\x01")], "a reply whose frame byte names another opcode")


@case(
    "COD/17",
    clause="ttlock-ble 4; plug-in error table",
    examples=2,
    numbers=st.lists(st.sampled_from(Status), min_size=5, unique=True),
)
async def test_a_refusal_carries_a_code_of_the_table(bench: LockBench, numbers: list[Status]) -> None:
    """A failure is status 0 and a code, which has a text in Chinese and in English."""
    keys = bench.keys
    async with bench.session() as client:
        with refused(Status.WRONG_ADMIN_PASSWORD):
            await client.run(check_admin(replace(keys, admin_ps=keys.admin_ps ^ 1)))
        with refused(Status.NOT_LOGGED_IN):
            await client.ask(0x47, bytes(8))
        with refused(Status.INVALID_DYNAMIC_CODE):
            await client.run(unlock(replace(keys, unlock_key=keys.unlock_key ^ 1), 1))
        _, words = await client.run(features())
        for provocation in PROVOCATIONS:
            if provocation.feature in (None, *bits(words)):
                with refused(provocation.status):
                    await provocation.ask(client, bench)
    for code in numbers:
        expect(Wire(K1).feed(refusal_frame(code)), [Refusal(0x47, int(code))], "the refusal that is read")
        if code is Status.OBSTRUCTED:
            continue  # of parking locks; the plug-in's table has no row for it
        row = error_code(code)
        expect(any("一" <= char <= "鿿" for char in row.text("zh")), True, f"is the text of {code} Chinese")
        expect(row.text("en").isascii() and row.text("en") != "", True, f"is the text of {code} English")


def refusal_frame(code: int) -> bytes:
    return encode(Frame(REPLY, cipher(K1).encrypt(pack(Refusal(0x47, code)))))


@case(
    "COD/18",
    no_mutant=OF_THE_CLIENT,
    examples=5,
    clause="ttlock-ble 3.5, 7.1, TV45",
    number=st.integers(0, 0xFFFFFFFF),
    seed=st.integers(1, 127),
)
async def test_a_coded_key_decodes_once_and_a_plain_one_passes(
    bench: LockBench, number: int, seed: int
) -> None:
    """A key in the cloud's code decodes to its digits, and one of at most ten plain digits stays as it is."""
    expect(encode_field("0012345678", 0x2A), "MTAwLDEwMCwxMDEsMTAyLDEwMyw5Niw5Nyw5OCw5OSwxMDgsNDI=", "TV45")
    for text in (str(number), f"{number:010}", encode_field(f"{number:010}", seed)):
        expect(read_number(text), number, f"the number in {text}")
    if bench.credentials.lock_data:
        data = LockData.decode(bench.credentials.lock_data)
        secrets = (int(data.admin_pwd or 0), int(data.lock_key or 0))
        expect(
            secrets == (bench.keys.admin_ps, bench.keys.unlock_key),
            True,
            "does lockData hold the lock's keys",
        )


@case(
    "COD/19",
    no_mutant=OF_THE_CLIENT,
    clause="ttlock-ble 7.1, 7.2",
    examples=3,
    key=st.binary(min_size=16, max_size=16),
    size=st.sampled_from((0, 1, 15, 17, 32)),
)
async def test_an_aes_key_is_read_in_every_spelling(bench: LockBench, key: bytes, size: int) -> None:
    """An AES key in hex, together or with commas, dots or blanks, is the same 16 bytes, no more, no less."""
    for mark in ("", ",", ".", " "):
        text = spelled(key, mark)
        expect(read_aes_key(text), key, "the key that is read")
        expect(read_aes_key(text.upper()), key, "the key that is read in capitals")
        for broken in (spelled((key * 2)[:size], mark), text[:-1], text + ",", text[:-2] + "zz"):
            with ended_by(RemoteError):
                read_aes_key(broken)
    async with bench.session(bench.client(read_aes_key(spelled(bench.keys.aes_key, ",")))) as client:
        await client.run(status())


def spelled(key: bytes, mark: str) -> str:
    return mark.join(f"{byte:02x}" for byte in key)


LEAP_DAY, LAST_YEAR = datetime(2096, 2, 29, 23, 59, 10), datetime(2098, 12, 31, 23, 59, 10)  # noqa: DTZ001 - a lock's time has no zone


@case(
    "COD/20",
    clause="ttlock-ble 5, 5.3, 5.5",
    needs=("tells time",),
    examples=3,
    moment=st.sampled_from((LEAP_DAY, LAST_YEAR))
    | st.datetimes(datetime(2001, 1, 1), datetime(2098, 12, 31)),  # noqa: DTZ001 - likewise
    bad=st.binary(min_size=1, max_size=6).filter(lambda data: any(b >> 4 > 9 or b & 15 > 9 for b in data)),
)
async def test_dates_keep_their_value(bench: LockBench, moment: datetime, bad: bytes) -> None:
    """Dates of 5 and 6 bytes, and BCD ones, keep any moment up to 2099, and the lock's clock takes it."""
    moment = moment.replace(microsecond=0)
    expect(date6(moment), date5(moment) + bytes((moment.second,)), "the six bytes")
    expect(read_date(date6(moment)), moment, "the moment in six bytes")
    expect(read_date(date5(moment)), moment.replace(second=0), "the moment in five bytes")
    expect(to_bcd(date5(moment)).hex(), moment.strftime("%y%m%d%H%M"), "the BCD digits")
    expect(from_bcd(to_bcd(date5(moment))), date5(moment), "the BCD form read back")
    with ended_by(RemoteError):
        from_bcd(bad)
    async with bench.session() as client:
        before = await client.run(get_time())
        await client.run(set_time(bench.keys, moment))
        shown = await client.run(get_time())
        await client.run(set_time(bench.keys, before))
    expect(
        moment <= shown <= moment + timedelta(seconds=5), True, f"is {shown} the time that was set, {moment}"
    )
    bcd = replace(bench.keys, window=(to_bcd(ALWAYS[0]), to_bcd(ALWAYS[1])))
    async with bench.session() as client:
        await client.run(check_user(bcd))


@case("COD/21", clause="ttlock-ble 1.2", examples=5, mac=st.binary(min_size=6, max_size=6))
async def test_an_address_is_read_backwards_with_its_zeros(bench: LockBench, mac: bytes) -> None:
    """The address in the advertisement is reversed, and is written with all its zeros."""
    for octets in (mac, bytes((mac[0], 0, 0x0A, *mac[3:]))):
        text = mac_text(octets)
        expect(text, ":".join(f"{octet:02X}" for octet in octets), "the text of an address")
        data = manufacturer_data(LockState(1, Flag(0), 50, text))
        state = read_manufacturer(data)
        expect((data[-6:], state and state.address), (octets[::-1], text), "the address in the advertisement")
    shown = await sighted(bench)
    expect(shown.manufacturer[-6:][::-1], mac_bytes(bench.address), "the address that the lock advertises")


@case(
    "COD/22",
    clause="ttlock-ble 4",
    links=("bare", "air"),
    examples=5,
    opcode=UNKNOWN_OPCODES,
    plain=st.binary(max_size=30),
)
async def test_an_unknown_opcode_is_refused(bench: LockBench, opcode: int, plain: bytes) -> None:
    """A good frame with an opcode that no lock knows is refused with 27; in a reply it is borne."""
    async with bench.session() as client:
        with refused(Status.INVALID_COMMAND):
            await client.ask(opcode, plain)
        await client.run(status())
    frame = encode(Frame(REPLY, cipher(K1).encrypt(pack(Reply(opcode, plain)))))
    expect(Wire(K1).feed(frame), [Reply(opcode, plain)], "a reply with an unknown echo")
