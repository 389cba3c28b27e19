"""The request sequences of the clients of ttlock-ble 11, byte for byte as they send them.

The frames are put together here, from the tables of ttlock-ble 3 alone, so that a fault of our encoder cannot
hide. A step is (opcode, plaintext or None for n = 0, what the reply must be).
"""

import asyncio
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from Crypto.Cipher import AES
from lockbench_emulator.device import LockDevice
from lockbench_emulator.lock import hands
from lockbench_emulator.lock.memory import Admin
from lockbench_emulator.profiles import load_profile
from lockbench_harness import clock
from lockbench_harness.links import Connection
from lockbench_harness.links.bare import BareLink
from lockbench_harness.links.bumble import on_air

DEF = bytes.fromhex("987623e8a923a1bb3d9e7d0378124588")
K1 = bytes.fromhex("0f1e2d3c4b5a69788796a5b4c3d2e1f0")
VENDOR_TEXT = b"SCIENER"
ADMIN_PS, UNLOCK_KEY = 12345678, 87654321
NOW = bytes((24, 2, 29, 13, 45, 10))
UNIX = 1709214310


def textbook_row(index: int) -> int:
    for _ in range(8):
        index = index >> 1 ^ (0x8C if index & 1 else 0)
    return index


TEXTBOOK = bytes(map(textbook_row, range(256)))
VENDOR = TEXTBOOK[:33] + b"\x07" + TEXTBOOK[34:]


def crc(data: bytes, table: bytes) -> int:
    value = 0
    for byte in data:
        value = table[value ^ byte]
    return value


def encrypt(plain: bytes, key: bytes) -> bytes:
    pad = 16 - len(plain) % 16
    return bytes(AES.new(key, AES.MODE_CBC, iv=key).encrypt(plain + bytes((pad,)) * pad))


def frame(opcode: int, plain: bytes | None, key: bytes, table: bytes) -> bytes:
    data = b"" if plain is None else encrypt(plain, key)
    head = bytes.fromhex("7f5a0503010001" + "0001") + bytes((opcode, 0xAA, len(data))) + data
    return head + bytes((crc(head, table),)) + b"\r\n"


VECTORS = Path(__file__).parents[2] / "protocol/tests/vectors/ttlock-ble.json"
REQUESTS = [row for row in json.loads(VECTORS.read_text())["frames"] if row["direction"] == "client-to-lock"]


@pytest.mark.parametrize("vector", REQUESTS, ids=[row["id"] for row in REQUESTS])
def test_our_hand_made_frames_are_the_vectors(vector: dict[str, Any]) -> None:
    whole = bytes.fromhex("".join(vector["chunks"]))
    plain = None if vector["plain"] is None else bytes.fromhex(vector["plain"])
    assert frame(whole[9], plain, DEF if vector["key"] == "DEF" else K1, VENDOR) == whole


@dataclass
class Told:
    """What a lock answered so far."""

    replies: list[bytes] = field(default_factory=list)

    @property
    def sum(self) -> bytes:
        ps = int.from_bytes(next(reply[2:6] for reply in reversed(self.replies) if reply[0] in (0x41, 0x55)))
        return ((ps + UNLOCK_KEY) % 2**32).to_bytes(4)


Plain = bytes | None | Callable[[Told], bytes]
Check = int | bytes | str  # length of the whole plaintext, the plaintext, or a word: "ok", a hex status
Step = tuple[int, Plain, Check]

