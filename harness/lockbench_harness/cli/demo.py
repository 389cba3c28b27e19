"""`lockbench demo`: what the bench can do, told in one story about one lock."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from lockbench_emulator.device import LockDevice

    from lockbench_harness.targets.bench import LockBench

SEED = 1
CODE = "135246"
VERSION, SIZE = "6.4.34", 8192
CUT_AT = 60  # percent of the transfer
POWER_BACK = 5.0  # seconds later

Tell = Callable[[str, str, str], None]  # chapter, what happened, what to try


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def command(*, as_json: bool) -> None:
    """Pair a lock, open it, give it a passcode, upgrade it, cut its power; in ten seconds."""
    from lockbench_harness import clock

    chapters: list[dict[str, str]] = []

    def tell(chapter: str, words: str, try_: str) -> None:
        chapters.append({"chapter": chapter, "happened": words, "try": try_})
        if not as_json:
            click.echo(f"{chapter:<10}{words}\n{'':<10}try: {try_}")

    begun = time.perf_counter()
    clock.run(_story(tell))
    if as_json:
        click.echo(json.dumps({"chapters": chapters, "seconds": round(time.perf_counter() - begun, 3)}))


async def _story(tell: Tell) -> None:
    from lockbench_harness.targets.emulated import DEFAULT_PROFILE, EmulatedTarget, make_lock
    from lockbench_harness.trace import Trace

    device, _ = make_lock(DEFAULT_PROFILE, SEED, paired=False)
    async with EmulatedTarget(DEFAULT_PROFILE).hang(device, seed=SEED, link="air", trace=Trace()) as bench:
        await _pair(bench, device, tell)
        await _open(bench, tell)
        await _passcode(bench, tell)
        await _cut(bench, tell)
        await _upgrade(bench, tell)
        await _log(bench, tell)


async def _pair(bench: LockBench, device: LockDevice, tell: Tell) -> None:
    from lockbench_harness.client.operations import pair
    from lockbench_harness.targets.emulated import credentials_of

    seen = await bench.sight()
    async with bench.session() as client:
        paired = await client.run(pair(12345678, 87654321, "7654321", bench.local()))
    bench.credentials = credentials_of(device)
    name = seen.name if seen else bench.address
    tell(
        "pair",
        f"{name} is found in setting mode and paired; it says it is a {', '.join(paired.info.values())}",
        "lockbench exec --unpaired -- python your_program.py",
    )


async def _open(bench: LockBench, tell: Tell) -> None:
    from lockbench_harness.client.operations import lock, unlock

    async with bench.session() as client:
        moved = await client.run(unlock(bench.keys, 1))
        opened = bench.hands.is_open()
        await client.run(lock(bench.keys, 2))
    state = "opens" if opened and not bench.hands.is_open() else "does not open"
    tell(
        "open",
        f"the bolt {state} and closes by app; the battery is at {moved.battery} %",
        "lockbench conform SES",
    )


async def _passcode(bench: LockBench, tell: Tell) -> None:
    from lockbench_harness.client.operations import add_passcode

    before = bench.hands.enter_code(CODE)
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, CODE))
    after = bench.hands.enter_code(CODE)
    tell(
        "passcode",
        f"{CODE} is typed: {_opens(before)}; it is written by app and typed again: {_opens(after)}",
        "lockbench conform PWD",
    )


def _opens(opened: bool) -> str:  # noqa: FBT001 - what was seen
    return "it opens" if opened else "nothing"


async def _cut(bench: LockBench, tell: Tell) -> None:
    from lockbench_protocol.telink.image import make_image

    from lockbench_harness.upgrade import Step, upgrade

    cuts: list[int] = []

    def watch(step: Step) -> None:
        percent = int(str(step["progress"]))
        if percent >= CUT_AT and not cuts:
            cuts.append(percent)
            loop = asyncio.get_running_loop()
            loop.call_soon(bench.hands.cut_power)
            loop.call_later(POWER_BACK, bench.hands.restore_power)

    done = await upgrade(bench, make_image(SIZE, VERSION, SEED), told=watch)
    tell(
        "cut",
        f"the power goes at {cuts[0]} % of an upgrade: errorCode {done.result['errorCode']}, "
        f"and the lock is back with {done.version}",
        f"lockbench image make --size 1024 --version {VERSION} -o s.bin; lockbench dfu sweep s.bin",
    )


async def _upgrade(bench: LockBench, tell: Tell) -> None:
    from lockbench_protocol.telink.image import make_image

    from lockbench_harness.upgrade import upgrade

    done = await upgrade(bench, make_image(SIZE, VERSION, SEED))
    tell(
        "upgrade",
        f"the same upgrade again: type {done.result.get('type')}, the lock runs {done.version}, "
        f"the cloud knows {done.cloud_version}",
        f"lockbench image make --size 131072 --version {VERSION} -o fw.bin; lockbench dfu run fw.bin",
    )


async def _log(bench: LockBench, tell: Tell) -> None:
    from lockbench_harness.client.operations import read_log

    async with bench.session() as client:
        records = await client.run(read_log(new=True))
    kept = bench.hands.enter_code(CODE)
    tell(
        "memory",
        f"its log has {len(records)} records, and {CODE} still works: {_opens(kept)}",
        "lockbench conform   (everything, with a report)",
    )
