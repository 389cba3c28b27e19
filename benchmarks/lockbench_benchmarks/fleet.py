"""What many locks on one medium cost: memory, idle advertising, a connection to one of them.

`python -m lockbench_benchmarks.fleet N` measures N locks in a process of its own and prints one JSON object.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from lockbench_benchmarks.row import NS, Row, within

SIZES = (10, 100, 1000)
MEGABYTES, SHARE = 150.0, 0.02  # of 1,000 locks: resident memory, and of one core
ADVERTISED = 30  # seconds of virtual time at one advertisement a second
CONNECTED = 20  # locks, one after another


def rows(sizes: Sequence[int] = SIZES) -> Iterator[Row]:
    """Three rows for each size, measured once. The goals are those of 1,000 locks."""
    for size in sizes:
        found = _measured(size)
        largest = size == SIZES[-1]
        yield within(f"{size} locks, memory", "150 MB", found["megabytes"], MEGABYTES, "MB", goal=largest)
        against = f"{SHARE:.0%} of a core"
        yield within(f"{size} idle locks, a second", against, found["idle"], SHARE * NS, goal=largest)
        yield within(f"{size} locks, connect to one", "10 a second", found["connect"], NS / 10, goal=False)


def missing() -> list[str]:
    """No peer is known that holds a thousand locks."""
    return []


def _measured(size: int) -> dict[str, float]:
    command = [sys.executable, "-m", "lockbench_benchmarks.fleet", str(size)]
    out = subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603 - our own program
    found: dict[str, float] = json.loads(out.stdout)
    return found


def measure_fleet(size: int) -> dict[str, float]:
    """`megabytes` resident at most; `idle`: ns of processor time in a second of advertising, at best of some;
    `connect`: ns for one connection with its discovery and its end, with all others advertising."""
    from lockbench_emulator.radio.quiet import quiet
    from lockbench_harness import clock

    with quiet():
        return clock.run(_fleet(size))


async def _fleet(size: int) -> dict[str, float]:
    from dataclasses import replace

    from lockbench_emulator.device import LockDevice
    from lockbench_emulator.profiles import load_profile
    from lockbench_harness.links.bumble import on_air

    profile = load_profile("strict")
    profile = replace(profile, advertising=replace(profile.advertising, interval=1.0))
    addresses = [f"C2:00:00:00:{number >> 8:02X}:{number & 0xFF:02X}" for number in range(size)]
    locks = [LockDevice(profile, seed=number, address=address) for number, address in enumerate(addresses)]
    async with on_air(locks) as air:
        await asyncio.sleep(2)
        idle = []
        for _ in range(ADVERTISED):
            before = time.thread_time_ns()
            await asyncio.sleep(1)
            idle.append(time.thread_time_ns() - before)
        taken = []
        for address in addresses[:: max(1, size // CONNECTED)]:
            before = time.thread_time_ns()
            connection = await air.links[0].connect(address)
            await connection.disconnect()
            taken.append(time.thread_time_ns() - before)
        most = _megabytes()
    return {"megabytes": most, "idle": float(min(idle)), "connect": float(min(taken))}


def _megabytes() -> float:
    """The most that was resident. On Linux ru_maxrss begins with that of the parent."""
    import resource

    try:
        lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most / 1e6 if sys.platform == "darwin" else most * 1024 / 1e6
    (kib,) = [line.split()[1] for line in lines if line.startswith("VmHWM:")]
    return int(kib) * 1024 / 1e6


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure_fleet(int(sys.argv[1]))))
