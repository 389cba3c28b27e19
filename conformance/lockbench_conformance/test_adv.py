"""ADV: what a lock says to everybody, and how it is found."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.nearby import GONE, nearby
from lockbench_harness.client.operations import (
    auto_lock,
    enter_dfu,
    features,
    lock,
    read_log,
    status,
    unlock,
)
from lockbench_harness.links import Link, NotFound
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.advertising import (
    DFU_MODES,
    SIZE,
    V3,
    Flag,
    LockState,
    is_dfu,
    mac_bytes,
    mac_text,
    manufacturer_data,
    read_manufacturer,
    structures,
)
from lockbench_protocol.lock.status import Status

from lockbench_conformance.owner import adopt, forget, pairing_refused
from lockbench_conformance.words import (
    SETTLE_SECONDS,
    advertised,
    byte,
    ended_by,
    record_ids,
    refused,
    sighted,
)

Drawn = tuple[int, int, int, bytes]
drawn_states = st.tuples(byte, st.integers(0, 31), st.integers(0, 100), st.binary(min_size=6, max_size=6))
"""Scene, flags, battery and address of a lock."""


def state_of(drawn: Drawn) -> LockState:
    scene, flags, battery, mac = drawn
    return LockState(scene, Flag(flags), battery, mac_text(mac))


@case("ADV/1", clause="ttlock-ble 1.1", links=("bare", "air"))
async def test_service_and_name_are_advertised(bench: LockBench) -> None:
    """A lock advertises the service 1910, and a name that ends in the last three octets of its address."""
    seen = await sighted(bench)
    expect("1910" in seen.services, True, "is 1910 advertised")
    _, _, digits = seen.name.rpartition("_")
    expect(digits.lower(), mac_bytes(bench.address)[:2:-1].hex(), f"the digits at the end of {seen.name!r}")
    expect(max(len(seen.data), len(seen.scan_response)) <= 31, True, "does each part fit into 31 bytes")


@case(
    "ADV/2",
    clause="ttlock-ble 1.1, 1.2",
    links=("bare", "air"),
    examples=2,
    drawn=st.lists(drawn_states, min_size=5),
)
async def test_the_company_id_is_type_and_version(bench: LockBench, drawn: list[Drawn]) -> None:
    """The manufacturer data begin with 05 03, where others have a company id, and tell the state."""
    for state in map(state_of, drawn):
        data = manufacturer_data(state)
        expect((len(data), read_manufacturer(data, state.address)), (SIZE, state), "the state read back")
    seen = await sighted(bench)
    expect((seen.manufacturer[:2], len(seen.manufacturer)), (V3, SIZE), "type and version, and the length")
    state = await advertised(bench)
    async with bench.session() as client:
        battery, _ = await client.run(features())
    own = (bench.credentials.lock_version["scene"], battery, bench.address)
    expect((state.scene, state.battery, state.address), own, "scene, battery and address")


@case("ADV/3", clause="ttlock-ble 1.3", links=("bare", "air"), examples=2, record_id=record_ids)
async def test_the_bolt_shows(bench: LockBench, record_id: int) -> None:
    """The bit for an open bolt follows unlock and lock, and can be seen without a connection."""
    for move, is_open in ((unlock, True), (lock, False)):
        async with bench.session() as client:
            await client.run(move(bench.keys, record_id))
        expect(Flag.UNLOCKED in (await advertised(bench)).flags, is_open, f"the bit after {move.__name__}")


@case(
    "ADV/4",
    clause="ttlock-ble 10; plug-in documents: auto-lock",
    needs=("clock", "log", "auto_lock"),
    examples=3,
    seconds=st.integers(5, 60),
)
async def test_auto_lock_is_only_advertised(bench: LockBench, seconds: int) -> None:
    """After the auto-lock time the bit for an open bolt goes, without a record and without a push."""
    pushes: list[object] = []
    client = bench.client()
    async with bench.session(client):
        before = await client.run(auto_lock(bench.keys)) or 0
        await client.run(auto_lock(bench.keys, seconds))
        await client.run(unlock(bench.keys, 1))
    await asyncio.sleep(seconds - 2)
    expect(Flag.UNLOCKED in (await advertised(bench)).flags, True, "the bit a second too early")
    await asyncio.sleep(2)
    expect(Flag.UNLOCKED in (await advertised(bench)).flags, False, "the bit a second later")
    async with bench.session(client):
        await client.run(read_log(new=True))
        await client.run(unlock(bench.keys, 2))
        await asyncio.sleep(2)  # the pushes that belong to unlocking
        client.pushes = pushes.append
        for _ in range(seconds // 4 + 1):
            await client.run(status())
            await asyncio.sleep(4)
        expect((await client.run(status())).unlocked, False, "is the lock still open")
        records = await client.run(read_log(new=True))
        await client.run(auto_lock(bench.keys, before))
    expect(pushes, [], "the pushes at the time of auto-lock")
    expect([record.tail.get("record_id") for record in records], [2], "the records since the unlocking")


@case("ADV/5", clause="ttlock-ble 1.3, 5.17", needs=("hands", "log"), links=("bare", "air"))
async def test_new_records_show_until_they_are_read(bench: LockBench) -> None:
    """The bit for new records is set by use of the keypad, and cleared when the log is read."""
    for record_id in (1, 2):
        async with bench.session() as client:
            await client.run(lock(bench.keys, record_id))
            await client.run(read_log(new=True))
        expect(Flag.NEW_RECORDS in (await advertised(bench)).flags, False, "the bit after reading the log")
        opened = bench.hands.enter_code(bench.credentials.admin_passcode)
        expect(opened, True, "does the administrator's code open")
        expect(Flag.NEW_RECORDS in (await advertised(bench)).flags, True, "the bit after use of the keypad")
    async with bench.session() as client:
        await client.run(lock(bench.keys, 3))


@case("ADV/6", clause="ttlock-ble 1.3, 4; plug-in error 7", needs=("hands", "fresh"))
async def test_setting_mode_shows_after_a_reset_only(bench: LockBench) -> None:
    """A lock shows setting mode only when it has no administrator, and can be paired only then."""
    keys = bench.keys
    for way in ("by app", "by hand"):
        expect(Flag.SETTING in (await advertised(bench)).flags, False, "setting mode of a paired lock")
        await pairing_refused(bench, keys)
        if way == "by app":
            await forget(bench, keys)
        else:
            bench.hands.press_reset()
        expect(Flag.SETTING in (await advertised(bench)).flags, True, f"setting mode after a reset {way}")
        keys = await adopt(bench)
    expect(Flag.SETTING in (await advertised(bench)).flags, False, "setting mode after pairing")


@case(
    "ADV/7",
    clause="ttlock-ble 1.2, 2, 5.6",
    needs=("hands",),
    links=("bare", "air"),
    examples=3,
    percent=st.integers(0, 100),
)
async def test_the_battery_is_one_number(bench: LockBench, percent: int) -> None:
    """Advertisement and replies tell the same battery; 2A19 tells it too, or always 100 as real locks do."""
    async with bench.session() as client:
        before, _ = await client.run(features())
    bench.hands.set_battery(percent)
    expect((await advertised(bench)).battery, percent, "the battery in the advertisement")
    async with bench.session() as client:
        replies = ((await client.run(features()))[0], (await client.run(status())).battery)
        expect(replies, (percent, percent), "the battery in replies")
    async with bench.raw() as connection:
        told = await connection.read("2a19")
        expect(told in (bytes([percent]), bytes([100])), True, f"does 2A19 agree, which reads {told.hex()}")
    bench.hands.set_battery(before)


@case(
    "ADV/8",
    clause="ttlock-ble 1.2",
    examples=3,
    drawn=drawn_states,
    at=st.integers(1, 6),
    change=st.integers(1, 255),
)
async def test_another_address_in_the_data_is_ignored(
    bench: LockBench, drawn: Drawn, at: int, change: int
) -> None:
    """A lock names its own address in the advertisement, and a client ignores one that names another."""
    state = state_of(drawn)
    data = bytearray(manufacturer_data(state))
    data[-at] ^= change
    expect(
        read_manufacturer(bytes(data), state.address),
        None,
        "the state of an advertisement with another address",
    )
    seen = await sighted(bench)
    named = read_manufacturer(seen.manufacturer)
    expect(named and named.address, bench.address, "the address in the lock's advertisement")


@case("ADV/9", clause="ttlock-ble 1.6, 5.20", needs=("dfu", "clock"))
async def test_dfu_mode_is_no_state(bench: LockBench) -> None:
    """In DFU mode the lock advertises a mark, in which no state is read; afterwards its state again."""
    ordinary = manufacturer_data(LockState(1, Flag(0), 50, bench.address))
    for mark in DFU_MODES:
        data = mark + ordinary[2:]
        expect((is_dfu(data), read_manufacturer(data)), (True, None), f"what {mark.hex()} is read as")
    expect(is_dfu(ordinary), False, "is an ordinary advertisement in DFU mode")
    async with bench.session() as client:
        await client.run(enter_dfu(bench.keys))
    await asyncio.sleep(SETTLE_SECONDS)
    seen = await sighted(bench)
    expect(is_dfu(seen.manufacturer), True, f"does {seen.manufacturer.hex()} show DFU mode")
    await asyncio.sleep(60)
    await advertised(bench)


@case(
    "ADV/10",
    clause="ttlock-ble 1.2, 1.5",
    examples=3,
    kinds=st.lists(st.binary(min_size=2, max_size=2).filter(lambda kind: kind != V3), min_size=8),
    rest=st.binary(max_size=20),
)
async def test_other_generations_have_no_state(bench: LockBench, kinds: list[bytes], rest: bytes) -> None:
    """In the advertisement of another generation no state is read; that of the lock is of the third."""
    old = manufacturer_data(LockState(1, Flag(0), 50, bench.address))[2:]
    for kind in (b"\x05\x01", b"\x05\x04", b"\x03\x01", *kinds):
        for data in (kind + old, kind + old + rest):
            expect(read_manufacturer(data), None, f"what {data.hex()} is read as")
    await advertised(bench)


@case(
    "ADV/11",
    clause="ttlock-ble 1.2",
    examples=4,
    garbage=st.lists(
        st.binary(max_size=40) | st.binary(max_size=40).map(lambda data: V3 + data), min_size=10
    ),
)
async def test_any_bytes_can_be_read(bench: LockBench, garbage: list[bytes]) -> None:
    """Short, empty and foreign manufacturer data are no state; no bytes make a client stumble."""
    seen = await sighted(bench)
    for data in (b"", V3, seen.manufacturer[: SIZE - 1], *garbage):
        if len(data) < SIZE or data[:2] != V3:
            expect(read_manufacturer(data, bench.address), None, f"what {data.hex()} is read as")
        read_manufacturer(data)
        sizes = [2 + len(value) for _, value in structures(data)]
        expect(sum(sizes) <= len(data), True, f"do the structures of {data.hex()} fit into it")
    expect(
        sum(2 + len(value) for _, value in structures(seen.data)),
        len(seen.data),
        "the length of the lock's structures",
    )


@case("ADV/12", clause="ttlock-ble 1.7", needs=("second central",), links=("bare", "air"))
async def test_a_connected_lock_is_silent(bench: LockBench) -> None:
    """While a phone is connected no other one sees the lock, and as soon as it leaves everybody does."""
    other = await bench.second()
    expect(await is_seen(bench, other), True, "is the lock seen before")
    async with bench.session():
        expect(await is_seen(bench, other), False, "is the lock seen while a phone is connected")
    expect(await is_seen(bench, other), True, "is the lock seen afterwards")


async def is_seen(bench: LockBench, link: Link, seconds: float = 3.0) -> bool:
    found = await link.scan(seconds, until=lambda seen: seen.address == bench.address)
    return any(seen.address == bench.address for seen in found)


@case(
    "ADV/13",
    clause="ttlock-ble 6; plug-in error 10036",
    needs=("hands", "sleeps"),
)
async def test_a_sleeping_lock_is_found_after_a_touch(bench: LockBench) -> None:
    """A lock that sleeps is not found in ten seconds, and is found at once when it was touched."""
    await asyncio.sleep(60)
    expect(await is_seen(bench, bench.passer_by, 10.0), False, "does a scan of ten seconds find it")
    with ended_by(NotFound):
        await bench.client(link=bench.passer_by).connect(seconds=10.0)
    bench.hands.touch()
    expect(await is_seen(bench, bench.passer_by, 1.0), True, "is it found at once after a touch")
    expect(Flag.TOUCHED in (await advertised(bench)).flags, True, "the bit for a touched lock")


heard_locks = st.lists(st.tuples(drawn_states, st.integers(-120, 20)), max_size=8)


@case(
    "ADV/14",
    clause="startScan: RSSI; ttlock-ble 1.7",
    needs=("second central",),
    links=("bare", "air"),
    examples=4,
    rssi=st.integers(-127, 20).filter(bool),
    others=heard_locks,
)
async def test_the_list_of_locks_is_in_order(
    bench: LockBench, rssi: int, others: list[tuple[Drawn, int]]
) -> None:
    """A phone lists locks in setting mode first, then by strength, however weak; one that left has RSSI 0."""
    own = replace(await sighted(bench), rssi=rssi)
    heard = [own]
    for drawn, strength in others:
        state = state_of(drawn)
        heard.append(
            replace(own, address=state.address, manufacturer=manufacturer_data(state), rssi=strength)
        )
    rows = nearby(heard)
    expect({row.address for row in rows}, {one.address for one in heard}, "the addresses in the list")
    order = [(row.rssi == GONE, not row.in_setting_mode, -row.rssi) for row in rows]
    expect(order, sorted(order), "the order of the list")
    other = await bench.second()
    async with bench.session():
        left = nearby(await other.scan(3.0), rows)
        expect({row.address: row.rssi for row in left}[bench.address], GONE, "the RSSI of a lock that left")
        expect(len(left), len(rows), "the length of the list")
    back = nearby(await other.scan(3.0), left)
    expect([row.address for row in back if row.rssi != GONE], [bench.address], "the locks that are back")


@case("ADV/15", clause="ttlock-ble 1.1, 1.2", needs=("neighbour",))
async def test_locks_of_the_same_name_are_told_apart(bench: LockBench) -> None:
    """Two locks of the same name are told apart by address; neither hears what the other is told."""
    other = await bench.neighbour()
    names = {(await sighted(bench)).name, (await sighted(other)).name}
    expect(
        (len(names), bench.address == other.address), (1, False), "the names, and whether the addresses agree"
    )
    async with bench.session() as near, other.session() as far:
        moved = await asyncio.gather(near.run(unlock(bench.keys, 1)), far.run(lock(other.keys, 2)))
        expect([answer.record_id for answer in moved], [1, 2], "the record ids of the answers")
        states = [(await client.run(status())).unlocked for client in (near, far)]
        expect(states, [True, False], "which lock is open")
        with refused(Status.INVALID_DYNAMIC_CODE):
            await near.run(unlock(other.keys, 3))
        await near.run(lock(bench.keys, 4))


@case("ADV/16", clause="plug-in documents: FAQ 12", links=("bare", "air"))
async def test_scanning_again_is_as_good(bench: LockBench) -> None:
    """Fifty scans one after the other find the lock, each as soon as the first, and leave nothing running."""
    loop = asyncio.get_running_loop()
    await sighted(bench)
    running = len(asyncio.all_tasks())
    for number in range(50):
        started = loop.time()
        await sighted(bench)
        expect(loop.time() - started <= 2.0, True, f"is scan {number} done within two seconds")
    await asyncio.sleep(0.1)
    expect(len(asyncio.all_tasks()) <= running, True, "are no more tasks running than before")
