"""PWD: passcodes."""

from __future__ import annotations

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.operations import (
    PERMANENT,
    add_passcode,
    delete_passcode,
    list_passcodes,
)
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.status import Status

from lockbench_conformance.words import DIGITS, codes, refused, windows

Window = tuple[bytes, bytes]


@case(
    "PWD/1",
    clause="createCustomPasscode: passcode; ttlock-ble 8",
    needs=("passcodes", "hands"),
    links=("bare", "air"),
    code=codes,
)
async def test_a_permanent_code_opens(bench: LockBench, code: str) -> None:
    """A permanent code of 4 to 9 digits is stored and opens at the keypad."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code))
    expect(bench.hands.enter_code(code), True, f"does the bolt open with {code}")


@case(
    "PWD/2",
    clause="createCustomPasscode: passcode; plug-in error 15",
    needs=("passcodes",),
    code=st.text(DIGITS, max_size=3) | st.text(DIGITS, min_size=10, max_size=20),
)
async def test_a_wrong_length_is_refused(bench: LockBench, code: str) -> None:
    """A code of fewer than 4 or more than 9 digits is refused with 15, and nothing is stored."""
    async with bench.session() as client:
        with refused(Status.PASSCODE_LENGTH):
            await client.run(add_passcode(bench.keys, code))
        expect(await client.run(list_passcodes(bench.keys)), [], "the list of passcodes")


@case(
    "PWD/6",
    clause="ttlock-ble 8; plug-in error 20",
    needs=("passcodes",),
    code=codes,
    first=windows,
    second=windows,
)
async def test_a_duplicate_is_refused(bench: LockBench, code: str, first: Window, second: Window) -> None:
    """A code that is already in the lock is refused with 20, and its window stays as it was."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code, first))
        with refused(Status.PASSCODE_EXISTS):
            await client.run(add_passcode(bench.keys, code, second))
        (row,) = await client.run(list_passcodes(bench.keys))
    expect((row.code, row.start, row.end), (code, *first), "what the list shows")


@case(
    "PWD/17",
    clause="plug-in error 21",
    needs=("passcodes", "hands"),
    code=codes,
    kind=st.sampled_from(PasscodeType),
)
async def test_a_deleted_code_is_dead(bench: LockBench, code: str, kind: PasscodeType) -> None:
    """A deleted code no longer opens, whatever type the request names, and a second delete answers 21."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code, PERMANENT))
        await client.run(delete_passcode(bench.keys, code, kind))
        with refused(Status.PASSCODE_UNKNOWN):
            await client.run(delete_passcode(bench.keys, code, kind))
    expect(bench.hands.enter_code(code), False, f"does the bolt open with {code}")
