"""`lockbench dfu`: firmware upgrades."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click
from lockbench_protocol import LocalError

from lockbench_harness.cli.dfu_replay import replay
from lockbench_harness.cli.dfu_sweep import sweep

if TYPE_CHECKING:
    from lockbench_harness.upgrade import Step, Upgrade

PROVOKE = ("11015", "11016", "11017", "13013", "11018")
STEPS = {1: "preparing", 2: "transferring", 3: "reading the lock back"}


@click.group()
def command() -> None:
    """Upgrade an emulated lock over the air, and break the upgrade at every point."""


command.add_command(sweep)
command.add_command(replay)


@command.command()
@click.argument("image", type=click.Path(path_type=Path))
@click.option("--profile", default="strict", show_default=True, metavar="NAME", help="The lock.")
@click.option("--seed", type=click.IntRange(min=0), default=1, show_default=True)
@click.option(
    "--provoke", type=click.Choice(PROVOKE), help="Let it go wrong, by a real cause, with this plug-in code."
)
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def run(
    context: click.Context, image: Path, profile: str, seed: int, provoke: str | None, *, as_json: bool
) -> None:
    """Upgrade with IMAGE: cloud, package, command 02, OTA over Bumble, boot, version read back, cloud told.

    Exit codes: 0 it ended as it must, 1 it did not, 2 IMAGE is no firmware image.
    """
    from lockbench_emulator.boot.board import load_board
    from lockbench_emulator.profiles import load_profile
    from lockbench_protocol.telink.inspect import inspect_image

    try:
        data = image.read_bytes()
        inspect_image(data, load_board(load_profile(profile).model.board))
        begun = time.perf_counter()
        with _told(quiet=as_json) as told:
            done = _upgrade(data, profile, seed, provoke or "", told)
        wall = time.perf_counter() - begun
    except OSError as error:
        _refuse(context, f"cannot read {image}: {error.strerror}")
    except LocalError as error:
        _refuse(context, f"{image}: {error}")
    if as_json:
        click.echo(json.dumps(_facts(done, wall)))
    else:
        click.echo(_summary(done, wall))
    context.exit(0 if done.expected else 1)


def _upgrade(image: bytes, profile: str, seed: int, provoke: str, told: Callable[[Step], None]) -> Upgrade:
    from lockbench_harness import clock
    from lockbench_harness.targets.emulated import EmulatedTarget
    from lockbench_harness.trace import Trace
    from lockbench_harness.upgrade import upgrade

    async def main() -> Upgrade:
        async with EmulatedTarget(profile).open(seed=seed, link="air", trace=Trace()) as bench:
            return await upgrade(bench, image, provoke=provoke, told=told)

    return clock.run(main())


@contextmanager
def _told(*, quiet: bool) -> Iterator[Callable[[Step], None]]:
    """What shows the steps: nothing, a progress bar on a terminal, or a line a step."""
    if quiet:
        yield lambda _: None
    elif sys.stdout.isatty():
        from rich.progress import BarColumn, Progress, TextColumn

        with Progress(
            TextColumn("{task.description:<24}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%")
        ) as bar:
            task = bar.add_task(STEPS[1], total=100)
            yield lambda step: bar.update(task, description=STEPS[_type(step)], completed=_progress(step))
    else:
        last: list[int] = []

        def line(step: Step) -> None:
            if _type(step) not in last or _progress(step) % 25 == 0:
                last.append(_type(step))
                click.echo(f"type {_type(step)}  {_progress(step):>3} %  {STEPS[_type(step)]}")

        yield line


def _type(step: Step) -> int:
    return int(str(step["type"]))


def _progress(step: Step) -> int:
    return int(str(step["progress"]))


def _facts(done: Upgrade, wall: float) -> dict[str, object]:
    return {
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
        "seconds": round(wall, 3),
    }


def _summary(done: Upgrade, wall: float) -> str:
    result = done.result
    ended = f"type {result['type']}" if "type" in result else "failed"
    rows = {
        "result": f"{ended}, errorCode {result['errorCode']}: {result['errorMsg']}",
        "because": str(result.get("description") or "-"),
        "version": f"{done.old_version} before, {done.version or 'unreadable'} now",
        "cloud": f"knows {done.cloud_version}",
        "lock": "opens and closes" if done.usable else "does not answer",
        "time": f"{done.seconds:.1f} s of lock time in {wall:.1f} s",
    }
    verdict = "as it must" if done.expected else "NOT as it must"
    lines = [f"{name:<9}{text}" for name, text in rows.items()]
    return "\n".join([*lines, f"{'ended':<9}{verdict}"])


def _refuse(context: click.Context, sentence: str) -> None:
    click.echo(f"lockbench: {sentence}", err=True)
    context.exit(2)
