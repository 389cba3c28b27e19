"""Draws depend on the seed, and on nothing else."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

import pytest
from hypothesis import given, seed
from hypothesis import strategies as st
from hypothesis.internal.conjecture import providers
from hypothesis.internal.constants_ast import Constants
from lockbench_harness.provider import COLLECT, quiet, rules

CONSTANTS = "values = [" + ", ".join(str(10**6 + 7919 * n) for n in range(400)) + "]\n"


def draws(around: Callable[[], AbstractContextManager[None]] = quiet) -> list[int]:
    seen: list[int] = []

    @seed(5)
    @rules(80, steps=1, shrink=True)
    @given(n=st.integers(0, 10**7))
    def draw(n: int) -> None:
        seen.append(n)

    with around():
        draw()
    return seen


@contextmanager
def imported_constants(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    (folder / "full_of_constants.py").write_text(CONSTANTS)
    monkeypatch.syspath_prepend(folder)
    monkeypatch.chdir(folder)
    __import__("full_of_constants")
    yield
    del sys.modules["full_of_constants"]


def test_constants_of_an_imported_module_do_not_leak_into_draws(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = draws()
    with imported_constants(tmp_path, monkeypatch):
        assert draws() == before


def test_the_private_names_of_hypothesis_that_we_use_are_there() -> None:
    assert isinstance(getattr(providers, COLLECT)(), Constants)
    assert callable(providers.CONSTANTS_CACHE.cache.clear)


def test_without_us_the_constants_would_leak(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When this fails, Hypothesis has changed and `quiet` may go."""
    before = draws(around=nullcontext)
    with imported_constants(tmp_path, monkeypatch):
        assert draws(around=nullcontext) != before


def test_a_small_space_is_walked_once_and_not_drawn_from_again_and_again() -> None:
    seen: list[bool] = []

    @seed(5)
    @rules(50, steps=1, shrink=True)
    @given(bit=st.booleans())
    def draw(bit: bool) -> None:
        seen.append(bit)

    with quiet():
        draw()
    assert sorted(seen) == [False, True]


def test_hypothesis_is_as_before_afterwards_even_after_an_error() -> None:
    before = getattr(providers, COLLECT)
    with pytest.raises(KeyError), quiet():
        raise KeyError
    assert getattr(providers, COLLECT) is before
