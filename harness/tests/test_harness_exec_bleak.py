"""Bleak programs in environments of their own, without lockbench and bumble, over Bumble in real time."""

import asyncio
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from lockbench_emulator.gatt import (
    Advertisement,
    AttCode,
    AttRefusal,
    Characteristic,
    Disconnect,
    Effect,
    Notify,
    Properties,
    Service,
)
from lockbench_harness import clock
from lockbench_harness.credentials import LOCK_VERSION_KEYS, Credentials
from lockbench_harness.door.lock import central
from lockbench_harness.door.program import Ended, run_program
from lockbench_harness.links.bumble import on_air

BLEAKS = ("1.1.*", "2.1.*", "3.*")
LOCK = "C2:11:22:33:44:55"
CREDENTIALS = Credentials(
    address=LOCK,
    name="toy",
    aes_key=bytes(16),
    admin_ps=1,
    unlock_key=2,
    lock_data="",
    lock_version=dict.fromkeys(LOCK_VERSION_KEYS, 1),
    admin_passcode="123456",
)
SERVICES = (
    Service("180a", (Characteristic("2a24", Properties.READ),)),
    Service(
        "1910",
        (
            Characteristic("fff2", Properties.WRITE | Properties.WRITE_WITHOUT_RESPONSE),
            Characteristic("fff4", Properties.NOTIFY),
        ),
    ),
)
ADVERTISEMENT = Advertisement(
    # flags, 1910, TX power, service data of 180f, manufacturer data
    data=bytes.fromhex("020106 03031019 020af4 07160f185f000102 06ff05030102ff"),
    scan_response=b"\x04\x09toy",
    interval=0.02,
)


class Toy:
    """Says on fff4 what is written to fff2; `bye` ends the link, `no` is refused."""

    address = LOCK

    def __init__(self) -> None:
        self.online = False

    def services(self) -> tuple[Service, ...]:
        return SERVICES

    def advertisement(self) -> Advertisement | None:
        return None if self.online else ADVERTISEMENT

    def connected(self, now: float) -> Sequence[Effect]:  # noqa: ARG002 - the interface's
        self.online = True
        return ()

    def disconnected(self, now: float) -> Sequence[Effect]:  # noqa: ARG002 - the interface's
        self.online = False
        return ()

    def subscribe(self, characteristic: str, on: bool, now: float) -> Sequence[Effect]:  # noqa: ARG002 - the interface's
        return ()

    def write(self, characteristic: str, value: bytes, now: float) -> Sequence[Effect]:  # noqa: ARG002 - the interface's
        if value == b"no":
            raise AttRefusal(AttCode.WRITE_NOT_PERMITTED)
        return [Disconnect(0x13)] if value == b"bye" else [Notify("fff4", value)]

    def read(self, characteristic: str, now: float) -> bytes:  # noqa: ARG002 - the interface's
        return b"toy model"

    def advance(self, now: float) -> Sequence[Effect]:  # noqa: ARG002 - the interface's
        return ()

    def deadline(self) -> float | None:
        return None


@pytest.fixture(params=BLEAKS, scope="module")
def python(request: pytest.FixtureRequest, environment: Callable[[str], Path]) -> Path:
    return environment(f"bleak=={request.param}")


def run(python: Path, source: str, *arguments: str) -> tuple[Ended, dict[str, object]]:
    """Run a program whose last line of output is JSON."""
    argv = [str(python), "-X", "dev", "-W", "error", "-c", textwrap.dedent(source), *arguments]

    async def main() -> tuple[Ended, bytes]:
        reading, writing = os.pipe()
        async with on_air([Toy()], centrals=0) as air:
            ended = await run_program(argv, lambda: central(air.medium), CREDENTIALS, stdout=writing)
            await asyncio.sleep(0)
            assert list(air.medium.controllers) == [air.peripherals[0].controller]
            assert air.failures == []
        os.close(writing)
        with os.fdopen(reading, "rb") as out:
            return ended, out.read()

    ended, printed = clock.run_real(main())
    assert ended.status == 0, printed.decode()
    result: dict[str, object] = json.loads(printed)
    return ended, result


def test_these_environments_have_neither_lockbench_nor_bumble(python: Path) -> None:
    for module in ("bumble", "lockbench", "lockbench_harness"):
        source = f"import importlib.util, sys; sys.exit(importlib.util.find_spec({module!r}) is not None)"
        subprocess.run([python, "-c", source], check=True)  # noqa: S603 - our own words


