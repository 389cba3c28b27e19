"""One connection in the air: two ends, a queue in each direction, connection events, supervision.

Rules: what is sent arrives in order and once, or the link ends; loss is delay (Bluetooth Core, Vol 6 Part B
4.5.9); a host gets its credits back when the packet has arrived, not before.
"""

from __future__ import annotations

import asyncio
import math
from collections import deque
from typing import TYPE_CHECKING

from bumble import controller as stock
from bumble import core, hci, ll

from lockbench_emulator.radio.controller import CONNECTION_UNIT, SUPERVISION_UNIT, air_of

if TYPE_CHECKING:
    from lockbench_emulator.radio.controller import AirController
    from lockbench_emulator.radio.medium import Medium

CONNECTION_TIMEOUT = hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
LOCAL_HOST = hci.HCI_ErrorCode.CONNECTION_TERMINATED_BY_LOCAL_HOST_ERROR
SHORTEST_INTERVAL = 6  # units of 1.25 ms
SHORTEST_TIMEOUT = 10  # units of 10 ms

Pdu = bytes | ll.ControlPdu  # an L2CAP PDU, or link-layer control


class AirConnection(stock.Connection):
    """One end of a link. Bumble's connection, with its own way out."""

    air: AirLink

    def __post_init__(self) -> None:
        super().__post_init__()
        self.outbox: deque[tuple[Pdu, int]] = deque()
        self.closing = False
        self._fragments = 0

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        self._fragments += 1
        self.assembler.feed_packet(packet)

    def on_acl_pdu(self, pdu: bytes) -> None:
        fragments, self._fragments = self._fragments, 0
        self.air.send(self, pdu, fragments)

    def send_ll_control_pdu(self, packet: ll.ControlPdu) -> None:
        if isinstance(packet, ll.ConnectionUpdateInd):
            self.air.set_parameters(packet.interval, packet.latency, packet.timeout)
        self.air.send(self, packet)

    def arrive(self, pdu: Pdu) -> None:
        """Hand to the host what the peer sent, in packets of the size that this controller declares."""
        if not isinstance(pdu, bytes):
            self.controller.on_ll_control_pdu(self.peer_address, pdu)
            return
        size = self.controller.le_acl_data_packet_length
        for offset in range(0, len(pdu), size):
            part = pdu[offset : offset + size]
            flag = 1 if offset else 2
            air_of(self.controller).send_data(hci.HCI_AclDataPacket(self.handle, flag, 0, len(part), part))

    def return_credits(self, fragments: int) -> None:
        air_of(self.controller).send_data(
            hci.HCI_Number_Of_Completed_Packets_Event(
                connection_handles=[self.handle], num_completed_packets=[fragments]
            )
        )


