"""The gateways of the dding SaaS: its commands go into the locks of a site, and their records come back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from functools import partial

from lockbench_emulator.cloud.dding.agent import Command, Outcome, Report, Trouble
from lockbench_emulator.gatt import Effect, Happened
from lockbench_emulator.lock import hands
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.lock.refused import Refused
from lockbench_emulator.site import Site, local_time
from lockbench_protocol import RemoteError
from lockbench_protocol.cloud.dding.replies import ADMIN_ID
from lockbench_protocol.lock.advertising import Flag
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.dates import read_date
from lockbench_protocol.lock.status import Status

from lockbench_harness.client.operations import (
    Keys,
    LockRefused,
    LogRecord,
    Operation,
    get_time,
    read_log,
    set_time,
)
from lockbench_harness.site.codes import DOUBTFUL, Code, Codes, Taken
from lockbench_harness.site.gateway import visit

CLOCK_DRIFT = timedelta(minutes=1)
"""A lock's clock that is further off is set right."""
WORDS: dict[int, str] = {
    Status.PASSCODE_EXISTS: "the code exists",
    Status.OUT_OF_MEMORY: "the lock is full",
    Status.FROZEN: "the lock is frozen",
}


class SiteLocks:
    """See `Agent` and `Hands` of the dding SaaS. `trouble` says what happens to a lock's commands."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.trouble: dict[str, Trouble] = {}
        self.codes = Codes(site)

    # Commands of the cloud

    def carry_out(self, command: Command) -> Outcome | None:
        trouble, uuid = self.trouble.get(command.uuid), command.uuid
        if trouble == "refuses":
            return Outcome(done=False, why="the lock refused")
        try:
            if command.verb == "put":
                self.codes.put(uuid, _code(command), trouble)
            else:
                self.codes.remove(uuid, command.password_id, trouble)
        except Taken as taken:
            return Outcome(done=False, why=str(taken))
        except LockRefused as refusal:
            return Outcome(done=False, why=WORDS.get(refusal.code, "the lock refused"))
        except RemoteError:
            return None
        return Outcome(done=True)

    def check(self, command: Command) -> Outcome | None:
        try:
            if command.verb == "put":
                done = self.codes.check_put(command.uuid, _code(command))
            else:
                done = self.codes.check_removed(command.uuid, command.password_id)
        except RemoteError:
            return None
        return Outcome(done, "" if done else "the lock does not show it")

    def admin_code(self, uuid: str) -> str | None:
        return self.codes.digits_of(uuid, ADMIN_ID) or None

    def unbound(self, uuid: str) -> None:
        self.codes.leave(uuid, but=ADMIN_ID)
        with suppress(RemoteError):
            self.codes.tidy(uuid)

    def reports(self, uuid: str) -> list[Report]:
        """What the lock recorded since it was last read. Its advertisement says whether it did.

        Records wait for the end of a doubt: a code that was perhaps written may have opened.
        """
        fresh = self.site.device(uuid).flags() & Flag.NEW_RECORDS
        if not fresh or self.codes.digits_of(uuid, DOUBTFUL):
            return []
        try:
            records = visit(self.site, uuid, lambda _keys: read_log(new=True))
        except RemoteError:
            return []
        told = (self._told(uuid, record) for record in records)
        return [report for report in told if report is not None]

    def _told(self, uuid: str, record: LogRecord) -> Report | None:
        """The record as the cloud knows such things; openings by codes that are not its own it does not."""
        at = round((read_date(record.date) - local_time(0)).total_seconds() * 1000)
        if record.type == LogType.WRONG_PASSCODE:
            return Report("wrong", at)
        if record.type == LogType.TAMPER:
            return Report("broken", at)
        if record.type == LogType.KEYPAD_UNLOCK:
            number = self.codes.number_of(uuid, record.tail.get("code", ""))
            if number is not None and number >= 0:
                return Report("opened", at, {"password_id": number})
        return None

    # Hands

    def press(self, uuid: str, code: str, report: Callable[..., None]) -> bool:  # noqa: ARG002 - it is on record
        effects = self.site.act(uuid, lambda now: self.site.device(uuid).enter_code(code, now))
        return Happened("bolt", {"unlocked": True}) in effects

    def set_code(self, uuid: str, password_id: int, code: str) -> bool:
        old = self.codes.digits_of(uuid, password_id)
        if not self._menu(
            uuid, partial(hands.change_code, old, code) if old else partial(hands.make_code, code)
        ):
            return False
        self.codes.keep(uuid, Code(password_id, code, None, None))
        return True

    def drop_code(self, uuid: str, password_id: int) -> bool:
        digits = self.codes.digits_of(uuid, password_id)
        if not self._menu(uuid, partial(hands.drop_code, digits)):
            return False
        self.codes.forget(uuid, digits)
        return True

    def _menu(self, uuid: str, entry: Callable[[Lock, float], list[Effect]]) -> bool:
        """Choose an entry of the keypad's menu; False: the lock refuses, or has no power."""
        device, done = self.site.device(uuid), [False]

        def choose(lock: Lock, now: float) -> list[Effect]:
            try:
                effects = entry(lock, now)
            except Refused:
                return lock.finish()
            done[0] = True
            return effects

        self.site.act(uuid, lambda now: device.by_hand(choose, now))
        return done[0]

    def set_power(self, uuid: str, *, on: bool) -> None:
        """Pull the battery, or put it back in; then the gateway sees to the clock."""
        device, now = self.site.device(uuid), self.site.now()
        self.site.act(uuid, device.restore_power if on else device.cut_power)
        if on:
            with suppress(RemoteError):
                visit(self.site, uuid, lambda keys: _set_clock(keys, now))


def _code(command: Command) -> Code:
    return Code(command.password_id, command.code, command.start, command.end)


def _set_clock(keys: Keys, now: float) -> Operation[None]:
    right = local_time(now)
    if abs((yield from get_time()) - right) > CLOCK_DRIFT:
        yield from set_time(keys, right)
