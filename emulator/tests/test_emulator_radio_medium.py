"""The medium and its controllers: the gaps of Bumble's own that real hosts fall into are closed."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable

import pytest
from bumble import core, hci
from bumble.core import ConnectionPHY
from bumble.device import Connection, Peer
from bumble.device import Device as Host
from bumble.host import Host as HciHost
from bumble.transport.common import AsyncPipeSink
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.radio.controller import AirController
from lockbench_emulator.radio.link import AirConnection
from lockbench_emulator.radio.medium import Medium, Pacing
from lockbench_harness import clock

LOCK = "C2:11:22:33:44:55"
PUBLIC_LOCK = "00:11:22:33:44:55"
DATA = bytes([2, 1, 6])
SCAN_RESPONSE = b"\x05\x09Lock"


async def host_on(medium: Medium, address: str, *, public: bool = False) -> Host:
    """A Bumble host with a controller on the medium."""
    controller = medium.controller(address, public_address=address if public else None)
    host = Host(address, hci.Address(address), host=HciHost(controller, AsyncPipeSink(controller)))
    await host.power_on()
    return host


async def lock_on(medium: Medium, address: str = LOCK, interval: float = 100.0) -> Host:
    """A host that advertises, `interval` in milliseconds."""
    public = address == PUBLIC_LOCK
    lock = await host_on(medium, address, public=public)
    await lock.start_advertising(
        own_address_type=hci.OwnAddressType.PUBLIC if public else hci.OwnAddressType.RANDOM,
        advertising_data=DATA,
        scan_response_data=SCAN_RESPONSE,
        advertising_interval_min=interval,
        advertising_interval_max=interval,
        auto_restart=True,
    )
    return lock


def peer_address(address: str) -> hci.Address:
    kind = hci.Address.PUBLIC_DEVICE_ADDRESS if address == PUBLIC_LOCK else hci.Address.RANDOM_DEVICE_ADDRESS
    return hci.Address(address, kind)


def run(body: Callable[[Medium], Awaitable[None]], **options: object) -> None:
    async def main() -> None:
        medium = Medium(**options)  # type: ignore[arg-type]  # passed through
        await body(medium)
        assert medium.failures == []

    clock.run(main())


@pytest.mark.parametrize("lock_address", [LOCK, PUBLIC_LOCK])
@pytest.mark.parametrize("own", [hci.OwnAddressType.PUBLIC, hci.OwnAddressType.RANDOM])
def test_traffic_flows_between_all_kinds_of_addresses(lock_address: str, own: hci.OwnAddressType) -> None:
    async def body(medium: Medium) -> None:
        await lock_on(medium, lock_address)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        connection = await phone.connect_le(peer_address(lock_address), own_address_type=own)
        assert len(await Peer(connection).discover_services()) > 0

    run(body)


def test_a_scanner_gets_the_advertisement_and_the_scan_response_of_the_advertiser() -> None:
    async def body(medium: Medium) -> None:
        await lock_on(medium)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        heard: list[tuple[int, bytes, float]] = []
        loop = asyncio.get_running_loop()
        phone.host.on(
            "advertising_report",
            lambda report: heard.append((report.event_type, report.data, loop.time())),
        )
        started = loop.time()
        await phone.start_scanning(active=True)
        await asyncio.sleep(1.0)
        assert {(kind, data) for kind, data, _ in heard} == {(0, DATA), (4, SCAN_RESPONSE)}
        # Each 100 ms, in the unit of 0.625 ms that the host used.
        assert len(heard) == pytest.approx(2 * (loop.time() - started) / 0.1, abs=2)
        await phone.stop_scanning()
        heard.clear()
        await phone.start_scanning(active=False)
        await asyncio.sleep(1.0)
        assert {kind for kind, _, _ in heard} == {0}
        await phone.stop_scanning()
        heard.clear()
        await phone.start_scanning(active=False, filter_duplicates=True)
        await asyncio.sleep(1.0)
        assert len(heard) == 1

    run(body)


def test_a_connect_to_an_absent_lock_ends_in_time_and_the_next_one_works() -> None:
    async def body(medium: Medium) -> None:
        phone = await host_on(medium, "C0:00:00:00:00:01")
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(core.TimeoutError):
            await phone.connect_le(peer_address(LOCK), timeout=2.0)
        assert loop.time() - started == pytest.approx(2.0)
        await lock_on(medium)
        await phone.connect_le(peer_address(LOCK), timeout=2.0)

    run(body)


def test_hci_reset_forgets_scanning_connecting_and_links() -> None:
    async def body(medium: Medium) -> None:
        lock = await lock_on(medium)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        await phone.connect_le(peer_address(LOCK))
        await phone.start_scanning()
        await phone.reset()
        assert medium.links[0].in_reach is False
        await asyncio.sleep(40)
        assert medium.links == ()
        assert lock.connections == {}
        # The reset host scans no more; it may connect at once.
        phone.connections.clear()
        await phone.connect_le(peer_address(LOCK), timeout=2.0)

    run(body)


@settings(max_examples=25, deadline=None)
@given(st.integers(2, 5), st.integers(0, 3))
def test_of_centrals_racing_for_one_advertisement_one_wins(count: int, seed: int) -> None:
    async def body(medium: Medium) -> None:
        lock = await lock_on(medium)
        lock.legacy_advertiser.auto_restart = False  # type: ignore[union-attr]  # it advertises
        phones = [await host_on(medium, f"C0:00:00:00:00:0{n}") for n in range(count)]
        results = await asyncio.gather(
            *(phone.connect_le(peer_address(LOCK), timeout=3.0) for phone in phones), return_exceptions=True
        )
        assert sum(isinstance(result, Connection) for result in results) == 1
        assert sum(isinstance(result, core.TimeoutError) for result in results) == count - 1
        assert len(lock.connections) == len(medium.links) == 1

    run(body, seed=seed)


def test_a_controller_that_vanishes_is_missed_after_the_supervision_timeout() -> None:
    async def body(medium: Medium) -> None:
        lock = await lock_on(medium)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        await phone.connect_le(peer_address(LOCK))
        (connection,) = lock.connections.values()
        lost = asyncio.get_running_loop().create_future()
        connection.on(Connection.EVENT_DISCONNECTION, lost.set_result)
        timeout = medium.links[0].timeout
        started = asyncio.get_running_loop().time()
        medium.remove_controller(controller_of(phone))
        assert await lost == hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        assert asyncio.get_running_loop().time() - started == pytest.approx(timeout)
        other = await host_on(medium, "C0:00:00:00:00:02")
        await other.connect_le(peer_address(LOCK), timeout=2.0)

    run(body)


def test_a_link_out_of_reach_holds_its_data_until_it_is_back_or_lost() -> None:
    async def body(medium: Medium) -> None:
        await lock_on(medium)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        connection = await phone.connect_le(peer_address(LOCK))
        reason = asyncio.get_running_loop().create_future()
        connection.on(Connection.EVENT_DISCONNECTION, reason.set_result)
        medium.set_reach(controller_of(phone), within=False)
        asking = asyncio.create_task(Peer(connection).discover_services())
        await asyncio.sleep(medium.links[0].timeout * 0.9)
        assert not asking.done()
        medium.set_reach(controller_of(phone), within=True)
        assert len(await asking) > 0
        assert not reason.done()
        medium.set_reach(controller_of(phone), within=False)
        assert await reason == hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        with pytest.raises(core.TimeoutError):
            await phone.connect_le(peer_address(LOCK), timeout=3.0)

    run(body)


def test_disconnecting_tells_each_side_its_own_reason() -> None:
    async def body(medium: Medium) -> None:
        lock = await lock_on(medium)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        connection = await phone.connect_le(peer_address(LOCK))
        reasons: list[tuple[str, int]] = []
        connection.on(Connection.EVENT_DISCONNECTION, lambda reason: reasons.append(("phone", reason)))
        (other,) = lock.connections.values()
        other.on(Connection.EVENT_DISCONNECTION, lambda reason: reasons.append(("lock", reason)))
        await connection.disconnect(0x15)
        await asyncio.sleep(0.1)
        assert sorted(reasons) == [("lock", 0x15), ("phone", 0x16)]
        with pytest.raises(hci.HCI_Error):
            await phone.send_async_command(hci.HCI_Disconnect_Command(connection_handle=99, reason=0x13))

    run(body)


def test_data_length_rssi_and_phy_are_answered() -> None:
    async def body(medium: Medium) -> None:
        await lock_on(medium)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        connection = await phone.connect_le(peer_address(LOCK))
        await connection.set_data_length(251, 2120)
        assert await connection.get_rssi() == -50  # type: ignore[no-untyped-call]  # Bumble's has no annotations
        await connection.set_phy(tx_phys=[hci.Phy.LE_2M], rx_phys=[hci.Phy.LE_2M])
        await asyncio.sleep(0.1)
        assert await connection.get_phy() == ConnectionPHY(hci.Phy.LE_2M, hci.Phy.LE_2M)
        assert connection.data_length.max_tx_octets == 251

    run(body)


def test_what_is_not_claimed_is_answered_as_unknown() -> None:
    async def body(medium: Medium) -> None:
        phone = await host_on(medium, "C0:00:00:00:00:01")
        assert not phone.supports_le_extended_advertising
        assert not phone.supports_le_features(hci.LeFeatureMask.LL_PRIVACY)
        for command in (
            hci.HCI_LE_Set_Address_Resolution_Enable_Command(address_resolution_enable=1),
            hci.HCI_LE_Clear_Advertising_Sets_Command(),
            hci.HCI_Inquiry_Command(lap=1, inquiry_length=1, num_responses=0),
            hci.HCI_Command(b"\x01\x02", op_code=0xFC77),
        ):
            async with asyncio.timeout(1):
                response = await phone.host.send_command(command)  # type: ignore[call-overload]  # all kinds
            assert response.status == hci.HCI_ErrorCode.UNKNOWN_HCI_COMMAND_ERROR

    run(body)


def test_the_accept_list_filters_scanning_and_connecting() -> None:
    async def body(medium: Medium) -> None:
        await lock_on(medium)
        await lock_on(medium, PUBLIC_LOCK)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        await phone.send_sync_command(
            hci.HCI_LE_Add_Device_To_Filter_Accept_List_Command(
                address_type=hci.AddressType.RANDOM_DEVICE, address=hci.Address(LOCK)
            )
        )
        phone.connect_own_address_type = hci.OwnAddressType.RANDOM
        connected = asyncio.get_running_loop().create_future()
        phone.on(Host.EVENT_CONNECTION, connected.set_result)
        await phone.send_async_command(
            hci.HCI_LE_Create_Connection_Command(
                le_scan_interval=16,
                le_scan_window=16,
                initiator_filter_policy=1,
                peer_address_type=0,
                peer_address=hci.Address.ANY,
                own_address_type=1,
                connection_interval_min=12,
                connection_interval_max=12,
                max_latency=0,
                supervision_timeout=200,
                min_ce_length=0,
                max_ce_length=0,
            )
        )
        connection = await connected
        assert connection.peer_address == hci.Address(LOCK)
        assert connection.parameters.connection_interval == 15.0

    run(body)


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.booleans(), st.integers(1, 400)), min_size=1, max_size=40),
    st.sampled_from([0.0, 0.0075, 0.03]),
    st.integers(1, 6),
    st.lists(st.booleans(), max_size=60),
)
def test_what_is_sent_arrives_in_order_and_once(
    messages: list[tuple[bool, int]], interval: float, pdus: int, losses: list[bool]
) -> None:
    """Both ways, under any pacing and any loss, and each packet returns its credits."""
    fate = iter(losses)

    async def body(medium: Medium) -> None:
        lock = await lock_on(medium)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        connection = await phone.connect_le(peer_address(LOCK))
        await asyncio.sleep(1)
        (other,) = lock.connections.values()
        ends = {True: (phone, connection), False: (lock, other)}
        received: dict[bool, list[bytes]] = {True: [], False: []}
        lock.l2cap_channel_manager.register_fixed_channel(0x3F, lambda _, pdu: received[True].append(pdu))
        phone.l2cap_channel_manager.register_fixed_channel(0x3F, lambda _, pdu: received[False].append(pdu))
        sent: dict[bool, list[bytes]] = {True: [], False: []}
        for number, (side, length) in enumerate(messages):
            sender, link = ends[side]
            pdu = bytes([number]) * length
            sender.send_l2cap_pdu(link.handle, 0x3F, pdu)
            sent[side].append(pdu)
        await connection.drain()
        await other.drain()
        await asyncio.sleep(1)
        assert received == sent
        assert phone.host.le_acl_packet_queue is not None
        assert phone.host.le_acl_packet_queue.pending == 0

    run(body, pacing=Pacing(interval, pdus), loses=lambda _end: next(fate, False))


def test_pacing_takes_the_time_of_its_connection_events() -> None:
    async def body(medium: Medium) -> None:
        lock = await lock_on(medium)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        connection = await phone.connect_le(peer_address(LOCK))
        arrived: list[float] = []
        loop = asyncio.get_running_loop()
        lock.l2cap_channel_manager.register_fixed_channel(0x3F, lambda *_: arrived.append(loop.time()))
        for _ in range(100):
            phone.send_l2cap_pdu(connection.handle, 0x3F, b"x" * 20)
        await connection.drain()
        assert len(arrived) == 100
        assert arrived[-1] - arrived[0] == pytest.approx(24 * 0.015)
        assert len(set(arrived)) == 25

    run(body, pacing=Pacing(0.015, 4))


def test_a_failure_in_a_controller_is_loud_and_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(self: AirController, command: object) -> None:
        raise KeyError("broken")

    monkeypatch.setattr(AirController, "on_hci_read_rssi_command", broken)

    async def main() -> None:
        medium = Medium()
        phone = await host_on(medium, "C0:00:00:00:00:01")
        async with asyncio.timeout(1):
            response = await phone.host.send_command(hci.HCI_Read_RSSI_Command(handle=1))
        assert response.status == hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR  # type: ignore[attr-defined]  # a status
        assert [type(failure) for failure in medium.failures] == [KeyError]

    with pytest.raises(clock.Strays, match="broken"):
        clock.run(main())


ORDER = """
import asyncio
from lockbench_emulator.radio.medium import Medium
from lockbench_harness import clock
from lockbench_harness.links.bumble import BumbleLink
import importlib.util, sys
spec = importlib.util.spec_from_file_location("medium_test", sys.argv[1])
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)

