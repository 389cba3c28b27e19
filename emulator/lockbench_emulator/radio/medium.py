"""The air between controllers: who hears whom, and how soon.

Rules: everything is ordered and follows from the seed; only listeners hear advertisements; what goes wrong
inside is kept in `failures` and told to the loop, what an outside host did wrong is kept in `garbage`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass

from bumble import hci, ll
from bumble.link import LocalLink

from lockbench_emulator.radio.controller import Advertiser, AirController, air_of
from lockbench_emulator.radio.link import AirConnection, AirLink

GARBAGE_KEPT = 1000  # sentences about outside hosts; they may send nonsense for ever


@dataclass(frozen=True, slots=True)
class Pacing:
    """Connection events: each `interval` seconds at most `pdus` PDUs go each way. 0 is instant."""

    interval: float = 0.0
    pdus: int = 4


INSTANT = Pacing()


class Medium(LocalLink):
    """One piece of air. Under pacing `loses(end)` is asked at each try to send; True costs one event."""

    def __init__(
        self,
        *,
        seed: int | str = 0,
        pacing: Pacing = INSTANT,
        loses: Callable[[AirConnection], bool] = lambda _end: False,
    ) -> None:
        super().__init__()  # type: ignore[no-untyped-call]  # Bumble's has no annotations
        self.controllers: dict[AirController, None] = {}  # type: ignore[assignment]  # ordered, where Bumble has a set
        self.rng = random.Random(f"medium {seed}")  # noqa: S311 - reproducible on purpose
        self.pacing = pacing
        self.loses = loses
        self.failures: list[BaseException] = []
        self.garbage: list[str] = []
        self._listeners: dict[AirController, None] = {}
        self._links: dict[AirLink, None] = {}
        self._out_of_reach: dict[AirController, None] = {}

    @property
    def links(self) -> tuple[AirLink, ...]:
        return tuple(self._links)

    def controller(
        self, name: str, *, public_address: str | None = None, outsider: bool = False
    ) -> AirController:
        """A new controller on this medium. `public_address` is drawn from the seed when not given."""
        address = public_address or text_address(self.rng.randbytes(6))
        return AirController(
            name, self, hci.Address(address, hci.Address.PUBLIC_DEVICE_ADDRESS), outsider=outsider
        )

    def random_static_address(self) -> str:
        """An address drawn from the seed, of the random static kind."""
        octets = bytearray(self.rng.randbytes(6))
        octets[0] |= 0xC0
        return text_address(bytes(octets))

    def add_controller(self, controller: object) -> None:
        """Called by Bumble's constructor."""
        assert isinstance(controller, AirController)  # noqa: S101 - only ours speak our way
        self.controllers[controller] = None

    def remove_controller(self, controller: object) -> None:
        """The controller is gone at once; its peers lose their links by supervision timeout."""
        assert isinstance(controller, AirController)  # noqa: S101 - only ours speak our way
        controller.go_silent()
        self.controllers.pop(controller, None)
        self._out_of_reach.pop(controller, None)

    def set_reach(self, controller: AirController, *, within: bool) -> None:
        """Take a controller out of everybody's reach, or bring it back."""
        if within:
            self._out_of_reach.pop(controller, None)
        else:
            self._out_of_reach[controller] = None
        for link in self.links:
            if controller not in (link.central.controller, link.peripheral.controller):
                continue
            if within and not any(air_of(end.controller) in self._out_of_reach for end in link.ends):
                link.regain_reach()
            elif not within:
                link.lose_reach()

    def set_listening(self, controller: AirController, *, on: bool) -> None:
        if on:
            self._listeners[controller] = None
        else:
            self._listeners.pop(controller, None)

    def broadcast(self, advertiser: Advertiser) -> None:
        """Let every listener in reach hear this advertisement, in the order in which they began to listen."""
        sender = air_of(advertiser.controller)
        if not self._listeners or sender in self._out_of_reach:
            return
        loop = asyncio.get_running_loop()
        for listener in self._listeners:
            if listener is not sender and listener not in self._out_of_reach:
                loop.call_soon(self._hear, listener, advertiser)

    def join(self, initiator: AirController, advertiser: Advertiser) -> None:
        """The initiator answers an advertisement. The first one gets the link; the others go on waiting."""
        command = initiator.pending_le_connection
        assert isinstance(command, hci.HCI_LE_Create_Connection_Command)  # noqa: S101 - the extended one is refused
        public = command.own_address_type in (
            hci.OwnAddressType.PUBLIC,
            hci.OwnAddressType.RESOLVABLE_OR_PUBLIC,
        )
        own = initiator.public_address if public else initiator.random_address
        peripheral = air_of(advertiser.controller)
        if own in peripheral.le_connections:
            return
        packet = ll.ConnectInd(
            initiator_address=own,
            advertiser_address=advertiser.address,
            interval=command.connection_interval_min,
            latency=command.max_latency,
            timeout=command.supervision_timeout,
        )
        link = AirLink(self, initiator, peripheral, packet)
        self._links[link] = None
        peripheral.joined(link.peripheral)
        initiator.joined(link.central)

    def forget(self, link: AirLink) -> None:
        self._links.pop(link, None)

    def trouble(self, error: Exception, controller: AirController) -> None:
        """Something failed while serving `controller`."""
        if controller.outsider:
            if len(self.garbage) < GARBAGE_KEPT:
                self.garbage.append(f"{controller.name}: {type(error).__name__}: {error}")
            return
        self.failures.append(error)
        asyncio.get_running_loop().call_exception_handler(
            {"message": f"controller {controller.name}", "exception": error}
        )

    def _hear(self, listener: AirController, advertiser: Advertiser) -> None:
        if listener in self._listeners:
            try:
                listener.hear(advertiser)
            except Exception as error:  # noqa: BLE001 - one host's trouble is not the advertiser's
                self.trouble(error, listener)


def text_address(octets: bytes) -> str:
    """Six bytes, most significant first, as "C2:11:22:33:44:55"."""
    return ":".join(f"{octet:02X}" for octet in octets)


def is_random_static(address: str) -> bool:
    """Whether the two top bits of an address are ones (Bluetooth Core, Vol 6 Part B 1.3.2.1)."""
    return int(address[:2], 16) >= 0xC0
