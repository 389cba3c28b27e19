"""Board and dialect profiles: the packaged ones are right, and a wrong one is named with file and key."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pytest
from lockbench_emulator.boot import toml
from lockbench_emulator.boot.board import board_names, load_board
from lockbench_emulator.boot.dialect import dialect_names, load_dialect
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
    assert set(board.banks) <= set(board.rom_candidates)
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


def test_the_ttlock_characteristic_reads_writes_and_notifies() -> None:
    assert load_dialect("tt").service().characteristics[0].properties == 0x1E


def test_a_whole_number_serves_where_seconds_are_asked_for() -> None:
    shape = toml.parse(GOOD, "x", "x.toml", Shape)
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
        toml.parse(text, "x", "x.toml", Shape)
    assert str(raised.value).startswith(named)


def test_an_unknown_profile_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LocalError, match="known: .*b87"):
        load_board("b91")
    with pytest.raises(LocalError, match="known: .*tt"):
        load_dialect("nordic")
