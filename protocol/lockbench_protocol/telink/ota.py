"""The OTA PDUs: one construct schema each, and fast functions for the one that is sent by the thousand.

Whether a value is a command, and which, only its dialect can tell: FF03 starts a transfer in one and ends it
in another (telink-ota 1, 3). What is no command is a data PDU.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any, Literal

from construct import (
    Bytes,
    Checksum,
    ChecksumError,
    Const,
    ConstructError,
    GreedyBytes,
    Int8ul,
    Int16ul,
    Int32ul,
    Optional,
    RawCopy,
    Struct,
    Terminated,
    this,
)

from lockbench_protocol import LocalError, RemoteError
from lockbench_protocol.schema import Codec, codec
from lockbench_protocol.telink.columns import pdus_of
from lockbench_protocol.telink.crc import crc16
from lockbench_protocol.telink.dialects import Dialect
from lockbench_protocol.telink.image import ROW

__all__ = ["COMMANDS", "EndForm", "Pdu", "command", "data_pdu", "data_pdus", "data_schema", "decode", "end"]

FIRST_OPCODE = 0xFF00
MAX_PDU_LENGTH = 15 * ROW


def _opcode(value: int) -> Any:
    return "opcode" / Const(value, Int16ul)


# Name -> schema (telink-ota 3.1). `rest` is what clients add and no server reads: padding, a CRC.
COMMANDS: dict[str, Any] = {
    "VERSION": Struct(_opcode(0xFF00), "rest" / GreedyBytes),
    "START": Struct(_opcode(0xFF01), "rest" / GreedyBytes),
    "END": Struct(_opcode(0xFF02), "max_index" / Int16ul, "complement" / Int16ul, "rest" / GreedyBytes),
    "START_EXT": Struct(
        _opcode(0xFF03), "pdu_length" / Int8ul, "version_compare" / Int8ul, "rest" / GreedyBytes
    ),
    "FW_VERSION_REQ": Struct(_opcode(0xFF04), "version" / Int16ul, "version_compare" / Int8ul, Terminated),
    "FW_VERSION_RSP": Struct(_opcode(0xFF05), "version" / Int16ul, "accept" / Int8ul, Terminated),
    "RESULT": Struct("opcode" / Int16ul, "result" / Int8ul, "tail" / Optional(Const(b"\0")), Terminated),
    "SCHEDULE_PDU_NUM": Struct(_opcode(0xFF08), "pdus" / Int16ul, Terminated),
    "SCHEDULE_FW_SIZE": Struct(_opcode(0xFF09), "size" / Int32ul, Terminated),
    "SB_PUBKEY_SIGN": Struct(
        "covered" / RawCopy(Struct("opcode" / Int16ul, "part" / Bytes(16))),
        "crc" / Checksum(Int16ul, crc16, this.covered.data),
        Terminated,
    ),
}


@lru_cache(maxsize=64)
def data_schema(length: int) -> Any:
    """A data PDU that carries `length` bytes of image (telink-ota 3.2)."""
    return Struct(
        "covered" / RawCopy(Struct("index" / Int16ul, "image" / Bytes(length))),
        "crc" / Checksum(Int16ul, crc16, this.covered.data),
        Terminated,
    )


@lru_cache(maxsize=64)
def data_codec(length: int) -> Codec[dict[str, int | bytes]]:
    """The same, compiled: it parses to the fields of a `Pdu`."""
    covered = ("covered", "value")
    view = {"index": (*covered, "index"), "image": (*covered, "image"), "crc": ("crc",)}
    return Codec(data_schema(length), dict, view)


@dataclass(slots=True)  # not frozen: a frozen one takes longer to make than its PDU to parse
class Pdu:
    """A decoded PDU: its name in its dialect ("DATA" for a data PDU) and its fields in wire order."""

    name: str
    fields: Mapping[str, int | bytes]


def command(name: str, **fields: int | bytes) -> bytes:
    """A command as it travels, such as `command("START")`; RESULT and SB_PUBKEY_SIGN need their `opcode`.

    LocalError for a field that is missing or out of range.
    """
    try:
        if name == "SB_PUBKEY_SIGN":
            built = codec(COMMANDS[name]).build({"covered": {"value": fields}})
        else:
            built = codec(COMMANDS[name]).build({"rest": b"", "tail": None, **fields})
    except (ConstructError, KeyError) as error:
        raise LocalError(f"{name} cannot be made of {fields}: {' '.join(str(error).split())}") from None
    return built


class EndForm(StrEnum):
    """How clients send END (telink-ota 3.4)."""

    PLAIN = "6 bytes"
    CRC = "8 bytes, the last two a CRC-16"
    PADDED = "20 bytes, padded with FF, the last two a CRC-16"


def end(max_index: int, form: EndForm = EndForm.PLAIN) -> bytes:
    """END for a transfer whose last data PDU had `max_index`."""
    plain = command("END", max_index=max_index, complement=max_index ^ 0xFFFF)
    if form is EndForm.PLAIN:
        return plain
    covered = plain.ljust(ROW + 2, b"\xff") if form is EndForm.PADDED else plain
    return covered + crc16(covered).to_bytes(2, "little")


def data_pdu(index: int, image: bytes) -> bytes:
    """Data PDU `index` with these bytes, which are sent as they are: pad the last ones first."""
    covered = index.to_bytes(2, "little") + image
    return covered + crc16(covered).to_bytes(2, "little")


def data_pdus(data: bytes, length: int = ROW) -> list[bytes]:
    """All data PDUs of `data`, `length` bytes each; the last is padded with FF to a multiple of 16.

    LocalError when `length` is not 16·n with n = 1..15, or when the indexes would run into the opcodes.
    """
    if length % ROW or not 0 < length <= MAX_PDU_LENGTH:
        raise LocalError(f"a PDU length of {length} is not a multiple of 16 up to {MAX_PDU_LENGTH}")
    if len(data) > FIRST_OPCODE * length:
        raise LocalError(f"{len(data)} bytes in PDUs of {length} need more than {FIRST_OPCODE} indexes")
    padded = data + b"\xff" * (-len(data) % ROW)
    whole = len(padded) - len(padded) % length
    pdus = pdus_of(padded[:whole], length)
    return [*pdus, data_pdu(len(pdus), padded[whole:])] if whole < len(padded) else pdus


def decode(value: bytes, dialect: Dialect, sender: Literal["client", "server"] = "client") -> Pdu:
    """What `value` says in `dialect` when `sender` sent it.

    RemoteError names what is wrong: too short, an opcode that the dialect does not have, a bad CRC.
    """
    size = len(value)
    if size < 2:
        raise RemoteError(f"{size} bytes are too few for an OTA PDU")
    opcode = value[0] | value[1] << 8
    name = (dialect.client if sender == "client" else dialect.server).get(opcode)
    if name is None:
        if opcode >= FIRST_OPCODE or sender == "server":
            raise RemoteError(f"the {sender} has no PDU {opcode:04x} in the {dialect.name} dialect")
        if size < 4:
            raise RemoteError(f"{size} bytes are too few for a data PDU")
        return Pdu("DATA", _parse(data_codec(size - 4), value, "data PDU"))
    parsed = _parse(codec(COMMANDS[name]), value, name)
    fields = {**parsed.get("covered", {}).get("value", {}), **parsed}
    return Pdu(name, {key: field for key, field in fields.items() if isinstance(field, int | bytes)})


def _parse(of: Codec[Any], value: bytes, name: str) -> Any:
    try:
        return of.parse(value)
    except ChecksumError:
        at = len(value) - 2
        found, wanted = int.from_bytes(value[at:], "little"), crc16(value[:at])
        raise RemoteError(f"{name}: the CRC-16 at byte {at} is {found:04x}, not {wanted:04x}") from None
    except ConstructError as error:
        raise RemoteError(f"{name} of {len(value)} bytes: {' '.join(str(error).split())}") from None
