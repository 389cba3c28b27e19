"""Faulty bootloaders that a case finds. What only a sweep finds is not here: see `boot.mutants`."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lockbench_emulator.boot.dialect import ServerDialect
from lockbench_emulator.boot.mutants import mutant
from lockbench_emulator.device import FACTORY_VERSION
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.mutants.row import Mutant
from lockbench_emulator.parts import Parts

PREFIX = "boot-"

# name in `boot.mutants` -> ids of the cases that find it
KILLED_BY: dict[str, str] = {
    "old-mark-first": "PFL/1 PFL/2 PFL/3",
    "no-read-back": "PFL/13 DFU/4",
    "crc-unchecked": "DFU/8",
    "gap-ignored": "DFU/5 DFU/6",
    "gap-filled": "DFU/5 DFU/6",
    "never-times-out": "DFU/3 DFU/12 DFU/13",
    "success-when-incomplete": "PFL/10 DFU/10 DFU/11 IMG/2 IMG/4",
    "check-ignored": "IMG/5 IMG/6",
    "mark-ignored": "IMG/3 IMG/9",
    "commits-always": "DFU/8 DFU/16 IMG/5",
    "keeps-old-mark": "PFL/9 DFU/1 DFU/25 IMG/1",
    "forgets-new-mark": "PFL/8 DFU/1 DFU/18",
    "no-wipe": "PFL/4 PFL/6 PFL/17 DFU/30 PFL/7 PFL/11 PFL/12 PFL/15 PFL/19",
    "start-keeps-check": "DFU/4 DFU/12 DFU/13 DFU/15",
    "end-index-unchecked": "DFU/9",
    "tells-twice": "DFU/6 DFU/11",
    "never-reboots": "DFU/2 DFU/19 SEC/6",
    "early-success": "DFU/7 PFL/7",
    "writes-lock-data": "PFL/11",
    "foreign-numbers": "DFU/1",
    "erases-thrice": "PFL/18",
}


def _row(name: str, killed_by: str) -> Mutant:
    found = mutant(name)
    return Mutant(
        PREFIX + name, found.says, tuple(killed_by.split()), Parts(server=found.make, dialect=found.dialect)
    )


def _repeats_ignored(sound: ServerDialect) -> ServerDialect:
    return replace(sound, repeated_index="ignore")


def _wiped_by_its_head(sound: ServerDialect) -> ServerDialect:
    return replace(sound, wipe_probes=(0,))


def _impatient(sound: ServerDialect) -> ServerDialect:
    return replace(sound, idle_timeout=0.005)


def _end_read_to_the_sixth_byte(sound: ServerDialect) -> ServerDialect:
    return replace(sound, end_index="first six bytes")


class _FirstVersion(Lock):
    def __init__(self, *parts: Any) -> None:
        super().__init__(*parts)
        self.firmware = FACTORY_VERSION


BOOT = (
    *(_row(name, killed_by) for name, killed_by in KILLED_BY.items()),
    Mutant(
        "boot-repeats-ignored",
        "a data PDU that comes twice is ignored in a dialect that calls it an error",
        ("DFU/7",),
        Parts(dialect=_repeats_ignored),
    ),
    Mutant(
        "boot-wipes-by-head",
        "the start-up wipe takes a sector for blank when its first four bytes are",
        ("PFL/5",),
        Parts(dialect=_wiped_by_its_head),
    ),
    Mutant(
        "boot-version-stays",
        "whatever was flashed, the lock tells the version that it was made with",
        ("IMG/17", "IMG/12"),
        Parts(lock=_FirstVersion),
    ),
    Mutant(
        "boot-impatient",
        "a transfer is given up when the next data PDU does not come within 5 ms",
        ("DFU/17",),
        Parts(dialect=_impatient),
    ),
    Mutant(
        "boot-clock-survives",
        "a power cut leaves the clock set, whatever it shows",
        ("PFL/16", "CLK/5"),
        keys={"clock.lost_with_power": False},
        profile="padlock",
    ),
    Mutant(
        "boot-end-read-further",
        "the index in END is compared in forms in which nobody should read it",
        ("DFU/9",),
        Parts(dialect=_end_read_to_the_sixth_byte),
    ),
)