def test_a_program_scans_connects_discovers_reads_writes_hears_and_leaves(python: Path) -> None:
    ended, result = run(
        python,
        """
        import asyncio, json, os, bleak
        from bleak import BleakClient, BleakScanner

        async def main():
            with open(os.environ["LOCKBENCH_CREDENTIALS"]) as file:
                address = json.load(file)["address"]
            result = {"sightings": 0}
            def seen(device, advertisement):
                result["sightings"] += 1
            async with BleakScanner(seen, service_uuids=["00001910-0000-1000-8000-00805f9b34fb"]) as scanner:
                async for device, advertisement in scanner.advertisement_data():
                    if result["sightings"] > 9 and advertisement.local_name:
                        break
            shown = result["advertisement"] = advertisement._asdict()
            shown["manufacturer_data"] = advertisement.manufacturer_data[0x0305].hex()
            shown["service_data"] = {k: v.hex() for k, v in advertisement.service_data.items()}
            result["device"] = [device.address, device.name, device.details]
            device = await BleakScanner.find_device_by_address(address.lower(), timeout=10)
            gone, heard = [], []
            client = BleakClient(device, lambda client: gone.append(client.address))
            async with client:
                result["connected"] = [client.is_connected, client.name, client.mtu_size]
                result["services"] = [
                    [service.uuid[4:8], c.uuid[4:8], c.properties, len(c.descriptors)]
                    for service in client.services
                    for c in service.characteristics
                ]
                result["read"] = (await client.read_gatt_char("2a24")).decode()
                hears = client.services.get_characteristic("fff4")
                def hear(sender, data):
                    heard.append([sender.uuid[4:8], data.hex()])
                await client.start_notify(hears, hear)
                result["cccd"] = (await client.read_gatt_descriptor(hears.descriptors[0])).hex()
                speaks = client.services.get_characteristic("fff2")
                for handle in (speaks, speaks.handle, "fff2"):
                    await client.write_gatt_char(handle, b"hello", response=False)
                await client.write_gatt_char("fff2", bytearray(b"acknowledged"), response=True)
                largest = b"x" * speaks.max_write_without_response_size
                await client.write_gatt_char("fff2", largest, response=False)
                while len(heard) < 5:
                    await asyncio.sleep(0.01)
                await client.stop_notify("fff4")
                await client.write_gatt_char("fff2", b"unheard", response=True)
            await asyncio.sleep(0.05)
            result.update(heard=[[u, d[:26]] for u, d in heard], gone=gone, after=client.is_connected)
            print(json.dumps(result))

        asyncio.run(main())
        """,
    )
    assert ended.opened
    assert result.pop("sightings") in range(10, 100)
    base = "0000{}-0000-1000-8000-00805f9b34fb"
    assert result == {
        "advertisement": {
            "local_name": "toy",
            "manufacturer_data": "0102ff",
            "service_data": {base.format("180f"): "5f000102"},
            "service_uuids": [base.format("1910")],
            "tx_power": -12,
            "rssi": -50,
            "platform_data": [],
        },
        "device": [LOCK, "toy", {}],
        "connected": [True, "toy", 515],
        "services": [
            ["180a", "2a24", ["read"], 0],
            ["1910", "fff2", ["write-without-response", "write"], 0],
            ["1910", "fff4", ["notify"], 1],
        ],
        "read": "toy model",
        "cccd": "0100",
        "heard": [["fff4", text] for text in (*[b"hello".hex()] * 3, b"acknowledged".hex(), "78" * 13)],
        "gone": [LOCK],
        "after": False,
    }


def test_five_hundred_writes_at_once_give_five_hundred_notifications_in_order(python: Path) -> None:
    _, result = run(
        python,
        """
        import asyncio, json
        from bleak import BleakClient

        async def main():
            heard = []
            async with BleakClient("C2:11:22:33:44:55") as client:
                await client.start_notify("fff4", lambda _, data: heard.append(int(data)))
                writes = [client.write_gatt_char("fff2", str(n).encode(), response=False) for n in range(500)]
                await asyncio.gather(*writes)
                while len(heard) < 500:
                    await asyncio.sleep(0.01)
            print(json.dumps({"in order": heard == list(range(500))}))

        asyncio.run(main())
        """,
    )
    assert result == {"in order": True}


def test_what_the_lock_refuses_or_ends_reaches_the_program_as_bleak_errors(python: Path) -> None:
    _, result = run(
        python,
        """
        import asyncio, json
        from bleak import BleakClient
        from bleak.exc import BleakDeviceNotFoundError, BleakError

        async def failure(work, *kinds):
            try:
                await work
            except kinds or BleakError as error:
                return type(error).__name__

        async def main():
            gone = asyncio.Event()
            client = BleakClient("C2:11:22:33:44:55", lambda _: gone.set())
            await client.connect()
            result = {
                "again": await failure(client.connect()),
                "refused": await failure(client.write_gatt_char("fff2", b"no", response=True)),
                "unreadable": await failure(client.read_gatt_char("fff2")),
                "unheard": await failure(client.start_notify("fff2", print)),
                "too long": await failure(client.write_gatt_char("fff2", bytes(513), response=False)),
                "pair": await failure(client.pair(), NotImplementedError),
            }
            await client.write_gatt_char("fff2", b"bye", response=False)
            await asyncio.wait_for(gone.wait(), 10)
            result["lost"] = await failure(client.read_gatt_char("2a24"))
            result["connected"] = client.is_connected
            await client.disconnect()
            await client.connect()
            result["reconnected"] = (await client.read_gatt_char("2a24")).decode()
            await client.disconnect()
            absent = BleakClient("C2:00:00:00:00:00", timeout=0.2)
            result["absent"] = await failure(absent.connect(), BleakDeviceNotFoundError)
            print(json.dumps(result))

        asyncio.run(main())
        """,
    )
    attribute = (
        "BleakGATTProtocolError" if "3" in python.parents[1].name.partition("==")[2][:1] else "BleakError"
    )
    assert result == {
        "again": "BleakError",
        "refused": attribute,
        "unreadable": attribute,
        "unheard": "BleakError",
        "too long": "BleakError",
        "pair": "NotImplementedError",
        "lost": "BleakError",
        "connected": False,
        "reconnected": "toy model",
        "absent": "BleakDeviceNotFoundError",
    }


