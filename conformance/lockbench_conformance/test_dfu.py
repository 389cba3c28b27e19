"""DFU: the OTA protocol, PDU by PDU. What apps make of it is in test_dfu_app."""

from __future__ import annotations

import asyncio

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.transfer import RESTART_SECONDS
from lockbench_harness.inputs import register
from lockbench_harness.links import AttError, LinkLost
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.ota import EndForm, end

from lockbench_conformance.ota import (
    NEW,
    START,
    VERSION,
    Transfer,
    enter,
    expect_old,
    expect_running,
    expect_upgrade,
    given_up,
    pdus,
    transferring,
    whole,
)

register(EndForm)

WRITE = 0x08  # the property of a characteristic that answers writes

sizes = st.integers(84, 2048)  # bytes of a firmware file
rows = st.integers(0, 500)  # which data PDU; taken modulo their number
# What each dialect does (telink-ota 1, 4.1, 4.4, 4.5)
IGNORES_REPEATED = frozenset({"g1m"})
ANSWERS_UNSTARTED = frozenset({"g2"})
REFUSES_RESTART = frozenset({"g2"})
ENDS_OF_PLAIN_FORM_ONLY = frozenset({"g1", "g1m", "g2", "tt"})  # only a 6-byte END has its index compared


async def expect_failed(bench: LockBench, transfer: Transfer, result: Result) -> None:
    """This result, told once; nothing that is still sent changes it."""
    await transfer.expect_verdict(result)
    image = bench.firmware.image(NEW, 200)
    try:
        await transfer.send(whole(image))
        await asyncio.sleep(RESTART_SECONDS)
    except LinkLost:
        pass  # the lock parts with a client after its verdict
    expect(len(transfer.told), 1, "the number of results told")


@case(
    "DFU/1",
    clause="telink-ota 3.2, 4.2, 9.1",
    needs=("dfu",),
    links=("bare", "air"),
    examples=2,
    size=sizes,
    again=sizes,
)
async def test_an_image_is_taken_and_started(bench: LockBench, size: int, again: int) -> None:
    """A whole image, its last PDU filled with FF, is taken and started; so is the next, in the other bank."""
    for version, length in ((NEW, size), ("6.4.35", again)):
        await enter(bench)
        async with transferring(bench) as transfer:
            await transfer.send(whole(bench.firmware.image(version, length)))
            await transfer.expect_verdict(Result.SUCCESS)
            await asyncio.sleep(RESTART_SECONDS)
            expect(transfer.connection.lost, True, "has the lock left for its restart")
        await expect_running(bench, version)


@case("DFU/2", clause="telink-ota 3.1, 4.1", needs=("dfu", "clock"), links=("bare",), examples=8, size=sizes)
async def test_asking_for_the_version_changes_nothing(bench: LockBench, size: int) -> None:
    """VERSION before START is taken in silence and changes nothing, and a transfer may follow it."""
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([VERSION])
        expect(await transfer.verdict(), None, "the answer to VERSION")
        await transfer.send([VERSION, *whole(bench.firmware.image(NEW, size))])
        await transfer.expect_verdict(Result.SUCCESS)
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, NEW)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([VERSION])
    await given_up(bench)
    await expect_running(bench, NEW)


@case("DFU/3", clause="telink-ota 4.1, 4.4", needs=("dfu", "clock"), links=("bare",), examples=6, size=sizes)
async def test_data_without_start_is_never_run(bench: LockBench, size: int) -> None:
    """An image sent without START is never started; the verdict on it is that of the dialect, mostly none."""
    answered = bench.firmware.dialect.name in ANSWERS_UNSTARTED
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send(whole(bench.firmware.image(NEW, size))[1:])
        expect(await transfer.verdict(), Result.FLOW if answered else None, "the result that the lock tells")
    await given_up(bench)
    await expect_old(bench)


@case(
    "DFU/4",
    clause="telink-ota 4.1, 4.4",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=8,
    size=st.integers(300, 2048),
    sent=st.integers(12, 500),
    other=st.booleans(),
)
async def test_a_second_start_mixes_no_images(bench: LockBench, size: int, sent: int, other: bool) -> None:  # noqa: FBT001 - drawn
    """START in mid-transfer begins anew: the same image is then taken, another one ends in a flash error."""
    first = bench.firmware.image(NEW, size, seed=1)
    second = bench.firmware.image(NEW, size, seed=2) if other else first
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *pdus(first)[:sent]])
        await transfer.send(whole(second))
        if bench.firmware.dialect.name in REFUSES_RESTART:
            await transfer.expect_verdict(Result.FLOW)
        else:
            await transfer.expect_verdict(Result.FLASH if other else Result.SUCCESS)
    await asyncio.sleep(RESTART_SECONDS)
    if transfer.told == [Result.SUCCESS]:
        await expect_running(bench, NEW)
    else:
        await expect_old(bench)


