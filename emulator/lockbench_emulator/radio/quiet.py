"""Keeps Bumble from building the texts of its debug log, which are half of its cost when nobody reads them.

Opt-in: inside `quiet()` colours are dropped, packets print as their class, and `lane` spares data the way
through bytes. Nothing else changes. A contract test holds the names below against the pinned Bumble.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from contextlib import contextmanager

# modules that colour their texts
COLOURED = ("hci", "l2cap", "att", "gatt_client", "gatt_server", "smp", "host", "device", "controller")
# classes whose text is built for the log alone
PRINTED = (
    ("hci", "HCI_Command"),
    ("hci", "HCI_Event"),
    ("hci", "HCI_Command_Complete_Event"),
    ("hci", "HCI_AclDataPacket"),
    ("l2cap", "L2CAP_PDU"),
    ("l2cap", "L2CAP_Control_Frame"),
    ("att", "ATT_PDU"),
    ("smp", "SMP_Command"),
)

_inside = 0
_kept: list[tuple[object, str, object]] = []


@contextmanager
def quiet() -> Iterator[None]:
    """For the whole process, while any such block is open."""
    global _inside  # noqa: PLW0603 - Bumble's modules are global too
    if not _inside:
        _hush()
    _inside += 1
    try:
        yield
    finally:
        _inside -= 1
        if not _inside:
            _restore()


def is_quiet() -> bool:
    return _inside > 0


def _hush() -> None:
    for name in COLOURED:
        _replace(importlib.import_module(f"bumble.{name}"), "color", _plain)
    for name, owner in PRINTED:
        _replace(getattr(importlib.import_module(f"bumble.{name}"), owner), "__str__", _class_name)


def _replace(owner: object, name: str, value: object) -> None:
    _kept.append((owner, name, getattr(owner, name)))
    setattr(owner, name, value)


def _restore() -> None:
    while _kept:
        owner, name, value = _kept.pop()
        setattr(owner, name, value)


def _plain(text: object, *_colours: object) -> object:
    return text


def _class_name(packet: object) -> str:
    return type(packet).__name__
