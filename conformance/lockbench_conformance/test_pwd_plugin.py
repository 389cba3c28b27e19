"""PWD: passcodes as the plug-in takes them from an app, before they reach a lock."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import LockRefused, add_passcode, list_passcodes
from lockbench_harness.client.wire import V3, Undecryptable
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.lock.features import Feature
from lockbench_protocol.lock.lockdata import LockData
from lockbench_protocol.lock.status import Status

from lockbench_conformance.app import OK, App, NoRadio, expect_code, lock_data_with
from lockbench_conformance.words import DIGITS, OF_THE_CLIENT, codes, ended_by, refused

ADD = ("plugin", "passcodes")  # what createCustomPasscode needs
FULL_WIDTH = str.maketrans(DIGITS, "".join(chr(0xFF10 + digit) for digit in range(10)))
UNIX = datetime(1970, 1, 1, tzinfo=UTC)
FROM, UNTIL = datetime(2024, 1, 1, tzinfo=UTC), datetime(2098, 12, 31, tzinfo=UTC)

moments = st.integers(int(FROM.timestamp()), int(UNTIL.timestamp()))  # seconds since 1970
odd = st.sampled_from(" .-+eEx\t\n\0") | st.sampled_from("٣三Ⅳ²")


async def expect_unheard(bench: LockBench, code: int, **changes: object) -> None:
    """The call fails with this code before the radio is used."""
    app = App(bench, link=NoRadio())
    expect_code(await app.add(**changes), code)
    expect(app.ends, [], "what disconnectCallback was told")


async def expect_no_codes(bench: LockBench) -> None:
    async with bench.session() as client:
        expect(await client.run(list_passcodes(bench.keys)), [], "the list of passcodes")


@case(
    "PWD/3",
    no_mutant=OF_THE_CLIENT,
    clause="createCustomPasscode: passcode; plug-in error 11003",
    needs=ADD,
    links=("bare",),
    examples=12,
    passcode=st.builds(lambda code, at, char: code[:at] + char + code[at:], codes, st.integers(0, 9), odd)
    | codes.map(lambda code: code.translate(FULL_WIDTH))
    | st.text(DIGITS, max_size=3)
    | st.text(DIGITS, min_size=10, max_size=12)
    | st.integers(1000, 10**9 - 1)
    | st.none(),
)
async def test_only_digits_make_a_passcode(bench: LockBench, passcode: str | int | None) -> None:
    """A passcode that is no text of 4 to 9 plain digits is 11003 before the radio is used."""
    await expect_unheard(bench, 11003, passcode=passcode)
    await expect_no_codes(bench)


@case(
    "PWD/12",
    clause="createCustomPasscode: startDate, endDate are strings; here decimal ms",
    needs=ADD,
    links=("bare",),
    examples=10,
    start=moments,
    minutes=st.integers(0, 10_000),
    unit=st.sampled_from(("ms", "s", "us", "number")),
    name=st.sampled_from(("startDate", "endDate")),
)
async def test_one_unit_of_time_is_taken(
    bench: LockBench, start: int, minutes: int, unit: str, name: str
) -> None:
    """Dates are texts of milliseconds; seconds, microseconds and numbers are refused, not taken for 1970."""
    dates: dict[str, object] = {"startDate": f"{start * 1000}", "endDate": f"{(start + minutes * 60) * 1000}"}
    if unit == "ms":
        expect_code(await App(bench).add(**dates), OK)
        zone = timedelta(milliseconds=LockData.decode(bench.credentials.lock_data).timezone_raw_offset or 0)
        local = (UNIX + timedelta(seconds=start) + zone).replace(tzinfo=None)
        async with bench.session() as client:
            rows = await client.run(list_passcodes(bench.keys))
        window = (date5(local), date5(local + timedelta(minutes=minutes)))
        expect([(row.start, row.end) for row in rows], [window], "the dates in the lock, in its own zone")
        return
    right = int(str(dates[name]))
    wrong: dict[str, object] = {"s": f"{right // 1000}", "us": f"{right * 1000}", "number": right}
    await expect_unheard(bench, 11003, **(dates | {name: wrong[unit]}))
    await expect_no_codes(bench)


@case(
    "PWD/25",
    clause="createCustomPasscode: third-generation locks; plug-in errors 10009, 11004, 27",
    needs=("plugin", "any generation"),
    links=("bare",),
    examples=4,
    generation=st.sampled_from((1, 2, 4)),
    keypad=st.booleans(),
)
async def test_other_locks_are_not_served(bench: LockBench, generation: int, keypad: bool) -> None:  # noqa: FBT001 - drawn
    """A lock of another generation is 10009, one without a keypad 11004 before the radio is used, and 27."""
    known = LockData.decode(bench.credentials.lock_data)
    version, features = known.lock_version, int(known.feature_value or "0", 16)
    assert version is not None
    if version.protocol_version != V3.protocol_version:
        await expect_unheard(bench, 10009)
        async with bench.session() as client:
            with ended_by(Undecryptable, LockRefused):
                await client.run(add_passcode(bench.keys, "1234"))
    elif not features >> Feature.PASSCODE & 1:
        await expect_unheard(bench, 11004)
        async with bench.session() as client:
            with refused(Status.INVALID_COMMAND, Status.FAILED):
                await client.run(add_passcode(bench.keys, "1234"))
    elif keypad:
        other = replace(version, protocol_version=generation)
        await expect_unheard(bench, 10009, lockData=lock_data_with(bench, lock_version=other))
        await expect_no_codes(bench)
    else:
        blob = lock_data_with(bench, feature_value=f"{features & ~(1 << Feature.PASSCODE):X}")
        await expect_unheard(bench, 11004, lockData=blob)
        await expect_no_codes(bench)
