"""What a lock says besides frames: advertisements, and the PDUs of its bootloader."""

from __future__ import annotations

from typing import Any

from lockbench_protocol import RemoteError
from lockbench_protocol.lock import advertising as adv
from lockbench_protocol.lock.frame import FrameError

from lockbench_harness.cli.pieces import Field, Piece, scene

_ROW = 20  # bytes of the usual OTA data PDU
_PAD = 16  # every data PDU carries a multiple of this, and 4 bytes around it
_STRUCTURES = {
    adv.FLAGS: "AD flags",
    adv.UUIDS16_INCOMPLETE: "some 16-bit UUIDs",
    adv.UUIDS16: "16-bit UUIDs",
    adv.SHORT_NAME: "short name",
    adv.NAME: "name",
    adv.TX_POWER: "TX power",
    adv.MANUFACTURER: "manufacturer data",
}


def no_frame(data: bytes) -> Piece | None:
    """The piece when all of `data` is one advertisement, manufacturer data or PDU."""
    return _pdu(data) or _manufacturer(data) or _advertisement(data)


def bad_pdu(raw: bytes) -> str:
    """What to add to the error of bytes that have the length of a data PDU."""
    if len(raw) < _ROW or len(raw) % _PAD != _ROW % _PAD:
        return ""
    from lockbench_protocol.telink.crc import crc16

    at = len(raw) - 2
    found, wanted = int.from_bytes(raw[at:], "little"), crc16(raw[:at])
    return f"; as an OTA data PDU its crc at offset {at} is {found:04x}, should be {wanted:04x}"


def _advertisement(data: bytes) -> Piece | None:
    """Only when AD structures fill the bytes to the end and a known one is the first."""
    found = list(adv.structures(data))
    if sum(len(value) + 2 for _, value in found) != len(data) or found[0][0] not in _STRUCTURES:
        return None
    piece, at = Piece("advertisement", 0, data), 0
    for kind, value in found:
        name = _STRUCTURES.get(kind, f"AD type {kind:02x}")
        piece.fields.append(Field(at, data[at : at + 2 + len(value)], name, _structure_meaning(kind, value)))
        if kind == adv.MANUFACTURER:
            piece.fields += _manufacturer_fields(value, at + 2)
        at += 2 + len(value)
    return piece


def _structure_meaning(kind: int, value: bytes) -> str:
    if kind in (adv.UUIDS16, adv.UUIDS16_INCOMPLETE):
        return " ".join(value[at : at + 2][::-1].hex() for at in range(0, len(value), 2))
    if kind in (adv.NAME, adv.SHORT_NAME):
        return repr(value.decode("utf-8", "replace"))
    if kind == adv.MANUFACTURER:
        return "DFU mode" if adv.is_dfu(value) else "V3 lock" if value[:2] == adv.V3 else "of no V3 lock"
    return value.hex()


def _manufacturer(data: bytes) -> Piece | None:
    if data[:2] != adv.V3 and not (adv.is_dfu(data) and len(data) == adv.SIZE):
        return None
    piece = Piece("manufacturer data", 0, data, _manufacturer_fields(data, 0))
    if len(data) < adv.SIZE:
        text = f"the bytes end here, {adv.SIZE - len(data)} too few: clients refuse them"
        piece.error = FrameError(piece.fields[-1].name, len(data), text)
    return piece


def _manufacturer_fields(value: bytes, at: int) -> list[Field]:
    if value[:2] != adv.V3 and not adv.is_dfu(value):
        return []
    layout = (("version", 2), ("scene", 1), ("flags", 1), ("battery", 1), ("unknown", 4), ("mac", 6))
    fields, offset = [], 0
    for name, size in (*layout, ("rest", len(value))):
        if part := value[offset : offset + size]:
            fields.append(Field(at + offset, part, name, _manufacturer_meaning(name, part)))
        offset += size
    return fields


def _manufacturer_meaning(name: str, part: bytes) -> str:
    if name == "version":
        return "V3" if part == adv.V3 else "DFU mode"
    if name == "scene":
        return scene(part[0])
    if name == "flags":
        return ", ".join(str(flag.name).lower() for flag in adv.Flag if flag & part[0]) or "none set"
    if name == "battery":
        return f"{part[0]} %"
    return adv.mac_text(part[::-1]) if name == "mac" else ""


def _pdu(data: bytes) -> Piece | None:
    """A data PDU only if its CRC-16 fits; a command only in a dialect that knows it."""
    if len(data) >= _ROW and len(data) % _PAD == _ROW % _PAD:
        from lockbench_protocol.telink.crc import crc16

        if crc16(data[:-2]) == int.from_bytes(data[-2:], "little"):
            return Piece(
                "OTA data PDU",
                0,
                data,
                [
                    Field(0, data[:2], "index", str(int.from_bytes(data[:2], "little"))),
                    Field(2, data[2:-2], "image", f"{len(data) - 4} bytes of the image"),
                    Field(len(data) - 2, data[-2:], "crc", "fits (CRC-16)"),
                ],
            )
    return _pdu_command(data) if len(data) in range(2, _ROW + 1) and data[1] == 0xFF else None


def _pdu_command(data: bytes) -> Piece | None:
    from lockbench_protocol.telink.dialects import DIALECTS
    from lockbench_protocol.telink.ota import decode

    readings: dict[str, list[str]] = {}
    senders: tuple[Any, ...] = ("client", "server")
    for dialect in DIALECTS.values():
        for sender in senders:
            try:
                pdu = decode(data, dialect, sender)
                result = f", {dialect.result(data)}" if pdu.name == "RESULT" else ""
            except RemoteError:
                continue
            shown = {
                name: value.hex() if isinstance(value, bytes) else value
                for name, value in pdu.fields.items()
                if name != "opcode" and value != b""
            }
            text = " ".join([pdu.name, *(f"{name}={value}" for name, value in shown.items())]) + result
            readings.setdefault(text, []).append(f"{dialect.name} {sender}")
    if not readings:
        return None
    meaning = "; ".join(f"{text} (of {', '.join(who)})" for text, who in readings.items())
    return Piece("OTA command", 0, data, [Field(0, data, "command", meaning)])
