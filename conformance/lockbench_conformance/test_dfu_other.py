"""DFU: the pace of the radio, a lock under other advertisements, and what other vendors' dialects do."""

from __future__ import annotations

import asyncio
from math import ceil

from hypothesis import strategies as st
from lockbench_harness.cases import CAP, case, expect
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.advertising import is_dfu
from lockbench_protocol.telink.dialects import Dialect, Result
from lockbench_protocol.telink.image import ROW, declared_size
from lockbench_protocol.telink.ota import MAX_PDU_LENGTH, EndForm, command, data_pdus, end

from lockbench_conformance.app import OK, UPGRADE, App, check_story, expect_code, upgrading_app
from lockbench_conformance.ota import (
    NEW,
    START,
    enter,
    expect_running,
    expect_upgrade,
    given_up,
    pdus,
    transferring,
    whole,
)
from lockbench_conformance.words import sighted

SIZE = 2404  # bytes of a firmware file: so many PDUs that the first event and the last hardly count


def longest_pdu(dialect: Dialect, mtu: int) -> int:
    """Bytes of image in a PDU, as many as the link takes; 16 where the dialect knows no other length."""
    if "START_EXT" not in dialect.client.values():
        return ROW
    return min((mtu - 7) // ROW * ROW, MAX_PDU_LENGTH)


@case(
    "DFU/17",
    clause="telink-ota 2.4, 8; policy: so many packets in an event, and an event each interval",
    needs=("dfu", "clock", "paced"),
    links=("air",),
    examples=3,
    mtu=st.sampled_from((23, 185, 247)),
    units=st.integers(6, 80),
    packets=st.integers(1, 4),
)
async def test_the_rate_is_that_of_the_radio(bench: LockBench, mtu: int, units: int, packets: int) -> None:
    """At any MTU and any interval from 7.5 to 100 ms an image takes the time of its packets, within 10 %."""
    interval = units * 0.00125  # s
    length = longest_pdu(bench.firmware.dialect, mtu)
    image = bench.firmware.image(NEW, SIZE)
    data = data_pdus(image[: declared_size(image)], length)
    start = START if length == ROW else command("START_EXT", pdu_length=length, version_compare=0)
    clock = asyncio.get_running_loop().time
    await enter(bench)
    async with transferring(bench, mtu=mtu) as transfer:
        bench.pace(interval, packets)
        begun = clock()
        await transfer.send([start, *data])
        await transfer.connection.drain()
        ratio = (clock() - begun) / (ceil((1 + len(data)) / packets) * interval)
        expect(0.9 <= ratio <= 1.1, True, f"is {ratio:.3f} of the time of the packets within 10 %")
        await transfer.send([end(len(data) - 1, EndForm.PLAIN)])
        await transfer.expect_verdict(Result.SUCCESS)
    await given_up(bench)
    await expect_running(bench, NEW)


@case("DFU/26", clause="telink-ota 9.1, 9.2", needs=UPGRADE, links=("bare", "air"), examples=1)
async def test_a_lock_in_dfu_mode_is_found_again(bench: LockBench) -> None:
    """An app that meets the lock in DFU mode upgrades it; address and name are the same at every stage."""
    app, _ = await upgrading_app(bench, NEW)
    before = await sighted(bench)
    await enter(bench)
    inside = await sighted(bench)
    modes = [is_dfu(seen.manufacturer) for seen in (before, inside)]
    expect(modes, [False, True], "does the lock advertise DFU mode, before and after command 02")
    result = await app.upgrade()
    expect_code(result, OK)
    check_story(app, result)
    after = await sighted(bench)
    expect(is_dfu(after.manufacturer), False, "does the lock advertise DFU mode after the upgrade")
    expect([inside.name, after.name], [before.name] * 2, "the name in DFU mode, and after the upgrade")
    await expect_running(bench, NEW)


@case(
    "DFU/14",
    clause="dialects that resume, as Tuya's; telink-ota 7.4: Telink's never does",
    level=CAP,
    needs=("dfu", "clock", "dfu resumes"),
    examples=4,
    sent=st.integers(1, 60),
    same=st.booleans(),
)
async def test_a_transfer_is_resumed_with_the_same_image_only(
    bench: LockBench,
    sent: int,
    same: bool,  # noqa: FBT001 - drawn
) -> None:
    """After a lost link the same image goes on where it stopped; another one begins at its first PDU."""
    first = bench.firmware.image(NEW, seed=1)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *pdus(first)[:sent]])
    await enter(bench)
    async with transferring(bench) as transfer:
        values = whole(first if same else bench.firmware.image(NEW, seed=2))
        await transfer.send([START, *values[1 + sent :]])
        told = await transfer.verdict()
        expect(told is Result.SUCCESS, same, "does the lock take the rest alone")
    await given_up(bench)
    await expect_running(bench, NEW if same else bench.firmware.version)


@case(
    "DFU/29",
    clause="dialects that remember an abort, as Nordic's legacy one; telink-ota 4.2: Telink's forgets it",
    level=CAP,
    needs=(*UPGRADE, "dfu remembers an abort"),
    examples=4,
    sent=st.integers(1, 60),
)
async def test_an_aborted_transfer_is_reset_by_the_client(bench: LockBench, sent: int) -> None:
    """When the lock still holds an aborted transfer, the app's call resets it, and its next one succeeds."""
    app, cloud = await upgrading_app(bench, NEW)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *pdus(bench.firmware.image(NEW))[:sent]])
    expect_code(await app.upgrade(), OK, 11016)
    expect_code(await App(bench, cloud).upgrade(), OK, 11015)
    await expect_running(bench, NEW)
    await expect_upgrade(bench, "6.4.99")
