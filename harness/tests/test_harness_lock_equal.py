"""The lock in memory and the lock behind Bumble are one lock; and no bytes confuse it."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_harness import clock
from lockbench_harness.client import operations as op
from lockbench_harness.client.lock_client import Busy, LockClient
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.emulated import EmulatedTarget
from lockbench_harness.trace import Trace
from lockbench_protocol import RemoteError
from lockbench_protocol.lock.frame import Frame, encode
from lockbench_protocol.telink.dialects import TT

Act = Callable[[LockBench, LockClient], Awaitable[object]]

codes = st.sampled_from(["1234", "567890", "000000"])


async def scripted(bench: LockBench, client: LockClient, name: str, code: str) -> object:
    """One step; what it gave, or how it was refused."""
    conversations = {
        "unlock": lambda: op.unlock(bench.keys, 7),
        "lock": lambda: op.lock(bench.keys, 8),
        "add": lambda: op.add_passcode(bench.keys, code),
        "delete": lambda: op.delete_passcode(bench.keys, code),
        "list": lambda: op.list_passcodes(bench.keys),
        "log": lambda: op.read_log(new=True),
        "status": op.status,
        "login": lambda: op.login_user(bench.keys),
        "auto lock": lambda: op.auto_lock(bench.keys, 60),
    }
    try:
        if name == "type":
            return bench.hands.enter_code(code)
        if name == "wait":
            await asyncio.sleep(4)
            return None
        if name == "drop":
            await client.disconnect()
            return None
        if client.connection is None or client.connection.lost:
            await client.connect()
        return await client.run(conversations[name]())  # type: ignore[no-untyped-call]  # nine shapes
    except RemoteError as error:
        return str(error)


steps = st.lists(
    st.tuples(
        st.sampled_from(
            [
                "unlock",
                "lock",
                "add",
                "delete",
                "list",
                "log",
                "status",
                "login",
                "auto lock",
                "type",
                "wait",
                "drop",
            ]
        ),
        codes,
    ),
    max_size=12,
)


def play(link: str, script: list[tuple[str, str]]) -> tuple[list[object], list[str]]:
    """What each step gave, and the trace without its times."""
    trace = Trace()

    async def main() -> list[object]:
        async with EmulatedTarget("strict").open(seed=3, link=link, trace=trace) as bench:
            client = bench.client()
            seen = [await scripted(bench, client, name, code) for name, code in script]
            await client.disconnect()
            await asyncio.sleep(30)
            return seen

    seen = clock.run(main())
    return seen, [line.partition(',"kind"')[2] for line in trace.lines]


@settings(max_examples=25)
@given(steps)
def test_the_same_exchange_has_the_same_effects_bare_and_behind_bumble(script: list[tuple[str, str]]) -> None:
    assert play("bare", script) == play("air", script)


garbage = st.lists(
    st.tuples(st.sampled_from(["fff2", TT.characteristic]), st.binary(max_size=20), st.booleans()),
    max_size=20,
)


@pytest.mark.parametrize("link", ["bare", "air"])
def test_garbage_on_any_characteristic_is_survived(link: str) -> None:
    @settings(max_examples=25)
    @given(garbage)
    def check(writes: list[tuple[str, bytes, bool]]) -> None:
        async def main() -> None:
            async with EmulatedTarget("strict").open(seed=3, link=link, trace=Trace()) as bench:
                async with bench.raw() as connection:
                    for characteristic, value, response in writes:
                        await connection.write(characteristic, value, response=response)
                    await connection.drain()
                    heard: list[bytes] = []
                    await connection.subscribe("fff4", heard.append)
                    raw = encode(Frame(0x45))
                    await connection.write("fff2", raw)
                    await asyncio.sleep(1)
                    assert heard
                async with bench.session() as client:
                    await client.run(op.unlock(bench.keys, 1))

        clock.run(main())

    check()


def test_a_second_conversation_at_the_same_time_is_refused() -> None:
    async def main() -> None:
        target = EmulatedTarget("strict")
        async with target.open(seed=3, link="bare", trace=Trace()) as bench, bench.session() as client:
            first = asyncio.create_task(client.run(op.unlock(bench.keys, 1)))
            await asyncio.sleep(0)
            with pytest.raises(Busy):
                await client.run(op.status())
            await first

    clock.run(main())
