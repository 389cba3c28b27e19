"""The same door with ttlock-ble, a client from PyPI that we did not write. It runs in an environment of its own."""

import asyncio
import json
import os

from ttlock_ble import LockVersion, TTLockClient, VirtualKey


def key():
    with open(os.environ["LOCKBENCH_CREDENTIALS"]) as file:
        found = json.load(file)
    return VirtualKey(
        keyId=1,
        lockId=1,
        lockAlias="front door",
        lockFlagPos=0,
        timezoneRawOffSet=0,
        lockMac=found["address"],
        lockName=found["name"],
        lockVersion=LockVersion(**found["lock_version"]),
        aesKeyStr=found["aes_key"],
        unlockKey=str(found["unlock_key"]),
        adminPs=str(found["admin_ps"]),
    )


async def main():
    async with TTLockClient(key()) as lock:
        print("state    ", await lock.query_state())
        await lock.unlock()
        print("unlocked ", await lock.query_state())
        await lock.lock()
        print("locked   ", await lock.query_state())
        await lock.add_passcode("246810")
        await lock.delete_passcode("246810")
        for entry in await lock.get_operation_log():
            print("log      ", entry)


asyncio.run(main())
