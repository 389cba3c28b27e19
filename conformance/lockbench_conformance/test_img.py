"""IMG: firmware images, as a lock judges them. How the cloud hands them out is in test_img_package."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import assume
from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.telink.dialects import Result
from lockbench_protocol.telink.image import ROW, check_value, declared_size, version_of
from lockbench_protocol.telink.inspect import inspect_image
from lockbench_protocol.telink.ota import EndForm, data_pdus, end

from lockbench_conformance.ota import FIRMWARE_REVISION, NEW, START, enter, expect_old, given_up, transferring
from lockbench_conformance.words import OF_THE_BENCH

SIZE_AT, CHECKED_AT = 0x18, 0x06
SMALLEST = 84

sizes = st.integers(SMALLEST, 2048)  # bytes of a firmware file
seeds = st.integers(0, 0xFFFF)


@dataclass(frozen=True, slots=True)
class Refusal:
    """How a lock ends a transfer."""

    told: Result | None
    version: str  # that it runs afterwards


async def send_raw(bench: LockBench, data: bytes) -> Refusal:
    """The bytes as they are, right PDUs of a wrong image, past all checks of a client."""
    pdus = data_pdus(data)
    await enter(bench)
    async with transferring(bench) as transfer:
        await transfer.send([START, *pdus, end(max(len(pdus) - 1, 0), EndForm.CRC)])
        told = await transfer.verdict()
    await given_up(bench)
    async with bench.session() as client:
        assert client.connection is not None
        return Refusal(told, (await client.connection.read(FIRMWARE_REVISION)).decode("utf-8", "replace"))


async def expect_refused(bench: LockBench, data: bytes, *results: Result) -> None:
    """The lock tells one of these results, and goes on as before."""
    known = bench.firmware.dialect.told_as
    seen = await send_raw(bench, data)
    wanted = [known.get(result, result) for result in results]
    expect(seen.told in wanted, True, f"is the result {seen.told!r} one of {[str(w) for w in wanted]}")
    await expect_old(bench)


def mended(image: bytes) -> bytes:
    """The file with the check value that its declared bytes have; a mark byte counts as it stands."""
    size = declared_size(image)
    value = check_value(image, image[CHECKED_AT + 1]).to_bytes(4, "little")
    return image[: size - 4] + value + image[size:]


def resized(image: bytes, size: int) -> bytes:
    return image[:SIZE_AT] + size.to_bytes(4, "little") + image[SIZE_AT + 4 :]


@case(
    "IMG/1",
    clause="telink-ota 6",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=8,
    size=sizes,
    seed=seeds,
)
async def test_a_made_image_is_what_inspect_says(bench: LockBench, size: int, seed: int) -> None:
    """An image with its mark and its size is sound to inspect, which names both, and the lock takes it."""
    image = bench.firmware.image(NEW, size, seed)
    found = inspect_image(image, bench.firmware.board)
    facts = {fact.name: fact.value for fact in found.facts}
    expect(found.sound, True, "is the image sound")
    expect((facts["mark"], facts["declared size"]), ("4b4e4c54", declared_size(image)), "mark and size")
    expect((facts["version"], facts["file length"]), (NEW, size), "version and length")
    seen = await send_raw(bench, image[: declared_size(image)])
    expect(seen, Refusal(Result.SUCCESS, NEW), "the result, and the version that runs")


@case(
    "IMG/2",
    clause="telink-ota 3.2, 6.3",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=10,
    size=st.integers(300, 1024),
    rows=st.integers(-10, 10).filter(bool),
    mend=st.booleans(),
)
async def test_a_size_that_does_not_fit_is_refused(
    bench: LockBench,
    size: int,
    rows: int,
    mend: bool,  # noqa: FBT001 - drawn
) -> None:
    """A file that is longer or shorter than it declares, sent as it is, is never started."""
    image = bench.firmware.image(NEW, size)
    image = image[: declared_size(image)]
    wrong = resized(image, len(image) + ROW * rows)
    if mend and rows < 0:
        wrong = mended(wrong)  # what is declared is whole, and more comes after it
    await expect_refused(bench, wrong, Result.INCOMPLETE, Result.CHECK)


@case(
    "IMG/3",
    clause="telink-ota 4.1 point 3, 6",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=8,
    at=st.integers(0, 3),
    value=st.integers(0, 0xFF),
)
async def test_an_image_without_its_mark_is_refused(bench: LockBench, at: int, value: int) -> None:
    """An image whose mark is wrong in any byte is refused, even with a right check value."""
    image = bytearray(bench.firmware.image(NEW))
    place = bench.firmware.board.mark_offset + at
    assume(image[place] != value)
    image[place] = value
    wrong = mended(bytes(image))
    await expect_refused(bench, wrong[: declared_size(wrong)], Result.MARK)


@case(
    "IMG/4",
    clause="telink-ota 4.1 point 3, 7.2",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=8,
    size=st.sampled_from((0, 1, 4, 15, 16, 17, 32, 0xFFFFFFFF)),
    length=st.sampled_from((0, 1, 15, 16, 17, 32, 33, 100)),
    full=st.integers(0, 29).map((29).__eq__),
)
async def test_sizes_at_the_edge_are_refused(bench: LockBench, size: int, length: int, full: bool) -> None:  # noqa: FBT001 - drawn
    """An image of no, one, or two PDUs, of a senseless size, or of more than a bank is refused."""
    if not full:
        image = resized(bench.firmware.image(NEW, 300), size)[:length]
        await expect_refused(bench, image, Result.SIZE, Result.INCOMPLETE, Result.CHECK)
        return
    limit = bench.firmware.board.limit  # seldom tried, for it takes thousands of PDUs
    await expect_refused(bench, bench.firmware.image(NEW, limit + 4), Result.SIZE)
    seen = await send_raw(bench, bench.firmware.image(NEW, limit - 12))
    expect(seen, Refusal(Result.SUCCESS, NEW), "the result of an image that fills its bank, and what runs")


@case(
    "IMG/5",
    clause="telink-ota 6.1",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=12,
    size=sizes,
    bit=st.integers(0, 8 * 2048 - 1),
)
async def test_a_flipped_bit_is_caught(bench: LockBench, size: int, bit: int) -> None:
    """One bit of an image flipped anywhere, in PDUs that are right, is caught before it is started."""
    image = bytearray(bench.firmware.image(NEW, size))
    bit %= 8 * declared_size(bytes(image))
    image[bit // 8] ^= 1 << bit % 8
    whole = bytes(image[: len(image) // ROW * ROW + 4])
    await expect_refused(bench, whole, Result.CHECK, Result.MARK, Result.SIZE, Result.INCOMPLETE)


@case(
    "IMG/6",
    clause="telink-ota 6.1",
    needs=("dfu", "clock"),
    links=("bare",),
    examples=6,
    size=sizes,
    value=st.none() | st.binary(min_size=4, max_size=4),
)
async def test_a_wrong_check_value_is_refused(bench: LockBench, size: int, value: bytes | None) -> None:
    """An image with another check value, such as that of plain zlib, is unsound, and the lock refuses it."""
    image = bench.firmware.image(NEW, size)
    at = declared_size(image) - 4
    right = image[at : at + 4]
    zlib = bytes(byte ^ 0xFF for byte in right)
    assume(value != right)
    wrong = image[:at] + (value or zlib)
    expect(inspect_image(wrong, bench.firmware.board).sound, False, "does inspect find the image sound")
    await expect_refused(bench, wrong, Result.CHECK)


@case(
    "IMG/14",
    no_mutant=OF_THE_BENCH,
    clause="telink-ota 7.2; policy: what does not fit is found before it is sent",
    needs=("dfu",),
    links=("bare",),
    examples=6,
    over=st.integers(1, 4096),
    code=st.binary(min_size=4, max_size=4),
)
async def test_an_image_for_another_bank_is_found_out(bench: LockBench, over: int, code: bytes) -> None:
    """An image that is longer than a bank, or has a mark byte where the ROM looks for one, is unsound."""
    board = bench.firmware.board
    long = bench.firmware.image(NEW, board.limit + 16 * over + 4)
    expect(inspect_image(long, board).sound, False, "does inspect find an image sound that fits no bank")
    first, second = board.banks
    for candidate in board.rom_candidates:
        at = candidate + board.mark_offset
        if not first < candidate < second:
            continue
        image = bench.firmware.image(NEW, at + 100)
        for value in (code, b"K" + code[1:]):
            wrong = mended(image[:at] + value + image[at + 4 :])
            sound = value[0] != ord("K")
            expect(
                inspect_image(wrong, board).sound, sound, f"is an image sound with {value.hex()} at {at:#x}"
            )


@case(
    "IMG/18",
    no_mutant=OF_THE_BENCH,
    clause="policy: the same image from the same seed",
    needs=("dfu",),
    links=("bare",),
    examples=8,
    size=sizes,
    seed=seeds,
    version=st.sampled_from(("6.4.34", "5.10", "5.1.0.200305", "255.255.255")),
)
async def test_an_image_is_made_twice_alike(bench: LockBench, size: int, seed: int, version: str) -> None:
    """Size, version and seed decide every byte of an image, and another seed gives another one."""
    image = bench.firmware.image(version, size, seed)
    expect(bench.firmware.image(version, size, seed), image, "the image, made again")
    expect(
        (len(image), version_of(image)), (size, version), "the length of the file, the version that it names"
    )
    if size >= 200:
        expect(bench.firmware.image(version, size, seed + 1) == image, False, "is it that of another seed")
