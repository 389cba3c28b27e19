"""A site's locks, and the store that remembers them: transactions, snapshots, another process."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.cloud.store import Store
from lockbench_emulator.gatt import Effect, Happened
from lockbench_emulator.lock import hands
from lockbench_emulator.site import Site, local_time
from lockbench_protocol import LocalError

START = 1_767_196_800.0  # 2026-01-01 00:00 at UTC+8


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> float:
        return self.now


def site_on(store: Store, clock: Clock | None = None) -> Site:
    return Site(store, clock or Clock())


def make(site: Site, code: str) -> Sequence[Effect]:
    device = site.device("l")
    return site.act("l", lambda now: device.by_hand(partial(hands.make_code, code), now))


def opens(site: Site, code: str) -> bool:
    effects = site.act("l", lambda now: site.device("l").enter_code(code, now))
    return Happened("bolt", {"unlocked": True}) in effects


def codes(site: Site) -> list[str]:
    return list(site.device("l").memory.passcodes)


def test_a_lock_comes_from_its_name_and_the_seed_of_the_site() -> None:
    with Store() as one, Store() as two, Store() as three:
        first, same = site_on(one).device("l"), site_on(two).device("l")
        assert first.address == same.address
        assert first.address not in {
            site_on(one).device("m").address,
            Site(three, Clock(), seed=1).device("l").address,
        }


def test_a_lock_is_installed_once_with_a_profile_of_its_own() -> None:
    with Store() as store:
        site = site_on(store)
        assert site.install("p", profile="padlock").profile.name == "padlock"
        with pytest.raises(LocalError, match="called p stands on this site already"):
            site.install("p")
        with pytest.raises(LocalError):
            site.install("q", profile="nothing of the kind")
        assert not store.all("SELECT 1 FROM site_locks WHERE uuid = 'q'")


def test_a_locks_clock_is_that_of_the_site_and_it_catches_up() -> None:
    with Store() as store:
        clock = Clock()
        site = site_on(store, clock)
        device = site.device("l")
        device.memory.auto_lock = 5
        assert make(site, "123456")
        assert opens(site, "123456")
        assert device.memory.unlocked
        clock.now += 86_400.5
        site.act("l", lambda now: device.by_hand(hands.touch, now))
        assert not device.memory.unlocked
        assert device.clock.local(86_400.5) == local_time(clock.now).replace(microsecond=0)


@given(
    st.lists(
        st.tuples(st.sampled_from(["make", "commit", "undo"]), st.sampled_from(["1111", "2222", "3333"]))
    )
)
@settings(max_examples=15, deadline=None)
def test_what_a_transaction_did_to_a_lock_is_kept_or_undone_with_it(steps: list[tuple[str, str]]) -> None:
    """Three locks in one: the running one, the one of its rows, and a model of what was committed."""
    with Store() as store:
        site = site_on(store)
        model: set[str] = set()

        def fill(code: str) -> None:
            if code not in codes(site):
                make(site, code)

        for what, code in steps:
            if what == "undo":
                with suppress(ZeroDivisionError), store.transaction():
                    fill(code)
                    assert code in codes(site)
                    _ = 1 / 0
            else:
                with store.transaction():
                    fill(code)
                model.add(code)
            assert set(codes(site)) == model
            assert set(codes(site_on(store))) == model


def test_a_lock_goes_on_in_another_process(tmp_path: Path) -> None:
    clock = Clock()
    path = str(tmp_path / "store")
    with Store(path) as store:
        site = site_on(store, clock)
        make(site, "123456")
        address = site.device("l").address
        site.act("l", site.device("l").cut_power)
    clock.now += 3600
    with Store(path) as store:
        site = site_on(store, clock)
        device = site.device("l")
        assert (device.address, codes(site), device.alive) == (address, ["123456"], False)
        site.act("l", device.restore_power)
        assert opens(site, "123456")
        assert device.lives == 2


def test_chance_goes_on_when_a_store_is_opened_again(tmp_path: Path) -> None:
    drawn = []
    for _ in range(2):
        with Store(str(tmp_path / "store")) as store:
            drawn.append(store.chance("seed 1").random())
    with Store() as store:
        assert drawn[0] == store.chance("seed 1").random() != drawn[1]


@pytest.mark.parametrize("name", ["", "store"])
def test_a_snapshot_brings_rows_and_locks_back(tmp_path: Path, name: str) -> None:
    with Store(str(tmp_path / name) if name else ":memory:") as store:
        site = site_on(store)
        make(site, "1111")
        then = store.snapshot()
        make(site, "2222")
        store.run("INSERT INTO clients VALUES ('a', 'b')")
        store.restore(then)
        assert codes(site) == ["1111"]
        assert not store.all("SELECT * FROM clients")
        make(site, "3333")
        assert codes(site_on(store)) == ["1111", "3333"]


@pytest.mark.parametrize(
    ("length", "words"), [(0, "0 bytes are no snapshot"), (5000, "no snapshot"), (-1, "no snapshot")]
)
def test_what_is_no_snapshot_changes_nothing(length: int, words: str) -> None:
    with Store() as store:
        make(site_on(store), "1111")
        image = b"x" * 5000 if length < 0 else store.snapshot()[:length]
        with pytest.raises(LocalError, match=words):
            store.restore(image)
        assert codes(site_on(store)) == ["1111"]


def test_a_database_without_our_tables_is_no_snapshot() -> None:
    with Store() as store, closing(sqlite3.connect(":memory:")) as other:
        other.execute("CREATE TABLE t (a)")
        with pytest.raises(LocalError, match="has no table"):
            store.restore(other.serialize())
