"""How a call of the host can fail: a name, and what the host says of it.

The numbers are those of the host's Bluetooth interface (errCode of plug-ins before 3.1.0).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from lockbench_protocol import RemoteError

__all__ = ["CALLS", "TROUBLES", "HostError", "Trouble"]

UNAVAILABLE, NO_DEVICE, NOT_CONNECTED, SYSTEM, TIMED_OUT = 10001, 10002, 10003, 10008, 10012
ALREADY = -1
NETWORK = 600000  # of requests


@dataclass(frozen=True, slots=True)
class Trouble:
    """One way to fail. `call` is the host's, `code` its errCode."""

    call: str
    code: int
    says: str


TROUBLES: Mapping[str, Trouble] = {
    # the adapter
    "no bluetooth debugging": Trouble("openBluetoothAdapter", UNAVAILABLE, "this platform has no Bluetooth"),
    "bluetooth off": Trouble("openBluetoothAdapter", UNAVAILABLE, "the Bluetooth switch is off"),
    "bluetooth unknown": Trouble("openBluetoothAdapter", UNAVAILABLE, "off, or not permitted"),
    "bluetooth refused": Trouble("openBluetoothAdapter", UNAVAILABLE, "no permission: Bluetooth"),
    "location refused": Trouble("openBluetoothAdapter", UNAVAILABLE, "no permission: location"),
    "nearby refused": Trouble("openBluetoothAdapter", UNAVAILABLE, "no permission: nearby devices"),
    "precise refused": Trouble("openBluetoothAdapter", UNAVAILABLE, "no permission: precise location"),
    "program refused": Trouble("openBluetoothAdapter", UNAVAILABLE, "no permission for this mini-program"),
    "location off": Trouble("openBluetoothAdapter", UNAVAILABLE, "the location switch is off"),
    "adapter": Trouble("openBluetoothAdapter", SYSTEM, "the adapter does not open"),
    "close adapter": Trouble("closeBluetoothAdapter", SYSTEM, "the adapter does not close"),
    # the scan
    "start scan": Trouble("startBluetoothDevicesDiscovery", SYSTEM, "the scan does not start"),
    "stop scan": Trouble("stopBluetoothDevicesDiscovery", SYSTEM, "the scan does not stop"),
    # the connection
    "connect": Trouble("createBLEConnection", NOT_CONNECTED, "the connection failed"),
    "connect 133": Trouble("createBLEConnection", NOT_CONNECTED, "status 133"),
    "connect timeout": Trouble("createBLEConnection", TIMED_OUT, "no connection in time"),
    "connect unseen": Trouble("createBLEConnection", TIMED_OUT, "no connection; nearby devices not readable"),
    "no device": Trouble("createBLEConnection", NO_DEVICE, "no such device"),
    "already connected": Trouble("createBLEConnection", ALREADY, "already connected"),
    "other connected": Trouble("createBLEConnection", NOT_CONNECTED, "another device is connected"),
    "disconnect": Trouble("closeBLEConnection", SYSTEM, "the connection does not close"),
    "services": Trouble("getBLEDeviceServices", SYSTEM, "the services are not listed"),
    "characteristics": Trouble("getBLEDeviceCharacteristics", SYSTEM, "the characteristics are not listed"),
    # what passes over it
    "notify": Trouble("notifyBLECharacteristicValueChange", SYSTEM, "notifications are not enabled"),
    "write": Trouble("writeBLECharacteristicValue", SYSTEM, "the write failed"),
    "write busy": Trouble("writeBLECharacteristicValue", TIMED_OUT, "the write was not taken in time"),
    "read": Trouble("readBLECharacteristicValue", SYSTEM, "the read failed"),
    # the network
    "domain": Trouble("request", NETWORK, "url not in domain list"),
    "network": Trouble("request", NETWORK, "the phone has no network"),
    "download": Trouble("downloadFile", NETWORK, "the download broke off"),
}

CALLS: Mapping[str, tuple[str, ...]] = {
    "adapter": ("adapter", "bluetooth unknown"),
    "close adapter": ("close adapter",),
    "start scan": ("start scan",),
    "stop scan": ("stop scan",),
    "connect": ("connect", "connect 133", "connect timeout", "connect unseen"),
    "disconnect": ("disconnect",),
    "services": ("services",),
    "characteristics": ("characteristics",),
    "notify": ("notify",),
    "write": ("write", "write busy"),
    "read": ("read",),
    "request": ("network",),
    "download": ("download",),
}
"""The host's calls that `Fail` can name, and the troubles that each knows; the first one by default."""


class HostError(RemoteError):
    """A call of the host failed."""

    def __init__(self, trouble: str) -> None:
        row = TROUBLES[trouble]
        super().__init__(f"{row.call}: {row.says}")
        self.trouble = trouble
        self.code = row.code

    @property
    def message(self) -> str:
        """errMsg, as hosts put it."""
        row = TROUBLES[self.trouble]
        return f"{row.call}:fail {row.says}"