def test_an_attempt_that_is_given_up_leaves_the_lock_free(python: Path) -> None:
    _, result = run(
        python,
        """
        import asyncio, json
        from bleak import BleakClient

        async def main():
            for seconds in (0.0, 0.01, 0.03, 0.05, 0.1, 0.2):
                client = BleakClient("C2:11:22:33:44:55")
                try:
                    await asyncio.wait_for(client.connect(), seconds)
                except asyncio.TimeoutError:
                    assert not client.is_connected
                await client.disconnect()
            absent = BleakClient("C2:00:00:00:00:00", timeout=600)
            try:
                await asyncio.wait_for(absent.connect(), 0.1)
            except asyncio.TimeoutError:
                pass
            async with BleakClient("C2:11:22:33:44:55") as client:
                print(json.dumps({"read": (await client.read_gatt_char("2a24")).decode()}))

        asyncio.run(main())
        """,
    )
    assert result == {"read": "toy model"}


def test_a_child_of_the_program_and_a_second_loop_work_as_the_first(python: Path) -> None:
    _, result = run(
        python,
        """
        import asyncio, json, subprocess, sys
        from bleak import BleakClient

        async def main():
            async with BleakClient("C2:11:22:33:44:55") as client:
                return (await client.read_gatt_char("2a24")).decode()

        result = [asyncio.run(main()), asyncio.run(main())]
        if len(sys.argv) == 1:
            own = [sys.executable, "-c", sys.orig_argv[sys.orig_argv.index("-c") + 1], "child"]
            result.append(json.loads(subprocess.run(own, check=True, stdout=subprocess.PIPE).stdout))
        print(json.dumps({"read": result}))
        """,
    )
    assert result == {"read": ["toy model", "toy model", {"read": ["toy model", "toy model"]}]}


def test_a_program_that_dies_connected_frees_the_lock_for_the_next(python: Path) -> None:
    _, result = run(
        python,
        """
        import asyncio, json, os, subprocess, sys
        from bleak import BleakClient, BleakScanner

        async def main():
            client = BleakClient("C2:11:22:33:44:55")
            await client.connect()
            if len(sys.argv) > 1:
                os.kill(os.getpid(), 9)
            await client.disconnect()
            own = [sys.executable, "-c", sys.orig_argv[sys.orig_argv.index("-c") + 1], "child"]
            assert subprocess.run(own).returncode == -9
            async with BleakScanner(), client:
                print(json.dumps({"read": (await client.read_gatt_char("2a24")).decode()}))

        asyncio.run(main())
        """,
    )
    assert result == {"read": "toy model"}


TTLOCK_BLE = """
import asyncio, json, os
from ttlock_ble import LockVersion, TTLockClient, VirtualKey

async def main():
    with open(os.environ["LOCKBENCH_CREDENTIALS"]) as file:
        found = json.load(file)
    key = VirtualKey(
        keyId=1, lockId=1, lockAlias="door", lockFlagPos=0, timezoneRawOffSet=0,
        lockMac=found["address"], lockName=found["name"], lockVersion=LockVersion(**found["lock_version"]),
        aesKeyStr=found["aes_key"], unlockKey=str(found["unlock_key"]), adminPs=str(found["admin_ps"]),
    )
    async with TTLockClient(key) as lock:
        states = [(await lock.query_state())[0]]
        await lock.unlock()
        states.append((await lock.query_state())[0])
        await lock.lock()
        states.append((await lock.query_state())[0])
        await lock.add_passcode("246810")
        await lock.delete_passcode("246810")
        log = await lock.get_operation_log()
    print(json.dumps({"states": states, "log": sorted(entry.record_type for entry in log)}))

asyncio.run(main())
"""


def test_ttlock_ble_unmodified_connects_unlocks_locks_and_manages_passcodes(
    environment: Callable[[str], Path],
) -> None:
    program = [str(environment("ttlock-ble")), "-c", TTLOCK_BLE]
    command = [sys.executable, "-m", "lockbench", "exec", "--json", "--", *program]
    done = subprocess.run(command, capture_output=True, check=False, timeout=120)  # noqa: S603 - our own words
    assert done.returncode == 0, done.stderr.decode()
    summary = json.loads(done.stdout)
    assert (summary["status"], summary["opened"], summary["profile"]) == (0, True, "open")
    # of the log: unlocked by phone 1, locked by phone 26, passcode added 93, passcode deleted 6
    assert json.loads(done.stderr) == {"states": [0, 1, 0], "log": [1, 6, 26, 93]}
