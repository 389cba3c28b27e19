"""How soon the command line answers, beside a Python that only imports click: processor time of a process."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from lockbench_protocol.lock.cipher import DEFAULT_KEY, cipher
from lockbench_protocol.lock.frame import Frame, encode

from lockbench_benchmarks.interleave import SECONDS
from lockbench_benchmarks.row import NS, Row

CLICK = "import click"
GOAL = 0.4  # within 2.5 times
FRAME = encode(Frame(0x14, cipher(DEFAULT_KEY).encrypt(b"SCIENER"))).hex()
SCRIPT = str(Path(sys.executable).with_name("lockbench"))
COMMANDS = {
    CLICK: (sys.executable, "-c", CLICK),
    "lockbench --help": (SCRIPT, "--help"),
    "lockbench decode, piped": (SCRIPT, "decode", FRAME),
}
ROUNDS_A_SECOND = 5


def rows(seconds: float = SECONDS) -> Iterator[Row]:
    """One row for each command; the least of some rounds counts."""
    rounds = range(max(2, round(seconds * ROUNDS_A_SECOND)))
    with TemporaryDirectory() as cache:  # compiled modules, as an installed package has them
        environment = {**os.environ, "PYTHONPYCACHEPREFIX": cache, "PYTHONDONTWRITEBYTECODE": ""}
        taken = [{name: _started(COMMANDS[name], environment) for name in COMMANDS} for _ in rounds]
    best = {name: min(each[name] for each in taken) for name in COMMANDS}
    for name in list(COMMANDS)[1:]:
        yield Row(name, CLICK, best[CLICK] / best[name], GOAL, best[name], best[CLICK])


def missing() -> list[str]:
    """No peer is known."""
    return []


def _started(arguments: tuple[str, ...], environment: Mapping[str, str]) -> float:
    """Nanoseconds of processor time, from the start of the process to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(arguments, check=True, stdout=subprocess.DEVNULL, env=environment)  # noqa: S603 - our own program
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return NS * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
