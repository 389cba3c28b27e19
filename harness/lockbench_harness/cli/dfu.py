"""`lockbench dfu`: firmware upgrades."""

from __future__ import annotations

import click

from lockbench_harness.cli.dfu_mutants import mutants
from lockbench_harness.cli.dfu_replay import replay
from lockbench_harness.cli.dfu_run import run
from lockbench_harness.cli.dfu_sweep import sweep


@click.group()
def command() -> None:
    """Upgrade a lock over the air, and break the upgrade of an emulated one at every point."""


for each in (run, sweep, replay, mutants):
    command.add_command(each)
