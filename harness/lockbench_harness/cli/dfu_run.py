"""`lockbench dfu run`: one upgrade, the whole way from a cloud or by the OTA sender alone."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from lockbench_protocol import LocalError

from lockbench_harness.cli import INTERRUPTED

if TYPE_CHECKING:
    from lockbench_harness.client.flashing import Flashing
    from lockbench_harness.client.presets import Preset
    from lockbench_harness.upgrade import Step, Upgrade

PROVOKE = ("11015", "11016", "11017", "13013", "11018")
STEPS = {1: "preparing", 2: "transferring", 3: "reading back"}
CLIENTS = {"tt": "ttlock", "g1": "pvvx", "g1m": "telink-ios", "g2": "telink-firmware"}  # who comes by default
_CONNECTION_INTERVAL = 0.015  # seconds, of emulated air
_PDUS = 4  # in a connection event

EPILOG = """
With --lock, --dialect, --client, --pdu, --interval or --loss the OTA sender alone sends IMAGE; otherwise it
goes the whole way. What is not emulated is written only when its address is typed back, or is given with
--yes-flash.
"""


@click.command(epilog=EPILOG)
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--profile", default="strict", show_default=True, metavar="NAME", help="The emulated lock.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option(
    "--provoke", type=click.Choice(PROVOKE), help="Let it go wrong, by a real cause, with this plug-in code."
)
@click.option("--dialect", metavar="NAME", help="Of the OTA protocol: tt, g1, g1m, g2.")
@click.option("--client", metavar="NAME", help="How the sender behaves; the default suits the dialect.")
@click.option("--pdu", type=int, help="Bytes of image in a data PDU, if the client may choose.")
@click.option("--interval", type=click.FloatRange(min=0), help="Seconds between two data PDUs.")
@click.option(
    "--loss",
    type=click.FloatRange(0, 0.9),
    help="Share of emulated radio packets that are lost and sent again.",
)
@click.option("--lock", "spec", metavar="SPEC", help="A lock that is not emulated: any transport of Bumble.")
@click.option("--credentials", type=click.Path(path_type=Path), metavar="FILE", help="The keys of that lock.")
@click.option("--yes-flash", metavar="ADDRESS", help="Write to the lock of this address without asking.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def run(context: click.Context, /, image: Path, *, as_json: bool, **options: Any) -> None:
    """Upgrade with IMAGE: cloud, package, command 02, OTA over Bumble, boot, version read back, cloud told.

    Exit codes: 0 it ended as it must, 1 it did not, 2 IMAGE, an option or the lock cannot be used, 130 it was
    interrupted.
    """
    begun = time.perf_counter()
    try:
        data = _image(image, options["profile"])
        if any(
            options[name] is not None for name in ("dialect", "client", "pdu", "interval", "loss", "spec")
        ):
            done, expected = _alone(data, options, quiet=as_json)
        elif options["credentials"] or options["yes_flash"]:
            raise LocalError("--credentials and --yes-flash are about a lock that --lock names")
        else:
            done, expected = _whole_way(data, options, quiet=as_json)
    except KeyboardInterrupt:
        click.echo("lockbench: interrupted; the emulated lock is gone with this command", err=True)
        context.exit(INTERRUPTED)
    facts = {**done, "seconds": round(time.perf_counter() - begun, 3)}
    click.echo(json.dumps(facts) if as_json else _words(facts))
    context.exit(INTERRUPTED if facts.get("interrupted") else 0 if expected else 1)


def _image(image: Path, profile: str) -> bytes:
    from lockbench_emulator.boot.board import load_board
    from lockbench_emulator.profiles import load_profile
    from lockbench_protocol.telink.inspect import inspect_image

    board = load_board(load_profile(profile).model.board)
    try:
        data = image.read_bytes()
        inspect_image(data, board)
    except OSError as error:
        raise LocalError(f"cannot read {image}: {error.strerror}") from None
    except LocalError as error:
        raise LocalError(f"{image}: {error}") from None
    return data


# The whole way, always emulated


def _whole_way(image: bytes, options: dict[str, Any], *, quiet: bool) -> tuple[dict[str, Any], bool]:
    from lockbench_harness import clock
    from lockbench_harness.cli.meter import meter
    from lockbench_harness.targets.emulated import EmulatedTarget
    from lockbench_harness.trace import Trace
    from lockbench_harness.upgrade import upgrade

    begun: list[float] = []

    async def main(told: Callable[[Step], None]) -> Upgrade:
        target = EmulatedTarget(options["profile"])
        async with target.open(seed=options["seed"], link="air", trace=Trace()) as bench:
            return await upgrade(bench, image, provoke=options["provoke"] or "", told=told)

    with meter(len(image), quiet=quiet) as show:

        def told(step: Step) -> None:
            import asyncio

            kind, percent = int(str(step["type"])), int(str(step["progress"]))
            now = asyncio.get_running_loop().time()
            if kind == 2 and not begun:
                begun.append(now)
            show(STEPS[kind], percent, now - begun[0] if kind == 2 else 0.0)

        done = clock.run(main(told))
    facts = {
        "expected": done.expected,
        "provoked": done.provoked or None,
        "old_version": done.old_version,
        "image_version": done.image_version,
        "version": done.version,
        "cloud_version": done.cloud_version,
        "usable": done.usable,
        "result": dict(done.result),
        "steps": [dict(step) for step in done.steps],
        "lock_seconds": round(done.seconds, 3),
    }
    return facts, done.expected


# The sender alone


def _alone(image: bytes, options: dict[str, Any], *, quiet: bool) -> tuple[dict[str, Any], bool]:
    from lockbench_harness.cli.meter import meter
    from lockbench_harness.client.flashing import Flashing

    if options["provoke"]:
        raise LocalError("--provoke is about the whole way, from the cloud on")
    dialect, preset = _preset(options)
    job = Flashing(image, preset)
    address = _confirmed(options, dialect) if options["spec"] else ""
    with meter(len(image), quiet=quiet) as show:
        job.told = lambda percent, seconds: show(STEPS[2], percent, seconds)
        try:
            if options["spec"]:
                _on_transport(job, options, address)
            else:
                _on_emulator(job, options, dialect)
        except KeyboardInterrupt:
            interrupted = True
        else:
            interrupted = False
    facts = _facts(job, dialect, interrupted=interrupted)
    return facts, job.ok and not interrupted


def _preset(options: dict[str, Any]) -> tuple[str, Preset]:
    """The name of the dialect's profile and how the sender behaves."""
    from dataclasses import replace

    from lockbench_emulator.boot.dialect import load_dialect

    from lockbench_harness.client.presets import load_preset

    given = options["dialect"]
    wire = load_dialect(given).wire if given else ""
    preset = load_preset(options["client"] or CLIENTS[wire or "tt"])
    if options["pdu"] is not None:
        length = options["pdu"]
        if preset.wire != "g2" and length != preset.pdu_length:
            raise LocalError(
                f"the client {preset.name} sends {preset.pdu_length} bytes in a data PDU, always"
            )
        if length % 16 or not 16 <= length <= 240:
            raise LocalError(f"a data PDU carries 16, 32, ... 240 bytes of image, not {length}")
        preset = replace(preset, pdu_length=length)
    if options["interval"] is not None:
        preset = replace(preset, interval=options["interval"])
    return given or preset.wire, preset


