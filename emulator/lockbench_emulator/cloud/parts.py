"""The classes that the clouds of a bench are built from. A mutant replaces some of them."""

from __future__ import annotations

from dataclasses import dataclass

from lockbench_emulator.cloud.aiot.cloud import Aiot
from lockbench_emulator.cloud.dding.bench import DdingBench
from lockbench_emulator.cloud.dding.cloud import Dding
from lockbench_emulator.cloud.dding.policy import PROFILES, Policy
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.cloud.ttlock import Ttlock
from lockbench_emulator.cloud.ttlock.wire import TtlockWire


@dataclass(frozen=True, slots=True)
class Clouds:
    store: type[Store] = Store
    dding: type[Dding] = Dding
    dding_policy: Policy = PROFILES["v1.6"]
    dding_bench: type[DdingBench] = DdingBench
    ttlock: type[Ttlock] = Ttlock
    ttlock_wire: type[TtlockWire] = TtlockWire
    aiot: type[Aiot] = Aiot


SOUND_CLOUDS = Clouds()