async def main():
    medium = Medium(seed=7)
    for number in range(5):
        await module.lock_on(medium, medium.random_static_address(), interval=20 + 7 * number)
    link = await BumbleLink.on_medium(medium)
    heard = []
    await link.scan(0.5, until=lambda seen: heard.append((seen.address, asyncio.get_running_loop().time())))
    print(heard)

clock.run(main())
"""


def test_two_processes_hear_the_same() -> None:
    outputs = {
        subprocess.run(  # noqa: S603 - this very interpreter
            [sys.executable, "-c", ORDER, __file__],
            env={"PYTHONHASHSEED": seed, "PATH": ""},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(outputs) == 1
    assert len(outputs.pop()) > 500


def controller_of(host: Host) -> AirController:
    sink = host.host.hci_sink
    assert isinstance(sink, AsyncPipeSink)
    assert isinstance(sink.sink, AirController)
    return sink.sink


def test_ends_of_a_link_know_each_other() -> None:
    async def body(medium: Medium) -> None:
        await lock_on(medium)
        phone = await host_on(medium, "C0:00:00:00:00:01")
        await phone.connect_le(peer_address(LOCK))
        (link,) = medium.links
        assert isinstance(link.central, AirConnection)
        assert link.peer(link.peer(link.central)) is link.central
        assert link.central.controller is controller_of(phone)

    run(body)
