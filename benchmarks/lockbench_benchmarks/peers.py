"""Peers that install by name. Each joins the works that it can do, when it is installed; none is required."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from functools import cache
from importlib.util import find_spec
from typing import Any

from Crypto.Cipher import AES
from lockbench_protocol.lock.cipher import FILLS
from lockbench_protocol.lock.crc import crc8
from lockbench_protocol.lock.frame import FRAME, MAGIC, TAIL, Frame

from lockbench_benchmarks import interpreted
from lockbench_benchmarks.samples import CHUNKS, FRAMES, IMAGES, KEY, PDUS, PLAINS, RAWS

Contenders = dict[str, Callable[[], object]]  # name of a work -> what does the batch

_HEADER = struct.Struct(">HBBBHHBBB")
_END = struct.Struct(">B2s")


def construct_compile() -> Contenders:
    """`construct.compile()`, which accepts truncated data: here only to be seen."""
    frame, pdu = FRAME.compile(), interpreted.PDU.compile()
    values = [{"body": {"value": {name: getattr(row, name) for name in Frame.__slots__}}} for row in FRAMES]
    return {
        "frame encode": lambda: [frame.build(value) for value in values],
        "frame decode": lambda: [frame.parse(raw).body.value for raw in RAWS],
        "OTA PDU encode": lambda: [
            pdu.build({"covered": {"value": {"index": index, "image": image}}})
            for index, image in enumerate(IMAGES)
        ],
        "OTA PDU decode": lambda: [pdu.parse(raw).covered.value for raw in PDUS],
    }


def floor() -> Contenders:
    """What no Python codec can do without: pack, one AES call, a CRC in C, join. Its CRC is another one."""
    if find_spec("fastcrc"):
        from fastcrc import crc8 as fast

        crc: Callable[[bytes], int] = fast.maxim_dow
    else:
        crc = _crc32
    aes: Any = AES.new(KEY, AES.MODE_ECB)
    encrypt, decrypt = aes.encrypt, aes.decrypt
    buffer: Any = bytearray(16) if FILLS else None  # as our cipher does; then the calls return None
    magic = int.from_bytes(MAGIC, "big")

    def encode(block: bytes) -> bytes:
        raw: bytes = _HEADER.pack(magic, 5, 3, 1, 1, 1, 0x41, 0xAA, 16) + (encrypt(block, buffer) or buffer)
        return raw + _END.pack(crc(raw), TAIL)

    def decode(raw: bytes) -> bytes | bytearray:
        _HEADER.unpack_from(raw)
        crc(raw[:28])
        _END.unpack_from(raw, 28)
        plain: bytes | bytearray = decrypt(raw[12:28], buffer) or buffer
        return plain

    blocks = [plain + b"\x01" for plain in PLAINS]
    return {
        "AES frame encode": lambda: [encode(block) for block in blocks],
        "AES frame decode": lambda: [decode(raw) for raw in RAWS],
    }


def _crc32(data: bytes) -> int:
    return zlib.crc32(data) & 0xFF


def ttlock_ble() -> Contenders:
    """A client of TTLock locks. Its decoder checks no CRC."""
    from ttlock_ble.crypto import aes_decrypt, aes_encrypt
    from ttlock_ble.protocol.frame import Frame as Theirs
    from ttlock_ble.protocol.reassembler import FrameReassembler

    def stream() -> list[Any]:
        reassembler = FrameReassembler()
        return [frame for chunk in CHUNKS for frame in reassembler.feed(chunk)]

    theirs = [Theirs(5, 3, 1, 1, 1, row.command, 0xAA, row.data) for row in FRAMES]
    return {
        "frame encode": lambda: [frame.build() for frame in theirs],
        "frame decode": lambda: [Theirs.parse(raw) for raw in RAWS],
        "AES frame encode": lambda: [
            Theirs(5, 3, 1, 1, 1, 0x41, 0xAA, aes_encrypt(plain, KEY)).build() for plain in PLAINS
        ],
        "AES frame decode": lambda: [aes_decrypt(Theirs.parse(raw).data, KEY) for raw in RAWS],
        "stream of 20-byte chunks": stream,
    }


def kaitai() -> Contenders:
    """Kaitai Struct's runtime under a class as its compiler writes them, and the CRC beside it."""
    from kaitaistruct import BytesIO, KaitaiStream, KaitaiStruct

    class KaitaiFrame(KaitaiStruct):  # type: ignore[misc]  # it ships no types
        def __init__(self, io: Any) -> None:
            super().__init__(io)
            self.magic = io.read_bytes(2)
            if self.magic != MAGIC:
                raise ValueError("magic")
            self.protocol_type = io.read_u1()
            self.protocol_version = io.read_u1()
            self.scene = io.read_u1()
            self.group = io.read_u2be()
            self.org = io.read_u2be()
            self.command = io.read_u1()
            self.encrypt = io.read_u1()
            self.length = io.read_u1()
            self.data = io.read_bytes(self.length)
            self.crc = io.read_u1()
            self.tail = io.read_bytes(2)
            if self.tail != TAIL:
                raise ValueError("tail")

    def decode(raw: bytes) -> Any:
        frame = KaitaiFrame(KaitaiStream(BytesIO(raw)))
        if crc8(raw[:-3]) != frame.crc:
            raise ValueError("crc")
        return frame

    return {"frame decode": lambda: [decode(raw) for raw in RAWS]}