@case(
    "DFU/5",
    clause="telink-ota 1, 5",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=6,
    first=st.integers(1, 0xFEFF),
)
async def test_the_first_index_is_zero(bench: LockBench, first: int) -> None:
    """A transfer that begins with another index than 0 fails as one that has lost a PDU."""
    data = pdus(bench.firmware.image(NEW))
    await enter(bench)
    async with transferring(bench) as transfer:
        known = data[first] if first < len(data) else first.to_bytes(2, "little") + data[1][2:]
        await transfer.send([START, known])
        await expect_failed(bench, transfer, Result.SEQUENCE)
    await expect_old(bench)


@case(
    "DFU/6",
    clause="telink-ota 1, 4.2, 5",
    needs=("dfu", "clock"),
    links=("bare", "air"),
    examples=2,
    size=sizes,
    lost=rows,
    count=st.integers(1, 3),
)
async def test_a_lost_pdu_fails_the_transfer(bench: LockBench, size: int, lost: int, count: int) -> None:
    """If data PDUs are lost, the transfer fails, the old firmware runs, and another image is then taken."""
    data = pdus(bench.firmware.image(NEW, size))
    at = lost % len(data)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *data[:at], *data[at + count :], end(len(data) - 1, EndForm.CRC)])
        gap = at + count < len(data)
        await expect_failed(bench, transfer, Result.SEQUENCE if gap else Result.INCOMPLETE)
    await expect_old(bench)


@case(
    "DFU/7",
    clause="telink-ota 1, 4.1, 4.4, 4.5",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=6,
    size=sizes,
    twice=rows,
)
async def test_a_repeated_pdu_is_as_the_dialect_says(bench: LockBench, size: int, twice: int) -> None:
    """A data PDU that comes twice is ignored by the mesh source, and an error everywhere else."""
    data = pdus(bench.firmware.image(NEW, size))
    at = twice % len(data)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *data[: at + 1], *data[at:], end(len(data) - 1, EndForm.CRC)])
        if bench.firmware.dialect.name in IGNORES_REPEATED:
            await transfer.expect_verdict(Result.SUCCESS)
            return
        await expect_failed(bench, transfer, Result.SEQUENCE)
    await expect_old(bench)


@case(
    "DFU/8",
    clause="telink-ota 3.3, 5",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=6,
    size=sizes,
    at=rows,
    bit=st.integers(0, 8 * 18 - 1),
)
async def test_a_wrong_packet_check_fails_the_transfer(
    bench: LockBench, size: int, at: int, bit: int
) -> None:
    """A data PDU whose CRC-16 is wrong fails the transfer, and the old firmware runs."""
    data = pdus(bench.firmware.image(NEW, size))
    wrong = bytearray(data[at % len(data)])
    wrong[2 + bit // 8] ^= 1 << bit % 8
    data[at % len(data)] = bytes(wrong)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *data, end(len(data) - 1, EndForm.CRC)])
        await expect_failed(bench, transfer, Result.CRC)
    await expect_old(bench)


@case(
    "DFU/9",
    clause="telink-ota 4.1, 4.3, 4.5",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=8,
    size=sizes,
    form=st.sampled_from(EndForm),
    off=st.integers(1, 0xFF00),
)
async def test_the_index_in_end_counts_where_it_is_read(
    bench: LockBench, size: int, form: EndForm, off: int
) -> None:
    """A wrong index fails a 6-byte END; in the longer forms, where nobody reads it, the transfer succeeds."""
    *data, _ = whole(bench.firmware.image(NEW, size), form)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([*data, end((len(data) - 2 + off) % 0x10000, form)])
        read = form is EndForm.PLAIN and bench.firmware.dialect.name in ENDS_OF_PLAIN_FORM_ONLY
        await transfer.expect_verdict(Result.INCOMPLETE if read else Result.SUCCESS)
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, bench.firmware.version if read else NEW)


@case(
    "DFU/10",
    clause="telink-ota 4.1 point 5",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=8,
    size=sizes,
    index=st.integers(0, 0xFFFF),
    inverse=st.integers(0, 0xFFFF),
    missing=st.integers(0, 1),
)
async def test_a_wrong_complement_only_skips_the_index(
    bench: LockBench, size: int, index: int, inverse: int, missing: int
) -> None:
    """An END whose index and complement do not fit is judged by the data alone: whole or not."""
    if index ^ inverse == 0xFFFF:
        inverse ^= 1
    data = pdus(bench.firmware.image(NEW, size))
    closing = b"\x02\xff" + index.to_bytes(2, "little") + inverse.to_bytes(2, "little")
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *data[: len(data) - missing], closing])
        await transfer.expect_verdict(Result.INCOMPLETE if missing else Result.SUCCESS)
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, bench.firmware.version if missing else NEW)


@case(
    "DFU/11",
    clause="telink-ota 4.1, 4.2",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=8,
    size=sizes,
    stop=st.none() | rows,
    ends=st.integers(0, 3),
)
async def test_there_is_one_verdict(bench: LockBench, size: int, stop: int | None, ends: int) -> None:
    """An END too early fails, repeated ENDs change nothing, and without END the transfer is given up."""
    data = pdus(bench.firmware.image(NEW, size))
    complete = stop is None
    sent = len(data) if stop is None else stop % len(data)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *data[:sent], *[end(len(data) - 1, EndForm.CRC)] * ends])
        verdict = Result.SUCCESS if complete else Result.INCOMPLETE
        expect(await transfer.verdict(), verdict if ends else None, "the result that the lock tells")
        await given_up(bench)
        expect(len(transfer.told), min(ends, 1), "the number of results told")
    await expect_running(bench, NEW if complete and ends else bench.firmware.version)


