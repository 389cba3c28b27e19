"""The phone below the plug-in: its state, its host, and how both fail."""

from __future__ import annotations

from lockbench_harness.phone.handset import Handset
from lockbench_harness.phone.host import Phone
from lockbench_harness.phone.troubles import HostError

__all__ = ["Handset", "HostError", "Phone"]
