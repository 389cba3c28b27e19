"""`lockbench exec`: an unmodified bleak program, its own interpreter, and an emulated lock to talk to."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockbench_harness.cli.held_lock import open_lock, state_option

if TYPE_CHECKING:
    from lockbench_emulator.device import LockDevice

    from lockbench_harness.credentials import Credentials
    from lockbench_harness.door.program import Ended
    from lockbench_harness.door.state import State

STDERR = 2  # the file descriptor
EPILOG = """
The program finds the lock's address and keys in the JSON file that LOCKBENCH_CREDENTIALS names. It may run
in a virtual environment of its own, with bleak 1 to 3, and start other programs: `lockbench lock` is one, and
puts hands to the lock. Its exit status is ours.
"""


@click.command(
    context_settings={"allow_interspersed_args": False},
    epilog=EPILOG,
    options_metavar="[OPTIONS] --",
)
@click.option("--unpaired", is_flag=True, help="A lock in setting mode, ready to be paired.")
@click.option("--profile", default="open", show_default=True, help="The kind of lock.")
@click.option("--seed", type=int, default=0, show_default=True, help="Address and secrets follow from it.")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object; the program prints to stderr.")
@click.argument("argv", nargs=-1, required=True, type=click.UNPROCESSED, metavar="PROGRAM [ARGUMENTS]...")
@click.pass_context
def command(
    context: click.Context,
    argv: tuple[str, ...],
    profile: str,
    seed: int,
    path: Path | None,
    *,
    unpaired: bool,
    as_json: bool,
) -> None:
    """Run an unmodified bleak PROGRAM against an emulated lock."""
    from lockbench_harness import clock

    device, credentials, state = open_lock(context, profile, seed, path, unpaired=unpaired)
    ended = clock.run_real(_run(argv, device, credentials, state, seed, as_json=as_json))
    if not ended.opened:
        click.echo(f"lockbench: the program never opened the radio: {ended.why}.", err=True)
    if as_json:
        click.echo(json.dumps(_summary(credentials, device.profile.name, seed, ended)))
    context.exit(ended.status)


async def _run(
    argv: tuple[str, ...],
    device: LockDevice,
    credentials: Credentials,
    state: State | None,
    seed: int,
    *,
    as_json: bool,
) -> Ended:
    from lockbench_harness.door.hands import hands_at
    from lockbench_harness.door.lock import central
    from lockbench_harness.door.program import run_program
    from lockbench_harness.door.state import keeping
    from lockbench_harness.links.bumble import on_air

    stdout = STDERR if as_json else None
    async with keeping(device, state), on_air([device], centrals=0, seed=seed) as air:
        return await run_program(
            argv,
            lambda: central(air.medium),
            credentials,
            hands=lambda directory: hands_at(device, air.peripherals[0].act, directory),
            stdout=stdout,
        )


def _summary(credentials: Credentials, profile: str, seed: int, ended: Ended) -> dict[str, object]:
    return {
        "status": ended.status,
        "opened": ended.opened,
        "why": ended.why,
        "address": credentials.address,
        "profile": profile,
        "seed": seed,
    }
