"""The virtual controller: Bumble's, with the gaps closed that real hosts fall into.

Rules: every packet of the host gets an answer; nothing that a host sends raises; a failure of our own goes to
`Medium.trouble`; only what is implemented is claimed. What this class overrides or uses of Bumble beside its
documented interface is listed in `hooks.py`.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

from bumble import controller as stock
from bumble import gatt_server, hci, smp

from lockbench_emulator.radio.quiet import is_quiet

if TYPE_CHECKING:
    from lockbench_emulator.radio.link import AirConnection
    from lockbench_emulator.radio.medium import Medium

# Bumble logs what it drops; without a handler, Python would print that beside our own output. Two modules log
# by the root logger, which would give it a handler that prints all the rest.
logging.getLogger("bumble").addHandler(logging.NullHandler())
for _module in (gatt_server, smp):
    setattr(_module, "logging", logging.getLogger(_module.__name__))  # noqa: B010 - no type knows of it

RSSI = -50  # dBm, of every report and reading
LEGACY_DATA = 31  # bytes of an advertisement or scan response
ADVERTISING_UNIT = 0.000625  # seconds (Bluetooth Core, Vol 4 Part E 7.8.5)
CONNECTION_UNIT = 0.00125  # seconds (7.8.12)
SUPERVISION_UNIT = 0.01  # seconds (7.8.12)
ACTIVE_SCAN = 1
ACCEPT_LIST_ONLY = 1  # filter policies of scanning and initiating

_UNCLAIMED_FEATURES = (
    hci.LeFeatureMask.LL_PRIVACY
    | hci.LeFeatureMask.EXTENDED_SCANNER_FILTER_POLICIES
    | hci.LeFeatureMask.LE_EXTENDED_ADVERTISING
    | hci.LeFeatureMask.LE_PERIODIC_ADVERTISING
)
_UNCLAIMED_WORDS = ("EXTENDED_ADV", "EXTENDED_SCAN", "EXTENDED_CREATE", "ADVERTISING_SET", "PERIODIC",
                    "RESOL", "PRIVACY", "P_256", "_BIG_", "_CIS_", "_CIG_", "_ISO_", "LE_CS_")  # fmt: skip

Data = hci.HCI_AclDataPacket | hci.HCI_Number_Of_Completed_Packets_Event

_Adv = hci.HCI_LE_Set_Advertising_Parameters_Command.AdvertisingType
_Report = hci.HCI_LE_Advertising_Report_Event.EventType
# Type of advertising -> type of report, connectable, scannable (7.8.5, 7.7.65.2)
ADVERTISING: dict[int, tuple[int, bool, bool]] = {
    _Adv.ADV_IND: (_Report.ADV_IND, True, True),
    _Adv.ADV_DIRECT_IND: (_Report.ADV_DIRECT_IND, True, False),
    _Adv.ADV_SCAN_IND: (_Report.ADV_SCAN_IND, False, True),
    _Adv.ADV_NONCONN_IND: (_Report.ADV_NONCONN_IND, False, False),
}


class Advertiser(stock.LegacyAdvertiser):
    """The one advertiser of a controller, at the interval that its host asked for."""

    def start(self) -> None:
        self.stop()
        self.enabled = True
        self.timer_handle = asyncio.get_running_loop().call_soon(self._on_timer_fired)

    def _on_timer_fired(self) -> None:
        loop = asyncio.get_running_loop()
        interval = max(self.advertising_interval_min, 0x20) * ADVERTISING_UNIT
        self.timer_handle = loop.call_later(interval, self._on_timer_fired)
        if not self.silent:
            air_of(self.controller).medium.broadcast(self)

    @property
    def silent(self) -> bool:
        """Nobody may hear or take it: it is off, or its one link is taken."""
        controller = air_of(self.controller)
        return not self.enabled or (controller.one_link and bool(controller.le_connections))

    def to_be_reported(self) -> tuple[int, bool, bool]:
        return ADVERTISING.get(self.advertising_type, (_Report.ADV_NONCONN_IND, False, False))


class AirController(stock.Controller):
    """A controller on our medium. `outsider`: its host is not ours and may send anything."""

    le_acl_data_packet_length = 251
    total_num_le_acl_data_packets = 64
    supported_max_tx_octets = 251
    supported_max_rx_octets = 251
    suggested_max_tx_octets = 251
    le_features = stock.Controller.le_features & ~_UNCLAIMED_FEATURES

    def __init__(self, name: str, medium: Medium, public_address: hci.Address, *, outsider: bool) -> None:
        self.medium = medium
        self.outsider = outsider
        self.one_link = False  # a lock serves one central, and does not advertise meanwhile
        self.reported: dict[tuple[hci.Address, bytes, bytes], None] = {}
        self.accept_list: dict[hci.Address, None] = {}
        super().__init__(name, link=medium, public_address=public_address)
        self.le_legacy_advertiser: Advertiser = Advertiser(self)

    # ---- what the medium asks ----

    def hear(self, advertiser: Advertiser) -> None:
        """An advertisement is in the air."""
        if advertiser.silent:
            return  # another central took it in this very turn
        report, connectable, scannable = advertiser.to_be_reported()
        if self.le_scan_enable and self._may_scan(advertiser):
            self._report(advertiser, report, scannable=scannable)
        if connectable and self._wants(advertiser):
            self.medium.join(self, advertiser)

    def joined(self, connection: AirConnection) -> None:
        """A link with this end has come up."""
        self.le_connections[connection.peer_address] = connection
        if connection.role == hci.Role.CENTRAL:
            self.pending_le_connection = None
            self._listen()
        else:
            self.le_legacy_advertiser.stop()
        self.send_hci_packet(
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS,
                connection_handle=connection.handle,
                role=connection.role,
                peer_address_type=connection.peer_address.address_type,
                peer_address=connection.peer_address,
                connection_interval=connection.air.interval_units,
                peripheral_latency=connection.air.latency,
                supervision_timeout=connection.air.timeout_units,
                central_clock_accuracy=0,
            )
        )

    def left(self, connection: AirConnection, reason: int) -> None:
        """The link of this end is over."""
        if self.le_connections.get(connection.peer_address) is connection:
            self.on_le_disconnected(connection, reason)

    def go_silent(self) -> None:
        """Forget everything, as after HCI Reset or power loss. The peers find out by themselves."""
        self.le_legacy_advertiser.stop()
        self.le_legacy_advertiser = Advertiser(self)
        self.le_scan_enable = False
        self.pending_le_connection = None
        self.reported.clear()
        self.accept_list.clear()
        self._listen()
        self.drop_links()

    def drop_links(self) -> None:
        """The links of this end are gone without a word."""
        connections = list(self.le_connections.values())
        self.le_connections.clear()
        for connection in connections:
            end_of(connection).air.abandon(end_of(connection))

    # ---- from the host: every packet is answered, nothing raises ----

    def on_packet(self, packet: bytes) -> None:
        try:
            parsed = hci.HCI_Packet.from_bytes(packet)
        except Exception as error:  # noqa: BLE001 - the host may send anything
            self._answer_failure(packet, error)
            return
        try:
            self.on_hci_packet(parsed)
        except Exception as error:  # noqa: BLE001 - a silent controller would hang its host
            self._answer_failure(packet, error)

    def take(self, packet: hci.HCI_AclDataPacket) -> None:
        """What a host of ours sends without bytes; see `lane`."""
        try:
            self.on_hci_acl_data_packet(packet)
        except Exception as error:  # noqa: BLE001 - as above
            self.medium.trouble(error, self)

    def send_data(self, packet: Data) -> None:
        """To the host, in the next turn of the loop: as an object where it takes them."""
        take = getattr(self.hci_sink, "take", None) if is_quiet() else None
        if take is None:
            self.send_hci_packet(packet)
        else:
            asyncio.get_running_loop().call_soon(take, packet)

    def on_hci_acl_data_packet(self, packet: hci.HCI_AclDataPacket) -> None:
        """Data that crossed the end of its link are dropped, as a radio drops them."""
        connection = self.find_le_connection_by_handle(packet.connection_handle)
        if connection is not None:
            connection.on_hci_acl_data_packet(packet)

    def on_hci_command_packet(self, command: hci.HCI_Command) -> None:
        if command.op_code in UNCLAIMED or not hasattr(self, f"on_{command.name.lower()}"):
            self._status(hci.HCI_ErrorCode.UNKNOWN_HCI_COMMAND_ERROR, command.op_code)
            return
        super().on_hci_command_packet(command)

    def on_hci_reset_command(self, command: hci.HCI_Reset_Command) -> hci.HCI_StatusReturnParameters:
        self.go_silent()
        self.random_address = hci.Address.ANY_RANDOM
        return super().on_hci_reset_command(command)

    def on_hci_disconnect_command(self, command: hci.HCI_Disconnect_Command) -> None:
        connection = self.find_le_connection_by_handle(command.connection_handle)
        if connection is None:
            self._status(hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, command.op_code)
            return
        self._status(hci.HCI_ErrorCode.SUCCESS, command.op_code)
        end = end_of(connection)
        end.air.terminate(end, command.reason)

    def on_hci_read_remote_version_information_command(
        self, command: hci.HCI_Read_Remote_Version_Information_Command
    ) -> None:
        self._later(
            command.connection_handle,
            command.op_code,
            lambda end: hci.HCI_Read_Remote_Version_Information_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS,
                connection_handle=end.handle,
                version=self.lmp_version,
                manufacturer_name=self.manufacturer_company_identifier,
                subversion=self.lmp_subversion,
            ),
        )

    def on_hci_read_rssi_command(
        self, command: hci.HCI_Read_RSSI_Command
    ) -> hci.HCI_Read_RSSI_ReturnParameters:
        return hci.HCI_Read_RSSI_ReturnParameters(
            status=self._handle_status(command.handle), handle=command.handle, rssi=RSSI
        )

    def on_hci_le_rand_command(self, _command: hci.HCI_LE_Rand_Command) -> hci.HCI_LE_Rand_ReturnParameters:
        return hci.HCI_LE_Rand_ReturnParameters(
            status=hci.HCI_ErrorCode.SUCCESS, random_number=self.medium.rng.randbytes(8)
        )

    def on_hci_le_set_data_length_command(
        self, command: hci.HCI_LE_Set_Data_Length_Command
    ) -> hci.HCI_StatusAndConnectionHandleReturnParameters:
        handle = command.connection_handle
        status = self._handle_status(handle)
        if status == hci.HCI_ErrorCode.SUCCESS:
            octets, air_time = min(command.tx_octets, 251), command.tx_time
            asyncio.get_running_loop().call_soon(
                self.send_hci_packet,
                hci.HCI_LE_Data_Length_Change_Event(handle, octets, air_time, octets, air_time),
            )
        return hci.HCI_StatusAndConnectionHandleReturnParameters(status=status, connection_handle=handle)

    def on_hci_le_set_phy_command(self, command: hci.HCI_LE_Set_PHY_Command) -> None:
        wants_2m = not command.all_phys & 1 and command.tx_phys & (1 << hci.HCI_LE_2M_PHY_BIT)
        phy = hci.Phy.LE_2M if wants_2m else hci.Phy.LE_1M

        def event(end: AirConnection) -> hci.HCI_Event:
            end.air.phy = phy
            return hci.HCI_LE_PHY_Update_Complete_Event(
                status=hci.HCI_ErrorCode.SUCCESS, connection_handle=end.handle, tx_phy=phy, rx_phy=phy
            )

        self._later(command.connection_handle, command.op_code, event)

    def on_hci_le_read_phy_command(
        self, command: hci.HCI_LE_Read_PHY_Command
    ) -> hci.HCI_LE_Read_PHY_ReturnParameters:
        parameters = super().on_hci_le_read_phy_command(command)
        parameters.status = self._handle_status(command.connection_handle)
        connection = self.find_le_connection_by_handle(command.connection_handle)
        if connection is not None:
            parameters.tx_phy = parameters.rx_phy = end_of(connection).air.phy
        return parameters

    def on_hci_le_set_scan_enable_command(
        self, command: hci.HCI_LE_Set_Scan_Enable_Command
    ) -> hci.HCI_StatusReturnParameters:
        result = super().on_hci_le_set_scan_enable_command(command)
        self.reported.clear()
        self._listen()
        return result

    def on_hci_le_create_connection_command(self, command: hci.HCI_LE_Create_Connection_Command) -> None:
        super().on_hci_le_create_connection_command(command)
        self._listen()

    def on_hci_le_create_connection_cancel_command(
        self, _command: hci.HCI_LE_Create_Connection_Cancel_Command
    ) -> hci.HCI_StatusReturnParameters:
        pending = self.pending_le_connection
        if pending is None:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.COMMAND_DISALLOWED_ERROR)
        self.pending_le_connection = None
        self._listen()
        # The status goes first, then the end of the connecting that it cancels (7.8.13).
        asyncio.get_running_loop().call_soon(
            self.send_hci_packet,
            hci.HCI_LE_Connection_Complete_Event(
                status=hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR,
                connection_handle=0,
                role=hci.Role.CENTRAL,
                peer_address_type=pending.peer_address.address_type,
                peer_address=pending.peer_address,
                connection_interval=0,
                peripheral_latency=0,
                supervision_timeout=0,
                central_clock_accuracy=0,
            ),
        )
        return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.SUCCESS)

    def on_hci_le_clear_filter_accept_list_command(
        self, command: hci.HCI_LE_Clear_Filter_Accept_List_Command
    ) -> hci.HCI_StatusReturnParameters:
        self.accept_list.clear()
        return super().on_hci_le_clear_filter_accept_list_command(command)

    def on_hci_le_add_device_to_filter_accept_list_command(
        self, command: hci.HCI_LE_Add_Device_To_Filter_Accept_List_Command
    ) -> hci.HCI_StatusReturnParameters:
        if len(self.accept_list) >= self.filter_accept_list_size:
            return hci.HCI_StatusReturnParameters(hci.HCI_ErrorCode.MEMORY_CAPACITY_EXCEEDED_ERROR)
        self.accept_list[_typed(command.address, command.address_type)] = None
        return super().on_hci_le_add_device_to_filter_accept_list_command(command)

    def on_hci_le_remove_device_from_filter_accept_list_command(
        self, command: hci.HCI_LE_Remove_Device_From_Filter_Accept_List_Command
    ) -> hci.HCI_StatusReturnParameters:
        self.accept_list.pop(_typed(command.address, command.address_type), None)
        return super().on_hci_le_remove_device_from_filter_accept_list_command(command)

    # ---- inside ----

    def _may_scan(self, advertiser: Advertiser) -> bool:
        return (
            self.le_scanning_filter_policy & ACCEPT_LIST_ONLY == 0 or advertiser.address in self.accept_list
        )

    def _wants(self, advertiser: Advertiser) -> bool:
        pending = self.pending_le_connection
        if pending is None or advertiser.address in self.le_connections:
            return False
        if pending.initiator_filter_policy == ACCEPT_LIST_ONLY:
            return advertiser.address in self.accept_list
        return pending.peer_address == advertiser.address

    def _report(self, advertiser: Advertiser, report: int, *, scannable: bool) -> None:
        data, scan_response = advertiser.advertising_data, advertiser.scan_response_data
        if self.filter_duplicates:
            key = (advertiser.address, data, scan_response)
            if key in self.reported:
                return
            self.reported[key] = None
        parts = [(report, data)]
        if scannable and self.le_scan_type == ACTIVE_SCAN:
            parts.append((_Report.SCAN_RSP, scan_response))
        for event_type, part in parts:
            self.send_hci_packet(
                hci.HCI_LE_Advertising_Report_Event(
                    [
                        hci.HCI_LE_Advertising_Report_Event.Report(
                            event_type=event_type,
                            address_type=advertiser.address.address_type,
                            address=advertiser.address,
                            data=part,
                            rssi=RSSI,
                        )
                    ]
                )
            )

    def _listen(self) -> None:
        self.medium.set_listening(
            self, on=bool(self.le_scan_enable) or self.pending_le_connection is not None
        )

    def _later(self, handle: int, op_code: int, event: Callable[[AirConnection], hci.HCI_Event]) -> None:
        """Answer an asynchronous command about a connection: a status, then its event."""
        connection = self.find_le_connection_by_handle(handle)
        if connection is None:
            self._status(hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR, op_code)
            return
        self._status(hci.HCI_ErrorCode.SUCCESS, op_code)
        self.send_hci_packet(event(end_of(connection)))

    def _handle_status(self, handle: int) -> hci.HCI_ErrorCode:
        if self.find_le_connection_by_handle(handle) is None:
            return hci.HCI_ErrorCode.UNKNOWN_CONNECTION_IDENTIFIER_ERROR
        return hci.HCI_ErrorCode.SUCCESS

    def _status(self, status: int, op_code: int) -> None:
        self.send_hci_packet(
            hci.HCI_Command_Status_Event(status=status, num_hci_command_packets=1, command_opcode=op_code)
        )

    def _answer_failure(self, packet: bytes, error: Exception) -> None:
        self.medium.trouble(error, self)
        if len(packet) >= 3 and packet[0] == hci.HCI_COMMAND_PACKET:
            (op_code,) = struct.unpack_from("<H", packet, 1)
            self._status(hci.HCI_ErrorCode.INVALID_COMMAND_PARAMETERS_ERROR, op_code)


def air_of(controller: stock.Controller) -> AirController:
    """Every controller on our medium is ours; Bumble's types do not know it."""
    assert isinstance(controller, AirController)  # noqa: S101 - narrowing
    return controller


def end_of(connection: stock.Connection) -> AirConnection:
    from lockbench_emulator.radio.link import AirConnection

    assert isinstance(connection, AirConnection)  # noqa: S101 - narrowing
    return connection


def _typed(address: hci.Address, address_type: int) -> hci.Address:
    return hci.Address(bytes(address), hci.AddressType(address_type))


def _unclaimed() -> tuple[frozenset[int], frozenset[int]]:
    """Opcodes of what we refuse although Bumble would handle it, and of what remains supported."""
    refused = frozenset(
        code
        for code, name in hci.HCI_Command.command_names.items()
        if any(word in name for word in _UNCLAIMED_WORDS)
    )
    supported = frozenset(
        code
        for code in stock.Controller.supported_commands
        if code not in refused and hasattr(AirController, f"on_{hci.HCI_Command.command_name(code).lower()}")
    )
    return refused, supported


UNCLAIMED, _SUPPORTED = _unclaimed()
AirController.supported_commands = set(_SUPPORTED)
