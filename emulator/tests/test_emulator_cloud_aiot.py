"""The AIOT cloud without HTTP: who is let in, what is upgraded when, and what is pushed."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from lockbench_emulator.cloud.aiot.agent import Job, MemoryDevices, Step
from lockbench_emulator.cloud.aiot.bench import AiotBench
from lockbench_emulator.cloud.aiot.cloud import Aiot, judge
from lockbench_emulator.cloud.aiot.core import Refused
from lockbench_emulator.cloud.aiot.policy import Policy
from lockbench_emulator.cloud.outbox import Answer
from lockbench_emulator.cloud.store import Store
from lockbench_protocol.cloud.aiot.models import ENDPOINTS
from lockbench_protocol.cloud.aiot.pushes import CAUSES, Progress, Push, Result, read_push
from lockbench_protocol.telink.image import make_image

ROWS = {row.name: row for row in ENDPOINTS}
LOCK, GATEWAY = "lock", "gateway"


class Bench:
    """A cloud with a gateway "g", the locks "l" and "m" behind it and "x" alone, all with newer firmware."""

    def __init__(self, policy: Policy | None = None, agent: object = None) -> None:
        self.store = Store()
        self.time = 1_709_214_310.0
        self.devices = MemoryDevices()
        self.cloud = Aiot(
            self.store,
            lambda: self.time,
            random.Random(1),  # noqa: S311 - test data
            agent or self.devices,  # type: ignore[arg-type]  # any of the shape
            policy,
        )
        self.bench = AiotBench(self.cloud, self.devices)
        self.bench.add_app("app", "key", "http://127.0.0.1/push")
        self.bench.add_app("other", "key")
        self.tokens = {user: self.bench.grant("app", user) for user in ("u", "n")}
        for did, gateway in (("g", ""), ("l", "g"), ("m", "g"), ("x", "")):
            self.bench.bind("app", "u", did, GATEWAY if did == "g" else LOCK, "1.0", gateway=gateway)
        for model in (LOCK, GATEWAY):
            self.bench.publish(model, b"image", "2.0", "log", "2024-02-29")

    def headers(self, **changes: str) -> dict[str, str]:
        return {"appid": "app", "appkey": "key", "access-token": self.tokens["u"], "openid": ""} | changes

    def call(self, name: str, **fields: object) -> object:
        return self.cloud.call(ROWS[name], self.headers(), fields)["result"]

    def run(self, seconds: float = 60.0) -> None:
        """Time passes, in which due work is done at its time."""
        end = self.time + seconds
        while (due := self.cloud.next_due()) is not None and due <= end * 1000:
            self.time = max(due / 1000, self.time)
            self.cloud.run_due()
        self.time = end

    def pushes(self, did: str = "") -> list[Push]:
        rows = self.store.all("SELECT body FROM letters ORDER BY number")
        found = [read_push(row["body"].encode(), strict=True) for row in rows]
        return [push for push in found if did in ("", push.did)]


@pytest.fixture
def bench() -> Iterator[Bench]:
    bench = Bench()
    with bench.store:
        yield bench


def refusal(code: int) -> AbstractContextManager[object]:
    return pytest.raises(Refused, match=f"^{code}:")


@settings(max_examples=60)
@given(
    name=st.sampled_from(sorted(ROWS)),
    headers=st.dictionaries(
        st.sampled_from(["appid", "appkey", "access-token", "openid"]),
        st.sampled_from(["", "app", "other", "key", "u", "n", "x" * 500]),
    ),
    fields=st.dictionaries(
        st.sampled_from(["openId", "did", "more"]),
        st.none()
        | st.booleans()
        | st.integers()
        | st.text(max_size=70)
        | st.sampled_from(["u", "n", "l", "g"]),
    ),
)
def test_any_call_gets_a_documented_code_and_a_refusal_stores_nothing(
    name: str, headers: dict[str, str], fields: dict[str, object]
) -> None:
    bench = Bench()
    with bench.store:
        before = bench.store.all("SELECT * FROM aiot_upgrades")
        try:
            body = bench.cloud.call(ROWS[name], bench.headers(**headers), fields)
            assert body["code"] == 0
        except Refused as refused:
            assert refused.code in ROWS[name].codes
            assert bench.store.all("SELECT * FROM aiot_upgrades") == before
            assert not bench.store.all("SELECT * FROM letters")


class Machine(RuleBasedStateMachine):
    """Upgrades in any order, beside a model that knows four devices."""

    @initialize()
    def start(self) -> None:
        self.bench = Bench()
        self.version = dict.fromkeys("glmx", (1, 0))
        self.offered = dict.fromkeys((LOCK, GATEWAY), (2, 0))
        self.online = dict.fromkeys("glmx", True)
        self.started: list[str] = []
        self.ended: list[str] = []
        self.trouble: dict[str, str] = {}

    dids = st.sampled_from("glmx")

    def teardown(self) -> None:
        if hasattr(self, "bench"):
            with self.bench.store:
                pass

    def model_of(self, did: str) -> str:
        return GATEWAY if did == "g" else LOCK

    def newer(self, did: str) -> bool:
        return self.offered[self.model_of(did)] > self.version[did]

    def reachable(self, did: str) -> bool:
        return self.online[did] and (did not in "lm" or self.online["g"])

    def under_way(self, did: str) -> bool:
        return self.started.count(did) > self.ended.count(did)

    def expected(self, did: str) -> int:
        if self.under_way(did):
            return 908
        if did in "lm" and self.under_way("g"):
            return 909
        if did == "g" and (self.under_way("l") or self.under_way("m")):
            return 910
        if not self.newer(did):
            return 904
        return 0 if self.reachable(did) else 602

    @rule(did=dids)
    def upgrade_one(self, did: str) -> None:
        code = self.expected(did)
        if code:
            with refusal(code):
                self.bench.call("upgrade_selected", did=did)
        else:
            self.bench.call("upgrade_selected", did=did)
            self.started.append(did)

    @rule()
    def upgrade_all(self) -> None:
        newer = [did for did in "glmx" if self.newer(did)]
        able = [did for did in newer if self.reachable(did) and not self.under_way(did)]
        if able:
            self.bench.call("upgrade")
            self.started += able
        else:
            with refusal(908 if any(map(self.under_way, newer)) else 906):
                self.bench.call("upgrade")

    @rule(did=dids)
    def toggle(self, did: str) -> None:
        self.settle()
        self.online[did] = not self.online[did]
        self.bench.bench.set_line(did, online=self.online[did])

    @rule(did=dids, percent=st.integers(0, 99), cause=st.sampled_from(["", *CAUSES]))
    def spoil(self, did: str, percent: int, cause: str) -> None:
        self.settle()
        self.bench.bench.fail_device(did, percent, cause)
        self.trouble[did] = cause

    @rule(model=st.sampled_from([LOCK, GATEWAY]), number=st.integers(0, 4))
    def publish(self, model: str, number: int) -> None:
        self.settle()
        self.bench.bench.publish(model, b"image", f"2.{number}")
        self.offered[model] = max(self.offered[model], (2, number))

    @rule()
    def wait(self) -> None:
        self.settle()

    def settle(self) -> None:
        """All that is under way comes to its end, which only its trouble decides."""
        self.bench.run(120)
        for did in [did for did in self.started if self.under_way(did)]:
            if self.under_way(did):
                self.ended.append(did)
                if not self.trouble.get(did):
                    self.version[did] = self.offered[self.model_of(did)]

    @invariant()
    def what_is_offered_is_what_is_newer(self) -> None:
        if hasattr(self, "bench"):
            rows = self.bench.call("query")
            assert isinstance(rows, list)
            assert {row["did"] for row in rows} == {did for did in "glmx" if self.newer(did)}

    @invariant()
    def pushes_are_in_order_and_end_in_one_result_each(self) -> None:
        if not hasattr(self, "bench"):
            return
        for did in "glmx":
            percent, results = -1, 0
            for push in self.bench.pushes(did):
                if isinstance(push, Result):
                    assert (push.upgrade_result == "1") == (push.cause is None)
                    assert push.upgrade_result == "0" or percent == 100
                    percent, results = -1, results + 1
                else:
                    assert percent < push.progress
                    percent = push.progress
            assert results == self.ended.count(did) or self.under_way(did)


TestUpgrades = Machine.TestCase
TestUpgrades.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)


class Door:
    """A door that tells when it is told to."""

    def __init__(self) -> None:
        self.jobs: list[Job] = []

    def start(self, job: Job) -> None:
        self.jobs.append(job)


@settings(max_examples=40)
@given(
    st.lists(st.integers(-5, 120), max_size=30),
    st.sampled_from(["", "2.0", "1.0"]),
    st.sampled_from(["", *CAUSES]),
)
def test_whatever_a_door_tells_progress_only_rises_and_the_result_says_what_runs(
    told: list[int], version: str, cause: str
) -> None:
    door = Door()
    bench = Bench(agent=door)
    with bench.store:
        bench.call("upgrade_selected", did="x")
        (job,) = door.jobs
        assert (job.did, job.version, job.image) == ("x", "2.0", b"image")
        for percent in told:
            bench.cloud.upgrades.progressed(job.number, percent)
        bench.cloud.upgrades.finished(job.number, version=version, cause=cause)
        shown = [push.progress for push in bench.pushes("x") if isinstance(push, Progress)]
        assert shown == sorted(set(shown))
        result = bench.pushes("x")[-1]
        assert isinstance(result, Result)
        done = version == "2.0" and not cause
        assert (result.upgrade_result == "1") == done
        assert result.cause == (None if done else CAUSES[cause or "rejected"][0])
        if done:
            assert shown[-1] == 100
        bench.cloud.upgrades.finished(job.number, version="2.0")
        bench.cloud.upgrades.progressed(job.number, 100)
        assert bench.pushes("x")[-1] is not None
        assert len([push for push in bench.pushes("x") if isinstance(push, Result)]) == 1


def test_a_door_that_tells_nothing_has_failed_after_its_time() -> None:
    door = Door()
    bench = Bench(agent=door, policy=Policy(timeout=5_000))
    with bench.store:
        bench.call("upgrade_selected", did="x")
        bench.run(4)
        assert bench.bench.state("x") == "downloading"
        bench.run(2)
        assert bench.bench.state("x") == "failed"
        assert bench.bench.history("x")[0]["cause"] == "timeout"


def test_going_offline_fails_what_runs_and_the_gateways_devices_with_it(bench: Bench) -> None:
    bench.call("upgrade_selected", did="l")
    bench.run(1)
    bench.bench.set_line("g", online=False)
    assert bench.bench.state("l") == "failed"
    bench.run()
    assert [push.cause for push in bench.pushes("l") if isinstance(push, Result)] == ["device offline"]


def test_what_waits_for_a_device_that_is_unbound_has_failed(bench: Bench) -> None:
    bench.call("upgrade")
    assert bench.bench.state("l") == "queued"
    bench.bench.unbind("l")
    assert bench.bench.state("l") == "failed"
    bench.run()
    assert [push.upgrade_result for push in bench.pushes("l") if isinstance(push, Result)] == ["0"]
    assert bench.bench.state("m") == "done"


def test_an_image_brings_its_own_version_and_other_files_none(bench: Bench) -> None:
    assert bench.bench.publish("m", make_image(600, "3.1.4", 1)) == "3.1.4"
    for wrong in (b"", b"no firmware" * 20, make_image(600, "3.1.4", 1)[:300]):
        with refusal(302):
            bench.bench.publish("m", wrong)
    with refusal(302):
        bench.bench.publish("m", "no base64")


@settings(max_examples=40)
@given(st.dates(date(1000, 1, 1)) | st.text(max_size=12))
def test_a_release_date_is_a_day_or_refused(given_date: date | str) -> None:
    bench = Bench()
    with bench.store:
        text = str(given_date)
        try:
            bench.bench.publish(LOCK, b"x", "9.0", "", text)
        except Refused as refused:
            assert (refused.code, isinstance(given_date, str)) == (302, True)
            return
        rows = bench.call("query")
        assert isinstance(rows, list)
        shown = rows[1]["upgradeFirmware"]["releaseDate"]
        date.fromisoformat(shown)
        assert shown == text or not text or isinstance(given_date, str)


def test_new_firmware_is_announced_to_applications_whose_devices_are_older(bench: Bench) -> None:
    bench.bench.bind("other", "o", "young", LOCK, "9.0")
    bench.bench.publish(LOCK, b"x", "3.0")
    told = [row["firmwareVersion"] for row in bench.bench.notices("app")]
    assert told == ["2.0", "2.0", "3.0"]
    assert bench.bench.notices("other") == []


def test_a_device_changes_hands_only_when_it_is_free(bench: Bench) -> None:
    with refusal(717):
        bench.bench.bind("app", "n", "l", LOCK, "1.0")
    bench.bench.unbind("l")
    with refusal(717):
        bench.bench.bind("other", "o", "l", LOCK, "1.0")
    bench.bench.bind("app", "n", "l", LOCK, "1.0")
    with refusal(717):
        bench.call("query_selected", did="l")


@pytest.mark.parametrize(
    ("url", "code"),
    [("ftp://127.0.0.1/", 302), ("http://", 302), ("http://a b/", 302), ("http://example.test/", 403)],
)
def test_pushes_go_to_loopback_only(bench: Bench, url: str, code: int) -> None:
    with refusal(code):
        bench.bench.set_push_url("app", url)


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (Answer(200), True),
        (Answer(204), True),
        (Answer(200, b"ok"), True),
        (Answer(200, b'{"code": 0}'), True),
        (Answer(200, b'{"code": 1}'), False),
        (Answer(200, b'{"code": false}'), False),
        (Answer(302), False),
        (Answer(500, b'{"code": 0}'), False),
    ],
)
def test_a_push_is_taken_with_2xx_and_no_code_but_0(answer: Answer, taken: bool) -> None:
    assert (judge(answer) == "") == taken


def test_a_device_without_a_bootloader_takes_ten_steps_of_half_a_second() -> None:
    steps = MemoryDevices().start(Job(1, "d", "1", b""))
    assert steps == [Step(500, percent) for percent in range(10, 101, 10)]


def test_the_same_seed_gives_the_same_tokens_and_answers() -> None:
    seen = []
    for _ in range(2):
        bench = Bench()
        with bench.store:
            seen.append((bench.tokens, json.dumps(bench.cloud.call(ROWS["query"], bench.headers(), {}))))
    assert seen[0] == seen[1]