def _on_emulator(job: Flashing, options: dict[str, Any], dialect: str) -> None:
    from dataclasses import replace
    from random import Random

    from lockbench_emulator.device import LockDevice
    from lockbench_emulator.profiles import load_profile
    from lockbench_emulator.radio.medium import Pacing
    from lockbench_emulator.radio.quiet import quiet

    from lockbench_harness import clock
    from lockbench_harness.client.flashing import flash
    from lockbench_harness.links.bumble import on_air
    from lockbench_harness.targets.emulated import credentials_of

    profile, seed = load_profile(options["profile"]), options["seed"]
    gate = profile.dfu.gate and dialect == "tt"
    device = LockDevice(replace(profile, dfu=replace(profile.dfu, dialect=dialect, gate=gate)), seed=seed)
    chance, loss = Random(f"loss {seed}"), options["loss"] or 0.0  # noqa: S311 - it repeats itself

    async def main() -> None:
        keys = _keys(credentials_of(device)) if dialect == "tt" else None
        with quiet():
            async with on_air([device], seed=seed, pacing=Pacing(_CONNECTION_INTERVAL, _PDUS)) as air:
                air.medium.loses = lambda _end: chance.random() < loss
                await flash(air.links[0], device.address, keys, job)

    clock.run(main())


def _on_transport(job: Flashing, options: dict[str, Any], address: str) -> None:
    from lockbench_harness import clock
    from lockbench_harness.client.flashing import flash
    from lockbench_harness.credentials import Credentials
    from lockbench_harness.links.bumble import BumbleLink

    keys = _keys(Credentials.load(options["credentials"])) if options["credentials"] else None

    async def main() -> None:
        async with await BumbleLink.open(options["spec"], seed=options["seed"]) as link:
            await flash(link, address, keys, job)

    clock.run_real(main())


