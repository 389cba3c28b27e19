"""A plan for one call of the plug-in: who calls what, and all that goes wrong in phone, link, lock and cloud.

Times are seconds from the beginning of the call; of the link's faults `pdu` counts all writes of the call.
"""

from __future__ import annotations

from dataclasses import dataclass

from lockbench_emulator.cloud.faults import Fault as CloudFault

from lockbench_harness.faults.link import Drop, Extend, Flip, Part, Repeat, Swap, Truncate
from lockbench_harness.faults.phone import PhoneFault

__all__ = ["CallFault", "CallPlan", "CloudFault", "Mute", "Outage", "Stop", "WriteFault"]


@dataclass(frozen=True, slots=True)
class Mute:
    """From this notification on, counted in each connection, none arrives."""

    after: int


@dataclass(frozen=True, slots=True)
class Outage:
    """The lock's supply fails, and comes back after a pause."""

    seconds: float
    pause: float


@dataclass(frozen=True, slots=True)
class Stop:
    """The app calls stopAllOperations."""

    seconds: float


WriteFault = Drop | Repeat | Swap | Flip | Truncate | Extend
CallFault = PhoneFault | WriteFault | Part | Mute | Outage | Stop | CloudFault


@dataclass(frozen=True, slots=True)
class CallPlan:
    """One call."""

    method: str  # of the contract
    version: str  # of the plug-in, online
    platform: str = "android"
    faults: tuple[CallFault, ...] = ()
