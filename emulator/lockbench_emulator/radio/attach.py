"""Lets a host of somebody else onto the medium, by HCI over any transport that Bumble knows.

Rules: one controller for each attachment, one host at a time; a host that goes away leaves nothing behind
and may return; what it sends is never trusted. `tcp-server` and `unix-server` are our own, because Bumble's
do not tell when the host has gone.
"""

from __future__ import annotations

import asyncio
import os
import socket

from bumble import core
from bumble.transport import open_transport
from bumble.transport.common import PacketParser, Transport
from lockbench_protocol import LocalError

from lockbench_emulator.radio.controller import AirController
from lockbench_emulator.radio.medium import Medium

UNREAD_LIMIT = 1 << 20  # bytes that a host may leave unread before it counts as dead


async def attach(medium: Medium, spec: str) -> Attachment:
    """Listen at a Bumble transport spec: "tcp-server:127.0.0.1:0", "unix-server:/run/x", "pty:/run/y", ...

    Raises LocalError when the spec is wrong or its place is taken.
    """
    attachment = Attachment(medium, spec)
    try:
        await attachment.open()
    except (OSError, ValueError, core.BaseBumbleError) as error:
        medium.remove_controller(attachment.controller)
        raise LocalError(f"cannot attach {spec}: {error}") from error
    return attachment


class Attachment:
    """A controller on the medium, and the place where its host comes in."""

    def __init__(self, medium: Medium, spec: str) -> None:
        self.spec = spec  # after `open`: with the port that was given
        self.controller: AirController = medium.controller(f"host at {spec}", outsider=True)
        self._medium = medium
        self._server: asyncio.Server | None = None
        self._transport: Transport | None = None
        self._guest: _Guest | None = None

    @property
    def attached(self) -> bool:
        """Whether a host is there. A pty or a serial line cannot tell, and says yes."""
        return self._guest is not None or self._transport is not None

    async def open(self) -> None:
        loop = asyncio.get_running_loop()
        scheme, _, rest = self.spec.partition(":")
        if scheme == "tcp-server":
            name, _, port = rest.rpartition(":")
            self._server = await loop.create_server(self._guest_protocol, name or "127.0.0.1", int(port))
            bound = self._server.sockets[0].getsockname()
            self.spec = f"tcp-server:{bound[0]}:{bound[1]}"
        elif scheme == "unix-server":
            self._server = await loop.create_unix_server(self._guest_protocol, rest)
            os.chmod(rest, 0o600)
        else:
            transport = await open_transport(self.spec)
            transport.source.set_packet_sink(self.controller)
            self.controller.set_packet_sink(transport.sink)
            transport.source.terminated.add_done_callback(lambda _ended: self.controller.go_silent())
            self._transport = transport

    async def close(self) -> None:
        """Send the host away, and take the controller off the medium."""
        if self._server is not None:
            self._server.close()
        if self._guest is not None:
            self._guest.send_away()
        if self._transport is not None:
            await self._transport.close()
        self.controller.set_packet_sink(None)
        self._medium.remove_controller(self.controller)
        if self._server is not None:
            await self._server.wait_closed()

    def admit(self, guest: _Guest) -> bool:
        if self._guest is not None:
            return False
        self._guest = guest
        self.controller.go_silent()
        self.controller.set_packet_sink(guest)
        return True

    def dismiss(self, guest: _Guest) -> None:
        if self._guest is guest:
            self._guest = None
            self.controller.set_packet_sink(None)
            self.controller.go_silent()

    def _guest_protocol(self) -> _Guest:
        return _Guest(self)


class _Guest(asyncio.Protocol):
    """One host at our server."""

    def __init__(self, attachment: Attachment) -> None:
        self._attachment = attachment
        self._parser = PacketParser(attachment.controller)
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101 - narrowing
        if not self._attachment.admit(self):
            transport.abort()
            return
        self._transport = transport
        peer = transport.get_extra_info("socket")
        if peer is not None and peer.family != socket.AF_UNIX:
            peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002 - asyncio's signature
        self._transport = None
        self._attachment.dismiss(self)

    def data_received(self, data: bytes) -> None:
        if self._transport is None:
            return
        try:
            self._parser.feed_data(data)
        except core.InvalidPacketError as error:
            controller = self._attachment.controller
            controller.medium.trouble(error, controller)

    def on_packet(self, packet: bytes) -> None:
        """A packet for the host."""
        if self._transport is None or self._transport.is_closing():
            return
        if self._transport.get_write_buffer_size() > UNREAD_LIMIT:
            self._transport.abort()
            return
        self._transport.write(packet)

    def send_away(self) -> None:
        if self._transport is not None:
            self._transport.abort()
