"""The lock that serve and exec hold: a new one, or that of a state file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

if TYPE_CHECKING:
    from lockbench_emulator.device import LockDevice

    from lockbench_harness.credentials import Credentials
    from lockbench_harness.door.state import State

state_option = click.option(
    "--state",
    "path",
    metavar="FILE",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Keep the lock in this file; the next run goes on with it.",
)


def open_lock(
    context: click.Context, profile: str, seed: int, path: Path | None, *, unpaired: bool
) -> tuple[LockDevice, Credentials, State | None]:
    """LocalError for a profile that is not there, or a file that does not hold the lock that is asked for.

    What the user did not say is as the file has it.
    """
    from lockbench_harness.door.lock import INTERVAL
    from lockbench_harness.door.state import State
    from lockbench_harness.targets.emulated import credentials_of, make_lock

    if path is None:
        return (*make_lock(profile, seed, paired=not unpaired, interval=INTERVAL), None)
    state = State.load(path)
    if state.found is not None:
        if context.get_parameter_source("profile") is ParameterSource.DEFAULT:
            profile = state.found["profile"]
        if context.get_parameter_source("seed") is ParameterSource.DEFAULT:
            seed = state.found["seed"]
    device = state.make(profile, seed, paired=not unpaired, interval=INTERVAL)
    return device, credentials_of(device), state
