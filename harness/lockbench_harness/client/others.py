"""Operations of the plug-in that the documents at hand only hint at, as far as its codes need them.

Each runs through `Plugin.operate`, and settles with a TTLockError.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.advertising import Flag, read_manufacturer

from lockbench_harness.client.admin_key import admin_key
from lockbench_harness.client.call import Call, Failed, Result, callback, failure, text
from lockbench_harness.client.configuration import scan_wifi, set_nb_address, set_wifi
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import Keys, LockRefused, Paired, pair
from lockbench_harness.client.plugin import Option, Plugin, Work

__all__ = ["config_server", "config_wifi", "init_lock", "perform", "scan_networks"]

Conversation = Callable[[LockClient, Keys], Awaitable[object]]


async def perform(plugin: Plugin, option: Option, conversation: Conversation) -> Result:
    """Any conversation with the lock of `lockData`. Option: lockData, disconnectCallback."""

    async def work(call: Call) -> Result:
        key = admin_key(option)
        await call.find(key.address)
        client = await call.open(key)
        await conversation(client, key.keys)
        return call.result(0)

    def begin(call: Call, given: Option) -> Work:
        call.on_disconnect = callback(given, "disconnectCallback")
        admin_key(given)
        return work(call)

    return await plugin.operate(option, begin)


async def init_lock(
    plugin: Plugin,
    option: Option,
    secrets: tuple[int, int],
    admin_passcode: str,
    local: datetime,
    paired: list[Paired],
) -> Result:
    """Pair a lock. Option: lockMac. `secrets` are the administrator's password and the unlock key; what came
    of it goes into `paired`. 10010 for a lock that is not in setting mode, 10035 when it fails on the way."""

    async def work(call: Call) -> Result:
        address = text(option, "lockMac")
        found = await call.find(address)
        state = read_manufacturer(found.manufacturer) if found is not None else None
        if state is None:
            raise Failed(10009, f"{address} does not advertise as a third-generation lock")
        if Flag.SETTING not in state.flags:
            raise Failed(10010, f"{address} is not in setting mode")
        client = LockClient(call, address)
        await client.connect()
        try:
            paired.append(await client.run(pair(*secrets, admin_passcode, local)))
        except LockRefused:
            raise
        except RemoteError as error:
            raise Failed(10035, str(error)) from error
        return call.result(0)

    return await plugin.operate(option, lambda call, _: work(call))


async def scan_networks(plugin: Plugin, option: Option) -> Result:
    """What Wi-Fi the lock sees; 10016 when it sees none."""

    async def scan(client: LockClient, keys: Keys) -> None:
        if not await client.run(scan_wifi(keys)):
            raise Failed(10016, "the lock sees no network")

    return await perform(plugin, option, scan)


async def config_wifi(plugin: Plugin, option: Option, ssid: str, password: str) -> Result:
    """Give the lock its network. What the lock refuses is told as it says; 10019 when it does not answer."""

    async def configure(client: LockClient, keys: Keys) -> None:
        try:
            await client.run(set_wifi(keys, ssid, password))
        except LockRefused:
            raise
        except RemoteError as error:
            raise Failed(10019, str(failure(error))) from error

    return await perform(plugin, option, configure)


async def config_server(plugin: Plugin, option: Option, host: str, port: int) -> Result:
    """Tell the lock its remote server; 10020 when that fails."""

    async def configure(client: LockClient, keys: Keys) -> None:
        try:
            await client.run(set_nb_address(keys, port, host))
        except RemoteError as error:
            raise Failed(10020, str(failure(error))) from error

    return await perform(plugin, option, configure)
