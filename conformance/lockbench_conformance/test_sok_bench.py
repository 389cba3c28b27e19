"""SOK: the bench itself repeats, replays, cleans up, speaks to every console, and keeps off the network."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeVar

from click.testing import CliRunner
from hypothesis import strategies as st
from lockbench_harness import failures, targets
from lockbench_harness.cases import SHOULD, Case, case, expect, load
from lockbench_harness.cli import cli
from lockbench_harness.cli.conform import command as conform
from lockbench_harness.client.operations import add_passcode, read_log, unlock
from lockbench_harness.client.ota import OtaSender
from lockbench_harness.client.transfer import transfer
from lockbench_harness.plan import Plan
from lockbench_harness.report import Report
from lockbench_harness.report.detail import describe
from lockbench_harness.report.html import render
from lockbench_harness.report.row import Detail
from lockbench_harness.stage import Setting
from lockbench_harness.targets.bench import LockBench
from lockbench_harness.targets.dding import DdingCloud
from lockbench_harness.trace import Mask, Trace
from lockbench_harness.trial import Trial
from lockbench_harness.verdicts import judge
from lockbench_protocol.lock.frame import FRAME, Frame, decode, encode

from lockbench_conformance.dding import furnished, ok
from lockbench_conformance.ota import enter
from lockbench_conformance.words import numbered

T = TypeVar("T")

SOUND, FAULTY, FOUND_BY = "emulated", "mutant:line-end-ends-frame", "COD/5"
LINK, SEED = "bare", 7
SMALL = "{'block': {'hex': '0'}, 'at': 0123456789}"  # the letters of the smallest example
ROUNDS, FASTER = 10, 4  # the gate of speed asks for 10 and more
PACE = 0.03, 4  # seconds between two connection events, packets each way in one
SHUT_SECONDS = 2.0
NETWORK = ("socket.connect", "socket.getaddrinfo", "socket.gethostbyname", "socket.sendto")
CONSOLES = ("utf-8", "gbk")
SAID = (
    ("list",),
    ("explain", "20"),
    ("profiles",),
    ("--help",),
    ("decode", "7f5a0503010001000114aa005c0d0a"),
)


def aside(work: Callable[..., T], *given: object) -> T:
    """Do work that needs a loop of its own, while the loop of this case and its time stand still."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(work, *given).result()


@cache
def judged_aside() -> Case:
    """The case that is run beside this one."""
    (found,) = [each for each in load("lockbench_conformance") if each.id == FOUND_BY]
    return replace(found, examples=2)


def tried(target: str, link: str, seed: int) -> Trial:
    trial = Trial(judged_aside(), Setting(targets.make(target), link, seed), "quick")
    trial.run()
    return trial


@case(
    "SOK/6",
    clause="policy: profile, seed and plan make the trace",
    needs=("lock",),
    links=("bare",),
    examples=1,
)
async def test_a_seed_makes_the_trace(bench: LockBench) -> None:
    """Two runs with one seed give the same trace to the byte, on each link; another seed gives another."""
    for link in judged_aside().links:
        first, again, other = (aside(tried, SOUND, link, seed).trace for seed in (1, 1, 2))
        bench.trace.event("runs", link=link, lines=first.count("\n"))
        expect(bool(first), True, "is there a trace")
        expect(again == first, True, f"are two traces of one seed equal on {link}")
        expect(other == first, False, f"are traces of two seeds equal on {link}")


@case("SOK/7", clause="policy: a failure is a file", needs=("lock",), links=("bare",), examples=1)
async def test_a_saved_failure_is_replayed(bench: LockBench) -> None:
    """A failure that was saved fails again in the same words from its file, and holds on a sound lock."""
    trial = aside(tried, FAULTY, LINK, SEED)
    assert trial.failure is not None
    with TemporaryDirectory() as folder:
        file = Path(folder) / "failure.json"
        file.write_text(trial.failure.to_json("", Mask()), "utf-8")
        saved = failures.load(file)
    bench.trace.event("failure", inputs=str(saved.plain))
    expect(aside(outcome, saved, FAULTY), trial.detail, "what the replay ends with")
    expect(aside(outcome, saved, SOUND), None, "what it ends with on a sound lock")


