# ruff: noqa: ARG002 - the signatures are those of a Device
"""A device on the air: rules enforced, every request answered, failures loud, reboots into other services."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest
from bumble import att, gatt, hci
from bumble.device import Connection
from bumble.device import Device as Host
from bumble.gatt_client import Client
from bumble.host import Host as HciHost
from bumble.transport.common import AsyncPipeSink
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.gatt import (
    Advertise,
    Advertisement,
    AttCode,
    AttRefusal,
    Characteristic,
    Disconnect,
    Effect,
    Notify,
    Properties,
    Reboot,
    Service,
)
from lockbench_emulator.radio.medium import Medium
from lockbench_emulator.radio.peripheral import Peripheral
from lockbench_emulator.radio.runner import Seen, Stuck
from lockbench_harness import clock

ADDRESS = "C2:11:22:33:44:55"
COMMAND, REQUEST, OUT, READABLE = "fff2", "fff3", "fff4", "fff5"
BOOT = "00010203-0405-0607-0809-0a0b0c0d2b12"
PHONE = "C0:00:00:00:00:01"
SCAN_RESPONSE = b"\x05\x09Door"


class Puppet:
    """Does what the test puts into `answers`, and remembers what came in."""

    address = ADDRESS

    def __init__(self) -> None:
        self.linked = False
        self.in_boot = False
        self.writes: list[bytes] = []
        self.answers: list[Effect | Exception] = []
        self.due: float | None = None

    def services(self) -> tuple[Service, ...]:
        if self.in_boot:
            return (Service("1912", (Characteristic(BOOT, Properties.WRITE_WITHOUT_RESPONSE, "OTA"),)),)
        return (
            Service(
                "1910",
                (
                    Characteristic(COMMAND, Properties.WRITE_WITHOUT_RESPONSE),
                    Characteristic(REQUEST, Properties.WRITE),
                    Characteristic(OUT, Properties.NOTIFY),
                    Characteristic(READABLE, Properties.READ, "level"),
                ),
            ),
        )

    def advertisement(self) -> Advertisement | None:
        return None if self.linked else Advertisement(bytes([2, 1, 6]), SCAN_RESPONSE, 0.1)

    def connected(self, now: float) -> Sequence[Effect]:
        self.linked = True
        return []

    def disconnected(self, now: float) -> Sequence[Effect]:
        self.linked = False
        return []

    def subscribe(self, characteristic: str, on: bool, now: float) -> Sequence[Effect]:
        return self.act()

    def write(self, characteristic: str, value: bytes, now: float) -> Sequence[Effect]:
        self.writes.append(value)
        return self.act()

    def read(self, characteristic: str, now: float) -> bytes:
        self.act()
        return b"r" * 60

    def advance(self, now: float) -> Sequence[Effect]:
        self.due = None
        return self.act()

    def deadline(self) -> float | None:
        return self.due

    def act(self) -> list[Effect]:
        answers, self.answers = self.answers, []
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        if Reboot() in answers:
            self.linked, self.in_boot = False, not self.in_boot
        return [answer for answer in answers if not isinstance(answer, Exception)]


class Stage:
    """A puppet on the air, and a bare Bumble phone."""

    def __init__(self, medium: Medium, device: Puppet, peripheral: Peripheral, phone: Host) -> None:
        self.medium = medium
        self.device = device
        self.peripheral = peripheral
        self.phone = phone
        self.seen: list[Seen] = []

    async def connect(self, mtu: int = 23) -> tuple[Connection, Client, dict[str, int]]:
        connection = await self.phone.connect_le(hci.Address(ADDRESS), timeout=5)
        client = Client(connection)
        connection.gatt_client = client
        if mtu > 23:
            await client.request_mtu(mtu)
        handles = {}
        for service in await client.discover_services():
            for proxy in await client.discover_characteristics((), service):
                handles[str(proxy.uuid.to_hex_str("-")).lower()] = proxy.handle
                for descriptor in await client.discover_descriptors(proxy):
                    handles[f"{proxy.uuid.to_hex_str('-').lower()} {descriptor.type.to_hex_str()}"] = (
                        descriptor.handle
                    )
        return connection, client, handles


def perform(body: Callable[[Stage], Awaitable[None]], *, clean: bool = True) -> None:
    async def main() -> None:
        medium = Medium()
        device = Puppet()
        seen: list[Seen] = []
        peripheral = Peripheral(medium, device, seen.append)
        await peripheral.start()
        controller = medium.controller("phone")
        phone = Host("phone", hci.Address(PHONE), host=HciHost(controller, AsyncPipeSink(controller)))
        await phone.power_on()
        stage = Stage(medium, device, peripheral, phone)
        stage.seen = seen
        await body(stage)
        assert clean == (peripheral.failures == [])
        await peripheral.stop()

    clock.run(main())


async def error_of(request: Awaitable[object]) -> int:
    with pytest.raises(att.ATT_Error) as caught:
        async with asyncio.timeout(1):
            await request
    return int(caught.value.error_code)


def test_properties_are_enforced_and_every_request_is_answered() -> None:
    async def body(stage: Stage) -> None:
        _, client, handles = await stage.connect()
        request = client.write_value(handles[COMMAND], b"x", with_response=True)
        assert await error_of(request) == att.ATT_WRITE_NOT_PERMITTED_ERROR
        request = client.write_value(handles[READABLE], b"x", with_response=True)
        assert await error_of(request) == att.ATT_WRITE_NOT_PERMITTED_ERROR
        for hidden in (COMMAND, REQUEST, OUT):
            assert await error_of(client.read_value(handles[hidden])) == att.ATT_READ_NOT_PERMITTED_ERROR
        request = client.write_value(handles[OUT] - 1, b"x", with_response=True)  # its declaration
        assert await error_of(request) == att.ATT_WRITE_NOT_PERMITTED_ERROR
        request = client.write_value(999, b"x", with_response=True)
        assert await error_of(request) == att.ATT_INVALID_HANDLE_ERROR
        request = client.write_value(handles[f"{OUT} 2902"], b"\x01", with_response=True)
        assert await error_of(request) == att.ATT_INVALID_ATTRIBUTE_LENGTH_ERROR
        await client.write_value(handles[REQUEST], b"command")  # not that kind of characteristic
        await client.write_value(handles[COMMAND], b"c" * 21)  # longer than MTU-3
        await client.write_value(handles[COMMAND], b"c" * 20)
        await client.write_value(handles[REQUEST], b"r" * 20, with_response=True)
        assert stage.device.writes == [b"c" * 20, b"r" * 20]

    perform(body)


def test_long_values_are_read_whole_and_descriptions_tell() -> None:
    async def body(stage: Stage) -> None:
        _, client, handles = await stage.connect()
        assert await client.read_value(handles[READABLE]) == b"r" * 60
        assert await client.read_value(handles[f"{READABLE} 2901"]) == b"level"
        names = await client.read_characteristics_by_uuid(gatt.GATT_DEVICE_NAME_CHARACTERISTIC, None)
        assert names == [b"Door"]

    perform(body)


def test_the_mtu_is_at_most_515() -> None:
    async def body(stage: Stage) -> None:
        connection, client, handles = await stage.connect(mtu=600)
        assert connection.att_mtu == 515
        await client.write_value(handles[COMMAND], b"c" * 512)
        await client.read_value(handles[READABLE])
        assert stage.device.writes == [b"c" * 512]

    perform(body)


@pytest.mark.parametrize("response", [False, True])
def test_a_failure_in_the_device_becomes_0x0e_and_is_loud(response: bool) -> None:
    async def body(stage: Stage) -> None:
        _, client, handles = await stage.connect()
        stage.device.answers = [KeyError("bug")]
        if response:
            request = client.write_value(handles[REQUEST], b"x", with_response=True)
            assert await error_of(request) == att.ATT_UNLIKELY_ERROR_ERROR
        else:
            await client.write_value(handles[COMMAND], b"x")
        await asyncio.sleep(0.1)
        assert [type(failure) for failure in stage.peripheral.failures] == [KeyError]
        await client.write_value(handles[REQUEST], b"next", with_response=True)
        assert stage.device.writes[-1] == b"next"

    with pytest.raises(clock.Strays, match="bug"):
        perform(body, clean=False)


def test_a_refusal_of_the_device_reaches_the_phone() -> None:
    async def body(stage: Stage) -> None:
        _, client, handles = await stage.connect()
        stage.device.answers = [AttRefusal(AttCode.UNLIKELY)]
        request = client.write_value(handles[REQUEST], b"x", with_response=True)
        assert await error_of(request) == att.ATT_UNLIKELY_ERROR_ERROR
        stage.device.answers = [AttRefusal(AttCode.READ_NOT_PERMITTED)]
        assert await error_of(client.read_value(handles[READABLE])) == att.ATT_READ_NOT_PERMITTED_ERROR
        assert [seen.code for seen in stage.seen if seen.event == "refused"] == [0x0E, 0x02]

    perform(body)


def test_notifications_keep_their_order_and_are_never_truncated() -> None:
    async def body(stage: Stage) -> None:
        connection, client, handles = await stage.connect()
        got: list[bytes] = []
        client.notification_subscribers[handles[OUT]] = {got.append}
        stage.device.answers = [Notify(OUT, b"early")]  # nobody has asked for them yet
        await client.write_value(handles[COMMAND], b"x")
        await client.write_value(handles[f"{OUT} 2902"], b"\x01\x00", with_response=True)
        texts = [b"%020d" % number for number in range(300)]
        stage.device.answers = [*(Notify(OUT, text) for text in texts), Disconnect(0x15)]
        reason = asyncio.get_running_loop().create_future()
        connection.on(Connection.EVENT_DISCONNECTION, reason.set_result)
        await client.write_value(handles[COMMAND], b"x")
        assert await reason == 0x15
        assert got == texts
        _, client, handles = await stage.connect()
        await client.write_value(handles[f"{OUT} 2902"], b"\x01\x00", with_response=True)
        stage.device.answers = [Notify(OUT, b"x" * 21)]
        await client.write_value(handles[COMMAND], b"x")
        await asyncio.sleep(0.1)
        assert "21 bytes" in str(stage.peripheral.failures[0])

    with pytest.raises(clock.Strays, match="21 bytes"):
        perform(body, clean=False)


def test_a_reboot_is_silence_and_then_other_services() -> None:
    async def body(stage: Stage) -> None:
        connection, client, handles = await stage.connect()
        reason = asyncio.get_running_loop().create_future()
        connection.on(Connection.EVENT_DISCONNECTION, reason.set_result)
        stage.device.answers = [Reboot()]
        await client.write_value(handles[REQUEST], b"x", with_response=True)
        assert await reason == hci.HCI_ErrorCode.CONNECTION_TIMEOUT_ERROR
        _, client, handles = await stage.connect()
        assert BOOT in handles
        assert OUT not in handles
        await client.write_value(handles[BOOT], b"pdu")
        await asyncio.sleep(0.1)
        assert stage.device.writes == [b"x", b"pdu"]
        assert [seen.event for seen in stage.seen if seen.event.endswith("connected")] == ["connected"] * 2

    perform(body)


def test_advertising_follows_the_device_and_stops_while_connected() -> None:
    async def body(stage: Stage) -> None:
        heard: list[bytes] = []
        stage.phone.host.on("advertising_report", lambda report: heard.append(report.data))
        await stage.phone.start_scanning()

        async def listen() -> set[bytes]:
            await asyncio.sleep(0.2)
            heard.clear()
            await asyncio.sleep(1)
            return set(heard)

        flags, changed = bytes([2, 1, 6]), bytes([2, 1, 4])
        assert await listen() == {flags, SCAN_RESPONSE}
        connection, client, handles = await stage.connect()
        assert await listen() == set()
        stage.device.answers = [Advertise(Advertisement(changed, b"", 0.1))]
        await client.write_value(handles[COMMAND], b"x")
        assert await listen() == set()
        await connection.disconnect()
        assert await listen() == {flags, SCAN_RESPONSE}
        for effects, expected in (
            ([Advertise(Advertisement(changed, b"", 0.05))], {changed, b""}),
            ([Advertise(None)], set()),
            ([Advertise(Advertisement(flags, SCAN_RESPONSE, 0.1))], {flags, SCAN_RESPONSE}),
        ):
            stage.device.answers = list(effects)
            wake(stage)
            assert await listen() == expected

    def wake(stage: Stage) -> None:
        """Let the device act by its own clock."""
        stage.device.due = asyncio.get_running_loop().time()
        stage.peripheral._runner._rearm()

    perform(body)


def test_timers_of_the_device_are_kept_and_one_without_end_is_named() -> None:
    class Spinning(Puppet):
        def advance(self, now: float) -> Sequence[Effect]:
            return []

    async def main() -> None:
        medium = Medium()
        device = Spinning()
        device.due = 5.0
        peripheral = Peripheral(medium, device)
        await peripheral.start()
        await asyncio.sleep(10)
        assert [type(failure) for failure in peripheral.failures] == [Stuck]
        await peripheral.stop()

    with pytest.raises(clock.Strays, match="again and again"):
        clock.run(main())


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from([4, 4, 4, 6, 5, 0x3F]), st.binary(max_size=40)), max_size=30))
def test_garbage_from_a_phone_is_survived_and_the_next_request_served(
    pdus: list[tuple[int, bytes]],
) -> None:
    """Any bytes on the channels of ATT, pairing and signalling; the medium has an outside host."""

    async def main() -> None:
        medium = Medium()
        peripheral = Peripheral(medium, Puppet())
        await peripheral.start()
        controller = medium.controller("phone", outsider=True)
        phone = Host("phone", hci.Address(PHONE), host=HciHost(controller, AsyncPipeSink(controller)))
        await phone.power_on()
        connection = await phone.connect_le(hci.Address(ADDRESS), timeout=5)
        # Its answers to our nonsense are not the matter here.
        for channel in (4, 5, 6):
            phone.l2cap_channel_manager.register_fixed_channel(channel, lambda _handle, _pdu: None)
        for channel, pdu in pdus:
            phone.send_l2cap_pdu(connection.handle, channel, pdu)
        await asyncio.sleep(0.1)
        assert peripheral.failures == []
        answers: list[bytes] = []
        phone.l2cap_channel_manager.register_fixed_channel(4, lambda _handle, pdu: answers.append(pdu))
        if connection.handle in phone.connections:
            phone.send_l2cap_pdu(connection.handle, 4, bytes(att.ATT_Read_Request(attribute_handle=3)))
            await asyncio.sleep(0.1)
            assert answers[-1:] == [b"\x0bDoor"]
        await peripheral.stop()
        assert medium.failures == []

    clock.run(main())


ATT_REQUESTS = [opcode for opcode in att.ATT_REQUESTS if opcode != att.Opcode.ATT_EXCHANGE_MTU_REQUEST]


@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(ATT_REQUESTS), st.binary(max_size=22)), min_size=1, max_size=20))
def test_every_att_request_gets_exactly_one_answer(requests: list[tuple[int, bytes]]) -> None:
    async def body(stage: Stage) -> None:
        connection = await stage.phone.connect_le(hci.Address(ADDRESS), timeout=5)
        answers: list[bytes] = []
        stage.phone.l2cap_channel_manager.register_fixed_channel(4, lambda _, pdu: answers.append(pdu))
        for opcode, rest in requests:
            answers.clear()
            stage.phone.send_l2cap_pdu(connection.handle, 4, bytes([opcode]) + rest)
            await asyncio.sleep(0.1)
            assert len(answers) == 1
            assert answers[0][0] == opcode + 1 or answers[0][:2] == bytes([1, opcode])

    perform(body)
