"""A host of ours on a controller of ours, in one process.

Rules: HCI travels as bytes; within `quiet()` data and the credits for them travel as the objects that they
are, in the very turns of the loop in which the bytes would. A host with a snooper is never spared the bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from bumble import hci
from bumble.host import Host
from bumble.transport.common import AsyncPipeSink

from lockbench_emulator.radio.controller import AirController, Data
from lockbench_emulator.radio.quiet import is_quiet

Listener = TypeVar("Listener", bound=Callable[..., Any])


# How events begin that no controller of ours causes. Most of a host's 61 listeners, 18 KB, are for these.
_NEVER = (
    "advertising_set", "authentication", "big", "cis", "classic", "connection_authentication",
    "connection_request", "cs", "inquiry", "iso", "le_connection_rate", "link_key", "mode_change", "periodic",
    "pin_code", "remote_name", "role_change", "sco",
)  # fmt: skip


class LocalHost(Host):
    """The HCI host of one of our controllers, which is its source and its sink."""

    def __init__(self, controller: AirController) -> None:
        self._pipe = AsyncPipeSink(controller)
        self._controller = controller
        super().__init__(controller, self._pipe)

    def add_listener(self, event: str, f: Listener) -> Listener:
        return f if event.startswith(_NEVER) else super().add_listener(event, f)

    def send_hci_packet(self, packet: hci.HCI_Packet) -> None:
        if type(packet) is hci.HCI_AclDataPacket and self.snooper is None and is_quiet():
            self._pipe.loop.call_soon(self._controller.take, packet)
        else:
            super().send_hci_packet(packet)

    def take(self, packet: Data) -> None:
        """What the controller sends up without bytes."""
        if self.snooper is not None:
            self.on_packet(bytes(packet))
        elif isinstance(packet, hci.HCI_AclDataPacket):
            self.on_hci_acl_data_packet(packet)
        else:
            self.on_hci_number_of_completed_packets_event(packet)
