"""What the cases of several groups say and draw."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from hypothesis import strategies as st
from lockbench_harness.client.operations import LockRefused
from lockbench_harness.inputs import register
from lockbench_harness.links import Sighting
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.verdicts import Expectation
from lockbench_protocol.lock.advertising import LockState, read_manufacturer
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.dates import date5
from lockbench_protocol.lock.status import Status

register(PasscodeType)
register(Status)

DIGITS = "0123456789"
SETTLE_SECONDS = (
    0.5  # after which an advertisement must be true again; locks advertise several times a second
)

# Why no faulty lock fails a case
OF_THE_CLIENT = "they judge the reference client, whatever the lock does"
OF_THE_BENCH = "they judge the bench itself, whatever the lock does"
ONLY_TOLD = "they warn of what locks of the documents do not keep"

byte = st.integers(0, 0xFF)
word = st.integers(0, 0xFFFF)
COMMON_DIGITS = "123456"  # every keypad has them
# 4 to 9 digits that every keypad has; and of a full keypad, leading zeros included
codes = st.text(COMMON_DIGITS, min_size=4, max_size=9)
all_codes = st.text(DIGITS, min_size=4, max_size=9)
record_ids = st.integers(1, 0xFFFFFFFF)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2099, 12, 31))  # noqa: DTZ001 - a lock's time has no zone
# date5 from and to; the first is not after the second
windows = st.tuples(moments, moments).map(lambda pair: (date5(min(pair)), date5(max(pair))))

# opcodes that no document names (ttlock-ble 5.1)
UNKNOWN_OPCODES = st.sampled_from(
    (0x00, *range(0x08, 0x12), *range(0x27, 0x30), *range(0x81, 0x90), *range(0xA0, 0xF0))
)


def numbered(number: int) -> str:
    """A code of six digits for each number below 46656, on every keypad."""
    return "".join(COMMON_DIGITS[number // 6**place % 6] for place in range(5, -1, -1))


def other_code(code: str) -> str:
    """A code that differs from `code` in its last digit."""
    return code[:-1] + COMMON_DIGITS[COMMON_DIGITS.find(code[-1]) - 1]


def move_request(sum_: int, record_id: int) -> bytes:
    """The plaintext of 47 and 58: the answer to the challenge and the client's record id."""
    return COMMANDS[0x47].build_request({"sum": sum_, "time": record_id})


@contextmanager
def ended_by(*kinds: type[Exception]) -> Iterator[None]:
    """The block must end in one of these errors."""
    try:
        yield
    except kinds:
        return
    wanted = " or ".join(kind.__name__ for kind in kinds)
    raise Expectation("the end of the exchange", wanted, "success")


@contextmanager
def refused(*statuses: Status) -> Iterator[None]:
    """The block must end in a refusal of the lock with one of these statuses."""
    wanted = " or ".join(f"{int(status)} {status.name}" for status in statuses)
    try:
        yield
    except LockRefused as error:
        if error.code not in statuses:
            raise Expectation("the lock's answer", f"a refusal with {wanted}", str(error)) from error
        return
    raise Expectation("the lock's answer", f"a refusal with {wanted}", "success")


async def sighted(bench: LockBench) -> Sighting:
    """What a scanner sees of the lock, which must be on the air."""
    seen = await bench.sight()
    if seen is None:
        raise Expectation("the lock's advertisement", "one within 10 s", None)
    return seen


async def advertised(bench: LockBench) -> LockState:
    """The state in the lock's advertisement, which must be there, a moment after whatever was done."""
    await asyncio.sleep(SETTLE_SECONDS)
    seen = await sighted(bench)
    state = read_manufacturer(seen.manufacturer, bench.address)
    if state is None:
        raise Expectation("the manufacturer data", "the state of a V3 lock", seen.manufacturer.hex())
    return state
