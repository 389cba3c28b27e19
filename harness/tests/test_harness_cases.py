"""What a case is, and how cases are named, ordered and chosen."""

import importlib
import pkgutil
from collections.abc import Callable
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lockbench_harness import cases
from lockbench_harness.cases import CAP, GROUPS, Case, case, in_order, order, select
from lockbench_harness.machines import Machine, rule
from lockbench_protocol import LocalError

ids = st.builds("{}/{}".format, st.sampled_from(list(GROUPS)), st.integers(1, 99))


def made(id: str, **row: object) -> Case:  # noqa: A002 - the catalogue's word
    async def test_nothing(bench: object) -> None:
        """It holds.

        More is said below."""

    return case(id, **{"clause": "toy", **row})(test_nothing)  # type: ignore[arg-type]  # rows that are wrong are the point


@given(st.lists(ids, unique=True, max_size=12))
def test_cases_come_in_the_order_of_the_catalogue(names: list[str]) -> None:
    ordered = [case.id for case in in_order(made(name) for name in names)]
    assert ordered == sorted(names, key=order)


@given(st.integers(0, 2**64), ids)
def test_the_seed_of_a_case_depends_on_run_and_case_only(run_seed: int, name: str) -> None:
    assert made(name).seed(run_seed) == made(name).seed(run_seed) < 2**32


def test_the_seed_of_a_case_is_the_same_for_ever() -> None:
    assert made("PWD/6").seed(7) == 3333072356


def test_the_first_line_of_the_docstring_is_the_requirement() -> None:
    assert made("PWD/6").requirement == "It holds."


@pytest.mark.parametrize("name", ["PWD", "PWD/0", "PWD/x", "pwd/1", "XYZ/1", "PWD/01", ""])
def test_an_id_that_is_not_of_the_catalogue_is_refused(name: str) -> None:
    with pytest.raises(LocalError, match="is no case id"):
        made(name)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"clause": ""}, "clause is empty"),
        ({"links": ("zigbee",)}, "links must be of bare, air"),
        ({"links": ()}, "links must be of bare, air"),
        ({"level": CAP}, "names the capability"),
        ({"examples": 0}, "at least one example"),
    ],
)
def test_a_wrong_row_is_refused_at_import(row: dict[str, object], words: str) -> None:
    with pytest.raises(LocalError, match=words):
        made("PWD/6", **row)


def test_a_case_without_a_requirement_is_refused() -> None:
    async def test_mute(bench: object) -> None: ...

    with pytest.raises(LocalError, match="docstring must say the requirement"):
        case("PWD/6", clause="toy")(test_mute)


def test_a_machine_has_its_strategies_in_its_rules() -> None:
    class Model(Machine):
        """It agrees."""

        @rule(n=st.integers())
        async def step(self, n: int) -> None: ...

    model = case("PWD/27", clause="toy")(Model)
    assert model.machine is Model
    assert model.draws
    assert Model.rule_names() == {"step"}
    with pytest.raises(LocalError, match="the case has none"):
        case("PWD/27", clause="toy", n=st.integers())(Model)


def test_words_choose_cases_by_id_or_group_in_any_case_and_the_rest_is_told() -> None:
    some = [made(name) for name in ("COD/1", "PWD/1", "PWD/6")]
    chosen, unknown = select(some, ["pwd/6", "cod", "DFU", "PWD/99"])
    assert [case.id for case in chosen] == ["COD/1", "PWD/6"]
    assert unknown == ["DFU", "PWD/99"]
    assert select(some, []) == (some, [])


def test_an_id_that_is_written_twice_is_refused() -> None:
    with pytest.raises(LocalError, match="PWD/6 is written twice"):
        in_order([made("PWD/6"), made("PWD/6")])


def test_a_suite_is_loaded_from_its_test_modules_only(monkeypatch: pytest.MonkeyPatch) -> None:
    modules: dict[str, dict[str, object]] = {
        "test_pwd": {"a": made("PWD/6"), "x": 1},
        "test_cod": {"b": made("COD/2")},
        "words": {},
    }
    monkeypatch.setattr(importlib, "import_module", importer(modules))
    listing = [SimpleNamespace(name=name) for name in modules]
    monkeypatch.setattr(pkgutil, "iter_modules", lambda _path: listing)
    assert [case.id for case in cases.load("toys")] == ["COD/2", "PWD/6"]


def importer(modules: dict[str, dict[str, object]]) -> Callable[[str], object]:
    def find(name: str) -> object:
        if name == "toys":
            return SimpleNamespace(__path__=["toys"])
        return SimpleNamespace(**modules[name.removeprefix("toys.")])

    return find
