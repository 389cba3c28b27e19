"""Faulty bootloaders that a case finds. What only a sweep finds is not here: see `boot.mutants`."""

from __future__ import annotations

from lockbench_emulator.boot.mutants import mutant
from lockbench_emulator.mutants.row import Mutant
from lockbench_emulator.parts import Parts

PREFIX = "boot-"

# name in `boot.mutants` -> ids of the cases that find it
KILLED_BY: dict[str, str] = {}


def _row(name: str, killed_by: str) -> Mutant:
    found = mutant(name)
    return Mutant(
        PREFIX + name, found.says, tuple(killed_by.split()), Parts(server=found.make, dialect=found.dialect)
    )


BOOT = tuple(_row(name, killed_by) for name, killed_by in KILLED_BY.items())
