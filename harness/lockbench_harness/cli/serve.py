"""`lockbench serve`: one emulated lock on the air, for HCI hosts of others, in real time."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import click
from lockbench_protocol import LocalError

from lockbench_harness.cli.held_lock import open_lock, state_option

if TYPE_CHECKING:
    from lockbench_emulator.device import LockDevice

    from lockbench_harness.credentials import Credentials
    from lockbench_harness.door.state import State

EPILOG = """
SPEC is any transport of Bumble, at which an HCI host comes in: tcp-server:127.0.0.1:6402, unix-server:/run/x,
pty:/run/y. The path of the lock's credentials file is printed, and that of a socket at which `lockbench lock`
puts hands to it; both are gone when the command ends.
"""


@click.command(epilog=EPILOG)
@click.option("--attach", "specs", metavar="SPEC", multiple=True, required=True, help="May be repeated.")
@click.option("--unpaired", is_flag=True, help="A lock in setting mode, ready to be paired.")
@click.option("--profile", default="strict", show_default=True, help="The kind of lock.")
@click.option("--seed", type=int, default=0, show_default=True, help="Address and secrets follow from it.")
@state_option
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    context: click.Context,
    specs: tuple[str, ...],
    profile: str,
    seed: int,
    path: Path | None,
    *,
    unpaired: bool,
    as_json: bool,
) -> None:
    """Put one lock on the air for others, until Ctrl-C."""
    from lockbench_harness import clock

    try:
        device, credentials, state = open_lock(context, profile, seed, path, unpaired=unpaired)

        def announce(file: Path, hands: Path | None, attached: Sequence[str]) -> None:
            _announce(file, hands, credentials, attached, as_json=as_json)

        clock.run_real(_serve(specs, device, credentials, state, seed, announce))
    except LocalError as error:
        click.echo(f"{error}.", err=True)
        context.exit(2)
    except Exception as error:  # noqa: BLE001 - whatever broke, it was ours
        click.echo(f"lockbench serve: the bench broke: {type(error).__name__}: {error}", err=True)
        context.exit(3)


def _announce(
    file: Path, hands: Path | None, credentials: Credentials, attached: Sequence[str], *, as_json: bool
) -> None:
    """Unwrapped and flushed at once, for scripts that wait for it."""
    for spec in attached:
        if is_open_to_others(spec):
            click.echo(f"Warning: {spec} is open to other machines, and it has no password.", err=True)
    if as_json:
        shown = {
            "credentials": str(file),
            "hands": None if hands is None else str(hands),
            "address": credentials.address,
            "name": credentials.name,
            "attached": attached,
        }
        click.echo(json.dumps(shown))
    else:
        click.echo(f"credentials  {file}")
        click.echo(f"lock         {credentials.address}  {credentials.name}")
        if hands is not None:
            click.echo(f"hands        lockbench lock --at {hands}")
        for spec in attached:
            click.echo(f"attached     {spec}")
        click.echo("Serving until Ctrl-C.")


def is_open_to_others(spec: str) -> bool:
    """Does this server, by the address it is bound to, listen beyond the machine?"""
    scheme, _, place = spec.partition(":")
    if scheme not in {"tcp-server", "ws-server"}:
        return False
    host = place.rpartition(":")[0].strip("[]")
    try:
        return not ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host != "localhost"


async def _serve(
    specs: Sequence[str],
    device: LockDevice,
    credentials: Credentials,
    state: State | None,
    seed: int,
    announce: Callable[[Path, Path | None, Sequence[str]], None],
) -> None:
    from lockbench_emulator.radio.attach import attach

    from lockbench_harness.credentials import saved
    from lockbench_harness.door.endpoint import private_directory
    from lockbench_harness.door.hands import hands_at
    from lockbench_harness.door.state import keeping
    from lockbench_harness.links.bumble import on_air

    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    with private_directory() as directory, saved(credentials, directory / "credentials.json") as file:
        async with (
            keeping(device, state),
            on_air([device], centrals=0, seed=seed) as air,
            hands_at(device, air.peripherals[0].act, directory) as hands,
            AsyncExitStack() as stack,
        ):
            attached = []
            for spec in specs:
                attachment = await attach(air.medium, spec)
                stack.push_async_callback(attachment.close)
                attached.append(attachment.spec)
            announce(file, hands, attached)
            await stop.wait()
