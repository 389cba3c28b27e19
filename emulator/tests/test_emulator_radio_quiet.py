"""The names that `quiet` replaces are there, and are back afterwards."""

import importlib

import pytest
from bumble import hci
from lockbench_emulator.radio.quiet import COLOURED, PRINTED, quiet


@pytest.mark.parametrize("name", COLOURED)
def test_each_coloured_module_has_the_function(name: str) -> None:
    module = importlib.import_module(f"bumble.{name}")
    before = module.color
    with quiet(), quiet():
        assert module.color("x", "red") == "x"
    assert module.color is before
    assert module.color("x", "red") != "x"


@pytest.mark.parametrize(("name", "owner"), PRINTED)
def test_each_printed_class_builds_its_own_text(name: str, owner: str) -> None:
    assert "__str__" in vars(getattr(importlib.import_module(f"bumble.{name}"), owner))


def test_a_packet_prints_as_its_class_inside_and_in_full_outside() -> None:
    packet = hci.HCI_Reset_Command()
    with quiet():
        assert str(packet) == "HCI_Reset_Command"
    assert "HCI_RESET_COMMAND" in str(packet)
    assert bytes(packet) == b"\x01\x03\x0c\x00"
