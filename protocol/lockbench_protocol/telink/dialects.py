"""The OTA dialects: which numbers mean what, and where they are spoken (telink-ota 1, 2, 5).

The same number means different things in different generations, so a result is decoded only through its
dialect. What a server *does* is no part of this module: here is only what can be seen on the wire.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from lockbench_protocol import LocalError, RemoteError

__all__ = ["DIALECTS", "G1", "G1M", "G2", "TT", "Dialect", "Result", "dialect"]


class Result(StrEnum):
    """What an upgrade came to, whatever its number in a dialect."""

    SUCCESS = "success"
    SEQUENCE = "a data PDU is missing or repeated"
    INVALID = "a PDU is unknown or malformed"
    CRC = "the CRC-16 of a data PDU is wrong"
    FLASH = "flash does not read back what was written"
    INCOMPLETE = "the image is not complete at END"
    FLOW = "a PDU came out of order"
    CHECK = "the check of the whole image failed"
    VERSION = "the image is not newer"
    LENGTH = "the PDU length is not what was agreed"
    MARK = "the image carries no Telink mark"
    SIZE = "the image size is absent, too small or too big"
    GAP = "the gap between two data PDUs was too long"
    TIMEOUT = "the upgrade took too long"
    LINK = "the link was lost"
    UNSUPPORTED = "the chip does not support this"
    LOGIC = "internal error"
    PROTECTION = "old and new image disagree on flash protection"
    DEBUG_SUCCESS = "success of a debug build"
    SILENT_REBOOT = "reboot without a sign"
    SECURE_HARDWARE = "secure boot: hardware error"
    SECURE_SYSTEM = "secure boot: system error"
    SECURE_DISABLED = "secure boot: function not enabled"
    SECURE_SEQUENCE = "secure boot: key and signature PDUs out of sequence"
    SECURE_LENGTH = "secure boot: length of a key or signature PDU"
    SECURE_KEY = "secure boot: wrong public key"
    SECURE_SIGNATURE = "secure boot: the signature does not verify"
    SECURE_DESCRIPTOR = "secure boot: the descriptor cannot be written"
    SECURE_MISMATCH = "secure boot: old and new image disagree"
    ENCRYPTION_MISMATCH = "firmware encryption: old and new image disagree"


_LEGACY: dict[int, Result] = {  # telink-ota 5.2
    0x00: Result.SUCCESS,
    0x01: Result.SEQUENCE,
    0x02: Result.CRC,
    0x03: Result.FLASH,
    0x04: Result.INCOMPLETE,
    0x05: Result.TIMEOUT,
    0x06: Result.CHECK,
}
_COMMON: dict[int, Result] = {  # telink-ota 5.1, as far as G1m and G2 agree
    0x00: Result.SUCCESS,
    0x01: Result.SEQUENCE,
    0x02: Result.INVALID,
    0x03: Result.CRC,
    0x04: Result.FLASH,
    0x05: Result.INCOMPLETE,
    0x06: Result.FLOW,
    0x07: Result.CHECK,
    0x08: Result.VERSION,
    0x09: Result.LENGTH,
    0x0A: Result.MARK,
    0x0B: Result.SIZE,
    0x0C: Result.GAP,
    0x0D: Result.TIMEOUT,
    0x0E: Result.LINK,
    0x0F: Result.UNSUPPORTED,
    0x10: Result.LOGIC,
}
_SECURE: dict[int, Result] = {  # telink-ota 5.1, last row
    0x80: Result.SECURE_HARDWARE,
    0x81: Result.SECURE_SYSTEM,
    0x82: Result.SECURE_DISABLED,
    0x83: Result.SECURE_SEQUENCE,
    0x84: Result.SECURE_LENGTH,
    0x85: Result.SECURE_KEY,
    0x86: Result.SECURE_SIGNATURE,
    0x87: Result.SECURE_DESCRIPTOR,
    0x88: Result.SECURE_MISMATCH,
    0x89: Result.ENCRYPTION_MISMATCH,
}


@dataclass(frozen=True, slots=True)
class Dialect:
    """One generation of the protocol, as seen on the wire."""

    name: str
    title: str
    service: str  # UUID
    characteristic: str  # UUID
    result_head: bytes | None  # first two bytes of the result notification; None: it never notifies
    result_tail: bytes  # bytes after the number
    client: Mapping[int, str]  # opcode -> name of the PDU (lockbench_protocol.telink.ota), client to server
    server: Mapping[int, str]  # the same, server to client
    results: Mapping[int, Result]
    told_as: Mapping[Result, Result] = field(default_factory=dict)  # a meaning that has no number of its own

    def number(self, result: Result) -> int:
        """The number that stands for `result`; LocalError when the dialect cannot say it."""
        told = self.told_as.get(result, result)
        for number, meaning in self.results.items():
            if meaning is told:
                return number
        raise LocalError(f"the {self.name} dialect has no number for: {result}")

    def notification(self, result: Result) -> bytes | None:
        """The notification that tells `result`, or None where the dialect is silent (G1)."""
        if self.result_head is None:
            return None
        return self.result_head + bytes([self.number(result)]) + self.result_tail

    def result(self, value: bytes) -> Result:
        """What a notification means; RemoteError when it is no result of this dialect (telink-ota 5.3)."""
        if self.result_head is None:
            raise RemoteError(f"the {self.name} dialect never notifies, but {value.hex()} came")
        if len(value) < 3 or value[:2] != self.result_head:
            raise RemoteError(f"{value.hex() or 'an empty value'} is no result of the {self.name} dialect")
        try:
            return self.results[value[2]]
        except KeyError:
            raise RemoteError(f"the {self.name} dialect has no result {value[2]:02x}") from None


_TELINK_SERVICE = "00010203-0405-0607-0809-0a0b0c0d1912"
_TELINK_CHARACTERISTIC = "00010203-0405-0607-0809-0a0b0c0d2b12"
_BASIC = {0xFF00: "VERSION", 0xFF01: "START", 0xFF02: "END"}

G1 = Dialect(
    name="g1",
    title="Telink legacy library",
    service=_TELINK_SERVICE,
    characteristic=_TELINK_CHARACTERISTIC,
    result_head=None,
    result_tail=b"",
    client=_BASIC,
    server={},
    results={**_LEGACY, 0x07: Result.MARK},  # 07 only in some drops
    told_as={Result.SIZE: Result.CHECK},
)
G1M = Dialect(
    name="g1m",
    title="Telink mesh source",
    service=_TELINK_SERVICE,
    characteristic=_TELINK_CHARACTERISTIC,
    result_head=b"\x06\xff",
    result_tail=b"\x00",
    client=_BASIC,
    server={0xFF06: "RESULT"},
    results={**_COMMON, 0x11: Result.DEBUG_SUCCESS, 0x12: Result.SILENT_REBOOT},
    told_as={Result.MARK: Result.CHECK},  # telink-ota 4.1 point 3
)
G2 = Dialect(
    name="g2",
    title="Telink extended",
    service=_TELINK_SERVICE,
    characteristic=_TELINK_CHARACTERISTIC,
    result_head=b"\x06\xff",
    result_tail=b"\x00",
    client={
        **_BASIC,
        0xFF03: "START_EXT",
        0xFF04: "FW_VERSION_REQ",
        **{0xFF10 + i: "SB_PUBKEY_SIGN" for i in range(8)},
    },
    server={
        0xFF05: "FW_VERSION_RSP",
        0xFF06: "RESULT",
        0xFF08: "SCHEDULE_PDU_NUM",
        0xFF09: "SCHEDULE_FW_SIZE",
    },
    results={**_COMMON, 0x11: Result.PROTECTION, **_SECURE},
)
TT = Dialect(
    name="tt",
    title="TTLock",
    service="73631912-6965-6e65-7269-736669727374",
    characteristic="73632b12-6965-6e65-7269-736669727374",
    result_head=b"\x03\xff",
    result_tail=b"",
    client=_BASIC,
    server={0xFF03: "RESULT"},
    results=_LEGACY,
    told_as={Result.MARK: Result.CHECK, Result.SIZE: Result.CHECK},  # telink-ota 4.5
)

DIALECTS: dict[str, Dialect] = {row.name: row for row in (G1, G1M, G2, TT)}


def dialect(name: str) -> Dialect:
    """The dialect of that name; LocalError names the known ones."""
    try:
        return DIALECTS[name]
    except KeyError:
        raise LocalError(f"no OTA dialect {name!r}; known: {', '.join(DIALECTS)}") from None
