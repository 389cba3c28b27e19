"""`lockbench serve`: one emulated lock on the air, for HCI hosts of others, and the clouds; in real time."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from lockbench_harness.cli.held_lock import open_lock, state_option

if TYPE_CHECKING:
    from lockbench_harness.clouds import Served, Wanted

EPILOG = """
SPEC is any transport of Bumble, at which an HCI host comes in: tcp-server:127.0.0.1:6402, unix-server:/run/x,
pty:/run/y. The path of the lock's credentials file is printed, and that of a socket at which `lockbench lock`
puts hands to it; both are gone when the command ends.

Each cloud is printed with its address, that of the bench's controls (GET it for a list) and a first call.
"""


@dataclass(frozen=True, slots=True)
class _Lock:
    """The lock that hangs on the air."""

    specs: tuple[str, ...]
    profile: str
    seed: int
    path: Path | None
    unpaired: bool


@click.command(epilog=EPILOG)
@click.option("--attach", "specs", metavar="SPEC", multiple=True, help="A host of the lock; may be repeated.")
@click.option("--unpaired", is_flag=True, help="A lock in setting mode, ready to be paired.")
@click.option("--profile", default="strict", show_default=True, help="The kind of lock.")
@click.option("--seed", type=int, default=0, show_default=True, help="Addresses and secrets follow from it.")
@state_option
@click.option("--cloud", is_flag=True, help="The dding, TTLock and AIOT clouds.")
@click.option("--bind", default="127.0.0.1", show_default=True, help="The address on which clouds listen.")
@click.option("--port", type=click.IntRange(0, 65_000), default=0, help="Of the first cloud; others follow.")
@click.option("--store", default=":memory:", metavar="FILE", help="A file that keeps what clouds remember.")
@click.option("--dding", default="v1.6", show_default=True, help="The dding version: v1.6, v2017 or v2.")
@click.option("--site", type=click.Path(path_type=Path), metavar="FILE", help="What stands there, in YAML.")
@click.option("--strict", is_flag=True, help="The dding cloud takes spellings only where they are printed.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    context: click.Context,
    specs: tuple[str, ...],
    profile: str,
    seed: int,
    path: Path | None,
    bind: str,
    port: int,
    store: str,
    dding: str,
    site: Path | None,
    *,
    unpaired: bool,
    cloud: bool,
    strict: bool,
    as_json: bool,
) -> None:
    """Put one lock on the air, or the clouds on ports of this machine, or both, until Ctrl-C."""
    if not specs and not cloud:
        raise click.UsageError("nothing to serve: give --attach SPEC, --cloud or both")
    from lockbench_harness import clock

    lock = _Lock(specs, profile, seed, path, unpaired) if specs else None
    wanted: Wanted | None = None
    if cloud:
        from lockbench_harness.clouds import Wanted

        wanted = Wanted(bind, port, store, seed, dding, strict, site)
    clock.run_real(_serve(context, lock, wanted, as_json=as_json))


async def _serve(context: click.Context, lock: _Lock | None, wanted: Wanted | None, *, as_json: bool) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        shown: dict[str, object] = {}
        if lock is not None:
            shown |= await stack.enter_async_context(_on_the_air(context, lock))
        clouds: list[Served] = []
        if wanted is not None:
            from lockbench_harness.clouds import serving_clouds

            clouds = await stack.enter_async_context(serving_clouds(wanted))
            if is_open_to_others(f"tcp-server:{wanted.host}:0"):
                _warn(f"the clouds at {wanted.host}")
        _announce(shown, clouds, as_json=as_json)
        await stop.wait()


@asynccontextmanager
async def _on_the_air(context: click.Context, wanted: _Lock) -> AsyncIterator[dict[str, object]]:
    """What to say of the lock while it hangs there."""
    from lockbench_emulator.radio.attach import attach

    from lockbench_harness.credentials import saved
    from lockbench_harness.door.endpoint import private_directory
    from lockbench_harness.door.hands import hands_at
    from lockbench_harness.door.state import keeping
    from lockbench_harness.links.bumble import on_air

    device, credentials, state = open_lock(
        context, wanted.profile, wanted.seed, wanted.path, unpaired=wanted.unpaired
    )
    with private_directory() as directory, saved(credentials, directory / "credentials.json") as file:
        async with (
            keeping(device, state),
            on_air([device], centrals=0, seed=wanted.seed) as air,
            hands_at(device, air.peripherals[0].act, directory) as hands,
            AsyncExitStack() as stack,
        ):
            attached = []
            for spec in wanted.specs:
                attachment = await attach(air.medium, spec)
                stack.push_async_callback(attachment.close)
                attached.append(attachment.spec)
                if is_open_to_others(attachment.spec):
                    _warn(attachment.spec)
            yield {
                "credentials": str(file),
                "hands": None if hands is None else str(hands),
                "address": credentials.address,
                "name": credentials.name,
                "attached": attached,
            }


def _warn(what: str) -> None:
    verb = "are" if what.startswith("the ") else "is"
    click.echo(f"Warning: {what} {verb} open to other machines, and without a password.", err=True)


def _announce(lock: dict[str, object], clouds: Sequence[Served], *, as_json: bool) -> None:
    """Unwrapped and flushed at once, for scripts that wait for it."""
    if as_json:
        named = {one.name: asdict(one) for one in clouds}
        click.echo(json.dumps(lock | ({"clouds": named} if clouds else {})))
        return
    for line in [*_lines_of_lock(lock), *_lines_of(clouds), "Serving until Ctrl-C."]:
        click.echo(line)


def _lines_of_lock(lock: dict[str, object]) -> list[str]:
    if not lock:
        return []
    lines = [f"credentials  {lock['credentials']}", f"lock         {lock['address']}  {lock['name']}"]
    if lock["hands"] is not None:
        lines.append(f"hands        lockbench lock --at {lock['hands']}")
    attached = lock["attached"]
    return lines + [f"attached     {spec}" for spec in (attached if isinstance(attached, list) else [])]


def _lines_of(clouds: Sequence[Served]) -> list[str]:
    lines = []
    for one in clouds:
        lines += [f"{one.name:<12} {one.address}", f"  controls   {one.controls}", f"  try        {one.curl}"]
    return lines


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
