"""What the phone below the plug-in does wrong, or its owner.

`at` counts the host's calls from 0: the fault is there from that call on.
"""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Block", "Fail", "Hide", "PhoneFault", "Refuse", "Strip", "Switch"]


@dataclass(frozen=True, slots=True)
class Switch:
    """A switch of the phone is off: bluetooth, location or network."""

    name: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Refuse:
    """The owner does not give a permission: bluetooth, nearby, location, precise or program. `told`: whether
    the host says so; one that is older than the permission does not."""

    permission: str
    told: bool = True
    at: int = 0


@dataclass(frozen=True, slots=True)
class Fail:
    """A call of the host fails, `times` times, after it went well `skip` times. `how`: the trouble, where the
    call knows more than one (`phone.troubles`)."""

    call: str
    how: str = ""
    skip: int = 0
    times: int = 1


@dataclass(frozen=True, slots=True)
class Hide:
    """Discovery does not find this service, or this characteristic."""

    uuid: str


@dataclass(frozen=True, slots=True)
class Strip:
    """The host hands on advertisements without their manufacturer data."""


@dataclass(frozen=True, slots=True)
class Block:
    """The host's list of allowed domains does not have this one."""

    domain: str


PhoneFault = Switch | Refuse | Fail | Hide | Strip | Block