CHECK_ADMIN: Step = (0x41, ADMIN_PS.to_bytes(4) + bytes(7), 6)
CHECK_RANDOM: Step = (0x30, lambda told: told.sum, b"\x30\x01")
ADMIN = (CHECK_ADMIN, CHECK_RANDOM)
USER_BINARY: Step = (0x55, bytes.fromhex("00011f0e00" + "630b1e0e00") + bytes(7), 6)
USER_BCD: Step = (0x55, bytes.fromhex("0001311400" + "9911301400") + bytes(7), 6)
UNLOCK: Step = (0x47, lambda told: told.sum + UNIX.to_bytes(4), 17)
LOCK: Step = (0x58, lambda told: told.sum + UNIX.to_bytes(4), 17)
STATUS: Step = (0x14, VENDOR_TEXT, 5)
FEATURES: Step = (0x01, None, "ok")
INFO = tuple((0x90, bytes((kind,)), "ok") for kind in (1, 2, 3, 4))
OWNER = ADMIN_PS.to_bytes(4) + UNLOCK_KEY.to_bytes(4) + VENDOR_TEXT
ADD_ADMIN: Step = (0x56, OWNER, b"\x56\x01" + VENDOR_TEXT)
ADMIN_CODE: Step = (0x53, bytes((1, 2, 3, 4, 5, 6, 7)), "ok")
FINISH: Step = (0x57, None, "ok")
TIME: Step = (0x43, NOW, "ok")
KEY: Step = (0x19, VENDOR_TEXT, 18)
PROBE: Step = (0x45, None, "any")
SECRETS = bytes.fromhex(
    "180640075bcd150c80499602d212c08bd038351900ce0a6a141f41104478cb2581527d27f22bc194a81b793201d649bac03842128e0f87"
    "3e82192d7b4e"
)
QUERY, LAST = b"\x01", b"\xff\xff"
PERIOD = bytes.fromhex("1803010900" + "18031f1200")
CODE = b"\x06123456"
K3_CODE = b"\x06654321"

PAIRINGS: dict[str, tuple[Step, ...]] = {
    "K3": (
        PROBE, KEY, ADD_ADMIN, TIME, FEATURES, (0x62, QUERY, "ok"), (0x36, QUERY, 10), (0x65, None, "ok"),
        ADMIN_CODE, (0x37, QUERY, "ok"), FINISH, *INFO,
    ),
    "SDK": (
        KEY, ADD_ADMIN, TIME, FEATURES, (0x68, QUERY, "any"), (0x62, QUERY, "ok"), (0x36, QUERY, 10),
        (0x65, None, "ok"), ADMIN_CODE, (0x31, SECRETS, b"\x31\x01"), (0x37, QUERY, "ok"), *INFO, FINISH,
    ),
    "ESP": (PROBE, KEY, ADD_ADMIN, TIME, FEATURES, FINISH),
}  # fmt: skip
OUT_OF_ORDER: dict[str, tuple[Step, ...]] = {
    "K3": (
        FEATURES, *ADMIN, (0x36, QUERY, 10), STATUS, (0x62, QUERY, "ok"),
        USER_BINARY, UNLOCK, USER_BINARY, LOCK,
        # type 1 with five zeros too many (TV51), the list, a delete, a clear
        *ADMIN, (0x03, b"\x02\x01" + K3_CODE + bytes.fromhex("180301090000") + bytes(4), "ok"),
        *ADMIN, (0x07, b"\0\0", "ok"), (0x07, b"\0\1", b"\x07\x01\0\0"),
        *ADMIN, (0x03, b"\x03\x01" + K3_CODE, "ok"), *ADMIN, (0x03, b"\x01", "ok"),
        *ADMIN, (0x05, b"\x02" + bytes.fromhex("00001267") + PERIOD, "ok"),
        *ADMIN, (0x05, b"\x05" + bytes.fromhex("00001267") + PERIOD, "ok"), *ADMIN, (0x05, b"\x01\0\0", "ok"),
        *ADMIN, (0x66, b"\x01\0", "ok"), *ADMIN, (0x36, b"\x02\0\x3c", "ok"),
        (0x25, LAST, "ok"), *ADMIN, (0x52, None, "any"),
    ),
    "DOM": (
        # one byte where the vendor's client sends four and two (ttlock-ble 14.11): answered, and refused
        *ADMIN, (0x68, b"\x02\x01", "17"), *ADMIN, (0x25, b"\0\0", "ok"), USER_BINARY, UNLOCK,
    ),
    "SDK": (
        CHECK_ADMIN, UNLOCK, USER_BINARY, UNLOCK, USER_BINARY, LOCK,
        USER_BINARY, CHECK_RANDOM, TIME, (0x34, None, 8), USER_BINARY, CHECK_RANDOM,
        (0x32, b"", "1f"),  # an empty text is one block of padding; no pair was stored yet
        *ADMIN, (0x03, b"\x02\x03" + CODE + PERIOD, b"\x03\x01\x5f\x02"),
        *ADMIN, (0x03, b"\x02\x03" + CODE + PERIOD, b"\x03\x00\x14\x02"),
        *ADMIN, (0x03, b"\x05\x03" + CODE + b"\x06654321", b"\x03\x01\x5f\x05"),
        *ADMIN, (0x03, b"\x03\x01\x06654321", b"\x03\x01\x5f\x03"),  # a type left over from before
        *ADMIN, (0x36, b"\x02\0\x05", "ok"), *ADMIN, (0x07, b"\0\0", b"\x07\x01\0\0"),
        (0x25, b"\0\0", "ok"), *ADMIN, (0x53, bytes((7, 6, 5, 4, 3, 2, 1)), "ok"),
        *ADMIN, (0x02, VENDOR_TEXT, b"\x02\x01\x5f"),
    ),
    "ROQ": (
        TIME, USER_BCD, UNLOCK, STATUS, (0x03, b"\x02\x01" + CODE + PERIOD[:5], "ok"),
        (0x03, b"\x02\x03\x04" + b"2468" + PERIOD, "ok"), (0x36, QUERY, 10), (0x36, b"\x02\0\x1e", "ok"),
        (0x07, b"\0\0", "ok"), USER_BCD, LOCK, (0x25, LAST, "ok"), (0x34, None, 8),
    ),
    "RS": (
        USER_BINARY, UNLOCK, STATUS, (0x25, b"\0\0", "ok"), (0x25, b"\0\1", "any"),
        USER_BINARY, LOCK, *ADMIN, *INFO,
    ),
    "ESP": (USER_BINARY, UNLOCK, USER_BINARY, LOCK, STATUS),
}  # fmt: skip
PROFILE = {"ROQ": "open"}  # it sends 43, 03 and 36 without a login (ttlock-ble 5.1)
WAITS_FOR_CALLBACKS = {"SDK"}
TABLES = {"K3": TEXTBOOK, "DOM": TEXTBOOK}


