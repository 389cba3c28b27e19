"""The contract with the pinned Bumble: each hook exists, and nothing else is overridden."""

from __future__ import annotations

import importlib
import importlib.metadata
import inspect
import logging
from pathlib import Path

import pytest
from bumble import controller, hci, link
from bumble.device import Device
from bumble.gatt_server import Server
from bumble.host import Host
from lockbench_emulator.radio.controller import UNCLAIMED, Advertiser, AirController
from lockbench_emulator.radio.hooks import BUMBLE, HOOKS, Hook
from lockbench_emulator.radio.lane import LocalHost
from lockbench_emulator.radio.link import AirConnection
from lockbench_emulator.radio.medium import Medium
from lockbench_emulator.radio.server import DeviceServer
from lockbench_harness import clock

OURS = {
    AirController: controller.Controller,
    Advertiser: controller.LegacyAdvertiser,
    AirConnection: controller.Connection,
    Medium: link.LocalLink,
    DeviceServer: Server,
    LocalHost: Host,
}


def test_the_installed_bumble_is_the_one_that_the_hooks_were_read_from() -> None:
    assert importlib.metadata.version("bumble") == BUMBLE


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: f"{hook.owner.partition(':')[2]}.{hook.name}")
def test_each_hook_is_still_there(hook: Hook) -> None:
    module, _, name = hook.owner.partition(":")
    owner = getattr(importlib.import_module(module), name)
    if hook.parameters is None:
        assert hook.name in attributes_of(owner)
        return
    function = getattr(owner, hook.name)
    assert tuple(inspect.signature(function).parameters)[1:] == hook.parameters
    if hook.used_by == "uses wrapped":
        assert inspect.iscoroutinefunction(function.__wrapped__)
        assert not inspect.iscoroutinefunction(function)


@pytest.mark.parametrize("ours", OURS, ids=lambda ours: ours.__name__)
def test_nothing_is_overridden_without_a_row(ours: type) -> None:
    base = OURS[ours]
    named = {hook.name for hook in HOOKS if hook.owner == f"{base.__module__}:{base.__name__}"}
    overridden = {name for name in vars(ours) if name in dir(base) and not is_of_object(name)}
    assert overridden <= named


def test_no_module_that_we_use_logs_by_the_root_logger() -> None:
    """A call of `logging.debug` would give it a handler, and that would print all that Bumble drops."""
    names = ("att", "controller", "device", "gatt_client", "gatt_server", "host", "l2cap", "link", "smp")
    for module in (importlib.import_module(f"bumble.{name}") for name in names):
        calls = [f"logging.{level}(" for level in ("debug", "info", "warning", "error", "exception")]
        if any(call in inspect.getsource(module) for call in calls):
            assert isinstance(module.logging, logging.Logger)
            assert module.logging.name == module.__name__


def test_data_for_a_link_that_is_over_are_dropped_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        medium = Medium(seed=1)
        controller = medium.controller("phone")
        controller.on_packet(bytes(hci.HCI_AclDataPacket(1, 0, 0, 1, b"x")))
        assert medium.failures == []

    with caplog.at_level(logging.INFO):
        clock.run(main())
    assert caplog.records == []


def test_every_claimed_command_has_a_handler() -> None:
    for code in AirController.supported_commands:
        assert hasattr(AirController, f"on_{hci.HCI_Command.command_name(code).lower()}")
    assert not AirController.supported_commands & UNCLAIMED


def test_only_the_radio_package_and_the_bumble_link_import_bumble() -> None:
    root = Path(__file__).parents[2]
    importers = [
        path.relative_to(root).as_posix()
        for floor in ("protocol", "emulator", "harness", "conformance")
        for path in sorted((root / floor).rglob("*.py"))
        if "tests" not in path.parts and "from bumble" in path.read_text()
    ]
    assert importers
    assert all(
        name.startswith(("emulator/lockbench_emulator/radio/", "harness/lockbench_harness/links/bumble"))
        for name in importers
    ), importers


def is_of_object(name: str) -> bool:
    return name.startswith("__") and name not in ("__init__", "__post_init__")


def attributes_of(owner: type) -> set[str]:
    """Of the class and of a fresh instance."""

    async def make() -> object:
        if owner is link.LocalLink:
            return link.LocalLink()  # type: ignore[no-untyped-call]  # Bumble's has no annotations
        if owner is Device or owner is Server:
            device = Device("x", host=Host())
            return device if owner is Device else device.gatt_server
        if owner is Host:
            return Host()
        if owner is controller.Controller:
            return controller.Controller("x")
        return owner

    return set(dir(owner)) | set(getattr(clock.run(make()), "__dict__", {})) | annotations_of(owner)


def annotations_of(owner: type) -> set[str]:
    return {name for cls in owner.__mro__ for name in getattr(cls, "__annotations__", {})}
