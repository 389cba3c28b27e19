"""Whatever is done to a lock from all sides: what opens it at last is what somebody calls active.

The dding SaaS and the TTLock cloud work through a gateway each, people make codes at the keypad; meanwhile
lines, answers and the supply fail.
"""

from __future__ import annotations

from contextlib import suppress
from itertools import pairwise
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from lockbench_emulator.boot.power import STYLES, cut_at, settling
from lockbench_emulator.cloud.dding.cloud import Refused
from lockbench_emulator.cloud.ttlock import Refused as TtlockRefused
from lockbench_emulator.cloud.ttlock.bench import TtlockBench

CODES = ("135790", "246801", "975318", "864203")
MINUTE = 60
APART = 76.0  # s between two presses, so that the keypad is never locked out
ACTIVE = 2
OFFLINE, SILENT = -3002, -3003

codes = st.sampled_from(CODES)
windows = st.none() | st.tuples(st.integers(-5, 10), st.integers(1, 90))
"""First minute from now, and how many."""


class Sides(RuleBasedStateMachine):
    house: Any = None
    make: Any

    @initialize()
    def begin(self) -> None:
        self.house = self.make().furnish()
        self.house.register()
        self.ids: list[int] = []  # of all passwords that the dding SaaS ever had
        self.owed: tuple[str, dict[str, object]] | None = None  # a call of the app that got no answer

    @rule(code=codes, window=windows)
    def add(self, code: str, window: tuple[int, int] | None) -> None:
        dates = ("permission_begin", "permission_end", 1)
        fields = {} if window is None else self._window(window, *dates)
        self.ids.append(self.house.add(code, **fields))

    def _window(self, window: tuple[int, int], start: str, end: str, unit: int) -> dict[str, int]:
        first = int(self.house.time) // MINUTE + window[0]
        return {start: first * MINUTE * unit, end: (first + window[1]) * MINUTE * unit}

    @rule(
        which=st.integers(0, 5),
        name=st.sampled_from(["delete_password", "frozen_password", "unfrozen_password"]),
    )
    def change(self, which: int, name: str) -> None:
        self._ask(name, which)

    @rule(which=st.integers(0, 5), code=codes)
    def recode(self, which: int, code: str) -> None:
        self._ask("update_password", which, password=code, phonenumber="1")

    def _ask(self, name: str, which: int, **fields: object) -> None:
        if self.ids:
            with suppress(Refused):  # it is gone
                self.house.ask(name, self.ids[-1 - which % len(self.ids)], **fields)

    @rule(code=codes, other=codes, op=st.sampled_from(["add", "update", "delete"]))
    def keypad(self, code: str, other: str, op: str) -> None:
        self.house.site.device("l").flash.hook = None  # nobody would know what he did in the dark
        number = self.house.locks.codes.number_of("l", other)
        with suppress(Refused):
            done = self.house.hands.local_password("l", op, number, code)
            self.ids.append(done)

    @rule(code=codes, window=windows)
    def app_adds(self, code: str, window: tuple[int, int] | None) -> None:
        dates = {} if window is None else self._window(window, "startDate", "endDate", 1000)
        kind = 2 if window is None else 3
        self._app("add_passcode", keyboardPwd=code, keyboardPwdType=kind, addType=2, **dates)

    @rule(which=st.integers(0, 5), code=codes)
    def app_changes(self, which: int, code: str) -> None:
        self._app("change_passcode", which, newKeyboardPwd=code, changeType=2)

    @rule(which=st.integers(0, 5))
    def app_deletes(self, which: int) -> None:
        self._app("delete_passcode", which, deleteType=2)

    def _app(self, name: str, which: int | None = None, **fields: object) -> None:
        """A caller who got no answer asks again before he asks for anything else."""
        self._ask_again()
        if which is not None:
            rows = self.house.store.all("SELECT passcode_id FROM passcodes")
            if not rows:
                return
            fields["keyboardPwdId"] = rows[which % len(rows)]["passcode_id"]
        if self.owed is None:
            self._try(name, fields)

    def _ask_again(self) -> None:
        if self.owed is not None:
            owed, self.owed = self.owed, None
            self._try(*owed, keep=(SILENT, OFFLINE))

    def _try(self, name: str, fields: dict[str, object], keep: tuple[int, ...] = (SILENT,)) -> None:
        try:
            self.house.app(name, **fields)
        except TtlockRefused as refusal:
            if refusal.errcode in keep:
                self.owed = name, fields

    @rule(loss=st.sampled_from(["command lost", "answer lost", "answer lost", None]))
    def app_loses(self, loss: str | None) -> None:
        self.house.gateways.trouble[self.house.site.device("l").address] = loss

    @rule(online=st.booleans())
    def app_line(self, online: bool) -> None:
        TtlockBench(self.house.ttlock).set_gateway(self.house.gateway, online=online)

    @rule(op=st.sampled_from(["unlock", "lock"]))
    def move(self, op: str) -> None:
        """The app moves the very bolt; only an answer is a promise."""
        with suppress(TtlockRefused):
            self.house.app(op)
            assert self.house.site.device("l").memory.unlocked == (op == "unlock")

    @rule(code=codes)
    def press(self, code: str) -> None:
        self.house.press(code)

    @rule(device=st.sampled_from(["g", "l"]), online=st.booleans())
    def line(self, device: str, online: bool) -> None:
        self.house.hands.set_line(device, online=online)

    @rule(trouble=st.sampled_from(["command lost", "answer lost", "answer lost", "refuses", None]))
    def trouble(self, trouble: str | None) -> None:
        self.house.locks.trouble["l"] = trouble

    @rule(on=st.booleans())
    def power(self, on: bool) -> None:
        self.house.locks.set_power("l", on=on)

    @rule(after=st.integers(0, 5), style=st.sampled_from(sorted(STYLES)))
    def cut(self, after: int, style: str) -> None:
        """The supply fails while the flash is written, soon."""
        flash = self.house.site.device("l").flash
        flash.hook = cut_at(flash.operations + after, settling(style, 1))

    @rule(seconds=st.sampled_from([0.5, 1.0, 31.0, 120.0, 1800.0]))
    def wait(self, seconds: float) -> None:
        self.house.wait(seconds)

    @precondition(lambda self: self.house is not None)
    @rule()
    def deliver(self) -> None:
        """All comes to rest, and all agree."""
        house = self.house
        house.locks.trouble.clear()
        house.site.device("l").flash.hook = None
        house.locks.set_power("l", on=True)
        for device in ("g", "l"):
            house.hands.set_line(device, online=True)
        house.gateways.trouble.clear()
        TtlockBench(house.ttlock).set_gateway(house.gateway, online=True)
        self._ask_again()
        assert self.owed is None
        house.wait(400)
        assert all(row["operation_stage"] != 1 for row in house.rows().values())
        for code in CODES:
            house.wait(APART)
            assert house.press(code) == (code in self._active())
        theirs = "SELECT code FROM dding_passwords WHERE held UNION SELECT code FROM passcodes"
        assert sorted(house.listed()) == [row["code"] for row in house.store.all(f"{theirs} ORDER BY code")]

    def _active(self) -> set[str]:
        """What the dding SaaS calls active, codes of the keypad among it, and what the TTLock cloud does."""
        rows = self.house.store.all("SELECT id, code FROM dding_passwords")
        digits = {str(row["id"]): row["code"] for row in rows}
        now = round(self.house.time * 1000)
        app = self.house.store.all(
            'SELECT code FROM passcodes WHERE type = 2 OR start <= ? AND ? < "end"', now, now
        )
        return {digits[name] for name, row in self.house.rows().items() if row["pwd_state"] == ACTIVE} | {
            row["code"] for row in app
        }

    @invariant()
    def alarms_alternate(self) -> None:
        if self.house is not None:
            for device in ("g", "l"):
                lines = [name for name in self.house.events(device) if "Offline" in name]
                assert all(("clear" in one) != ("clear" in other) for one, other in pairwise(lines))

    def teardown(self) -> None:
        if self.house is not None:
            self.deliver()
            self.house.store.close()


def test_what_opens_is_what_somebody_calls_active(unfurnished: Any) -> None:
    from hypothesis.stateful import run_state_machine_as_test

    machine = type("Sides", (Sides,), {"make": unfurnished})
    run_state_machine_as_test(
        machine, settings=settings(max_examples=15, stateful_step_count=20, deadline=None)
    )
