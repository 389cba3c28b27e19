"""kill -9 in the middle of writes: what was acknowledged is there, what is pending is due, all agree.

Run as a program this file is the one that is killed: it forks once for each line that it reads, and the child
ends itself at the given statement of sqlite, before or after it.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

START = 1_709_214_300.0
KILLS = 24
CODES = ("111111", "222222", "333333", "444444", "555555")
GONE = 2  # the operation "delete"; what was asked of such a code later changes nothing
CHANGES = {
    "delete_password": GONE,
    "update_password": 3,
    "frozen_password": 4,
    "unfrozen_password": 5,
}


def test_a_process_that_is_killed_while_it_writes_loses_nothing(tmp_path: Path, unfurnished: Any) -> None:
    path, chance = tmp_path / "store", random.Random(1)  # noqa: S311 - test data
    with unfurnished(str(path)) as house:
        house.furnish()
    asked: dict[int, set[int]] = {}  # id: the operations of which one was the last to be acknowledged
    time, opened, perhaps, died = START, 0, 0, 0
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as killed:  # noqa: S603 - ourselves
        assert killed.stdin is not None
        assert killed.stdout is not None
        for seed in range(KILLS):
            order = {"path": str(path), "seed": seed, "time": time, "moment": chance.randrange(20, 400)}
            killed.stdin.write(json.dumps(order) + "\n")
            killed.stdin.flush()
            begun: dict[str, Any] = {}
            for line in killed.stdout:
                told = json.loads(line)
                if "died" in told:
                    died += told["died"] == signal.SIGKILL
                    break
                time = max(time, told["time"])
                if "done" not in told:
                    begun = told
                    continue
                if told["what"] == "press":
                    opened += told["done"]
                if told["what"] == "add_password":
                    asked[told["done"]] = {1}
                elif told["what"] in CHANGES:
                    asked[told["id"]] = asked[told["id"]] & {GONE} | {CHANGES[told["what"]]}
                begun = {}
            if begun.get("what") in CHANGES:
                asked.setdefault(begun["id"], set()).add(CHANGES[begun["what"]])
            perhaps += begun.get("what") == "press"
            with unfurnished(str(path), time) as house:
                _check_rows(house, asked)
        killed.stdin.close()
    assert died == KILLS
    with unfurnished(str(path), time) as house:
        _settle(house)
        rows = house.store.all("SELECT * FROM dding_passwords")
        assert all(row["stage"] != 1 for row in rows)
        assert not house.store.all("SELECT * FROM dding_work WHERE kind IN ('command', 'read', 'collect')")
        held = {row["code"] for row in rows if row["held"]}
        assert held == set(house.listed()) == {code for code in CODES if house.press(code)}
        assert opened <= len(house.store.all("SELECT * FROM dding_events")) - len(held) <= opened + perhaps


def _check_rows(house: Any, asked: dict[int, set[int]]) -> None:
    rows = {row["id"]: row for row in house.store.all("SELECT * FROM dding_passwords")}
    work = house.store.all("SELECT * FROM dding_work WHERE kind IN ('command', 'read')")
    pending = {json.loads(row["payload"])["id"] for row in work}
    for number, operations in asked.items():
        if number in rows:
            assert rows[number]["operation"] in operations
        else:
            assert GONE in operations
    assert {number for number, row in rows.items() if row["stage"] == 1} == pending & rows.keys()
    known = {row["code"] for row in house.store.all("SELECT code FROM dding_memory WHERE uuid = 'l'")}
    assert set(house.site.device("l").memory.passcodes) <= known


def _settle(house: Any) -> None:
    house.log_in()
    house.hands.set_line("g", online=True)
    house.wait(3600)


def _work(path: str, seed: int, time: float, moment: int) -> None:
    """Do one thing after the other, and say so before and after each, until the end."""
    from conftest import House  # type: ignore[attr-defined]  # pytest's own way to a conftest

    house = House(path, time)
    _end_at(moment)
    house.log_in()
    chance = random.Random(f"work {seed}")  # noqa: S311 - test data
    house.locks.trouble.clear()
    while True:
        ids = [row["id"] for row in house.store.all("SELECT id FROM dding_passwords")]
        what = chance.choice(["add_password", *CHANGES, "wait", "wait", "press", "line", "trouble"])
        step: dict[str, Any] = {"what": what, "code": chance.choice(CODES), "time": house.time}
        if what in CHANGES:
            if not ids:
                continue
            step["id"] = chance.choice(ids)
        _say(step)
        done: object = None
        if what == "add_password":
            done = house.add(step["code"])
        elif what == "update_password":
            house.ask(what, step["id"], password=step["code"], phonenumber="1")
        elif what in CHANGES:
            house.ask(what, step["id"])
        elif what == "wait":
            house.wait(chance.choice([0.4, 1.0, 31.0]))
        elif what == "press":
            done = house.press(step["code"])
        elif what == "line":
            house.hands.set_line("g", online=chance.random() < 0.7)
        else:
            house.locks.trouble["l"] = chance.choice(["command lost", "answer lost", "refuses", None])
        _say(step | {"done": done, "time": house.time})


def _say(words: dict[str, Any]) -> None:
    os.write(1, json.dumps(words).encode() + b"\n")


def _end_at(moment: int) -> None:
    """Be killed at the so-manieth call into or return from a statement."""
    left = moment

    def look(_frame: object, event: str, called: Any) -> None:
        nonlocal left
        if event.startswith("c_") and getattr(called, "__name__", "") == "execute":
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.setprofile(look)


def _serve() -> None:
    import conftest  # noqa: F401 - once for all children

    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            _work(**json.loads(line))
        _say({"died": os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) * -1})


if __name__ == "__main__":
    _serve()
