"""Named faulty locks and clouds: each a small override of a part or a key, each a bug that real products had.

A bench that does not tell a mutant from a sound lock is blind there: each row names the cases that find it.
"""

from __future__ import annotations

from collections.abc import Mapping

from lockbench_protocol import LocalError

from lockbench_emulator.mutants.aiot import AIOT
from lockbench_emulator.mutants.air import AIR
from lockbench_emulator.mutants.boot import BOOT
from lockbench_emulator.mutants.dding import SAAS
from lockbench_emulator.mutants.dding_doors import CALLBACKS, DDING_PASSWORDS
from lockbench_emulator.mutants.frames import FRAMES
from lockbench_emulator.mutants.keypad import KEYPADS
from lockbench_emulator.mutants.passcodes import PASSCODES
from lockbench_emulator.mutants.records import RECORDS
from lockbench_emulator.mutants.row import Mutant
from lockbench_emulator.mutants.session import SESSION
from lockbench_emulator.mutants.ttlock import TTLOCK
from lockbench_emulator.mutants.ttlock_doors import TTLOCK_DOORS

__all__ = ["MUTANTS", "Mutant", "mutant"]

CLOUDS = (*SAAS, *DDING_PASSWORDS, *CALLBACKS, *TTLOCK, *TTLOCK_DOORS, *AIOT)

MUTANTS: Mapping[str, Mutant] = {
    row.name: row for row in (*FRAMES, *AIR, *SESSION, *PASSCODES, *KEYPADS, *RECORDS, *BOOT, *CLOUDS)
}


def mutant(name: str) -> Mutant:
    """LocalError when there is none of that name."""
    try:
        return MUTANTS[name]
    except KeyError:
        raise LocalError(f"no mutant is called {name!r}; `lockbench mutants` names them all") from None
