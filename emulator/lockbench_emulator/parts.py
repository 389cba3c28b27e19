"""The classes that a lock is built from. A mutant replaces one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from lockbench_emulator.boot.board import Board
from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.flash import Flash
from lockbench_emulator.boot.server import OtaServer
from lockbench_emulator.lock.clock import LockClock
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.lock.memory import Memory


def _as_it_is(dialect: ServerDialect) -> ServerDialect:
    return dialect


@dataclass(frozen=True, slots=True)
class Parts:
    lock: type[Lock] = Lock
    memory: type[Memory] = Memory
    clock: type[LockClock] = LockClock
    server: Callable[[Flash, Board, ServerDialect, int], OtaServer] = OtaServer
    dialect: Callable[[ServerDialect], ServerDialect] = _as_it_is  # from the profile's to the one in force


SOUND = Parts()
