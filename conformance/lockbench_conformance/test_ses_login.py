"""SES: who may do what."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import (
    LockRefused,
    answer,
    check_admin,
    check_user,
    features,
    get_time,
    list_passcodes,
    lock,
    login_admin,
    login_user,
    set_time,
    status,
    unlock,
)
from lockbench_harness.machines import Machine, rule
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.row import VENDOR_STRING
from lockbench_protocol.lock.commands.settings import SET
from lockbench_protocol.lock.dates import date5, date6
from lockbench_protocol.lock.features import Feature, bits
from lockbench_protocol.lock.status import Status

from lockbench_conformance.words import ended_by, move_request, refused

ABSENT = "0000000"  # no lock of a case has this passcode
# plaintexts of commands for the administrator that change nothing in a lock that lets nobody else give them
ADMIN_COMMANDS: dict[int, bytes] = {
    0x07: b"\x00\x00",
    0x68: b"\x01",
    0x03: COMMANDS[0x03].build_request({"op": 3, "args": {"type": 3, "code": ABSENT}}),
    0x02: VENDOR_STRING,
}
ALLOWED = None


ACTIONS = ("admin answered", "user answered", "reconnect", "admin", "user")


@case(
    "SES/6",
    clause="ttlock-ble 5.1, 6; plug-in errors 2, 8, 18",
    needs=("passcodes", "logins", "tells time"),
    links=("bare", "air"),
    examples=3,
)
class TestLogin(Machine):
    """Each command is allowed, or refused with 18, 2 or 8, just as the login of this connection says."""

    steps = 6
    bench: LockBench
    client: LockClient

    async def begin(self) -> None:
        self.client = self.bench.client()
        await self.connect()

    async def connect(self) -> None:
        await self.client.connect()
        self.checked: int | None = None  # 0x41 or 0x55, when it was answered
        self.answered = False
        self.sum = 0

    # one rule: with several, Hypothesis leaves some out of an example
    @rule(action=st.sampled_from(ACTIONS))
    async def act(self, action: str) -> None:
        if action == "reconnect":
            await self.client.disconnect()
            await self.connect()
            return
        keys = self.bench.keys
        ps = await self.client.run(check_admin(keys) if action.startswith("admin") else check_user(keys))
        self.checked, self.sum = 0x41 if action.startswith("admin") else 0x55, answer(ps, keys)
        self.answered = action.endswith("answered")
        if self.answered:
            with ended_by(LockRefused):
                await self.client.ask(0x30, (self.sum ^ 1).to_bytes(4, "big"))
            await self.ask(0x30, self.sum.to_bytes(4, "big"), ALLOWED)

    async def check(self) -> None:
        nobody = None if self.checked else Status.NOT_LOGGED_IN
        for opcode in (0x47, 0x58):
            right, wrong = (move_request(sum_, 1) for sum_ in (self.sum, self.sum ^ 1))
            await self.ask(opcode, wrong, nobody or Status.INVALID_DYNAMIC_CODE)
            await self.ask(opcode, right, nobody)
        if nobody:
            await self.ask(0x30, bytes(4), nobody)
        for opcode in (0x03, 0x07, 0x68):
            await self.ask(opcode, ADMIN_COMMANDS[opcode], self.only_for_an_administrator())
        now = await self.client.run(get_time())
        await self.ask(0x43, date6(now), ALLOWED if self.answered else Status.NOT_LOGGED_IN)

    def only_for_an_administrator(self) -> Status | None:
        if not self.answered:
            return Status.NOT_LOGGED_IN
        return ALLOWED if self.checked == 0x41 else Status.NOT_ADMIN

    async def ask(self, opcode: int, plain: bytes, wanted: Status | None) -> None:
        """What is allowed may still find that there is no such passcode."""
        seen: int | None = ALLOWED
        try:
            await self.client.ask(opcode, plain)
        except LockRefused as error:
            seen = ALLOWED if error.code == Status.PASSCODE_UNKNOWN else error.code
        who = {None: "nobody", 0x41: "the administrator", 0x55: "a user"}[self.checked]
        how = "logged in" if self.answered else "challenged" if self.checked else "connected"
        expect(seen, wanted, f"the refusal of 0x{opcode:02x} to {who} who is {how}")


@case(
    "SES/7",
    clause="ttlock-ble 4, 5.1, 6; plug-in error 2",
    needs=("passcodes", "logins"),
    links=("bare", "air"),
    examples=4,
    opcode=st.sampled_from(sorted(ADMIN_COMMANDS)),
)
async def test_a_user_is_no_administrator(bench: LockBench, opcode: int) -> None:
    """A command of the administrator is refused with 2 to a user who has logged in, and does nothing."""
    async with bench.session() as client:
        before = await client.run(list_passcodes(bench.keys))
    async with bench.session() as client:
        await client.run(login_user(bench.keys))
        for plain in (ADMIN_COMMANDS[opcode], ADMIN_COMMANDS[opcode] + bytes(4)):
            with refused(Status.NOT_ADMIN):
                await client.ask(opcode, plain)
        with refused(Status.NOT_ADMIN):
            await client.ask(0x03, COMMANDS[0x03].build_request(ADDED))
        await client.run(status())
    async with bench.session() as client:
        expect(await client.run(list_passcodes(bench.keys)), before, "the passcodes afterwards")


ADDED = {"op": 2, "args": {"type": 3, "code": ABSENT, "start": bytes(5), "end": b"\x63" * 5}}


@case(
    "SES/8",
    clause="ttlock-ble 5.3; plug-in error 3",
    links=("bare", "air"),
    examples=4,
    wrong=st.integers(0, 0xFFFFFFFF),
)
async def test_a_wrong_administrator_password_is_refused(bench: LockBench, wrong: int) -> None:
    """Another administrator password is refused with 3 and opens no way; the right one then works."""
    keys = bench.keys
    async with bench.session() as client:
        for other in sorted({wrong, keys.admin_ps ^ 1, keys.admin_ps ^ 1 << 31} - {keys.admin_ps}):
            with refused(Status.WRONG_ADMIN_PASSWORD):
                await client.run(check_admin(replace(keys, admin_ps=other)))
            for opcode in (0x30, 0x47):
                with refused(Status.NOT_LOGGED_IN):
                    await client.ask(opcode, keys.unlock_key.to_bytes(4, "big") + bytes(4))
        await client.run(login_admin(keys))


@case(
    "SES/9",
    clause="ttlock-ble 4, 5.3; plug-in error 13",
    needs=("fresh",),
    examples=3,
    position=st.integers(1, 0xFFFFFF),
    back=st.integers(1, 0xFFFFFF),
)
async def test_a_revoked_key_is_refused(bench: LockBench, position: int, back: int) -> None:
    """After a login with a larger flag position every key with a smaller one is refused with 13, for good."""
    now, past = (replace(bench.keys, flag_position=at) for at in (position, max(0, position - back)))
    async with bench.session() as client:
        await client.run(unlock(past, 1))
        await client.run(lock(past, 2, admin=True))
        await client.run(login_admin(now))
    async with bench.session() as client:
        for check in (check_admin, check_user):
            with refused(Status.FLAG_POSITION_LOW):
                await client.run(check(past))
            await client.run(check(now))


@case(
    "SES/10",
    clause="ttlock-ble 4, 5.3, 5.15; plug-in errors 14, 17, 28",
    needs=("clock",),
    links=("bare", "air"),
    examples=3,
    start=st.datetimes(datetime(2001, 1, 1), datetime(2098, 1, 1)),  # noqa: DTZ001 - a lock's time has no zone
    minutes=st.integers(0, 400_000),
)
async def test_a_key_holds_from_its_first_to_its_last_second(
    bench: LockBench, start: datetime, minutes: int
) -> None:
    """A key is refused with 17 before its first second, with 14 after its last, and with 28 when frozen."""
    start = start.replace(second=0, microsecond=0)
    end = start + timedelta(minutes=minutes)
    key = replace(bench.keys, window=(date5(start), date5(end)))
    async with bench.session() as client:
        before = await client.run(get_time())
        for second in (start, end + timedelta(seconds=59)):
            await client.run(set_time(bench.keys, second))
            await client.run(check_user(key))
        for second, code in (
            (start - timedelta(seconds=1), Status.KEY_NOT_YET),
            (end + timedelta(seconds=60), Status.KEY_EXPIRED),
        ):
            await client.run(set_time(bench.keys, second))
            with refused(code):
                await client.run(check_user(key))
        await client.run(check_admin(key))
        await client.run(set_time(bench.keys, before))
        _, words = await client.run(features())
        if Feature.FREEZE in bits(words):
            await client.run(login_admin(bench.keys))
            await client.ask(0x61, bytes((SET, 1)))
            with refused(Status.FROZEN):
                await client.run(unlock(bench.keys, 1))
            await client.run(login_admin(bench.keys))
            await client.ask(0x61, bytes((SET, 0)))
            await client.run(check_user(bench.keys))
