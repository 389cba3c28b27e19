"""Real upgrades after a simulation: they confirm what `fit` computes (telink-ota 12, I5)."""

from __future__ import annotations

from lockbench_emulator.boot.flash import Flash
from lockbench_emulator.boot.startup import power_up
from lockbench_emulator.gatt import Reboot

from lockbench_harness.faults.plan import Firmware
from lockbench_harness.sweep.fit import ATTEMPTS
from lockbench_harness.sweep.scene import Scene

__all__ = ["real_attempts"]

_LONG = 2000.0  # seconds: longer than any timer of a server


def real_attempts(scene: Scene, after: Flash, bank: int, firmware: Firmware) -> int:
    """Send `firmware` to a device that runs from `bank`, until it runs; 0: it never did."""
    flash = Flash.of(after.snapshot())
    values = [step.value for step in scene.next_script(firmware)]
    running: int | None = bank
    for number in range(1, ATTEMPTS + 1):
        if running is None:
            return 0
        running = _upgrade(scene, flash, running, values)
        if running is not None and scene.runs(firmware, flash, running):
            return number
    return 0


def _upgrade(scene: Scene, flash: Flash, bank: int, values: list[bytes]) -> int | None:
    """One transfer; gives what runs afterwards."""
    server = scene.mutant.make(flash, scene.board, scene.dialect, bank)
    for value in values:
        server.write(value, 0.0)
        if server.verdict is not None:
            break
    effects = server.disconnected(1.0)
    while server.deadline() is not None:
        effects += server.advance(_LONG)
    return power_up(flash, scene.board, scene.dialect) if Reboot() in effects else bank