class WireClient:
    def __init__(self, name: str, connection: Connection, key: bytes) -> None:
        self.name, self.connection, self.key = name, connection, key
        self.table = TABLES.get(name, VENDOR)
        self.told = Told()
        self.pushes: list[bytes] = []
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.buffer = b""

    async def arrive(self) -> None:
        """What the client does between connecting and its first command (ttlock-ble 2)."""
        connection = self.connection
        if self.name in ("K3", "DOM"):
            for uuid, (service, properties) in connection.characteristics().items():
                if service in ("1800", "180a", "1910") and properties & 0x02:
                    assert await connection.read(uuid)
        await connection.subscribe("fff4", self.notified)
        if self.name == "ROQ":
            await asyncio.sleep(0.5)
            assert await connection.read("2a19") == b"\x64"

    def notified(self, value: bytes) -> None:
        """As ROQ and RS read: by the length, and the end at its place."""
        assert len(value) <= 20
        self.buffer += value
        while len(self.buffer) >= 12 and len(self.buffer) >= 15 + self.buffer[11]:
            size = 15 + self.buffer[11]
            raw, self.buffer = self.buffer[:size], self.buffer[size:]
            assert raw.startswith(b"\x7f\x5a\x05\x03")
            assert raw.endswith(b"\r\n")
            assert raw[-3] == crc(raw[:-3], self.table)
            self.heard.put_nowait(raw)

    async def ask(self, step: Step) -> bytes:
        opcode, plain, _ = step
        value = plain(self.told) if callable(plain) else plain
        raw = frame(opcode, value, self.key, self.table)
        for at in range(0, len(raw), 20):
            response = self.name in WAITS_FOR_CALLBACKS
            await self.connection.write("fff2", raw[at : at + 20], response=response)
        async with asyncio.timeout(2.5):
            reply = await self._reply(opcode)
        self.told.replies.append(reply)
        verify(step, reply)
        if opcode == 0x19:
            self.key = reply[2:]
        return reply

    async def _reply(self, opcode: int) -> bytes:
        while True:
            raw = await self.heard.get()
            assert raw[9] == (0x19 if opcode == 0x19 else 0x54)
            data = AES.new(self.key, AES.MODE_CBC, iv=self.key).decrypt(raw[12:-3])
            plain = bytes(data[: -data[-1]])
            if plain[0] == opcode and not (opcode == 0x14 and len(plain) != 5):
                return plain
            self.pushes.append(plain)


