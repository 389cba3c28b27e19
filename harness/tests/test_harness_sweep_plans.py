"""Plans as JSON, sweeps on any executor, and the commands that users see."""

from __future__ import annotations

import json
import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.cli import cli
from lockbench_harness.faults import Fault, client, image, link, power
from lockbench_harness.faults.plan import STARTS, Given, Made, Plan, Scenario, load_plan, save_plan
from lockbench_harness.faults.wire import from_json, to_json
from lockbench_harness.sweep import Verdict, pool, simulate
from lockbench_harness.sweep.outcome import INVARIANTS
from lockbench_harness.sweep.plans import cut_work, link_work, scenario_for
from lockbench_harness.sweep.pool import open_executor, split_for, sweep
from lockbench_harness.sweep.tally import tally
from lockbench_protocol import LocalError
from lockbench_protocol.telink.image import make_image

TINY = scenario_for(Made(1028, "6.4.34", 2))
BOTH = TINY.board.banks

number = st.integers(0, 10**6)
faults: st.SearchStrategy[Fault] = st.one_of(
    st.builds(power.Cut, number, st.sampled_from(["none", "torn", "bits:2d", "byte:8=4b"])),
    st.builds(power.BrownOut, number, number),
    st.builds(power.Marginal, number, st.lists(st.integers(0, 255)).map(tuple)),
    st.builds(power.Protect, number, number),
    st.builds(power.Stuck, number, number, number),
    st.builds(link.Drop, number),
    st.builds(link.Delay, number, st.floats(0, 1000, allow_nan=False)),
    st.builds(link.Flip, number, number, st.booleans()),
    st.builds(link.Extend, number, st.binary()),
    st.builds(link.LostResult),
    st.builds(image.Put, number, st.binary()),
    st.builds(image.Sign),
    st.builds(client.Insert, number, st.binary()),
    st.builds(client.FillLast),
)
firmware = st.builds(Made, st.integers(84, 9000), st.just("1.2.3"), number) | st.binary(
    min_size=1, max_size=40
).map(Given.of)
values = st.booleans() | st.integers() | st.text() | st.lists(st.integers()).map(tuple)
scenarios = st.builds(
    Scenario,
    firmware,
    firmware,
    firmware,
    bank=st.sampled_from(BOTH),
    start=st.sampled_from(STARTS),
    keys=st.lists(st.tuples(st.text(), values), max_size=3).map(tuple),
    seed=number,
)
plans = st.builds(Plan, scenarios, st.lists(faults, max_size=4).map(tuple), st.booleans())


@given(plans)
def test_a_plan_is_the_same_plan_after_json(plan: Plan) -> None:
    assert from_json(json.loads(json.dumps(to_json(plan))), Plan) == plan


@given(plans)
def test_a_plan_is_the_same_plan_in_another_process(plan: Plan) -> None:
    again = pickle.loads(pickle.dumps(plan))  # noqa: S301 - our own bytes, as a pool sends them
    assert again == plan
    assert hash(again) == hash(plan)
    assert again.scenario.new.data() == plan.scenario.new.data()


@given(plans, st.data())
def test_json_that_is_no_plan_is_refused_with_the_place(plan: Plan, data: st.DataObject) -> None:
    value = to_json(plan)
    part = data.draw(st.sampled_from([value, value["scenario"]]))
    key = data.draw(st.sampled_from(sorted(part.keys() - {"kind"})))
    part[key] = data.draw(st.sampled_from([None, {"kind": "Nothing"}, {"a": 1}, 1.5]))
    with pytest.raises(LocalError):
        from_json(value, Plan)


def test_a_plan_with_an_image_of_the_users_travels_with_it(tmp_path: Path) -> None:
    given_image = Given.of(make_image(1028, "6.4.34", 9))
    plan = Plan(scenario_for(given_image), (power.Cut(7, "torn"),))
    save_plan(plan, tmp_path / "plan.json")
    loaded = load_plan(tmp_path / "plan.json")
    assert loaded == plan
    assert simulate(loaded) == simulate(plan)
    [beside] = tmp_path.glob("*.bin")
    beside.write_bytes(beside.read_bytes()[:-1] + b"x")
    with pytest.raises(LocalError, match="is not the image that the plan names"):
        load_plan(tmp_path / "plan.json")


