"""SOK: how long things take, in virtual time, where the bench sets the pace of the radio."""

from __future__ import annotations

import asyncio
from math import ceil, isclose

from hypothesis import strategies as st
from lockbench_harness.cases import case, expect
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import (
    Operation,
    add_passcode,
    clear_passcodes,
    features,
    get_time,
    list_passcodes,
    lock,
    read_log,
    status,
    unlock,
)
from lockbench_harness.client.ota import OtaSender
from lockbench_harness.client.transfer import transfer
from lockbench_harness.targets.bench import LockBench
from lockbench_protocol.telink.dialects import Result

from lockbench_conformance.ota import enter, expect_running, given_up
from lockbench_conformance.words import numbered

UNLOCK_SECONDS = 0.3
SHARE = 0.05  # that a predicted time may be wrong
NEW, SIZE = "6.4.34", 6004  # bytes of firmware: some PDUs in each percent
ROUNDS = 3  # of all commands
UNIT = 0.00125  # s; connection intervals are multiples of it


# seconds between two events, and packets each way in one: a phone; a proxy with its turn every 3 s, so that a
# frame of three events comes before the lock hangs up after 10 s
PACES = {"phone": (0.03, 4), "proxy": (3.0, 4)}
# requests of each command, its login and its pages included
EXCHANGES = {
    "status": 1, "features": 1, "time": 1, "unlock": 2, "lock": 2,
    "passcode": 3, "passcodes": 3, "clear": 3, "log": 2,
}  # fmt: skip


@case(
    "SOK/9",
    clause="policy: the events of an exchange, and no more",
    needs=("passcodes", "clock", "log", "paced"),
    links=("air",),
    examples=1,
)
async def test_a_command_takes_the_events_of_its_exchanges(bench: LockBench) -> None:
    """A command takes whole connection events, two for each of its exchanges, and at most two more."""
    for name, (interval, packets) in PACES.items():
        async with bench.session(bench.client(answer_seconds=60)) as client:
            bench.pace(interval, packets)
            taken = await timed(client, bench)
            bench.pace(0, packets)
        for what, seconds in taken.items():
            told = {f"p{share}": seconds[ceil(ROUNDS * share / 100) - 1] for share in (50, 95, 99)}
            bench.trace.event("latency", pace=name, command=what, **told)
            events = [each / interval for each in seconds]
            whole = all(isclose(each, round(each), abs_tol=1e-6) for each in events)
            expect(whole, True, f"does {what} take whole events, {events}")
            most = 2 * EXCHANGES[what] + 2
            expect(events[-1] < most + 0.5, True, f"does {what} take at most {most} events, {events[-1]:.0f}")


async def timed(client: LockClient, bench: LockBench) -> dict[str, list[float]]:
    """Seconds that each command took in some rounds, the shortest first."""
    taken: dict[str, list[float]] = {}
    clock = asyncio.get_running_loop().time
    for number in range(1, ROUNDS + 1):
        for what, operation in commands(bench, number).items():
            begun = clock()
            await client.run(operation)
            taken.setdefault(what, []).append(clock() - begun)
    return {what: sorted(seconds) for what, seconds in taken.items()}


def commands(bench: LockBench, number: int) -> dict[str, Operation[object]]:
    keys = bench.keys
    return {
        "status": status(),
        "features": features(),
        "time": get_time(),
        "unlock": unlock(keys, 2 * number),
        "lock": lock(keys, 2 * number + 1),
        "passcode": add_passcode(keys, numbered(number)),
        "passcodes": list_passcodes(keys),
        "clear": clear_passcodes(keys),
        "log": read_log(new=True),
    }


@case(
    "SOK/10", clause="policy: a door that opens at once", needs=("clock",), links=("bare", "air"), examples=5
)
async def test_a_lock_opens_at_once(bench: LockBench) -> None:
    """On an ideal link a lock answers within 300 ms that it is open."""
    clock = asyncio.get_running_loop().time
    async with bench.session() as client:
        for number in range(1, ROUNDS + 1):
            begun = clock()
            await client.run(unlock(bench.keys, number))
            taken = clock() - begun
            bench.trace.event("latency", command="unlock", seconds=taken)
            expect(taken <= UNLOCK_SECONDS, True, f"is {taken * 1000:.0f} ms at most 300")


@case(
    "SOK/12",
    clause="telink-ota 8; policy: events, and a drain for each percent",
    needs=("dfu", "clock", "paced"),
    links=("air",),
    examples=1,
    units=st.integers(6, 80),
    packets=st.integers(1, 6),
)
async def test_the_time_of_an_upgrade_is_foretold(bench: LockBench, units: int, packets: int) -> None:
    """How long an upgrade takes follows from the pace of the radio and the client's script, within 5 %."""
    interval = units * UNIT
    sender = OtaSender(bench.firmware.image(NEW, SIZE))
    clock = asyncio.get_running_loop().time
    await enter(bench)
    async with bench.raw() as connection:
        bench.pace(interval, packets)
        begun = clock()
        ended = await transfer(connection, sender, lambda _percent: None)
        taken = clock() - begun
    expect(ended.result, Result.SUCCESS, "how the transfer ends")
    predicted = foretell(OtaSender(bench.firmware.image(NEW, SIZE)), interval, packets)
    bench.trace.event("upgrade", seconds=taken, predicted=predicted)
    expect(abs(taken / predicted - 1) <= SHARE, True, f"are {taken:.2f} s within 5 % of {predicted:.2f} s")
    await given_up(bench)
    await expect_running(bench, NEW)


def foretell(sender: OtaSender, interval: float, packets: int) -> float:
    """Seconds: the writes between two drains fill events, and a pause is waited for."""
    seconds, waiting = 0.0, 0
    for step in sender.script():
        seconds += step.pause
        waiting += 1
        if step.progress is not None:
            seconds += ceil(waiting / packets) * interval
            waiting = 0
    return seconds + ceil(waiting / packets) * interval
