"""Hands at a lock that another process runs: a Unix socket with one JSON object a line.

A request is `{"do": "keys", "with": ["123456"]}`; the answer `{"ok": {"happened": [...], "lock": {...}}}` or
`{"error": "a sentence"}`. Each is one line, in the order of the requests. The socket lies in the private
directory of the command that serves the lock.
"""

from __future__ import annotations

import asyncio
import json
import socket
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lockbench_protocol import LocalError

if TYPE_CHECKING:
    from lockbench_emulator.device import LockDevice
    from lockbench_emulator.gatt import Effect

SOCKET = "lock.sock"
MAX_LINE = 4096
ANSWER_SECONDS = 5.0

Act = Callable[[Callable[[float], Sequence["Effect"]]], Sequence["Effect"]]
Hand = Callable[["LockDevice", float], Sequence["Effect"]]


@dataclass(frozen=True, slots=True)
class Action:
    """What hands can do: `arguments` for people to read, `make` turns words into a hand (LocalError)."""

    arguments: str
    help: str
    make: Callable[..., Hand]


def _word(value: str, *choices: str) -> str:
    if value not in choices:
        raise LocalError(f"{value!r} must be {' or '.join(choices)}")
    return value


def _digits(code: str) -> str:
    if not code.isascii() or not code.isdecimal() or len(code) > 20:
        raise LocalError(f"{code!r} are no keys of a keypad")
    return code


def _hex(text: str, size: int) -> bytes:
    try:
        data = bytes.fromhex(text.replace(":", ""))
    except ValueError:
        data = b""
    if len(data) != size:
        raise LocalError(f"{text!r} must be {size} bytes in hex")
    return data


def _number(text: str, highest: int) -> int:
    if not text.isascii() or not text.isdecimal() or int(text) > highest:
        raise LocalError(f"{text!r} must be a number up to {highest}")
    return int(text)


def _at_lock(name: str, *args: Any, **options: Any) -> Hand:
    """One of `lockbench_emulator.lock.hands`."""
    from lockbench_emulator.lock import hands

    function = getattr(hands, name)
    return lambda device, now: device.by_hand(lambda lock, at: function(lock, *args, now=at, **options), now)


def _timeless(name: str, *, on: bool) -> Hand:
    from lockbench_emulator.lock import hands

    function = getattr(hands, name)
    return lambda device, now: device.by_hand(lambda lock, _at: function(lock, on=on), now)


def _card(number: str) -> Hand:
    from lockbench_protocol.lock.commands.cards import card_number

    return _at_lock("present_card", card_number(number))


def _battery(percent: str) -> Hand:
    charge = _number(percent, 100)
    return lambda device, now: device.set_battery(charge, now)


def _power(how: str) -> Hand:
    if _word(how, "on", "off") == "on":
        return lambda device, now: device.restore_power(now)
    return lambda device, now: device.cut_power(now)


OPEN = ("open", "close")
ON = ("on", "off")
ACTIONS: dict[str, Action] = {
    "look": Action("", "Only look at the lock.", lambda: lambda _device, _now: ()),
    "touch": Action("", "Wake the keypad.", lambda: _at_lock("touch")),
    "keys": Action("CODE", "Type a code and confirm it.", lambda code: _at_lock("enter_code", _digits(code))),
    "card": Action("NUMBER", "Hold a card to the reader, by its decimal number.", _card),
    "finger": Action(
        "NUMBER",
        "Put a finger on the sensor.",
        lambda number: _at_lock("present_finger", _number(number, 2**48 - 1).to_bytes(6, "big")),
    ),
    "key": Action(
        "open|close",
        "Turn the mechanical key.",
        lambda how: _at_lock("turn_key", unlocked=_word(how, *OPEN) == "open"),
    ),
    "thumb": Action(
        "open|close",
        "Turn the thumb-turn inside.",
        lambda how: _at_lock("turn_thumb", unlocked=_word(how, *OPEN) == "open"),
    ),
    "lock": Action("", "Press the lock key of the keypad.", lambda: _at_lock("lock_by_keypad")),
    "door": Action(
        "open|close",
        "Move the door past its sensor.",
        lambda how: _at_lock("move_door", closed=_word(how, *OPEN) == "close"),
    ),
    "fob": Action(
        "MAC 1|2",
        "Press key 1 (open) or 2 (close) of a fob.",
        lambda mac, key: _at_lock("press_fob", _hex(mac, 6)[::-1], int(_word(key, "1", "2"))),
    ),
    "bolt": Action(
        "on|off",
        "Throw the privacy bolt inside.",
        lambda how: _timeless("throw_privacy_bolt", on=_word(how, *ON) == "on"),
    ),
    "obstacle": Action(
        "on|off",
        "Put something in the bolt's way.",
        lambda how: _timeless("obstruct", on=_word(how, *ON) == "on"),
    ),
    "tamper": Action("", "Tear at the lock.", lambda: _at_lock("tamper")),
    "battery": Action(
        "PERCENT",
        "Put in a battery of this charge.",
        _battery,
    ),
    "power": Action("on|off", "Cut the power, or let it return.", _power),
    "reset": Action(
        "", "Press the reset button inside.", lambda: lambda device, now: device.press_reset(now)
    ),
}


