"""Taking a lock off the air, at any moment."""

import asyncio

import pytest
from lockbench_emulator.device import LockDevice
from lockbench_emulator.profiles import load_profile
from lockbench_emulator.radio.medium import Medium
from lockbench_emulator.radio.peripheral import Peripheral


@pytest.mark.parametrize("turns", range(20))
def test_a_lock_that_begins_to_advertise_can_be_stopped_in_any_turn_of_the_loop(turns: int) -> None:
    async def story() -> None:
        device = LockDevice(load_profile("strict"), seed=1)
        peripheral = Peripheral(Medium(seed=1), device)
        await peripheral.start()
        for _ in range(turns):
            await asyncio.sleep(0)
        async with asyncio.timeout(2.0):
            await peripheral.stop()
        assert not peripheral.failures
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(story())
