"""PWD: passcodes, as the app writes them and the keypad obeys them."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import (
    PERMANENT,
    add_passcode,
    clear_passcodes,
    delete_passcode,
    list_passcodes,
    login_user,
    modify_passcode,
)
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.passcode import PasscodeOp, PasscodeType
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.lock.status import Status

from lockbench_conformance.words import DIGITS, all_codes, codes, numbered, other_code, refused, windows

Window = tuple[bytes, bytes]
Listed = list[tuple[str, bytes, bytes | None]]

LOCKOUT_TRIES = 5  # GA 374: wrong codes within five minutes
LOCKOUT_SECONDS = 90


async def listed(client: LockClient, bench: LockBench) -> Listed:
    return [(row.code, row.start, row.end) for row in await client.run(list_passcodes(bench.keys))]


def opens(bench: LockBench, code: str, seen: bool, when: str = "") -> None:  # noqa: FBT001 - what is expected
    expect(bench.hands.enter_code(code), seen, f"does {code} open {when}".strip())


@case(
    "PWD/1",
    clause="createCustomPasscode: passcode; ttlock-ble 8",
    needs=("passcodes", "hands", "full keypad"),
    links=("bare", "air"),
    code=all_codes,
)
async def test_a_permanent_code_opens(bench: LockBench, code: str) -> None:
    """A permanent code of 4 to 9 digits is stored and opens at the keypad."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code))
    opens(bench, code, True)


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
        expect(await listed(client, bench), [], "the list of passcodes")


@case(
    "PWD/4",
    clause="createCustomPasscode: passcode is a string",
    needs=("passcodes", "hands", "full keypad"),
    zeros=st.integers(4, 8),
)
async def test_leading_zeros_count(bench: LockBench, zeros: int) -> None:
    """Codes are text: 0000 and 00000 are two codes, and neither opens for the other."""
    code = "0" * zeros
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code))
        expect([row[0] for row in await listed(client, bench)], [code], "the listed codes")
    opens(bench, code + "0", False)
    opens(bench, code, True)


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
        expect(await listed(client, bench), [(code, *first)], "what the list shows")


@case("PWD/7", clause="plug-in errors 16 and 20", needs=("passcodes", "full keypad"))
async def test_the_administrators_code_is_taken(bench: LockBench) -> None:
    """A code equal to the administrator's is refused with 16 or 20, and is not stored."""
    async with bench.session() as client:
        with refused(Status.ADMIN_EQUALS_ERASE, Status.PASSCODE_EXISTS):
            await client.run(add_passcode(bench.keys, bench.credentials.admin_passcode))
        expect(await listed(client, bench), [], "the list of passcodes")


@case("PWD/8", clause="plug-in error 22", needs=("passcodes", "hands"), examples=1)
async def test_a_full_store_refuses_and_keeps(bench: LockBench) -> None:
    """When no more codes fit, the next is refused with 22, and the earlier ones still open."""
    stored: list[str] = []
    async with bench.session() as client:
        with refused(Status.OUT_OF_MEMORY):
            for number in range(1000):
                code = numbered(number)
                await client.run(add_passcode(bench.keys, code))
                stored.append(code)
        expect(len(await listed(client, bench)), len(stored), "the number of listed codes")
    for code in (stored[0], stored[len(stored) // 2], stored[-1]):
        opens(bench, code, True)


@case(
    "PWD/9",
    clause="createCustomPasscode: startDate, endDate; plug-in errors 14 and 17",
    needs=("passcodes", "hands", "clock"),
    links=("bare", "air"),
    examples=5,
    code=codes,
    wait=st.integers(0, 25),
    length=st.integers(0, 25),
)
async def test_a_period_is_kept_to_the_minute(bench: LockBench, code: str, wait: int, length: int) -> None:
    """A code with a period opens from its first minute to the end of its last, and never outside."""
    start = (bench.local() + timedelta(minutes=wait + 1)).replace(second=0)
    end = start + timedelta(minutes=length)
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code, (date5(start), date5(end))))
    for moment, seen in (
        (start - timedelta(seconds=1), False),
        (start, True),
        (end + timedelta(seconds=59), True),
        (end + timedelta(seconds=60), False),
    ):
        await asyncio.sleep((moment - bench.local()).total_seconds())
        opens(bench, code, seen, f"at {moment:%H:%M:%S}, between {start:%H:%M} and {end:%H:%M}")


