"""All that is known to be faulty: locks and clouds of the emulator, clients of ours."""

from __future__ import annotations

from collections.abc import Mapping

from lockbench_emulator import mutants as emulated
from lockbench_emulator.mutants import Mutant

from lockbench_harness.client.mutants import CLIENTS

__all__ = ["MUTANTS", "mutant"]

MUTANTS: Mapping[str, Mutant] = {**emulated.MUTANTS, **{row.name: row for row in CLIENTS}}


def mutant(name: str) -> Mutant:
    """LocalError when there is none of that name."""
    return MUTANTS.get(name) or emulated.mutant(name)
