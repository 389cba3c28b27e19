"""Which error means what."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness.links import LinkLost, NotFound
from lockbench_harness.verdicts import GRAVITY, Expectation, Verdict, expect, hearing, judge, warn, worst
from lockbench_protocol import LocalError, RemoteError

HERE = __name__


def caught(error: BaseException) -> BaseException:
    try:
        raise error
    except BaseException as same:  # noqa: BLE001 - the traceback is what the test wants
        return same


@given(st.lists(st.sampled_from(Verdict), min_size=1))
def test_the_worst_of_several_verdicts_is_never_milder_than_one_of_them(verdicts: list[Verdict]) -> None:
    assert all(GRAVITY.index(worst(verdicts)) >= GRAVITY.index(verdict) for verdict in verdicts)


@pytest.mark.parametrize("error", [RemoteError("no"), LinkLost(8), NotFound("gone"), Expectation("x", 1, 2)])
def test_what_the_target_did_wrong_is_a_failure(error: Exception) -> None:
    assert judge(caught(error), HERE) is Verdict.FAIL


@pytest.mark.parametrize("error", [LocalError("no"), KeyError("x"), TimeoutError(), asyncio.CancelledError()])
def test_anything_else_is_the_fault_of_the_bench(error: BaseException) -> None:
    assert judge(caught(error), HERE) is Verdict.BROKEN


def test_an_assertion_of_the_case_is_a_failure_but_one_of_a_library_is_not() -> None:
    assert judge(caught(AssertionError()), HERE) is Verdict.FAIL
    assert judge(caught(AssertionError()), "lockbench_conformance.test_pwd") is Verdict.BROKEN


def test_a_group_of_errors_is_a_failure_only_if_all_of_them_are() -> None:
    group = caught(BaseExceptionGroup("both", [caught(RemoteError("a")), caught(AssertionError())]))
    assert judge(group, HERE) is Verdict.FAIL
    mixed = caught(BaseExceptionGroup("both", [caught(RemoteError("a")), caught(KeyError("b"))]))
    assert judge(mixed, HERE) is Verdict.BROKEN


def test_expect_says_what_was_expected_and_what_was_seen() -> None:
    expect(20, 20, "the status")
    with pytest.raises(Expectation, match="the status: expected 20, seen 22"):
        expect(22, 20, "the status")


def test_a_warning_is_heard_once_and_only_inside_a_case() -> None:
    heard: list[str] = []
    with hearing(heard):
        warn("late")
        warn("late")
    assert heard == ["late"]
    with pytest.raises(LocalError, match="outside a case"):
        warn("late")
