"""Pair, open, program, reset over Bumble, again and again: no failure, no leak, no drift.

A hundred cycles in every run of the tests. `LOCKBENCH_CYCLES=1000` makes it a thousand.
"""

import asyncio
import gc
import os
from datetime import timedelta
from typing import Any

from lockbench_emulator.device import EPOCH
from lockbench_emulator.lock import hands
from lockbench_harness import clock
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import (
    Keys,
    add_passcode,
    list_passcodes,
    lock,
    pair,
    read_log,
    reset,
    unlock,
)
from lockbench_harness.links.bumble import on_air
from lockbench_harness.targets.emulated import make_lock
from lockbench_protocol.lock.cipher import DEFAULT_KEY, cipher

CYCLES = int(os.environ.get("LOCKBENCH_CYCLES", "100"))
WARM = 20  # cycles before memory is measured: caches, compiled schemas, a full log
SLACK = 100  # objects that all cycles together may leave behind; one lost link has more
SECONDS = 30.0  # virtual ones that a cycle may take


def left_behind() -> int:
    cipher.cache_clear()  # it remembers the last keys
    gc.collect()
    return len(gc.get_objects())


async def cycle(air: Any, device: Any, number: int) -> None:
    """A stranger's lock becomes ours, opens, takes a code, opens to it, and is free again."""
    loop = asyncio.get_running_loop()
    client = LockClient(air.links[0], device.address, DEFAULT_KEY)
    await client.connect()
    local = EPOCH + timedelta(seconds=int(loop.time()))
    paired = await client.run(pair(1 + number, 1 + 2 * number, "2580258", local))
    await client.disconnect()
    keys: Keys = paired.keys
    await client.connect()
    moved = await client.run(unlock(keys, number))
    assert moved.record_id == number
    await client.run(lock(keys, number))
    await client.run(add_passcode(keys, code := f"{number:06}"))
    assert [row.code for row in await client.run(list_passcodes(keys))] == [code]
    air.peripherals[0].act(lambda now: device.by_hand(lambda lock, at: hands.enter_code(lock, code, at), now))
    assert device.memory.unlocked
    assert len(await client.run(read_log(new=True))) == 4
    drift = device.clock.local(loop.time()) - (EPOCH + timedelta(seconds=int(loop.time())))
    assert abs(drift.total_seconds()) <= 1
    await client.run(reset(keys))
    await client.disconnect()
    assert device.memory.admin is None
    await asyncio.sleep(1.0)


def test_pairing_opening_programming_and_resetting_leaves_nothing_behind() -> None:
    device, _ = make_lock("strict", 1, paired=False)
    device.memory._log_capacity = 40  # a full log after the first cycles, so that memory can be compared
    measured: dict[str, int] = {}

    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with on_air([device], seed=1) as air:
            for number in range(1, CYCLES + WARM + 1):
                began = loop.time()
                await cycle(air, device, number)
                assert loop.time() - began < SECONDS
                if number == WARM:
                    measured["tasks"] = len(asyncio.all_tasks())
                    measured["objects"] = left_behind()
            assert len(asyncio.all_tasks()) <= measured["tasks"]
            assert left_behind() - measured["objects"] < SLACK
            assert air.failures == []
            assert len(air.medium.links) == 0

    clock.run(main(), budget=(CYCLES + WARM) * SECONDS)