@pytest.mark.parametrize(
    ("field", "value"), [("start", "dusty"), ("bank", 0x1000), ("board_name", "b99"), ("dialect_name", "x")]
)
def test_a_scenario_that_cannot_be_is_refused(field: str, value: Any) -> None:
    def play() -> None:
        simulate(Plan(Scenario(TINY.old, TINY.new, TINY.other, **{field: value})))

    with pytest.raises(LocalError):
        play()


def test_a_key_that_no_profile_has_is_refused() -> None:
    for key in ("board.colour", "colour"):
        with pytest.raises(LocalError, match="has no key 'colour'"):
            simulate(Plan(Scenario(TINY.old, TINY.new, TINY.other, keys=((key, 1),))))


def test_a_sweep_is_the_same_on_any_executor_and_in_any_number_of_pieces() -> None:
    work = cut_work(TINY, ("none", "torn"), BOTH, ("clean", "hidden"))
    found = []
    for parts in (1, 3):
        with ThreadPoolExecutor(1) as executor:
            pieces = [piece for cuts in work for piece in cuts.split(parts)]
            total, distinct = sweep(pieces, executor, confirm_every=50)
        found.append((total.simulations, total.verdicts, distinct, total.broken))
    assert found[0] == found[1]
    alone = sum((tally(cuts).verdicts for cuts in work), start=type(found[0][1])())
    assert alone == found[0][1]


def test_a_pool_of_processes_gives_the_same_and_confirms_by_real_upgrades() -> None:
    work = [
        *split_for(cut_work(TINY, ("torn",), BOTH, STARTS), 2),
        *link_work(TINY)[:1],
    ]
    seen = []
    with open_executor("process", 2) as executor:
        total, distinct = sweep(work, executor, progress=lambda done, of: seen.append((done, of)))
    with ThreadPoolExecutor(1) as executor:
        here, distinct_here = sweep(work, executor)
    assert (total.verdicts, distinct) == (here.verdicts, distinct_here)
    assert total.retries == here.retries > 0
    assert seen[-1] == (len(work), len(work))


def test_an_unknown_executor_is_refused() -> None:
    with pytest.raises(LocalError, match="known: process, dask:ADDRESS"), open_executor("thread", 1):
        pass


def test_a_dask_cluster_gives_the_same() -> None:
    import distributed

    work = cut_work(TINY, ("torn",), BOTH, ("clean",))
    with ThreadPoolExecutor(1) as executor:
        here, distinct_here = sweep(work, executor)
    with (
        distributed.LocalCluster(n_workers=1, threads_per_worker=1, dashboard_address=None) as cluster,
        open_executor(f"dask:{cluster.scheduler_address}", 1) as executor,
    ):
        there, distinct = sweep(work, executor)
    assert (there.verdicts, distinct) == (here.verdicts, distinct_here)


# The commands


@pytest.fixture
def firmware_file(tmp_path: Path) -> Path:
    file = tmp_path / "fw.bin"
    file.write_bytes(make_image(1028, "6.4.34", 2))
    return file


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli, ["dfu", *map(str, arguments)])