_C_FRAME = """
struct frame {
    uint16 magic; uint8 kind; uint8 version; uint8 scene; uint16 group; uint16 org; uint8 command;
    uint8 encrypt; uint8 length; char data[length]; uint8 crc; char tail[2];
};
"""


def cstruct() -> Contenders:
    """dissect.cstruct with its own compiled reader, and the CRC beside it."""
    from dissect.cstruct import cstruct as parser

    definitions = parser(endian=">")
    definitions.load(_C_FRAME)
    theirs, magic = definitions.frame, int.from_bytes(MAGIC, "big")

    def encode(row: Frame) -> bytes:
        frame = theirs(
            magic=magic,
            kind=row.protocol_type,
            version=row.protocol_version,
            scene=row.scene,
            group=row.group,
            org=row.org,
            command=row.command,
            encrypt=row.encrypt,
            length=len(row.data),
            data=row.data,
            crc=0,
            tail=TAIL,
        )
        raw: bytes = frame.dumps()
        return raw[:-3] + _END.pack(crc8(raw[:-3]), TAIL)

    def decode(raw: bytes) -> Any:
        frame = theirs(raw)
        if frame.magic != magic or frame.tail != TAIL or crc8(raw[:-3]) != frame.crc:
            raise ValueError("no frame")
        return frame

    return {
        "frame encode": lambda: [encode(row) for row in FRAMES],
        "frame decode": lambda: [decode(raw) for raw in RAWS],
    }


def scapy() -> Contenders:
    """A scapy layer with the CRC in its hooks."""
    from scapy.fields import (
        ByteField,
        FieldLenField,
        ShortField,
        StrLenField,
        XShortField,
    )
    from scapy.packet import Packet

    class ScapyFrame(Packet):  # type: ignore[misc]  # it ships no types
        name = "frame"
        fields_desc = (
            XShortField("magic", 0x7F5A),
            ByteField("kind", 5),
            ByteField("version", 3),
            ByteField("scene", 1),
            ShortField("group", 1),
            ShortField("org", 1),
            ByteField("command", 0),
            ByteField("encrypt", 0xAA),
            FieldLenField("length", None, length_of="data", fmt="B"),
            StrLenField("data", b"", length_from=lambda packet: packet.length),
        )

        def post_build(self, raw: bytes, _payload: bytes) -> bytes:
            return raw + _END.pack(crc8(raw), TAIL)

    def decode(raw: bytes) -> Any:
        if raw[-2:] != TAIL or crc8(raw[:-3]) != raw[-3]:
            raise ValueError("crc")
        return ScapyFrame(raw[:-3])

    return {
        "frame encode": lambda: [bytes(ScapyFrame(command=row.command, data=row.data)) for row in FRAMES],
        "frame decode": lambda: [decode(raw) for raw in RAWS],
    }


# name -> the distribution's package, and what makes its contenders
PEERS: dict[str, tuple[str, Callable[[], Contenders]]] = {
    "construct.compile()": ("construct", construct_compile),
    "C-call floor": ("Crypto", floor),
    "ttlock-ble": ("ttlock_ble", ttlock_ble),
    "Kaitai runtime": ("kaitaistruct", kaitai),
    "dissect.cstruct": ("dissect", cstruct),
    "scapy": ("scapy", scapy),
}


@cache
def installed() -> dict[str, Contenders]:
    """The contenders of each peer that can be imported here."""
    return {name: make() for name, (package, make) in PEERS.items() if find_spec(package)}