def outcome(saved: failures.Failure, target: str) -> Detail | None:
    """What a replay ends with; nothing when it holds."""
    found = judged_aside()
    try:
        failures.repeat(saved, found, Setting(targets.make(target), saved.link, saved.seed), Trace())
    except Exception as error:  # noqa: BLE001 - whatever it is, it is compared
        return describe(error, judge(error, found.home), found.home)
    return None


@case(
    "SOK/8", clause="policy: the smallest example, and a line", needs=("lock",), links=("bare",), examples=1
)
async def test_a_failure_shrinks_and_its_line_finds_it_again(bench: LockBench) -> None:
    """A failing example shrinks to a plain one, and what the printed line asks for finds it again."""
    line = Plan(lock=FAULTY, seed=SEED).reproduce(FOUND_BY)
    bench.trace.event("line", line=line)
    asked = conform.make_context("conform", line.split()[2:]).params
    expect((asked["cases"], asked["lock"]), ((FOUND_BY,), (FAULTY,)), "what the line asks for")
    seeds = (judged_aside().seed(SEED), judged_aside().seed(asked["seed"]))
    first, again = (aside(tried, FAULTY, LINK, seed).failure for seed in seeds)
    assert first is not None
    expect(again, first, "the example that is found again")
    expect(set(str(first.plain)) - set(SMALL), set(), f"is the example a plain one, {first.plain}")


@case(
    "SOK/11",
    clause="policy: ratios of one run",
    level=SHOULD,
    needs=("lock",),
    links=("bare",),
    examples=1,
)
async def test_the_codec_is_fast_in_every_round(bench: LockBench) -> None:
    """In each of some rounds frames go through the codec many times as fast as construct takes them alone."""
    frame = Frame(0x41, bytes(16))
    raw = encode(frame)
    for _ in range(ROUNDS):  # the codec compiles after a few uses
        decode(encode(frame))
    ratios = [least(lambda: FRAME.parse(raw), 10) / least(lambda: decode(raw), 100) for _ in range(ROUNDS)]
    bench.trace.event("codec", rounds=ROUNDS)
    expect(min(ratios) >= FASTER, True, f"is {min(ratios):.1f} at least {FASTER}")


def least(work: Callable[[], object], times: int) -> float:
    """Seconds of processor time that the work takes at best."""
    found = []
    for _ in range(times):
        begun = time.thread_time()
        work()
        found.append(time.thread_time() - begun)
    return max(min(found), 1e-7)


@case("SOK/13", clause="policy: no residue", needs=("dding",), links=("bare",), examples=1)
async def test_a_reset_cloud_is_as_new(bench: LockBench) -> None:
    """After a reset nothing of a tenant is left, another keeps its own, and the same can be made again."""
    dding = await bench.dding()
    await ok(dding, "add_home", "stranger", home_id="s", location="Street 2", home_name="Other")
    clean, other = how_much(dding, "t"), how_much(dding, "other")
    for _ in range(2):
        await furnished(bench)
        expect(how_much(dding, "t") == clean, False, "is a furnished home nothing")
        dding.hands.control("reset", tenant="t")
        expect(how_much(dding, "t"), clean, "what is left after a reset")
    expect(how_much(dding, "other"), other, "what another tenant has")


def how_much(dding: DdingCloud, tenant: str) -> dict[str, object]:
    """How many there are of everything that a tenant has."""
    state = dding.hands.control("state", tenant=tenant)
    assert isinstance(state, dict)
    return {name: count for name, count in state.items() if name not in ("now", "next_due", "policy")}


@case(
    "SOK/14",
    clause="policy: ports and tasks within two seconds",
    needs=("lock", "clock"),
    links=("bare",),
    examples=3,
    what=st.sampled_from(("look", "open", "program", "upgrade")),
    after=st.integers(0, 1500),
    link=st.sampled_from(("air", "bare")),
)
async def test_a_bench_ends_in_the_middle_of_anything(
    bench: LockBench, what: str, after: int, link: str
) -> None:
    """A lock that is cleared away in the middle of any operation leaves no task and no open file behind."""
    clock = asyncio.get_running_loop().time
    tasks, files = asyncio.all_tasks(), open_files()
    inner = targets.make(SOUND).open(seed=1, link=link, trace=Trace())
    other = await inner.__aenter__()
    assert isinstance(other, LockBench)
    if link == "air":
        other.pace(*PACE)
    under_way = asyncio.create_task(operation(other, what))
    await asyncio.sleep(after / 1000)
    under_way.cancel()
    begun = clock()
    await asyncio.wait({under_way})
    await inner.__aexit__(None, None, None)
    expect(clock() - begun <= SHUT_SECONDS, True, f"are {clock() - begun:.2f} s at most two")
    await asyncio.sleep(0)
    expect([task.get_name() for task in asyncio.all_tasks() - tasks], [], "tasks that are left")
    expect(max(open_files(), files), files, "open files")
    bench.trace.event("cleared", what=what, done=not under_way.cancelled())