def made(action: object, words: object) -> Hand:
    """The hand of a request. LocalError that says what is wrong with it."""
    if not isinstance(action, str) or action not in ACTIONS:
        raise LocalError(f"nobody can do {action!r}; there are {', '.join(ACTIONS)}")
    row = ACTIONS[action]
    wanted = row.arguments.split()
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise LocalError("the words of a hand are texts")
    if len(words) != len(wanted):
        raise LocalError(f"{action} takes {row.arguments or 'no words'}, not {' '.join(words) or 'nothing'}")
    return row.make(*words)


def shown(device: LockDevice) -> dict[str, Any]:
    """What a person sees of the lock."""
    return {
        "address": device.address,
        "powered": device.alive,
        "open": device.memory.unlocked,
        "battery": device.battery,
        "connected": device.online,
        "setting_mode": device.memory.admin is None,
        "dfu": device.alive and device.in_dfu,
    }


class ControlDoor:
    """Answers whoever comes to the socket. `act` lets a hand do something through the radio."""

    def __init__(self, device: LockDevice, act: Act) -> None:
        self._device = device
        self._act = act
        self._visits: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def visit(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None  # noqa: S101 - a coroutine runs in a task
        self._visits[task] = writer
        try:
            while line := await reader.readline():
                writer.write(json.dumps(self.answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError, asyncio.LimitOverrunError):
            pass  # the visitor died, or sent a line without end
        finally:
            writer.close()
            with suppress(ConnectionError):
                await writer.wait_closed()
            del self._visits[task]

    def answer(self, line: bytes) -> dict[str, Any]:
        from lockbench_emulator.gatt import Happened

        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise LocalError("a request is a JSON object")
            hand = made(request.get("do"), request.get("with", []))
            effects = self._act(lambda now: hand(self._device, now))
        except LocalError as error:
            return {"error": str(error)}
        except (ValueError, RecursionError):
            return {"error": "the request is not JSON"}
        happened = [
            {"what": effect.what, **effect.detail} for effect in effects if isinstance(effect, Happened)
        ]
        return {"ok": {"happened": happened, "lock": shown(self._device)}}

    async def close(self) -> None:
        """Hang up on whoever is there."""
        visits = dict(self._visits)
        for writer in visits.values():
            writer.close()
        if visits:
            await asyncio.wait(visits)


@asynccontextmanager
async def hands_at(device: LockDevice, act: Act, directory: Path) -> AsyncIterator[Path | None]:
    """The socket answers inside the block; None where there are no Unix sockets."""
    if sys.platform == "win32" or not hasattr(socket, "AF_UNIX"):
        yield None
        return
    path = directory / SOCKET
    control = ControlDoor(device, act)
    try:
        server = await asyncio.start_unix_server(control.visit, path, limit=MAX_LINE)
    except OSError as error:
        raise LocalError(f"cannot listen on {path}: {error.strerror or error}") from error
    try:
        yield path
    finally:
        server.close()
        await control.close()
        await server.wait_closed()
        path.unlink(missing_ok=True)


def ask(path: Path, action: str, words: Sequence[str]) -> dict[str, Any]:
    """Do it at the lock behind the socket. LocalError when nobody is there or it cannot be done."""
    request = json.dumps({"do": action, "with": list(words)}).encode() + b"\n"
    try:
        with socket.socket(socket.AF_UNIX) as peer:
            peer.settimeout(ANSWER_SECONDS)
            peer.connect(str(path))
            peer.sendall(request)
            with peer.makefile("rb") as lines:
                line = lines.readline()
    except OSError as error:
        raise LocalError(f"no lock answers at {path}: {error.strerror or error}") from error
    if not line.endswith(b"\n"):
        raise LocalError(f"the lock at {path} hung up")
    answer = json.loads(line)
    if "error" in answer:
        raise LocalError(str(answer["error"]))
    found: dict[str, Any] = answer["ok"]
    return found