def verify(step: Step, reply: bytes) -> None:
    opcode, _, check = step
    where = f"{opcode:02x} was answered {reply.hex()}"
    assert reply[0] == opcode, where
    if isinstance(check, bytes):
        assert reply == check, where
    elif isinstance(check, int):
        assert (reply[1], len(reply)) == (1, check), where
    elif check == "ok":
        assert reply[1] == 1, where
    elif check != "any":
        assert reply[1:3] == bytes((0, int(check, 16))), where


def new_lock(name: str, *, paired: bool) -> LockDevice:
    profile = load_profile(PROFILE.get(name, "strict"))
    if name in TABLES:
        profile = replace(profile, session=replace(profile.session, reply_textbook_crc=True))
    device = LockDevice(profile, seed=7, paired=False)
    if paired:
        device.memory.key, device.memory.admin = K1, Admin(ADMIN_PS, UNLOCK_KEY)
        device.memory.admin_passcode = "1357924"
        device.memory.commit()
        device.cut_power(0.0)
        device.restore_power(0.0)
    return device


async def replay(
    name: str, device: LockDevice, connection: Connection, key: bytes, steps: Sequence[Step]
) -> Any:
    client = WireClient(name, connection, key)
    await client.arrive()
    for step in steps:
        await client.ask(step)
    await connection.disconnect()
    return client


def over(link: str, device: LockDevice, talk: Callable[[Connection], Any]) -> Any:
    async def main() -> Any:
        if link == "bare":
            async with BareLink([device]) as bare:
                return await talk(await bare.connect(device.address))
        async with on_air([device], seed=1) as air:
            return await talk(await air.links[0].connect(device.address))

    return clock.run(main())


@pytest.mark.parametrize("link", ["bare", "air"])
@pytest.mark.parametrize("name", sorted(PAIRINGS))
def test_each_client_pairs_in_its_own_order(name: str, link: str) -> None:
    device = new_lock(name, paired=False)
    steps = PAIRINGS[name]
    client = over(link, device, lambda connection: replay(name, device, connection, DEF, steps))
    assert device.memory.key == client.key
    admin = device.memory.admin
    assert admin is not None
    assert (admin.admin_ps, admin.unlock_key) == (ADMIN_PS, UNLOCK_KEY)
    if name == "SDK":
        assert device.memory.pairs == SECRETS
    assert device.clock.local(0.0).isoformat().startswith("2024-02-29T13:45:")


@pytest.mark.parametrize("link", ["bare", "air"])
@pytest.mark.parametrize("name", sorted(OUT_OF_ORDER))
def test_each_client_is_served_as_it_asks(name: str, link: str) -> None:
    device = new_lock(name, paired=True)
    steps = OUT_OF_ORDER[name]
    client = over(link, device, lambda connection: replay(name, device, connection, K1, steps))
    assert len(client.told.replies) == len(steps)
    bolts = [step[0] for step in steps if step[0] in (0x47, 0x58)]
    assert device.memory.unlocked == (bolts[-1] == 0x47)


def test_the_five_zeros_of_tv51_are_tolerated_and_the_code_opens() -> None:
    device = new_lock("K3", paired=True)
    plain = bytes.fromhex("02010631323334353618030109000000000000")
    steps = (*ADMIN, (0x03, plain, "ok"))
    over("bare", device, lambda connection: replay("K3", device, connection, K1, steps))
    (code,) = device.memory.passcodes.values()
    assert (code.type, code.code, code.start, code.end) == (1, "123456", PERIOD[:5], None)
    assert device.by_hand(lambda lock, now: hands.enter_code(lock, "123456", now), 9.0)
    assert device.memory.unlocked


def test_pushes_leave_time_for_a_client_that_takes_the_newest_frame() -> None:
    """K3 picks the newest queued frame: no push comes within 100 ms of a reply (ttlock-ble 11)."""
    device = new_lock("K3", paired=True)

    async def talk(connection: Connection) -> None:
        client = WireClient("K3", connection, K1)
        await client.arrive()
        await client.ask(USER_BINARY)
        await client.ask(UNLOCK)
        await asyncio.sleep(0.1)
        assert client.heard.empty()
        await asyncio.sleep(1.0)
        assert client.heard.qsize() == 2  # the state and the record

    over("bare", device, talk)
