"""The lane without bytes carries what the lane with bytes does, in the same order, and no other packet."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import pytest
from bumble import hci
from bumble.snoop import Snooper
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.radio.lane import LocalHost
from lockbench_emulator.radio.medium import Medium
from lockbench_emulator.radio.quiet import quiet
from lockbench_emulator.radio.runner import Seen
from lockbench_harness import clock
from lockbench_harness.client.lock_client import LockClient
from lockbench_harness.client.operations import status
from lockbench_harness.links.bumble import on_air
from lockbench_harness.targets.emulated import make_lock

garbage = st.lists(st.binary(min_size=1, max_size=244), max_size=6)


class Kept(Snooper):
    """A snooper that remembers."""

    def __init__(self) -> None:
        self.packets: list[bytes] = []

    def snoop(self, hci_packet: bytes, direction: Snooper.Direction) -> None:  # noqa: ARG002 - Bumble's signature
        self.packets.append(hci_packet)


async def exchange(written: list[bytes], kept: Kept | None = None) -> list[Seen]:
    """What a lock sees of garbage, and then of a client."""
    device, credentials = make_lock("strict", 1)
    seen: list[Seen] = []
    async with on_air([device], observe=seen.append) as air:
        (link,) = air.links
        link._host.host.snooper = kept
        connection = await link.connect(device.address, mtu=247)
        for value in written:
            await connection.write("fff2", value)
        await connection.disconnect()
        client = LockClient(link, device.address, credentials.aes_key)
        await client.connect()
        await client.run(status())
        await client.disconnect()
        assert not air.failures
    return seen


@settings(max_examples=5, deadline=None)
@given(garbage)
def test_objects_and_bytes_give_the_same_trace(written: list[bytes]) -> None:
    with quiet():
        fast = clock.run(exchange(written))
    assert fast == clock.run(exchange(written))
    writes = [seen.value for seen in fast if seen.event == "write"]
    assert writes[: len(written)] == written
    assert any(seen.effect for seen in fast)


@pytest.mark.parametrize("within", [quiet, nullcontext])
def test_a_snooper_gets_every_packet_as_bytes(within: Callable[[], AbstractContextManager[None]]) -> None:
    kept = Kept()
    with within():
        seen = clock.run(exchange([b"one"], kept))
    data = [packet for packet in kept.packets if packet[0] == hci.HCI_ACL_DATA_PACKET]
    for each in seen:
        if each.event == "write":
            assert any(packet.endswith(each.value) for packet in data)
    given_back = bytes((hci.HCI_EVENT_PACKET, hci.HCI_NUMBER_OF_COMPLETED_PACKETS_EVENT))
    assert any(packet.startswith(given_back) for packet in kept.packets)


def test_a_packet_that_the_controller_chokes_on_is_told_to_the_medium() -> None:
    def refuse(_packet: object) -> None:
        raise ValueError("no")

    async def main() -> None:
        medium = Medium(seed=1)
        controller = medium.controller("phone")
        controller.on_hci_acl_data_packet = refuse  # type: ignore[assignment,method-assign]  # a fault of our own
        with quiet():
            LocalHost(controller).send_hci_packet(hci.HCI_AclDataPacket(1, 0, 0, 1, b"x"))
            await asyncio.sleep(0)
        assert [str(error) for error in medium.failures] == ["no"]

    with pytest.raises(clock.Strays):
        clock.run(main())
