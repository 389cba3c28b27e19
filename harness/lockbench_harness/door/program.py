"""A program of somebody else, run with the door in its environment.

Its signals, streams and exit status are its own. The socket, the credentials and the notes live in one
private directory, which is gone when the program is.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path

from lockbench_protocol import LocalError

from lockbench_harness.credentials import Credentials, saved
from lockbench_harness.door.endpoint import listening, private_directory
from lockbench_harness.door.server import Door, LinkFactory

SHIM = Path(__file__).parent / "shim"

FROM_TERMINAL = (signal.SIGINT, signal.SIGQUIT)  # the terminal gives these to the whole foreground group
PASSED = (*FROM_TERMINAL, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)


HandsAt = Callable[[Path], AbstractAsyncContextManager[Path | None]]


@dataclass(frozen=True, slots=True)
class Ended:
    """How a program ended."""

    status: int  # its exit status; 128 + n when signal n killed it
    opened: bool  # it scanned, or connected
    why: str  # a sentence, when it did not


async def run_program(
    argv: Sequence[str],
    link_factory: LinkFactory,
    credentials: Credentials,
    *,
    hands: HandsAt | None = None,
    stdout: int | None = None,
) -> Ended:
    """Run `argv` until it ends. `hands` opens a socket in the directory that it is given; `stdout` is a file
    descriptor to give the program instead of ours.

    Raises LocalError when the program cannot be started.
    """
    with relayed_signals() as relay, private_directory() as directory:
        notes = directory / "notes"
        notes.touch(mode=0o600)
        door = Door(link_factory)
        with saved(credentials, directory / "credentials.json") as file:
            at = nullcontext() if hands is None else hands(directory)
            async with listening(door, directory) as endpoint, at as socket:
                variables = environment(os.environ, endpoint, file, notes, socket)
                try:
                    process = await asyncio.create_subprocess_exec(*argv, env=variables, stdout=stdout)
                except OSError as error:
                    raise LocalError(f"cannot run {argv[0]}: {error.strerror}") from error
                relay.to(process)
                code = await process.wait()
        status = code if code >= 0 else 128 - code
        why = "" if door.opened else why_unopened(argv, notes.read_text().splitlines())
        return Ended(status, door.opened, why)


def environment(
    base: Mapping[str, str], endpoint: str, credentials: Path, notes: Path, hands: Path | None = None
) -> dict[str, str]:
    """The program's environment: our variables, and the shim in front of PYTHONPATH."""
    path = base.get("PYTHONPATH")
    return {
        **base,
        "LOCKBENCH_DOOR": endpoint,
        "LOCKBENCH_CREDENTIALS": str(credentials),
        "LOCKBENCH_NOTES": str(notes),
        **({} if hands is None else {"LOCKBENCH_LOCK": str(hands)}),
        "PYTHONPATH": f"{SHIM}{os.pathsep}{path}" if path else str(SHIM),
    }


def why_unopened(argv: Sequence[str], notes: Sequence[str]) -> str:
    """From what the shim noted, in the order in which it gets further."""
    for kind in ("bleak", "refused", "python"):
        for note in notes:
            word, _, version = note.partition(" ")
            if word != kind:
                continue
            if kind == "bleak":
                return f"it imported bleak {version}, but used neither a scanner nor a client"
            if kind == "refused":
                return f"it has bleak {version}, and exec serves bleak 1 and newer"
            return "it never imported bleak"
    if flag := isolating_flag(argv):
        return f"python {flag} shuts out PYTHONPATH, through which exec reaches bleak; run it without {flag}"
    return "it started no Python that heeds PYTHONPATH (the options -I, -E and -S shut it out)"


def isolating_flag(argv: Sequence[str]) -> str:
    """The first of -I, -E, -S among the interpreter's own options, or nothing."""
    words = iter(argv[1:])
    if not Path(argv[0]).name.startswith("python"):
        return ""
    for word in words:
        if not word.startswith("-") or word == "-":
            return ""
        for letter in "" if word.startswith("--") else word[1:]:
            if letter in "IES":
                return f"-{letter}"
            if letter in "cm":
                return ""
            if letter in "XW":
                if word.endswith(letter):
                    next(words, None)
                break
    return ""


class Relay:
    """Passes the signals that we get to a process; those that come too early wait for it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._early: list[signal.Signals] = []

    def got(self, number: signal.Signals) -> None:
        if number in FROM_TERMINAL and in_foreground():
            return
        if self._process is None:
            self._early.append(number)
        else:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)

    def to(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        for number in self._early:
            process.send_signal(number)


@contextmanager
def relayed_signals() -> Iterator[Relay]:
    relay = Relay()
    loop = asyncio.get_running_loop()
    for number in PASSED:
        loop.add_signal_handler(number, relay.got, number)
    try:
        yield relay
    finally:
        for number in PASSED:
            loop.remove_signal_handler(number)


def in_foreground() -> bool:
    """Are we, and so the program, what the terminal's keys go to?"""
    try:
        return os.tcgetpgrp(sys.stdin.fileno()) == os.getpgrp()
    except (OSError, ValueError):
        return False
