"""The outbox of a cloud: ordered per device, at least once, four tries, then the dead letters."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.outbox import PAUSES, Answer, Outbox, host_of
from lockbench_emulator.cloud.store import Store

OK, BAD, SILENT = Answer(200), Answer(500), Answer(None, trouble="timed out")
URL = "http://127.0.0.1/x"


class Bench:
    def __init__(self) -> None:
        self.store = Store()
        self.now = 1_000_000
        self.outbox = Outbox(self.store, "a", lambda: self.now, judge)
        self.other = Outbox(self.store, "b", lambda: self.now, judge)

    def post(self, device: str, body: str, url: str = URL) -> int:
        return self.outbox.post("owner", device, "kind", url, {"X": "secret"}, body)


def judge(answer: Answer) -> str:
    return "" if answer.status == 200 else f"HTTP {answer.status}"


steps = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from([OK, BAD, SILENT, None]), st.integers(0, 40_000)),
    max_size=25,
)


@settings(max_examples=60)
@given(steps)
def test_letters_of_a_device_come_in_order_and_each_has_four_tries_at_most(
    steps: list[tuple[str, Answer | None, int]],
) -> None:
    bench = Bench()
    with bench.store:
        posted: dict[str, list[int]] = defaultdict(list)
        seen: dict[str, list[int]] = defaultdict(list)
        for number, (device, answer, later) in enumerate(steps):
            posted[device].append(bench.post(device, f"{device} {number}"))
            bench.other.post("owner", device, "kind", URL, {}, "another cloud's")
            for letter in bench.outbox.due():
                of = letter.body.decode()[0]
                assert letter.url == URL
                if answer is not None:
                    bench.outbox.settle(letter.number, answer)
                    seen[of].append(letter.number)
            bench.now += later
        for of, numbers in seen.items():
            assert numbers == sorted(numbers)
            assert set(numbers) <= set(posted[of])
        for row in bench.outbox.journal("owner"):
            tries = row["tries"]
            assert isinstance(tries, list)
            assert len(tries) <= 4
            assert (row["state"] == "dead") == (len(tries) == 4 and tries[-1]["outcome"] != "taken")
            for (earlier, later), pause in zip(pairwise(tries), PAUSES, strict=False):
                assert later["at"] - earlier["at"] >= pause
        assert len(bench.other.due()) == len({device for device, _, _ in steps})


def test_a_letter_that_died_lets_the_next_one_go_and_can_be_sent_again() -> None:
    bench = Bench()
    with bench.store:
        first, second = bench.post("d", "1"), bench.post("d", "2")
        for pause in (*PAUSES, 0):
            assert [letter.number for letter in bench.outbox.due()] == [first]
            bench.outbox.settle(first, BAD)
            assert bench.outbox.next_due() == (bench.now + pause if pause else bench.now - sum(PAUSES))
            bench.now += pause
        assert bench.outbox.state(first) == "dead"
        assert [letter.number for letter in bench.outbox.due()] == [second]
        assert bench.outbox.redeliver(first)
        assert not bench.outbox.redeliver(first)
        assert [letter.number for letter in bench.outbox.due()] == [first]
        bench.outbox.settle(first, OK)
        assert (bench.outbox.state(first), bench.outbox.state(second)) == ("delivered", "waiting")


def test_without_an_address_a_letter_is_unsent_and_an_answer_to_no_letter_changes_nothing() -> None:
    bench = Bench()
    with bench.store:
        news: list[int] = []
        bench.outbox.news = lambda: news.append(1)
        number = bench.post("d", "1", url="")
        assert (bench.outbox.state(number), bench.outbox.due(), news) == ("unsent", [], [1])
        bench.outbox.settle(number, OK)
        bench.outbox.settle(number + 1, OK)
        assert (bench.outbox.state(number), bench.outbox.state(number + 1)) == ("unsent", "")
        assert not bench.outbox.redeliver(number)


def test_a_letter_that_is_sent_once_is_dead_after_one_try_and_the_journal_shows_no_secret() -> None:
    bench = Bench()
    with bench.store:
        number = bench.outbox.post("owner", "d", "probe", URL, {"X": "secret"}, "secret", once=True)
        bench.outbox.settle(number, SILENT)
        (row,) = bench.outbox.journal("owner")
        assert row["state"] == "dead"
        assert row["tries"] == [{"at": bench.now, "status": None, "outcome": "timed out"}]
        assert "secret" not in str(row)
        assert bench.outbox.journal("somebody else") == []


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("http://127.0.0.1:80/x", "127.0.0.1"),
        ("https://[::1]/", "::1"),
        ("HTTP://LocalHost", "localhost"),
        ("http://a:99999/", None),
        ("http://[::1/", None),
        ("file:///x", None),
        ("http://a b/", None),
        ("", None),
    ],
)
def test_an_address_has_a_host_or_is_none(url: str, host: str | None) -> None:
    assert host_of(url) == host