@case("PWD/10", clause="createCustomPasscode: endDate", needs=("passcodes",), code=codes, window=windows)
async def test_a_reversed_period_is_refused(bench: LockBench, code: str, window: Window) -> None:
    """A period that ends before it begins is refused and not stored; one of a single minute is taken."""
    start, end = window
    async with bench.session() as client:
        if start == end:
            await client.run(add_passcode(bench.keys, code, window))
        else:
            with refused(Status.INVALID_PARAMETER, Status.PAYLOAD_LENGTH, Status.FAILED):
                await client.run(add_passcode(bench.keys, code, (end, start)))
        expect(len(await listed(client, bench)), int(start == end), "the number of listed codes")


@case("PWD/11", clause="ttlock-ble 5.3, 8", needs=("passcodes", "hands"), code=codes)
async def test_permanent_reads_back_as_agreed(bench: LockBench, code: str) -> None:
    """A code written for ever opens at once and is listed with the permanent dates of the vendor's client."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code, PERMANENT))
        expect(await listed(client, bench), [(code, *PERMANENT)], "what the list shows")
    opens(bench, code, True)


@case(
    "PWD/13",
    clause="ttlock-ble 5.8, 5.9",
    needs=("passcodes",),
    links=("bare", "air"),
    code=codes,
    window=windows,
    kind=st.sampled_from([PasscodeType.PERMANENT, PasscodeType.COUNT, PasscodeType.PERIOD]),
)
async def test_what_is_read_is_what_was_written(
    bench: LockBench, code: str, window: Window, kind: PasscodeType
) -> None:
    """The list shows type, code and dates as they were written."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code, window, kind))
        rows = await client.run(list_passcodes(bench.keys))
    end = None if kind is PasscodeType.PERMANENT else window[1]
    expect(
        [(row.type, row.code, row.original, row.start, row.end) for row in rows],
        [(kind, code, code, window[0], end)],
        "the listed rows",
    )


@case(
    "PWD/14",
    clause="ttlock-ble 5.8 op 5",
    needs=("passcodes", "hands"),
    old=codes,
    new=codes,
    window=windows,
    changes=st.sampled_from(["code", "window", "both"]),
)
async def test_a_change_is_whole(bench: LockBench, old: str, new: str, window: Window, changes: str) -> None:
    """A change of code, dates or both takes effect at once and as a whole; a replaced code is dead."""
    if old == new:
        new = other_code(new)
    code = new if changes != "window" else old
    dates = window if changes != "code" else PERMANENT
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, old))
        await client.run(
            modify_passcode(
                bench.keys,
                old,
                new if changes != "window" else "",
                window if changes != "code" else None,
            )
        )
        expect(await listed(client, bench), [(code, *dates)], "what the list shows")
    if code != old:
        opens(bench, old, False, "after it was changed")
    if changes == "code":
        opens(bench, code, True)


@case(
    "PWD/15",
    clause="policy: a broken change never loses both codes",
    needs=("passcodes", "hands"),
    old=codes,
    sent=st.just(3) | st.integers(0, 3),
)
async def test_a_broken_change_leaves_one_code(bench: LockBench, old: str, sent: int) -> None:
    """If the link goes in the middle of a change, exactly one of the two codes opens."""
    new = other_code(old)
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, old))
    client = bench.client()
    connection = await client.connect()
    operation = modify_passcode(bench.keys, old, new)
    exchange = next(operation)
    while exchange.opcode != 0x03:
        exchange = operation.send(await client.ask_values(exchange.opcode, exchange.values))
    for chunk in client.frame(0x03, COMMANDS[0x03].build_request(exchange.values))[:sent]:
        await client.write_raw(chunk)
    operation.close()
    await connection.disconnect()
    expect(
        [bench.hands.enter_code(old), bench.hands.enter_code(new)].count(True), 1, "how many of the two open"
    )


@case("PWD/16", clause="ttlock-ble 8; plug-in error 21", needs=("passcodes",), code=codes, new=codes)
async def test_an_unknown_code_cannot_be_changed(bench: LockBench, code: str, new: str) -> None:
    """A code that the lock does not know can be neither changed nor deleted: 21."""
    async with bench.session() as client:
        with refused(Status.PASSCODE_UNKNOWN):
            await client.run(modify_passcode(bench.keys, code, new))
        with refused(Status.PASSCODE_UNKNOWN):
            await client.run(delete_passcode(bench.keys, code))


