"""From a case and a target to a row: verdicts, examples, shrinking, traces, and what is repeated."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume
from hypothesis import strategies as st
from lockbench_harness import failures
from lockbench_harness.cases import CAP, SHOULD, Case, case, expect, warn
from lockbench_harness.clock import Time
from lockbench_harness.inputs import Json
from lockbench_harness.judge import run_case
from lockbench_harness.machines import Bundle, Machine, initialize, precondition, rule
from lockbench_harness.plan import EFFORTS, Plan
from lockbench_harness.report import folder
from lockbench_harness.report.row import Row
from lockbench_harness.stage import Setting
from lockbench_harness.targets import Capabilities
from lockbench_harness.trace import Mask, Trace
from lockbench_harness.verdicts import Unreachable, Verdict
from lockbench_protocol import LocalError, RemoteError

codes = st.text("0123456789", min_size=4, max_size=9)


CAPABLE = Capabilities(("bare", "air"), frozenset({"passcodes"}))


class ToyBench:
    """A lock that forgets codes which begin with a 7."""

    def __init__(self, trace: Trace, link: str) -> None:
        self.codes: list[str] = []
        self.trace = trace
        self.on = link

    async def add(self, code: str) -> int:
        self.trace.event("tx", code=code)
        await asyncio.sleep(0.1)
        known = code in self.codes
        if not code.startswith("7"):
            self.codes.append(code)
        return 20 if known else 0


@dataclass
class Toy:
    name: str = "toy"
    profile: str = ""
    time: Time = Time.VIRTUAL
    capabilities: Capabilities = CAPABLE
    mask: Mask = field(default_factory=Mask)
    opened: int = 0
    closed: int = 0
    gone: bool = False

    @asynccontextmanager
    async def open(self, *, seed: int, link: str, trace: Trace) -> AsyncIterator[Any]:  # noqa: ARG002 - the protocol's signature
        self.opened += 1
        if self.gone:
            raise Unreachable("nothing answers at toy")
        try:
            yield ToyBench(trace, link)
        finally:
            self.closed += 1


def row_of(case: Case, target: Toy | None = None, out: Path | None = None, **plan: Any) -> Row:
    if out is not None and not (out / folder.SCRATCH).exists():
        folder.prepare(out)
    return run_case(case, target or Toy(), Plan("toy", out=out, **plan))


def body(work: Callable[..., Any], id: str = "PWD/6", **row: Any) -> Case:  # noqa: A002 - the catalogue's word
    async def test_it(bench: ToyBench, **values: Any) -> None:
        """It holds."""
        result = work(bench, **values)
        if result is not None:
            await result

    return case(id, clause="toy 1", **row)(test_it)


async def duplicate(bench: ToyBench, code: str) -> None:
    await bench.add(code)
    assert await bench.add(code) == 20, "a duplicate was taken"


def holds(_bench: ToyBench, **_values: object) -> None:
    pass


async def sleeps_too_long(_bench: ToyBench) -> None:
    await asyncio.sleep(4000)


async def waits_for_ever(_bench: ToyBench) -> None:
    await asyncio.Event().wait()


def warns(_bench: ToyBench) -> None:
    warn("late")


def assumes_too_much(_bench: ToyBench) -> None:
    assume(False)


def raising(error: BaseException) -> Callable[[ToyBench], None]:
    def work(_bench: ToyBench) -> None:
        raise error

    return work


class Model(Machine):
    """The lock and the model agree."""

    steps = 8
    stored = Bundle("stored")
    model: set[str]

    async def begin(self) -> None:
        self.model = set()

    @initialize(code=codes)
    async def start(self, code: str) -> None:
        assert isinstance(self.bench, ToyBench)
        await self.bench.add(f"1{code}")

    @rule(target=stored, code=codes)
    async def add(self, code: str) -> str:
        assert isinstance(self.bench, ToyBench)
        expect(await self.bench.add(code), 20 if code in self.model else 0, "the status of add")
        self.model.add(code)
        return code

    @precondition(lambda self: len(self.model) > 0)
    @rule(code=stored)
    async def add_again(self, code: str) -> None:
        assert isinstance(self.bench, ToyBench)
        expect(await self.bench.add(code), 20, "the status of add")


def model() -> Case:
    return case("PWD/27", clause="toy 27", links=("bare", "air"), examples=10)(Model)


def test_a_case_that_holds_passes_with_all_its_examples_on_each_link() -> None:
    target = Toy()
    row = row_of(body(holds, links=("bare", "air"), n=st.integers()), target)
    assert (row.verdict, row.examples, row.detail) == (Verdict.PASS, 20, None)
    assert row.links == {"bare": Verdict.PASS, "air": Verdict.PASS}
    assert target.opened == target.closed == 20


@pytest.mark.parametrize("effort", EFFORTS)
def test_effort_multiplies_the_examples(effort: str) -> None:
    drawn = body(holds, examples=3, n=st.integers())
    assert row_of(drawn, effort=effort).examples == 3 * EFFORTS[effort]
    assert row_of(body(holds), effort=effort).examples == 1


@pytest.mark.parametrize(
    ("work", "verdict"),
    [
        (raising(RemoteError("20")), Verdict.FAIL),
        (raising(AssertionError("no")), Verdict.FAIL),
        (raising(LocalError("no")), Verdict.BROKEN),
        (raising(KeyError("no")), Verdict.BROKEN),
        (raising(asyncio.CancelledError()), Verdict.BROKEN),
        (sleeps_too_long, Verdict.BROKEN),
        (waits_for_ever, Verdict.BROKEN),
        (warns, Verdict.WARN),
        (assumes_too_much, Verdict.BROKEN),
    ],
)
def test_each_way_to_end_has_its_verdict(work: Callable[..., Any], verdict: Verdict) -> None:
    row = row_of(body(work))
    assert row.verdict is verdict
    assert bool(row.detail) is (verdict is not Verdict.WARN)


def test_a_flaky_case_is_broken_not_failed() -> None:
    calls = []

    def work(bench: ToyBench, n: int) -> None:
        calls.append(n)
        assert len(calls) != 3

    row = row_of(body(work, n=st.integers()))
    assert row.verdict is Verdict.BROKEN
    assert row.detail
    assert "Flaky" in row.detail.words


def test_a_case_whose_inputs_could_not_be_repeated_is_broken() -> None:
    row = row_of(body(holds, data=st.data()))
    assert row.verdict is Verdict.BROKEN
    assert row.detail
    assert "no form in JSON" in row.detail.words


def test_what_the_target_does_not_offer_is_unsupported_and_says_so() -> None:
    target = Toy()
    row = row_of(body(raising(KeyError()), needs=("passcodes", "hands"), level=CAP), target)
    assert (row.verdict, row.examples, target.opened) == (Verdict.UNSUPPORTED, 0, 0)
    assert row.detail
    assert row.detail.words == "The target does not offer hands."
    target.capabilities = replace(target.capabilities, links=("bare",))
    row = row_of(body(raising(KeyError())), target)
    assert row.verdict is Verdict.UNSUPPORTED


def test_a_should_that_fails_warns_unless_the_run_is_strict() -> None:
    should = body(raising(RemoteError("20")), level=SHOULD)
    assert row_of(should).verdict is Verdict.WARN
    assert row_of(should, strict=True).verdict is Verdict.FAIL


def test_a_known_failure_does_not_count_and_one_that_passes_does() -> None:
    target = Toy()
    target.capabilities = replace(target.capabilities, expected_failures={"PWD/6": "bug 12"})
    failing = row_of(body(raising(RemoteError("20"))), target)
    assert (failing.verdict, failing.expected_failure, failing.counts_as_failure) == ("fail", "bug 12", False)
    holding = row_of(body(holds), target)
    assert holding.counts_as_failure
    assert holding.detail
    assert "strike it from that list" in holding.detail.words
    broken = row_of(body(raising(KeyError())), target)
    assert (broken.verdict, broken.expected_failure) == (Verdict.BROKEN, "")


def test_a_failure_is_shrunk_and_told_in_words() -> None:
    row = row_of(body(duplicate, code=codes))
    assert row.inputs == {"code": "7000"}
    assert row.detail
    assert row.detail.words == "A duplicate was taken"
    assert row.detail.expected == "await bench.add(code) == 20"
    assert row.detail.seen.startswith("0 == 20")
    assert row.reproduce == "lockbench conform PWD/6 --seed 1 --lock toy"


def test_a_machine_is_shrunk_to_the_fewest_steps() -> None:
    row = row_of(model())
    assert row.verdict is Verdict.FAIL
    assert row.inputs in (
        [{"start": {"code": "0000"}}, {"add": {"code": "7000"}}, {"add": {"code": "7000"}}],
        [{"start": {"code": "0000"}}, {"add": {"code": "7000"}}, {"add_again": {"code": "7000"}}],
    )


def test_a_machine_closes_every_bench_that_it_opened() -> None:
    target = Toy()
    row_of(model(), target)
    assert target.opened == target.closed > 0


@pytest.mark.parametrize("judged", [model(), body(duplicate, code=codes)])
def test_a_saved_failure_is_repeated_without_hypothesis(judged: Case, tmp_path: Path) -> None:
    row = row_of(judged, out=tmp_path)
    failure = failures.load(tmp_path / folder.SCRATCH / row.failure_file)
    setting = Setting(Toy(), failure.link, failure.seed)
    trace = Trace()
    with pytest.raises(AssertionError):
        failures.repeat(failure, judged, setting, trace)
    told = (tmp_path / folder.SCRATCH / f"{judged.id.replace('/', '-')}.ndjson").read_text()
    assert told.endswith(trace.text())


def test_two_runs_of_a_case_write_the_same_trace_and_another_seed_another(tmp_path: Path) -> None:
    texts = []
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        for judged in (model(), body(duplicate, code=codes)):
            row_of(judged, out=tmp_path / name, seed=seed)
        texts.append(
            [path.read_text() for path in sorted((tmp_path / name / folder.SCRATCH).glob("*.ndjson"))]
        )
    assert texts[0] == texts[1]
    assert texts[0] != texts[2]


def test_each_example_has_a_header_in_the_trace(tmp_path: Path) -> None:
    row = row_of(body(holds, links=("bare", "air"), examples=3, n=st.integers()), out=tmp_path)
    lines = [
        json.loads(line) for line in (tmp_path / folder.SCRATCH / "PWD-6.ndjson").read_text().splitlines()
    ]
    heads: list[Json] = [[line["id"], line["seed"], line["link"], line["example"]] for line in lines]
    assert heads == [["PWD/6", row.seed, link, n] for link in ("bare", "air") for n in (1, 2, 3)]
    assert all("inputs" in line for line in lines)


def test_a_real_time_target_gets_five_examples_and_one_try_at_a_failure() -> None:
    target = Toy(time=Time.REAL)
    assert row_of(body(holds, n=st.integers()), target).examples == 5
    target.opened = 0
    row = row_of(body(raising_at_once, code=codes), target)
    assert (row.verdict, row.examples, target.opened) == (Verdict.FAIL, 1, 1)
    target.opened = 0

    class Failing(Machine):
        """It holds."""

        @rule()
        async def fail(self) -> None:
            expect(1, 2, "it")

    row = row_of(case("PWD/27", clause="toy 27")(Failing), target)
    assert (row.verdict, target.opened) == (Verdict.FAIL, 1)


def raising_at_once(bench: ToyBench, code: str) -> None:
    raise RemoteError(code)


@pytest.mark.parametrize("judged", [model(), body(duplicate, code=codes), body(holds)])
def test_a_target_that_is_not_there_is_asked_once(judged: Case) -> None:
    target = Toy(gone=True)
    with pytest.raises(Unreachable, match="nothing answers at toy"):
        row_of(judged, target)
    assert target.opened == 1


def test_secrets_of_the_target_reach_neither_row_nor_trace_nor_file(tmp_path: Path) -> None:
    secret = bytes.fromhex("0ddba11c0ffee123")
    target = Toy()
    target.mask.add(secret)

    def work(bench: ToyBench, code: str) -> None:
        bench.trace.event("key", value=secret)
        warn(f"the key is {secret.hex()}")
        raise RemoteError(f"refused {secret!r}")

    row = row_of(body(work, code=codes), target, out=tmp_path)
    told = json.dumps(row.to_json())
    for path in tmp_path.rglob("*.*json"):
        told += path.read_text()
    assert secret.hex() not in told
    assert "\\x0d\\xdb" not in told
    assert told.count("***") >= 3


def test_an_error_while_the_bench_closes_breaks_the_case() -> None:
    class Leaky(Toy):
        @asynccontextmanager
        async def open(self, *, seed: int, link: str, trace: Trace) -> AsyncIterator[Any]:  # noqa: ARG002 - the protocol's signature
            yield ToyBench(trace, link)
            raise LocalError("the site did not close")

    for judged in (body(holds), calm()):
        row = row_of(judged, Leaky())
        assert row.verdict is Verdict.BROKEN
        assert row.detail
        assert "the site did not close" in row.detail.words


def calm() -> Case:
    class Calm(Machine):
        """It holds."""

        steps = 3

        @rule()
        async def rest(self) -> None:
            await asyncio.sleep(1)

    return case("PWD/27", clause="toy 27", examples=2)(Calm)