class AirLink:
    """The link between a central and a peripheral."""

    def __init__(
        self, medium: Medium, central: AirController, peripheral: AirController, packet: ll.ConnectInd
    ) -> None:
        self.medium = medium
        self.phy = hci.Phy.LE_1M
        self.over = False
        self.set_parameters(packet.interval, packet.latency, packet.timeout)
        self._loop = asyncio.get_running_loop()
        self._anchor = self._loop.time()
        self._events = 0  # the number of the last connection event
        self._event: asyncio.TimerHandle | None = None
        self._supervision: asyncio.TimerHandle | None = None
        self.central = self._end(
            central, hci.Role.CENTRAL, packet.initiator_address, packet.advertiser_address
        )
        self.peripheral = self._end(
            peripheral, hci.Role.PERIPHERAL, packet.advertiser_address, packet.initiator_address
        )
        self.ends = (self.central, self.peripheral)

    def set_parameters(self, interval: int, latency: int, timeout: int) -> None:
        """`interval` in units of 1.25 ms, `timeout` in units of 10 ms, as on the wire."""
        self.interval_units = max(interval, SHORTEST_INTERVAL)
        self.latency = latency
        self.timeout_units = max(timeout, SHORTEST_TIMEOUT)

    @property
    def interval(self) -> float:
        """Seconds between connection events, as negotiated."""
        return self.interval_units * CONNECTION_UNIT

    @property
    def timeout(self) -> float:
        """Supervision timeout in seconds."""
        return self.timeout_units * SUPERVISION_UNIT

    @property
    def in_reach(self) -> bool:
        return self._supervision is None and not self.over

    def peer(self, end: AirConnection) -> AirConnection:
        return self.peripheral if end is self.central else self.central

    def send(self, end: AirConnection, pdu: Pdu, fragments: int = 0) -> None:
        if self.over or end.closing:
            return
        end.outbox.append((pdu, fragments))
        self._schedule(end)

    def terminate(self, end: AirConnection, reason: int) -> None:
        """The host of `end` closes the link, behind everything that it has sent."""
        self.send(end, ll.TerminateInd(reason))
        end.closing = True

    def lose_reach(self) -> None:
        """The ends no longer hear each other: after the supervision timeout the link is lost."""
        if self.in_reach:
            self._supervision = self._loop.call_later(self.timeout, self._time_out)
            self._cancel_event()

    def regain_reach(self) -> None:
        """They hear each other again: what waited is retransmitted."""
        if self._supervision is None or self.over:
            return
        self._supervision.cancel()
        self._supervision = None
        for end in self.ends:
            for _ in range(len(end.outbox)):
                self._schedule(end)

    def abandon(self, end: AirConnection) -> None:
        """`end` is gone without a word; its controller has forgotten the link."""
        end.closing = True
        end.outbox.clear()
        self.lose_reach()
        if self.peer(end).peer_address not in self.peer(end).controller.le_connections:
            self._finish()

    def _end(
        self, controller: AirController, role: hci.Role, own: hci.Address, peer: hci.Address
    ) -> AirConnection:
        end = AirConnection(
            controller=controller,
            handle=controller.allocate_connection_handle(),
            role=role,
            self_address=own,
            peer_address=peer,
            link=self.medium,
            transport=core.PhysicalTransport.LE,
            link_type=hci.HCI_Connection_Complete_Event.LinkType.ACL,
        )
        end.air = self
        return end

    def _schedule(self, end: AirConnection) -> None:
        if not self.in_reach:
            return
        pacing = self.medium.pacing
        if pacing.interval <= 0:
            self._loop.call_soon(self._fly, end)
        elif self._event is None:
            # Counted, because a quotient of floats may fall short and name the same event twice.
            passed = math.floor((self._loop.time() - self._anchor) / pacing.interval)
            self._events = max(self._events, passed) + 1
            self._event = self._loop.call_at(
                self._anchor + self._events * pacing.interval, self._connection_event
            )

    def _connection_event(self) -> None:
        self._event = None
        for end in self.ends:
            for _ in range(self.medium.pacing.pdus):
                if not end.outbox or self.medium.loses(end):
                    break
                self._fly(end)
        for end in self.ends:
            if end.outbox:
                self._schedule(end)

    def _fly(self, end: AirConnection) -> None:
        if not self.in_reach or not end.outbox:
            return
        pdu, fragments = end.outbox.popleft()
        if isinstance(pdu, ll.TerminateInd):
            self._end_with({self.peer(end).role: pdu.error_code, end.role: LOCAL_HOST})
            return
        try:
            self.peer(end).arrive(pdu)
        except Exception as error:  # noqa: BLE001 - a PDU that a controller chokes on must not stop the loop
            self.medium.trouble(error, air_of(self.peer(end).controller))
        if fragments:
            end.return_credits(fragments)

    def _time_out(self) -> None:
        # Who was closing the link anyway got what it wanted.
        self._end_with({end.role: LOCAL_HOST if end.closing else CONNECTION_TIMEOUT for end in self.ends})

    def _end_with(self, reasons: dict[hci.Role, int]) -> None:
        self._finish()
        for end in self.ends:
            air_of(end.controller).left(end, reasons[end.role])

    def _finish(self) -> None:
        self.over = True
        self._cancel_event()
        if self._supervision is not None:
            self._supervision.cancel()
            self._supervision = None
        for end in self.ends:
            end.outbox.clear()
        self.medium.forget(self)

    def _cancel_event(self) -> None:
        if self._event is not None:
            self._event.cancel()
            self._event = None
