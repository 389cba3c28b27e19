"""The public face of lockbench: these names are stable. Each is imported when it is first used."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from lockbench_emulator.device import LockDevice
    from lockbench_emulator.profiles import LockProfile, load_profile
    from lockbench_harness.cases import case, expect
    from lockbench_harness.client.lock_client import LockClient
    from lockbench_harness.client.plugin import Plugin
    from lockbench_harness.clock import run, run_real
    from lockbench_harness.credentials import Credentials
    from lockbench_harness.fixtures import Client, EmulatedLock, Site
    from lockbench_harness.links.bare import BareLink
    from lockbench_harness.links.bumble import BumbleLink, on_air
    from lockbench_harness.verdicts import Verdict
    from lockbench_protocol import LocalError, RemoteError
    from lockbench_protocol.errors import error_code, error_codes
    from lockbench_protocol.lock.frame import Frame, Reassembler, decode, encode
    from lockbench_protocol.telink.image import make_image

_HOMES = {
    "lockbench_emulator.device": ("LockDevice",),
    "lockbench_emulator.profiles": ("LockProfile", "load_profile"),
    "lockbench_harness.cases": ("case", "expect"),
    "lockbench_harness.client.lock_client": ("LockClient",),
    "lockbench_harness.client.plugin": ("Plugin",),
    "lockbench_harness.clock": ("run", "run_real"),
    "lockbench_harness.credentials": ("Credentials",),
    "lockbench_harness.fixtures": ("Client", "EmulatedLock", "Site"),
    "lockbench_harness.links.bare": ("BareLink",),
    "lockbench_harness.links.bumble": ("BumbleLink", "on_air"),
    "lockbench_harness.verdicts": ("Verdict",),
    "lockbench_protocol": ("LocalError", "RemoteError"),
    "lockbench_protocol.errors": ("error_code", "error_codes"),
    "lockbench_protocol.lock.frame": ("Frame", "Reassembler", "decode", "encode"),
    "lockbench_protocol.telink.image": ("make_image",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BareLink",
    "BumbleLink",
    "Client",
    "Credentials",
    "EmulatedLock",
    "Frame",
    "LocalError",
    "LockClient",
    "LockDevice",
    "LockProfile",
    "Plugin",
    "Reassembler",
    "RemoteError",
    "Site",
    "Verdict",
    "case",
    "decode",
    "encode",
    "error_code",
    "error_codes",
    "expect",
    "load_profile",
    "make_image",
    "on_air",
    "run",
    "run_real",
]


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module lockbench has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
