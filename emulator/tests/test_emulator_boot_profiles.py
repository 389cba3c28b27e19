"""Board and dialect profiles: the packaged ones are right, and a wrong one is named with file and key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import pytest
from lockbench_emulator import toml
from lockbench_emulator.boot.board import board_names, load_board
from lockbench_emulator.boot.dialect import PROPERTY_SETS, dialect_names, load_dialect
from lockbench_emulator.boot.flash import SECTOR
from lockbench_protocol import LocalError


@dataclass(frozen=True)
class Shape:
    name: str
    count: int
    seconds: float
    places: tuple[int, ...]
    style: Literal["near", "far"]


GOOD = 'count = 1\nseconds = 2\nplaces = [1, 2]\nstyle = "near"\n'


@pytest.mark.parametrize("name", board_names())
def test_a_board_is_possible(name: str) -> None:
    board = load_board(name)
    first, second = board.banks
    assert board.limit % SECTOR == 0
    assert first + board.limit < second
    assert second + board.limit <= board.data_region < board.flash_size
    assert first in board.rom_candidates
    assert (second in board.rom_candidates) != board.overwrites
    assert max(board.rom_candidates) < board.flash_size
    assert (board.other(first), board.other(second)) == (second, first)


def test_the_default_board_looks_at_0x20000_on_the_way_to_its_second_bank() -> None:
    board = load_board()
    assert board.rom_candidates == (0, 0x20000, 0x40000, 0x80000)
    assert (board.banks, board.limit // 1024) == ((0, 0x40000), 252)


@pytest.mark.parametrize("name", dialect_names())
def test_a_dialect_has_a_service_and_times_in_order(name: str) -> None:
    dialect = load_dialect(name)
    service = dialect.service()
    assert service.uuid == dialect.on_the_wire().service
    assert service.characteristics[0].uuid == dialect.on_the_wire().characteristic
    assert dialect.disconnect_after + dialect.commit_after <= dialect.commit_at_latest


def test_the_characteristics_have_the_three_property_sets_of_the_field() -> None:
    """telink-ota 2.1, 2.2."""
    found = {name: load_dialect(name).service().characteristics[0].properties for name in dialect_names()}
    assert found == {"g1": 0x06, "g1m": 0x1E, "g2": 0x16, "tt": 0x1E}
    assert {int(value) for value in PROPERTY_SETS.values()} == {0x06, 0x16, 0x1E}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("data_interval", 0.5),
        ("data_interval", 21.0),
        ("process_timeout", 4.0),
        ("process_timeout", 1001.0),
        ("largest_pdu", 0),
        ("largest_pdu", 20),
        ("largest_pdu", 256),
        ("schedule", "pdus"),
    ],
)
def test_a_dialect_with_values_that_no_chip_takes_is_refused(key: str, value: float | str) -> None:
    with pytest.raises(LocalError, match=f"dialect g2: {key}"):
        replace(load_dialect("g2"), **{key: value})  # type: ignore[arg-type]  # the key is a parameter


def test_a_whole_number_serves_where_seconds_are_asked_for() -> None:
    shape = toml.build(toml.parse(GOOD, "x.toml"), "x.toml", Shape, name="x")
    assert shape == Shape("x", 1, 2.0, (1, 2), "near")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        (GOOD + "more = 1", "x.toml: key 'more' is unknown"),
        ("count = 1", "x.toml: key 'places' is missing"),
        (GOOD.replace("count = 1", "count = true"), "x.toml: count is True, not int"),
        (GOOD.replace("[1, 2]", '[1, "2"]'), "x.toml: places is '2', not int"),
        (GOOD.replace("near", "there"), "x.toml: style is 'there', not 'near' or 'far'"),
        ("count =", "x.toml: "),
    ],
)
def test_a_wrong_profile_is_named_with_file_and_key(text: str, named: str) -> None:
    with pytest.raises(LocalError) as raised:
        toml.build(toml.parse(text, "x.toml"), "x.toml", Shape, name="x")
    assert str(raised.value).startswith(named)


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LocalError, match="known: .*b87"):
        load_board("b99")
    with pytest.raises(LocalError, match="known: .*tt"):
        load_dialect("nordic")
