"""PWD: codes of other keypads and of other kinds, and the lists that lock, app and keypad agree on."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.configuration import recover_passcode
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import (
    PERMANENT,
    LockRefused,
    add_passcode,
    clear_passcodes,
    delete_passcode,
    list_passcodes,
    modify_passcode,
    set_time,
)
from lockbench_harness.machines import Machine, rule
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.lock.status import Status

from lockbench_conformance.dding import add as add_to_dding
from lockbench_conformance.dding import bind_own, furnished, ok, passwords, settled
from lockbench_conformance.model import LockModel, Window, always
from lockbench_conformance.words import DIGITS, codes, refused

APART = 31.0  # seconds between two codes
SLOWLY = 76.0  # so slowly that wrong codes do not lock the keypad
BERLIN = ZoneInfo("Europe/Berlin")
WEEKDAYS = 0b11111  # bit 0 is Monday
ACTIVE = 2  # pwd_state
WRITTEN = (PasscodeType.PERMANENT, PasscodeType.COUNT, PasscodeType.PERIOD)  # cyclic ones only come back


async def refusal_of(client: LockClient, bench: LockBench, code: str) -> int | None:
    try:
        await client.run(add_passcode(bench.keys, code))
    except LockRefused as error:
        return error.code
    return None


@case(
    "PWD/5",
    clause="ttlock-ble 5.6 bit 60, 8; createCustomPasscode: passcode",
    needs=("passcodes", "incomplete_passcode"),
    links=("bare", "air"),
    examples=3,
    good=codes,
    at=st.integers(0, 9),
)
async def test_a_code_has_only_digits_of_the_keypad(bench: LockBench, good: str, at: int) -> None:
    """An incomplete keypad has the digits 1 to x; a code with another digit is refused and not stored."""
    stored = []
    async with bench.session() as client:
        for digit in DIGITS:
            code = good[:at] + digit + good[at + 1 :] if at < len(good) else digit * 4
            answer = await refusal_of(client, bench, code)
            expect(
                answer in (None, Status.PASSCODE_LENGTH, Status.INVALID_PARAMETER),
                True,
                f"is {answer} the answer to {code}",
            )
            if answer is None:
                stored.append((digit, code))
        lacking = sorted(set(DIGITS) - {digit for digit, _ in stored})
        highest = max((int(digit) for digit, _ in stored), default=0)
        expect(lacking, sorted({"0", *DIGITS[highest + 1 :]}), "the digits that are refused")
        expect(len(lacking) > 1, True, "does the keypad end before 9")
        listed = [row.code for row in await client.run(list_passcodes(bench.keys))]
    expect(listed, [code for _, code in stored], "the listed codes")


@case(
    "PWD/20",
    clause="ttlock-ble 5.8 op 6 type 4, 5.9; policy: bits of weekdays, from the hour of the start",
    needs=("passcodes", "hands", "clock", "cyclic_passcode"),
    links=("bare",),
    examples=4,
    code=codes,
    cycle=st.just(WEEKDAYS) | st.integers(1, 0x7F),
    spring=st.booleans(),
)
async def test_a_cyclic_code_keeps_its_days(bench: LockBench, code: str, cycle: int, spring: bool) -> None:  # noqa: FBT001 - drawn
    """A cyclic code opens on its days from its hour on, in the week in which summer time begins or ends."""
    monday = datetime(2026, 3, 23, tzinfo=BERLIN) if spring else datetime(2026, 10, 19, tzinfo=BERLIN)
    start = date5(datetime(2026, 1, 1, 9))  # noqa: DTZ001 - a lock's time has no zone
    async with bench.session() as client:
        await client.run(recover_passcode(bench.keys, PasscodeType.CYCLIC, code, start, cycle=cycle))
        rows = await client.run(list_passcodes(bench.keys))
        expect([(row.type, row.start) for row in rows], [(PasscodeType.CYCLIC, start)], "the listed rows")
    for day in range(8):
        for hour, minute in ((8, 57), (9, 0), (17, 0)):
            local = (monday + timedelta(days=day)).replace(hour=hour, minute=minute, tzinfo=None)
            async with bench.session() as client:
                await client.run(set_time(bench.keys, local))
            await asyncio.sleep(SLOWLY)
            seen = bench.hands.enter_code(code)
            wanted = bool(cycle >> day % 7 & 1) and hour >= 9
            expect(seen, wanted, f"does the code of the days {cycle:07b} open at {local:%a %H:%M}")


@case(
    "PWD/27",
    clause="policy: lock, app and keypad know the same codes; ttlock-ble 5.8, 5.9, 8",
    needs=("passcodes", "hands", "clock", "fresh", "full keypad", "cloud faults", "dding", "gateway"),
    links=("bare", "air"),
    examples=2,
)
class TestLists(Machine):
    """After any changes lock, app and two clouds list what was written; the keypad opens for just that."""

    steps = 8
    bench: LockBench
    client: LockClient

    async def begin(self) -> None:
        bench = self.bench
        self.model = LockModel(bench.credentials.admin_passcode, bench.local())
        self.client = bench.client()
        self.cloud = await bench.cloud()
        own = {"client_id": self.cloud.account.client_id, "username": self.cloud.account.username}
        gateway = self.cloud.hands.control("add_gateway", mac="A0:00:00:00:00:01", **own)
        self.cloud.hands.control("hear", gateway_id=gateway, mac=bench.address)
        self.dding = await furnished(bench, admin=False)
        bind_own(self.dding, bench)
        self.ttlock: dict[str, int] = {}  # digits of what each cloud wrote: its number there
        self.saas: dict[str, int] = {}

    def now(self) -> float:
        return asyncio.get_running_loop().time()

    def window(self, name: str) -> Window:
        """Around the present hour, far from its edges; PWD/9 looks at those."""
        here = self.model.local(self.now())
        first, last = {"past": (-48, -24), "now": (-24, 24), "future": (24, 48)}.get(name, (0, 0))
        if name == "ever":
            return PERMANENT
        return date5(here + timedelta(hours=first)), date5(here + timedelta(hours=last))

    @rule(
        code=st.sampled_from(("1111", "2222", "12341", "123412")),
        other=st.sampled_from(("1111", "2222", "3333", "66554")),
        kind=st.sampled_from(WRITTEN),
        window=st.sampled_from(("past", "now", "now", "future", "ever")),
        what=st.sampled_from(("add", "add", "add", "recode", "redate", "delete", "clear", "type", "jump")),
    )
    async def change(self, code: str, other: str, kind: PasscodeType, window: str, what: str) -> None:
        await asyncio.sleep(APART)
        dates = self.window(window)
        async with self.bench.session(self.client):
            await getattr(self, f"_{what}")(code, other, kind, dates)

    async def _add(self, code: str, _other: str, kind: PasscodeType, dates: Window) -> None:
        operation = add_passcode(self.bench.keys, code, dates, kind)
        if code in self.model.codes:
            with refused(Status.PASSCODE_EXISTS):
                await self.client.run(operation)
        else:
            await self.client.run(operation)
            self.model.add(kind, code, dates, self.now())

    async def _recode(self, code: str, other: str, kind: PasscodeType, _dates: Window) -> None:
        operation = modify_passcode(self.bench.keys, code, other, kind=kind)
        if code not in self.model.codes:
            with refused(Status.PASSCODE_UNKNOWN):
                await self.client.run(operation)
        elif other in self.model.codes and other != code:
            with refused(Status.PASSCODE_EXISTS):
                await self.client.run(operation)
        else:
            await self.client.run(operation)
            self.model.change(code, other, None, self.now())

    async def _redate(self, code: str, _other: str, kind: PasscodeType, dates: Window) -> None:
        operation = modify_passcode(self.bench.keys, code, window=dates, kind=kind)
        if code not in self.model.codes:
            with refused(Status.PASSCODE_UNKNOWN):
                await self.client.run(operation)
        else:
            await self.client.run(operation)
            self.model.change(code, code, dates, self.now())

    async def _delete(self, code: str, _other: str, kind: PasscodeType, _dates: Window) -> None:
        operation = delete_passcode(self.bench.keys, code, kind)
        if code not in self.model.codes:
            with refused(Status.PASSCODE_UNKNOWN):
                await self.client.run(operation)
        else:
            await self.client.run(operation)
            self.model.delete(code, self.now())

    async def _clear(self, *_: object) -> None:
        if self.ttlock or self.saas:
            return  # no cloud would hear of it
        await self.client.run(clear_passcodes(self.bench.keys))
        self.model.clear(self.now())

    async def _type(self, code: str, *_: object) -> None:
        self._press(code)

    async def _jump(self, _code: str, _other: str, _kind: PasscodeType, dates: Window) -> None:
        """The app sets the clock to a day on which other codes are valid."""
        local = self.bench.local() if always(dates) else self.model.local(self.now()) + timedelta(hours=36)
        await self.client.run(set_time(self.bench.keys, local))
        self.model.set_clock(local, self.now())

    @rule(code=st.sampled_from(("246801", "975318")), what=st.sampled_from(("ttlock", "dding", "freeze")))
    async def ask_cloud(self, code: str, what: str) -> None:
        """A cloud whose code it is takes it out; else, if it is nobody's, a cloud writes it."""
        await asyncio.sleep(APART)
        if code in self.ttlock:
            await self.cloud.session.delete_passcode(self.cloud.lock_id, self.ttlock.pop(code), how=2)
            self.model.delete(code, self.now())
        elif code in self.saas:
            name = "frozen_password" if what == "freeze" else "delete_password"
            await ok(self.dding, name, uuid=self.bench.address, password_id=self.saas.pop(code))
            await settled()
            self.model.delete(code, self.now())
        elif code not in self.model.codes:
            if what == "ttlock":
                add = self.cloud.session.add_passcode
                self.ttlock[code] = await add(self.cloud.lock_id, code, 0, 0, how=2)
            else:
                self.saas[code] = await add_to_dding(self.dding, code, uuid=self.bench.address)
                await settled()
            self.model.add(PasscodeType.PERIOD, code, PERMANENT, self.now())

    def _press(self, code: str) -> None:
        wanted = self.model.type_code(code, self.now())
        shown = self.model.local(self.now())
        expect(self.bench.hands.enter_code(code), wanted, f"does {code} open at {shown:%Y-%m-%d %H:%M:%S}")

    async def check(self) -> None:
        """The whole list, those of the clouds, and the keypad for one code of it after the other."""
        async with self.bench.session(self.client):
            listed = await self.client.run(list_passcodes(self.bench.keys))
        expect(self.model.fits(listed), [], "where the lock's list differs")
        rows = (await self.cloud.session.passcodes(self.cloud.lock_id)).rows
        shown = sorted(row.keyboard_pwd for row in rows)
        expect(shown, sorted(self.ttlock), "what the TTLock cloud lists")
        held = await passwords(self.dding, self.bench.address)
        active = sorted(number for number, row in held.items() if row.get("pwd_state") == ACTIVE)
        expect(active, sorted(map(str, self.saas.values())), "what the dding SaaS calls active")
        for code in [*self.model.codes][:2]:
            await asyncio.sleep(APART)
            self._press(code)