@case(
    "DFU/12",
    clause="telink-ota 1, 4.2",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=8,
    at=rows,
    stays=st.booleans(),
    margin=st.floats(-5, 5).filter(lambda seconds: abs(seconds) > 0.1),
)
async def test_a_stalled_transfer_is_given_up(
    bench: LockBench,
    at: int,
    stays: bool,  # noqa: FBT001 - drawn
    margin: float,
) -> None:
    """A stalled transfer may begin anew within the idle time; then the lock is back, without a word."""
    image = bench.firmware.image(NEW)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send(whole(image)[: 1 + at % len(pdus(image))])
        await transfer.connection.read(bench.firmware.dialect.characteristic)
        if stays:
            await asyncio.sleep(bench.firmware.idle_seconds + margin)
            expect(transfer.told, [], "what the lock tells of a stalled transfer")
    if not stays:
        await asyncio.sleep(bench.firmware.idle_seconds + margin)
    async with transferring(bench) as transfer:
        await transfer.send(whole(image))
        expect(
            await transfer.verdict(), Result.SUCCESS if margin < 0 else None, "the result of a new transfer"
        )
        await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, NEW if margin < 0 else bench.firmware.version)


@case(
    "DFU/13",
    clause="telink-ota 4.1, 4.2, 7.4: there is no resume",
    needs=("dfu", "clock"),
    links=("bare", "air"),
    examples=2,
    sent=st.integers(1, 60),
    resumes=st.booleans(),
    wait=st.floats(0, 25),
)
async def test_a_new_link_begins_at_zero(bench: LockBench, sent: int, resumes: bool, wait: float) -> None:  # noqa: FBT001 - drawn
    """After a lost link a client may come back and begin at index 0; going on where it was is refused."""
    data = pdus(bench.firmware.image(NEW))
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *data[:sent]])
        await transfer.connection.read(bench.firmware.dialect.characteristic)
    await asyncio.sleep(wait)
    async with transferring(bench) as transfer:
        await transfer.send([START, *data[sent if resumes else 0 :], end(len(data) - 1, EndForm.CRC)])
        await transfer.expect_verdict(Result.SEQUENCE if resumes else Result.SUCCESS)
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, bench.firmware.version if resumes else NEW)


@case("DFU/18", clause="telink-ota 2.1", needs=("dfu", "clock"), examples=2, size=st.integers(84, 1024))
async def test_answered_writes_are_as_good(bench: LockBench, size: int) -> None:
    """Writes with response are taken like those without, or refused where the characteristic lacks them."""
    characteristic = bench.firmware.dialect.characteristic
    await enter(bench)
    async with transferring(bench) as transfer:
        _, properties = transfer.connection.characteristics()[characteristic]
        refused = False
        try:
            await transfer.send(whole(bench.firmware.image(NEW, size)), response=True)
        except AttError:
            refused = True
        expect(refused, not properties & WRITE, "are writes with response refused")
        if not refused:
            await transfer.expect_verdict(Result.SUCCESS)
    await given_up(bench)
    await expect_running(bench, bench.firmware.version if refused else NEW)


@case("DFU/19", clause="telink-ota 8; plug-in 3.0.8", needs=("dfu", "clock"), examples=2, size=sizes)
async def test_a_flood_is_not_silently_spoilt(bench: LockBench, size: int) -> None:
    """A client that writes without ever waiting is slowed down, or told that PDUs were lost."""
    await enter(bench)
    async with transferring(bench) as transfer:
        async with asyncio.TaskGroup() as flood:
            for value in whole(bench.firmware.image(NEW, size)):
                flood.create_task(transfer.send([value]))
        verdict = await transfer.verdict()
        expect(verdict is not None, True, "is any result told")
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, NEW if verdict is Result.SUCCESS else bench.firmware.version)


@case(
    "DFU/28",
    clause="policy: a strict lock is deaf to strangers; telink-ota 4.1 point 9",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=6,
    size=st.integers(84, 1024),
    late=st.booleans(),
)
async def test_a_stranger_replaces_no_firmware(bench: LockBench, size: int, late: bool) -> None:  # noqa: FBT001 - drawn
    """Without command 02, or once its window has closed, nothing that the OTA service is sent counts."""
    if late:
        await enter(bench)
        await asyncio.sleep(bench.firmware.window_seconds + 1)
    async with transferring(bench) as transfer:
        await transfer.send(whole(bench.firmware.image(NEW, size)))
        expect(await transfer.verdict(), None, "the result that the lock tells a stranger")
    await asyncio.sleep(RESTART_SECONDS)
    await expect_running(bench, bench.firmware.version)
    await expect_upgrade(bench, NEW)