def test_sweep_tells_its_numbers_as_json_and_leaves_them_in_a_folder(
    firmware_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    result = run(
        "sweep",
        firmware_file,
        *("--faults", "power", "--start", "clean,stale", "--jobs", "1", "--json", "--out", out),
    )
    assert result.exit_code == 0, result.output
    facts = json.loads(result.stdout)
    assert facts["simulations"] == sum(facts["outcomes"].values())
    assert set(facts["outcomes"]) == {"old", "new", "success-seen-but-old"}
    assert facts["outcomes"]["success-seen-but-old"] == 12
    assert 0 < facts["distinct"] < facts["simulations"]
    assert facts["invariants"].keys() == INVARIANTS.keys()
    assert json.loads((out / "summary.json").read_text()) == facts
    strips = [json.loads(line) for line in (out / "strips.ndjson").read_text().splitlines()]
    told = sum(
        last - first + 1 for strip in strips for runs in strip["runs"].values() for first, last, _ in runs
    )
    assert told == facts["simulations"]
    assert [stage[2] for stage in strips[0]["stages"]] == [
        "data",
        "new mark",
        "old mark",
        "wipe by the new image",
    ]


def test_second_cuts_follow_one_cut_of_each_verdict_stage_and_bank(firmware_file: Path) -> None:
    options = ("--start", "clean", "--parity", "lower", "--jobs", "1", "--json")
    once = json.loads(run("sweep", firmware_file, "--faults", "power", *options).stdout)
    twice = json.loads(run("sweep", firmware_file, "--faults", "second", *options).stdout)
    assert twice["simulations"] > 3 * once["simulations"]
    assert not {"BRICK", "stuck"} & twice["outcomes"].keys()


def test_an_interrupted_sweep_writes_nothing_and_says_so(
    firmware_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_work: Any, **_options: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(pool, "sweep", interrupted)
    result = run("sweep", firmware_file, "--jobs", "1", "--out", tmp_path / "out")
    assert result.exit_code == 130
    assert "nothing was written" in result.stderr
    assert not (tmp_path / "out").exists()


def test_a_brick_is_exit_1_and_replays(firmware_file: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    result = run(
        "sweep",
        firmware_file,
        *("--faults", "power", "--start", "stale", "--parity", "lower", "--jobs", "1", "--out", out),
        *("--mutant", "old-mark-first"),
    )
    assert result.exit_code == 1
    assert "BRICK" in result.stdout
    plans = sorted(out.glob("brick-*.json"))
    assert plans
    for plan in plans:
        assert f"lockbench dfu replay {plan}" in result.stdout
        again = run("replay", plan)
        assert again.exit_code == 1
        assert again.stdout.startswith("BRICK: ")
        assert json.loads(run("replay", plan, "--json").stdout)["verdict"] == Verdict.BRICK.value
        assert load_plan(plan).scenario.start == "clean"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("none.bin",), "none.bin cannot be read: No such file or directory"),
        (("text.txt",), "no Telink image"),
        (("fw.bin", "--faults", "ghosts"), "no kind of faults 'ghosts'; known: power, link, second"),
        (("fw.bin", "--tear", "ripped"), "no tear 'ripped'; known: "),
        (("fw.bin", "--start", "dusty"), "no start state 'dusty'"),
        (("fw.bin", "--board", "b99"), "known: "),
        (("fw.bin", "--dialect", "nordic"), "known: "),
        (("fw.bin", "--client", "nrfutil"), "no OTA client 'nrfutil'; known: "),
        (("fw.bin", "--mutant", "zombie"), "no mutant 'zombie'; known: "),
        (
            ("fw.bin", "--faults", "power", "--executor", "cloud"),
            "no executor 'cloud'; known: process, dask:ADDRESS",
        ),
        (("fw.bin", "--pdu", "20"), "multiple of 16"),
        (("big.bin", "--board", "b85"), "a bank of board b85 126976"),
    ],
)
def test_what_cannot_be_swept_is_one_sentence_and_exit_2(
    arguments: tuple[str, ...], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("text.txt").write_text("This file is longer than a header, and it is no firmware at all.\n")
    Path("fw.bin").write_bytes(make_image(1028, "6.4.34", 2))
    Path("big.bin").write_bytes(make_image(128 * 1024, "6.4.34", 2))
    result = run("sweep", *arguments)
    assert result.exit_code == 2, result.output
    assert result.stdout == ""
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("", "is no JSON"), ("[]", "the plan is no object"), ('{"kind": "Plan"}', "lacks the key 'scenario'")],
)
def test_a_file_that_is_no_plan_is_one_sentence_and_exit_2(text: str, sentence: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    file.write_text(text)
    result = run("replay", file)
    assert result.exit_code == 2
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
