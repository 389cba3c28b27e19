"""How faulty clouds are made: one part of a sound one is replaced."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from lockbench_emulator.cloud.parts import SOUND_CLOUDS
from lockbench_emulator.mutants.row import Mutant


def clouded(name: str, says: str, killed_by: str, **parts: Any) -> Mutant:
    """A sound lock with faulty clouds: `parts` are fields of `Clouds`."""
    return Mutant(name, says, tuple(killed_by.split()), clouds=replace(SOUND_CLOUDS, **parts))


def made_from(cloud: str, name: str, says: str, killed_by: str, **parts: Any) -> Mutant:
    """The cloud of that field of `Clouds`, with other parts: fields of its own `Parts`."""
    sound = getattr(SOUND_CLOUDS, cloud)
    made = type("Faulty", (sound,), {"parts": replace(sound.parts, **parts)})
    return clouded(name, says, killed_by, **{cloud: made})
