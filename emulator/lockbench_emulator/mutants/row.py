"""What a mutant is: a sound profile, a few keys of it changed, a few parts replaced, and who finds out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, ClassVar

from lockbench_emulator.device import LockDevice
from lockbench_emulator.lock.handlers import HANDLERS, Handler
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.parts import SOUND, Parts
from lockbench_emulator.profiles import LockProfile, load_profile

if TYPE_CHECKING:
    from lockbench_emulator.cloud.parts import Clouds


@dataclass(frozen=True)
class Mutant:
    """A faulty lock, built as `device` from `parts` under its profile, or a sound one with faulty clouds."""

    name: str
    says: str  # what is wrong with it, in one line
    killed_by: tuple[str, ...]  # ids of the cases that find it
    parts: Parts = SOUND
    device: type[LockDevice] = LockDevice
    keys: Mapping[str, object] = field(default_factory=dict)  # of the profile: "session.idle_seconds"
    profile: str = "strict"  # the sound lock beside it
    clouds: Clouds | None = None  # what its clouds are built from; None: they are sound

    def make_profile(self) -> LockProfile:
        profile = load_profile(self.profile)
        for key, value in self.keys.items():
            table, _, name = key.partition(".")
            changed: Any = replace(getattr(profile, table), **{name: value})
            profile = replace(profile, **{table: changed})
        return profile

    def make(self, seed: int) -> LockDevice:
        """A lock with an owner; its secrets follow from the seed as those of a sound one do."""
        return self.device(self.make_profile(), seed=seed, parts=self.parts)


def faulty(name: str, says: str, killed_by: str, lock: type[Lock], **keys: object) -> Mutant:
    """A mutant whose application is wrong. `killed_by` are the ids, apart by blanks."""
    return Mutant(name, says, tuple(killed_by.split()), Parts(lock=lock), **keys)  # type: ignore[arg-type]  # fields of Mutant


def handling(*opcodes: int, by: Callable[[Handler], Handler]) -> type[Lock]:
    """A lock whose handlers of these opcodes are wrapped."""
    wrapped = {opcode: by(HANDLERS[opcode]) for opcode in opcodes}

    class Handling(Lock):
        handlers: ClassVar[Mapping[int, Handler]] = {**HANDLERS, **wrapped}

    return Handling


def misled(*opcodes: int, by: Callable[[Lock, Any, float], None]) -> type[Lock]:
    """A lock where something happens to the request, or to the lock, before these opcodes are handled."""

    def wrap(sound: Handler) -> Handler:
        def handle(lock: Lock, request: Any, now: float) -> Any:
            by(lock, request, now)
            return sound(lock, request, now)

        return handle

    return handling(*opcodes, by=wrap)