async def operation(bench: LockBench, what: str) -> None:
    if what == "look":
        await bench.sight()
    elif what == "upgrade":
        await enter(bench)
        async with bench.raw() as connection:
            await transfer(connection, OtaSender(bench.firmware.image("6.4.34", 2404)), lambda _percent: None)
    else:
        async with bench.session() as client:
            for number in range(1, 50):
                if what == "open":
                    await client.run(unlock(bench.keys, number))
                else:
                    await client.run(add_passcode(bench.keys, numbered(number)))


def open_files() -> int:
    gc.collect()  # what earlier cases left is closed now, and not between two counts
    folder = Path("/dev/fd")
    return len(os.listdir(folder)) if folder.is_dir() else 0


@case(
    "SOK/15",
    clause="policy: zh and en, UTF-8 and GBK, no fonts",
    needs=("lock",),
    links=("bare",),
    examples=1,
)
async def test_every_console_can_read_it(bench: LockBench) -> None:
    """What the commands print says the same on consoles of UTF-8 and GBK, and the page fetches no font."""
    for words in SAID:
        told = {console: said(words, console) for console in CONSOLES}
        bench.trace.event("said", words=list(words), length=len(told["utf-8"]))
        expect(
            {code for code, _ in told.values()}, {told["utf-8"][0]}, f"the exit codes of {' '.join(words)}"
        )
        for console, (_, text) in told.items():
            plain = told["utf-8"][1].encode(console, "replace").decode(console)
            expect(text, plain, f"what {' '.join(words)} prints on a console of {console}")
    page = render(Report(Plan(lock=SOUND), targets.make(SOUND), ()))
    expect('charset="utf-8"' in page, True, "does the page say its encoding")
    for fetching in ("@font-face", "<link", 'src="http', "@import"):
        expect(fetching in page, False, f"has the page {fetching!r}")


def said(words: tuple[str, ...], console: str) -> tuple[int, str]:
    """Exit code and text of a command, on a console of this encoding."""
    ran = CliRunner(charset=console).invoke(cli, list(words))
    if ran.exception is not None and not isinstance(ran.exception, SystemExit):
        return 3, repr(ran.exception)
    return ran.exit_code, ran.stdout_bytes.decode(console)


@case(
    "SOK/16",
    clause="policy: everything runs in one process, without a network",
    needs=("lock", "plugin", "phone", "cloud", "dding"),
    links=("bare", "air"),
    examples=1,
)
async def test_nothing_reaches_for_the_network(bench: LockBench) -> None:
    """Opening the lock, its log, the plug-in and both clouds ask no name and connect to no address."""
    with network_calls() as calls:
        async with bench.session() as client:
            await client.run(unlock(bench.keys, 1))
            await client.run(read_log(new=True))
        cloud = await bench.cloud()
        await cloud.open_session()
        await furnished(bench)
    bench.trace.event("network", calls=len(calls))
    expect(calls, [], "what was asked of the network")


@contextmanager
def network_calls() -> Iterator[list[str]]:
    """Names that are looked up, and addresses that are connected to. Unix sockets stay on this machine."""
    _hook()
    _listening.append([])
    try:
        yield _listening[-1]
    finally:
        _listening.pop()


_listening: list[list[str]] = []


@cache
def _hook() -> None:
    """An audit hook cannot be taken off, so there is one for good."""

    def hear(event: str, arguments: tuple[object, ...]) -> None:
        if not _listening or event not in NETWORK:
            return
        address = arguments[1] if event in ("socket.connect", "socket.sendto") else arguments[0]
        if not isinstance(address, str | bytes) or event.startswith("socket.get"):
            _listening[-1].append(f"{event} {address!r}")

    sys.addaudithook(hear)
