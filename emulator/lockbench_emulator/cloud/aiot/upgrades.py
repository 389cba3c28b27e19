"""The upgrades of the AIOT cloud: idle, queued, downloading, transferring, installing, then done or failed.

A gateway and its devices never upgrade at once: what came later waits. Versions switch on success only. What
a door tells is pushed: one progress each ten percent, never less than before, then exactly one result.
"""

from __future__ import annotations

import sqlite3

from lockbench_protocol.cloud.aiot.models import APP_ID, APP_KEY
from lockbench_protocol.cloud.aiot.pushes import CAUSES, DONE, FAILED, Progress, Push, Result, push_body

from lockbench_emulator.cloud.aiot.agent import Agent, Job
from lockbench_emulator.cloud.aiot.core import Core
from lockbench_emulator.cloud.outbox import Outbox


class Upgrades:
    def __init__(self, core: Core, agent: Agent, outbox: Outbox) -> None:
        self._core = core
        self._agent = agent
        self._outbox = outbox

    # Questions

    def running(self, did: str) -> bool:
        """Whether the device is being upgraded, or waits for it."""
        return self._any("SELECT 1 FROM aiot_upgrades WHERE did = ? AND ended IS NULL", did)

    def children_running(self, did: str) -> bool:
        """Whether a device behind this gateway is."""
        return self._any(
            "SELECT 1 FROM aiot_upgrades JOIN aiot_devices USING (did) WHERE gateway = ? AND ended IS NULL",
            did,
        )

    def _any(self, sql: str, *values: str | int) -> bool:
        return self._core.store.one(sql, *values) is not None

    def history(self, did: str) -> list[sqlite3.Row]:
        return self._core.store.all("SELECT * FROM aiot_upgrades WHERE did = ? ORDER BY number", did)

    # Starting

    def add(self, device: sqlite3.Row, firmware: sqlite3.Row) -> int:
        """Queue an upgrade; its number. Call `start_queued` after the last."""
        return self._core.store.insert(
            "INSERT INTO aiot_upgrades"
            " (did, appid, version, firmware, state, percent, pushed, started, ended, cause)"
            " VALUES (?, ?, ?, ?, 'queued', 0, -1, ?, NULL, '')",
            *(device["did"], device["appid"], firmware["version"], firmware["number"], self._core.millis()),
        )

    def start_queued(self) -> None:
        """Start what waits for nothing, oldest first."""
        for row in self._core.store.all("SELECT * FROM aiot_upgrades WHERE state = 'queued' ORDER BY number"):
            if not self._waits(row):
                self._start(row)

    def _waits(self, row: sqlite3.Row) -> bool:
        """Whether an earlier upgrade of its gateway, or of a device behind it, is under way."""
        return self._any(
            "SELECT 1 FROM aiot_upgrades e JOIN aiot_devices d ON d.did = e.did"
            " JOIN aiot_devices o ON o.did = ?"
            " WHERE e.number < ? AND e.ended IS NULL AND (d.did = o.gateway OR d.gateway = o.did)",
            *(row["did"], row["number"]),
        )

    def _start(self, row: sqlite3.Row) -> None:
        store, number = self._core.store, row["number"]
        store.run("UPDATE aiot_upgrades SET state = 'downloading' WHERE number = ?", number)
        device = store.the("SELECT * FROM aiot_devices WHERE did = ?", row["did"])
        firmware = store.the("SELECT image FROM aiot_firmware WHERE number = ?", row["firmware"])
        if not self._core.online(device):
            self._end(number, "offline")
            return
        self._tell(number, 0)
        steps = self._agent.start(Job(number, row["did"], row["version"], firmware["image"]))
        due = self._core.millis()
        for step in steps or ():
            due += step.after
            self._work(due, number, step.percent, step.cause)
        if steps is None:
            self._work(due + self._core.policy.timeout, number, 0, "timeout")

    def _work(self, due: int, number: int, percent: int, cause: str) -> None:
        self._core.store.run(
            "INSERT INTO aiot_work (due, upgrade, percent, cause) VALUES (?, ?, ?, ?)",
            *(due, number, percent, cause),
        )

    # What doors tell

    def progressed(self, number: int, percent: int) -> None:
        """So much of the image is over. Less than before, or of an upgrade that is over, changes nothing."""
        with self._core.store.transaction():
            self._progress(number, percent)

    def finished(self, number: int, *, version: str = "", cause: str = "") -> None:
        """The door is done: the device now runs `version`, or it failed for `cause`, a key of CAUSES.

        A device that runs another version than it was given rejected it.
        """
        with self._core.store.transaction():
            row = self._running(number)
            if row is None:
                return
            if version:
                self._core.store.run("UPDATE aiot_devices SET version = ? WHERE did = ?", version, row["did"])
            self._end(number, cause or ("" if version == row["version"] else "rejected"))

    def lost(self, did: str, *, queued: bool = False) -> None:
        """The device went offline: what runs on it has failed, and, with `queued`, what waits."""
        for row in self._core.store.all(
            "SELECT number FROM aiot_upgrades WHERE did = ? AND ended IS NULL AND (? OR state != 'queued')",
            *(did, queued),
        ):
            self._end(row["number"], "offline")

    def step(self, work: sqlite3.Row) -> None:
        """A step of a device without a bootloader, or the end of a door's time."""
        number = work["upgrade"]
        self._core.store.run("DELETE FROM aiot_work WHERE number = ?", work["number"])
        row = self._running(number)
        if row is None:
            return
        if work["cause"]:
            self._end(number, work["cause"])
            return
        self._progress(number, work["percent"])
        if work["percent"] == 100:
            self._core.store.run(
                "UPDATE aiot_devices SET version = ? WHERE did = ?", row["version"], row["did"]
            )
            self._end(number, "")

    def _running(self, number: int) -> sqlite3.Row | None:
        return self._core.store.one(
            "SELECT * FROM aiot_upgrades WHERE number = ? AND ended IS NULL AND state != 'queued'", number
        )

    def _progress(self, number: int, percent: int) -> None:
        row = self._running(number)
        if row is None or not row["percent"] < percent <= 100:
            return
        state = "installing" if percent == 100 else "transferring"
        self._core.store.run(
            "UPDATE aiot_upgrades SET percent = ?, state = ? WHERE number = ?", percent, state, number
        )
        self._tell(number, percent)

    def _end(self, number: int, cause: str) -> None:
        """Settle an upgrade, tell of it, and start what waited for it."""
        store = self._core.store
        if not cause:
            self._progress(number, 100)
        store.run("DELETE FROM aiot_work WHERE upgrade = ?", number)
        store.run(
            "UPDATE aiot_upgrades SET state = ?, ended = ?, cause = ? WHERE number = ?",
            *("failed" if cause else "done", self._core.millis(), cause, number),
        )
        row = store.the(
            "SELECT u.*, d.version AS runs FROM aiot_upgrades u JOIN aiot_devices d USING (did)"
            " WHERE number = ?",
            number,
        )
        policy = self._core.policy
        version = row["runs"] if cause and policy.result_version == "running" else row["version"]
        words = CAUSES[cause][policy.language == "zh"] if cause else None
        self._push(
            row,
            Result(
                did=row["did"],
                firmware_version=version,
                upgrade_result=FAILED if cause else DONE,
                cause=words,
            ),
        )
        self.start_queued()

    # Pushes

    def _tell(self, number: int, percent: int) -> None:
        """Push a percentage when it is the next one to be told."""
        row = self._core.store.one("SELECT * FROM aiot_upgrades WHERE number = ?", number)
        each = self._core.policy.push_percent
        if row is None or (row["pushed"] >= 0 and percent // each <= row["pushed"] // each):
            return
        self._core.store.run("UPDATE aiot_upgrades SET pushed = ? WHERE number = ?", percent, number)
        self._push(row, Progress(did=row["did"], firmware_version=row["version"], progress=percent))

    def _push(self, row: sqlite3.Row, push: Push) -> None:
        app = self._core.store.the("SELECT * FROM aiot_apps WHERE appid = ?", row["appid"])
        policy = self._core.policy
        self._outbox.post(
            *(app["appid"], row["did"], push.msg_type, app["push_url"]),
            {APP_ID: app["appid"], APP_KEY: app["appkey"], "Content-Type": "application/json"},
            push_body(push, bare_version=policy.bare_version, quoted_progress=policy.quoted_progress),
        )
