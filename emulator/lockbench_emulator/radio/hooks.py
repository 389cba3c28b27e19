"""Every part of Bumble that we override or use beside its documented interface, for the pinned version.

Rules: a module of this package that needs one more adds a row. A contract test holds each row against the
installed Bumble, and refuses an override that has no row.
"""

from __future__ import annotations

from dataclasses import dataclass

BUMBLE = "0.0.236"


@dataclass(frozen=True, slots=True)
class Hook:
    """One name in Bumble."""

    owner: str  # "module:Class"
    name: str
    parameters: tuple[str, ...] | None  # without self; None is an attribute
    used_by: str  # module of ours, "overrides" or "uses"


_CONTROLLER = "bumble.controller:Controller"
_CONNECTION = "bumble.controller:Connection"
_ADVERTISER = "bumble.controller:LegacyAdvertiser"
_LINK = "bumble.link:LocalLink"
_SERVER = "bumble.gatt_server:Server"
_HOST = "bumble.host:Host"
_DEVICE = "bumble.device:Device"

_NEW = ("name", "host_source", "host_sink", "link", "public_address")

HOOKS = (
    Hook(_CONTROLLER, "__init__", _NEW, "overrides"),
    Hook(_CONTROLLER, "on_packet", ("packet",), "overrides"),
    Hook(_CONTROLLER, "on_hci_packet", ("packet",), "uses"),
    Hook(_CONTROLLER, "on_hci_command_packet", ("command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_reset_command", ("_command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_disconnect_command", ("command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_le_rand_command", ("_command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_le_read_phy_command", ("command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_le_set_scan_enable_command", ("command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_le_create_connection_command", ("command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_le_create_connection_cancel_command", ("_command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_le_clear_filter_accept_list_command", ("_command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_le_add_device_to_filter_accept_list_command", ("_command",), "overrides"),
    Hook(_CONTROLLER, "on_hci_le_remove_device_from_filter_accept_list_command", ("_command",), "overrides"),
    Hook(_CONTROLLER, "send_hci_packet", ("packet",), "uses"),
    Hook(_CONTROLLER, "hci_sink", None, "uses"),
    Hook(_CONTROLLER, "on_hci_acl_data_packet", ("packet",), "overrides"),
    Hook(_CONTROLLER, "set_packet_sink", ("sink",), "uses"),
    Hook(_CONTROLLER, "allocate_connection_handle", (), "uses"),
    Hook(_CONTROLLER, "find_le_connection_by_handle", ("handle",), "uses"),
    Hook(_CONTROLLER, "on_le_disconnected", ("connection", "reason"), "uses"),
    Hook(_CONTROLLER, "on_ll_control_pdu", ("sender_address", "packet"), "uses"),
    Hook(_CONTROLLER, "public_address", None, "uses"),
    Hook(_CONTROLLER, "random_address", None, "uses"),
    Hook(_CONTROLLER, "le_connections", None, "uses"),
    Hook(_CONTROLLER, "le_legacy_advertiser", None, "overrides"),
    Hook(_CONTROLLER, "le_scan_enable", None, "uses"),
    Hook(_CONTROLLER, "le_scan_type", None, "uses"),
    Hook(_CONTROLLER, "le_scanning_filter_policy", None, "uses"),
    Hook(_CONTROLLER, "filter_duplicates", None, "uses"),
    Hook(_CONTROLLER, "filter_accept_list_size", None, "uses"),
    Hook(_CONTROLLER, "pending_le_connection", None, "uses"),
    Hook(_CONTROLLER, "lmp_version", None, "uses"),
    Hook(_CONTROLLER, "lmp_subversion", None, "uses"),
    Hook(_CONTROLLER, "manufacturer_company_identifier", None, "uses"),
    Hook(_CONTROLLER, "supported_commands", None, "overrides"),
    Hook(_CONTROLLER, "le_features", None, "overrides"),
    Hook(_CONTROLLER, "le_acl_data_packet_length", None, "overrides"),
    Hook(_CONTROLLER, "total_num_le_acl_data_packets", None, "overrides"),
    Hook(_CONTROLLER, "supported_max_tx_octets", None, "overrides"),
    Hook(_CONTROLLER, "supported_max_rx_octets", None, "overrides"),
    Hook(_CONTROLLER, "suggested_max_tx_octets", None, "overrides"),
    Hook(_ADVERTISER, "start", (), "overrides"),
    Hook(_ADVERTISER, "stop", (), "uses"),
    Hook(_ADVERTISER, "_on_timer_fired", (), "overrides"),
    Hook(_ADVERTISER, "address", None, "uses"),
    Hook(_ADVERTISER, "enabled", None, "uses"),
    Hook(_ADVERTISER, "timer_handle", None, "uses"),
    Hook(_ADVERTISER, "advertising_interval_min", None, "uses"),
    Hook(_ADVERTISER, "advertising_type", None, "uses"),
    Hook(_ADVERTISER, "advertising_data", None, "uses"),
    Hook(_ADVERTISER, "scan_response_data", None, "uses"),
    Hook(_CONNECTION, "__post_init__", (), "overrides"),
    Hook(_CONNECTION, "on_hci_acl_data_packet", ("packet",), "overrides"),
    Hook(_CONNECTION, "on_acl_pdu", ("pdu",), "overrides"),
    Hook(_CONNECTION, "send_ll_control_pdu", ("packet",), "overrides"),
    Hook(_LINK, "__init__", (), "overrides"),
    Hook(_LINK, "add_controller", ("controller",), "overrides"),
    Hook(_LINK, "remove_controller", ("controller",), "overrides"),
    Hook(_LINK, "controllers", None, "overrides"),
    Hook(_SERVER, "__init__", ("device",), "overrides"),
    Hook(_SERVER, "on_gatt_pdu", ("bearer", "att_pdu"), "overrides"),
    Hook(_SERVER, "write_cccd", ("bearer", "characteristic", "value"), "overrides"),
    Hook(_SERVER, "send_gatt_pdu", ("bearer", "pdu"), "uses"),
    Hook(_SERVER, "send_response", ("bearer", "response"), "uses"),
    Hook(_SERVER, "get_attribute", ("handle",), "uses"),
    Hook(_SERVER, "max_mtu", None, "overrides"),
    # Coroutines behind a decorator that makes tasks of them; the server runs what is wrapped, at once.
    Hook(_SERVER, "on_att_find_by_type_value_request", ("bearer", "request"), "uses wrapped"),
    Hook(_SERVER, "on_att_read_by_type_request", ("bearer", "request"), "uses wrapped"),
    Hook(_SERVER, "on_att_read_by_group_type_request", ("bearer", "request"), "uses wrapped"),
    Hook(_SERVER, "on_att_read_request", ("bearer", "request"), "uses wrapped"),
    Hook(_SERVER, "on_att_read_blob_request", ("bearer", "request"), "uses wrapped"),
    Hook(_SERVER, "on_att_write_request", ("bearer", "request"), "uses wrapped"),
    Hook(_HOST, "__init__", ("controller_source", "controller_sink"), "overrides"),
    Hook(_HOST, "add_listener", ("event", "f"), "overrides"),
    Hook(_HOST, "send_hci_packet", ("packet",), "overrides"),
    Hook(_HOST, "on_packet", ("packet",), "uses"),
    Hook(_HOST, "on_hci_acl_data_packet", ("packet",), "uses"),
    Hook(_HOST, "on_hci_number_of_completed_packets_event", ("event",), "uses"),
    Hook(_HOST, "snooper", None, "uses"),
    Hook(_DEVICE, "gatt_server", None, "overrides"),
    Hook(_DEVICE, "l2cap_channel_manager", None, "uses"),
    Hook(_DEVICE, "connections", None, "uses"),
)