@case(
    "PWD/17",
    clause="plug-in error 21; ttlock-ble 8",
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
    opens(bench, code, False)


@case(
    "PWD/18",
    clause="ttlock-ble 5.8 op 1",
    needs=("passcodes", "hands"),
    stored=st.lists(codes, min_size=1, max_size=5, unique=True),
)
async def test_clearing_kills_all_but_the_administrators(bench: LockBench, stored: list[str]) -> None:
    """After a clear every ordinary code is dead, and the administrator's code still opens."""
    async with bench.session() as client:
        for code in stored:
            await client.run(add_passcode(bench.keys, code))
        await client.run(clear_passcodes(bench.keys))
        expect(await listed(client, bench), [], "the list of passcodes")
    for code in stored[: LOCKOUT_TRIES - 2]:
        opens(bench, code, False)
    opens(bench, bench.credentials.admin_passcode, True)


@case("PWD/19", clause="ttlock-ble 5.8 type 2", needs=("passcodes", "hands"), code=codes)
async def test_a_one_time_code_opens_once(bench: LockBench, code: str) -> None:
    """A one-time code opens once."""
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, code, PERMANENT, PasscodeType.COUNT))
    opens(bench, code, True, "the first time")
    opens(bench, code, False, "the second time")


async def provoke_lockout(bench: LockBench) -> str:
    """A good code in the lock, and as many wrong ones as lock the keypad."""
    good = "13561356"
    async with bench.session() as client:
        await client.run(add_passcode(bench.keys, good))
    for number in range(LOCKOUT_TRIES):
        opens(bench, numbered(number), False)
    return good


@case("PWD/21", clause="GA 374-2019", needs=("passcodes", "hands", "clock"), examples=1)
async def test_wrong_codes_lock_the_keypad(bench: LockBench) -> None:
    """Five wrong codes in five minutes lock the keypad for at least 90 seconds, four do not."""
    good = await provoke_lockout(bench)
    opens(bench, good, False, "right after five wrong codes")
    await asyncio.sleep(LOCKOUT_SECONDS - 1)
    opens(bench, good, False, "after 89 seconds")
    await asyncio.sleep(300)
    for number in range(LOCKOUT_TRIES - 1):
        opens(bench, numbered(number), False)
    opens(bench, good, True, "after four wrong codes")


@case(
    "PWD/22",
    clause="policy: a lock-out outlives a power cut",
    needs=("passcodes", "hands", "clock"),
    examples=1,
)
async def test_a_power_cut_does_not_end_the_lockout(bench: LockBench) -> None:
    """Pulling the battery does not end a lock-out."""
    good = await provoke_lockout(bench)
    bench.hands.cut_power()
    bench.hands.restore_power()
    opens(bench, good, False, "after the battery was pulled")
    await asyncio.sleep(300)
    opens(bench, good, True, "once the lock-out is over")


@case("PWD/23", clause="GA 374-2019", needs=("passcodes", "hands", "clock"), tries=st.integers(1, 8))
async def test_tries_do_not_shorten_the_lockout(bench: LockBench, tries: int) -> None:
    """During a lock-out the right code is refused, and trying does not shorten it."""
    good = await provoke_lockout(bench)
    for _ in range(tries):
        await asyncio.sleep((LOCKOUT_SECONDS - 1) / tries)
        opens(bench, good, False, "during the lock-out")
    await asyncio.sleep(300)
    opens(bench, good, True, "once the lock-out is over")


@case(
    "PWD/24",
    clause="createCustomPasscode: lockData of the administrator; plug-in error 2",
    needs=("passcodes", "logins"),
    code=codes,
)
async def test_a_user_key_writes_no_codes(bench: LockBench, code: str) -> None:
    """A session that was opened with a user key may not write passcodes: 2, and nothing is stored."""
    async with bench.session() as client:
        await client.run(login_user(bench.keys))
        with refused(Status.NOT_ADMIN):
            await client.ask_values(
                0x03,
                {
                    "op": PasscodeOp.ADD,
                    "args": {
                        "type": PasscodeType.PERIOD,
                        "code": code,
                        "start": PERMANENT[0],
                        "end": PERMANENT[1],
                    },
                },
            )
        expect(await listed(client, bench), [], "the list of passcodes")


@case("PWD/26", clause="policy: one of two writers wins", needs=("passcodes", "second central"), code=codes)
async def test_two_phones_write_the_same_code(bench: LockBench, code: str) -> None:
    """When two phones add the same code, one succeeds and the other is told 20."""
    first, second = bench.client(), bench.client(link=await bench.second())

    async def write_too() -> None:
        async with bench.session(second):
            await second.run(add_passcode(bench.keys, code))

    async with bench.session(first):
        other = asyncio.create_task(write_too())
        await first.run(add_passcode(bench.keys, code))
    with refused(Status.PASSCODE_EXISTS):
        await other
