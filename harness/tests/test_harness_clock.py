"""The virtual clock: jumps only when all is quiet, and never hangs."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiohttp import ClientSession, ClientTimeout, UnixConnector, web
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_harness import clock

delays = st.lists(st.floats(min_value=0, max_value=100, allow_nan=False), max_size=20)


@given(delays)
def test_sleepers_wake_in_order_at_their_exact_times(seconds: list[float]) -> None:
    woken: list[tuple[float, float]] = []

    async def sleeper(delay: float) -> None:
        loop = asyncio.get_running_loop()
        done = loop.create_future()
        loop.call_at(delay, done.set_result, None)
        await done
        woken.append((delay, loop.time()))

    async def main() -> None:
        assert asyncio.get_running_loop().time() == 0.0
        await asyncio.gather(*map(sleeper, seconds))

    clock.run(main())
    assert [delay for delay, _ in woken] == sorted(seconds)
    # asyncio lets timers within its clock resolution (1 ns) run together.
    assert all(abs(at - delay) <= 1e-9 for delay, at in woken)


@given(st.lists(st.tuples(st.binary(min_size=1, max_size=300), st.floats(0, 5)), min_size=1, max_size=20))
def test_a_message_in_a_socket_is_never_overtaken_by_a_jump(messages: list[tuple[bytes, float]]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        left, right = socket.socketpair()
        left.setblocking(False)
        right.setblocking(False)

        async def echo() -> None:
            while data := await loop.sock_recv(right, 4096):
                await loop.sock_sendall(right, data)

        echoing = asyncio.create_task(echo())
        for data, pause in messages:
            await asyncio.sleep(pause)
            before = loop.time()
            await loop.sock_sendall(left, data)
            answer = b""
            async with asyncio.timeout(1e-6):
                while len(answer) < len(data):
                    answer += await loop.sock_recv(left, 4096)
            assert answer == data
            assert loop.time() == before
        left.close()
        await echoing
        right.close()

    clock.run(main())


@settings(max_examples=10)
@given(st.lists(st.floats(0, 50), min_size=1, max_size=5))
def test_aiohttp_speaks_over_a_unix_socket_in_one_loop(pauses: list[float]) -> None:
    async def answer(request: web.Request) -> web.Response:
        await asyncio.sleep(float(request.query["pause"]))
        return web.json_response({"at": asyncio.get_running_loop().time()})

    async def main(path: str) -> None:
        app = web.Application()
        app.router.add_get("/", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        await web.UnixSite(runner, path).start()
        loop = asyncio.get_running_loop()
        async with ClientSession(
            connector=UnixConnector(path), timeout=ClientTimeout(total=51, connect=0.001)
        ) as session:
            for pause in pauses:
                before = loop.time()
                async with session.get("http://cloud/", params={"pause": str(pause)}) as reply:
                    assert (await reply.json())["at"] == pytest.approx(before + pause)
                assert loop.time() == pytest.approx(before + pause)
        await runner.cleanup()

    with tempfile.TemporaryDirectory() as folder:
        clock.run(main(str(Path(folder) / "s")))


def test_an_hour_passes_at_once() -> None:
    async def main() -> float:
        await asyncio.sleep(3600)
        return asyncio.get_running_loop().time()

    started = time.perf_counter()
    assert clock.run(main()) == 3600.0
    assert time.perf_counter() - started < 1


def test_a_deadlock_is_named_and_says_who_waits() -> None:
    async def main() -> None:
        await asyncio.sleep(2.5)
        await asyncio.get_running_loop().create_future()

    with pytest.raises(clock.Deadlock, match=r"at 2\.500 s, but Task-\d+ at main, line \d+ still waits"):
        clock.run(main())


def test_a_future_that_only_a_closed_socket_could_wake_is_a_deadlock() -> None:
    async def main() -> None:
        left, right = socket.socketpair()
        left.setblocking(False)
        with left, right:
            await asyncio.get_running_loop().sock_recv(left, 1)

    with pytest.raises(clock.Deadlock):
        clock.run(main())


def test_the_budget_ends_a_run_that_has_timers_for_ever() -> None:
    ticks = 0

    async def main() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(1)
            ticks += 1

    with pytest.raises(clock.BudgetSpent, match="10 virtual seconds are spent"):
        clock.run(main(), budget=10)
    assert ticks == 10


def test_callbacks_without_end_at_one_instant_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "TURNS", 1000)

    async def main() -> None:
        loop = asyncio.get_running_loop()

        def again() -> None:
            loop.call_soon(again)

        again()
        await loop.create_future()

    with pytest.raises(clock.Livelock):
        clock.run(main())


@pytest.mark.parametrize(
    "ask",
    [
        lambda loop: loop.run_in_executor(None, os.getpid),
        lambda loop: loop.getaddrinfo("localhost", 80),
        lambda loop: loop.getnameinfo(("127.0.0.1", 80)),
        lambda loop: loop.create_connection(asyncio.Protocol, "localhost", 80),
    ],
)
def test_threads_and_look_ups_are_refused(ask: Callable[[asyncio.AbstractEventLoop], object]) -> None:
    async def main() -> None:
        await ask(asyncio.get_running_loop())  # type: ignore[misc]  # each is awaitable or raises at once

    with pytest.raises(clock.RealTimeNeeded):
        clock.run(main())


def test_what_is_left_is_cancelled_and_may_clean_up() -> None:
    cleaned = []

    async def lingering() -> None:
        try:
            await asyncio.sleep(1e6)
        finally:
            await asyncio.sleep(1)
            cleaned.append(asyncio.get_running_loop().time())

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(lingering())
        await asyncio.sleep(5)
        return task

    task = clock.run(main(), budget=5)
    assert task.cancelled()
    assert cleaned == [6.0]


async def fail() -> None:
    raise ValueError("lost")


@pytest.mark.parametrize("run", [clock.run, clock.run_real])
def test_a_failure_that_nobody_awaited_is_reported(run: Callable[..., object]) -> None:
    async def main() -> None:
        task = asyncio.create_task(fail())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert task.done()

    with pytest.raises(clock.Strays, match="ValueError: lost") as caught:
        run(main())
    assert [type(failure) for failure in caught.value.failures] == [ValueError]


def test_a_failure_held_in_a_cycle_is_reported_too() -> None:
    class Holder:
        task: asyncio.Task[None]

        async def fail(self) -> None:
            raise ValueError("lost")

    async def main() -> None:
        holder = Holder()
        holder.task = asyncio.create_task(holder.fail())
        await asyncio.sleep(0)

    gc.disable()
    try:
        with pytest.raises(clock.Strays, match="ValueError: lost"):
            clock.run(main())
    finally:
        gc.enable()


def test_a_failing_callback_is_reported_beside_the_error_of_the_main_task() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_soon(int, "x")
        await asyncio.sleep(1)
        raise KeyError("main")

    with pytest.raises(KeyError) as caught:
        clock.run(main())
    assert any("meanwhile: ValueError" in note for note in caught.value.__notes__)


@pytest.mark.parametrize("run", [clock.run, clock.run_real])
def test_a_task_that_will_not_be_cancelled_does_not_hang_the_run(
    run: Callable[..., object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clock, "REAL_GRACE", 0.03)

    async def stubborn() -> None:
        while True:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                continue

    async def main() -> None:
        task = asyncio.create_task(stubborn())
        await asyncio.sleep(0)
        del task

    with pytest.raises(clock.Strays, match=r"1 tasks would not be cancelled: Task-\d+ at stubborn"):
        run(main())


def test_a_cancel_that_was_lost_is_given_again() -> None:
    cancels = 0

    async def deaf_once() -> None:
        nonlocal cancels
        while cancels < 2:
            try:
                await asyncio.get_running_loop().create_future()
            except asyncio.CancelledError:
                cancels += 1

    async def main() -> asyncio.Task[None]:
        task = asyncio.create_task(deaf_once())
        await asyncio.sleep(0)
        return task

    assert clock.run(main()).done()
    assert cancels == 2


def test_real_time_is_real() -> None:
    async def main() -> float:
        return asyncio.get_running_loop().time()

    before = time.monotonic()
    assert 0 <= clock.run_real(main()) <= time.monotonic() - before


def test_while_another_process_is_waited_for_time_is_the_walls() -> None:
    async def main() -> tuple[float, float]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, clock.VirtualLoop)
        await asyncio.sleep(300)
        with loop.outside(), loop.outside():
            child = await asyncio.create_subprocess_exec(
                sys.executable, "-c", "print(1)", stdout=subprocess.PIPE
            )
            said, _ = await child.communicate()
        met = loop.time()
        await asyncio.sleep(300)
        assert said.split() == [b"1"]
        return met, loop.time()

    started = time.monotonic()
    met, ended = clock.run(main())
    assert 300 < met <= 300 + time.monotonic() - started
    assert ended == met + 300