def _keys(credentials: Any) -> Any:
    from lockbench_harness.client.operations import Keys

    if not credentials.paired:
        raise LocalError("the lock is not paired, there are no keys to open its DFU window with")
    return Keys(credentials.aes_key, credentials.admin_ps, credentials.unlock_key)


def _confirmed(options: dict[str, Any], dialect: str) -> str:
    """The address of the lock that is to be written, said by whoever is responsible for it."""
    from lockbench_harness.credentials import ADDRESS, Credentials

    if options["loss"] is not None:
        raise LocalError("--loss is about emulated air, and --lock names a lock that is not emulated")
    if options["credentials"] is None and dialect == "tt":
        raise LocalError(f"{options['spec']} needs --credentials FILE: command 02 opens its DFU window")
    meant = Credentials.load(options["credentials"]).address if options["credentials"] else ""
    given = options["yes_flash"]
    if given is None:
        if not (sys.stdin.isatty() and sys.stderr.isatty()):
            raise LocalError(
                "a lock that is not emulated is written only with --yes-flash ADDRESS, or at a terminal"
            )
        which = f"the lock {meant}" if meant else "a lock"
        click.echo(
            f"This replaces the firmware of {which} at {options['spec']}, which is not emulated.", err=True
        )
        given = click.prompt("Its address", err=True, default="", show_default=False)
    address = str(given).strip().upper()
    if not ADDRESS.fullmatch(address):
        raise LocalError(f"{given!r} is no address such as C2:11:22:33:44:55; nothing was written")
    if meant and address != meant:
        raise LocalError(f"the credentials are those of {meant}, not of {address}; nothing was written")
    return address


def _facts(job: Flashing, dialect: str, *, interrupted: bool) -> dict[str, Any]:
    ended = job.ended
    return {
        "expected": job.ok and not interrupted,
        "interrupted": interrupted,
        "dialect": dialect,
        "client": job.preset.name,
        "pdu": job.preset.pdu_length,
        "old_version": job.old_version,
        "image_version": job.image_version,
        "version": job.version,
        "believed": ended is not None and ended.ok,
        "lock_result": ended.result.name.lower() if ended and ended.result else None,
        "why": "interrupted" if interrupted else ended.why if ended else "",
        "state": job.words,
        "percent": job.percent,
        "bytes_per_second": round(len(job.image) * job.percent / 100 / job.seconds) if job.seconds else None,
        "lock_seconds": round(job.seconds, 3),
    }


# Words


def _words(facts: dict[str, Any]) -> str:
    if "state" in facts:
        rows = {
            "result": facts["why"] or "-",
            "version": f"{facts['old_version'] or 'unreadable'} before, {facts['version'] or 'unread'} now",
            "state": facts["state"],
            "sent": f"{facts['percent']} % by {facts['client']} in PDUs of {facts['pdu']} bytes",
        }
        if facts["bytes_per_second"]:
            rows["speed"] = f"{facts['bytes_per_second']:,} bytes/s"
    else:
        result = facts["result"]
        ended = f"type {result['type']}" if "type" in result else "failed"
        rows = {
            "result": f"{ended}, errorCode {result['errorCode']}: {result['errorMsg']}",
            "because": str(result.get("description") or "-"),
            "version": f"{facts['old_version']} before, {facts['version'] or 'unreadable'} now",
            "cloud": f"knows {facts['cloud_version']}",
            "lock": "opens and closes" if facts["usable"] else "does not answer",
        }
    rows["time"] = f"{facts['lock_seconds']:.1f} s of lock time in {facts['seconds']:.1f} s"
    rows["ended"] = "as it must" if facts["expected"] else "NOT as it must"
    return "\n".join(f"{name:<9}{text}" for name, text in rows.items())
