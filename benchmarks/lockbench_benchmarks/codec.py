"""The works of the codec, and who does them: ours first, then the peers. A call does the whole batch."""

from __future__ import annotations

from lockbench_protocol.lock import frame as ours
from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.frame import Frame
from lockbench_protocol.telink import ota

from lockbench_benchmarks import hand, interpreted
from lockbench_benchmarks.row import OURS, Goals, Work
from lockbench_benchmarks.samples import (
    CHUNKS,
    COUNT,
    DIALECT,
    FRAMES,
    IMAGE,
    IMAGES,
    KEY,
    PDUS,
    PLAINS,
    RAWS,
)

CONSTRUCT, HAND = "interpreted construct", "hand-written struct"
CIPHER = cipher(KEY)  # a session keeps its cipher
_PDU_COUNT = len(IMAGE) // 16


def _stream() -> list[Frame]:
    reassembler = ours.Reassembler()
    return [ours.decode(raw) for chunk in CHUNKS for raw in reassembler.feed(chunk)]


# the results of all contenders of a work are equal
WORKS = (
    Work(
        "frame encode",
        COUNT,
        {
            OURS: lambda: [ours.encode(frame) for frame in FRAMES],
            CONSTRUCT: lambda: [interpreted.encode(frame) for frame in FRAMES],
            HAND: lambda: [hand.encode(frame) for frame in FRAMES],
        },
    ),
    Work(
        "frame decode",
        COUNT,
        {
            OURS: lambda: [ours.decode(raw) for raw in RAWS],
            CONSTRUCT: lambda: [interpreted.decode(raw) for raw in RAWS],
            HAND: lambda: [hand.decode(raw) for raw in RAWS],
        },
    ),
    Work(
        "AES frame encode",
        COUNT,
        {
            OURS: lambda: [ours.encode(Frame(0x41, CIPHER.encrypt(plain))) for plain in PLAINS],
            CONSTRUCT: lambda: [
                interpreted.encode(Frame(0x41, interpreted.encrypt(KEY, plain))) for plain in PLAINS
            ],
            HAND: lambda: [hand.encode(Frame(0x41, CIPHER.encrypt(plain))) for plain in PLAINS],
        },
    ),
    Work(
        "AES frame decode",
        COUNT,
        {
            OURS: lambda: [CIPHER.decrypt(ours.decode(raw).data) for raw in RAWS],
            CONSTRUCT: lambda: [interpreted.decrypt(KEY, interpreted.decode(raw).data) for raw in RAWS],
            HAND: lambda: [CIPHER.decrypt(hand.decode(raw).data) for raw in RAWS],
        },
    ),
    Work(
        "stream of 20-byte chunks",
        COUNT,
        {
            OURS: _stream,
            CONSTRUCT: lambda: list(interpreted.frames(CHUNKS)),
            HAND: lambda: list(hand.frames(CHUNKS)),
        },
    ),
    Work(
        "OTA PDU encode",
        COUNT,
        {
            OURS: lambda: [ota.data_pdu(index, image) for index, image in enumerate(IMAGES)],
            CONSTRUCT: lambda: [interpreted.encode_pdu(index, image) for index, image in enumerate(IMAGES)],
            HAND: lambda: [hand.encode_pdu(index, image) for index, image in enumerate(IMAGES)],
        },
    ),
    Work(
        "OTA PDU decode",
        COUNT,
        {
            OURS: lambda: [tuple(ota.decode(pdu, DIALECT).fields.values())[:2] for pdu in PDUS],
            CONSTRUCT: lambda: [interpreted.decode_pdu(pdu) for pdu in PDUS],
            HAND: lambda: [hand.decode_pdu(pdu) for pdu in PDUS],
        },
    ),
    Work(
        "128 KiB image to PDUs",
        _PDU_COUNT,
        {
            OURS: lambda: ota.data_pdus(IMAGE),
            CONSTRUCT: lambda: interpreted.pdus(IMAGE),
            HAND: lambda: hand.pdus(IMAGE),
        },
    ),
)

# the lines of the speed table: work, peer, how many times as many frames a second
GOALS: Goals = {
    ("frame encode", CONSTRUCT): 20,
    ("frame decode", CONSTRUCT): 13,
    ("frame encode", HAND): 0.95,
    ("frame decode", HAND): 0.95,
    ("AES frame encode", CONSTRUCT): 7,
    ("AES frame decode", CONSTRUCT): 6.5,
    ("AES frame encode", "C-call floor"): 0.65,
    ("AES frame decode", "C-call floor"): 0.55,
    ("AES frame encode", "ttlock-ble"): 2,
    ("AES frame decode", "ttlock-ble"): 1.4,
    ("OTA PDU encode", CONSTRUCT): 12,
    ("OTA PDU decode", CONSTRUCT): 10,
    ("128 KiB image to PDUs", CONSTRUCT): 50,
    ("stream of 20-byte chunks", CONSTRUCT): 20,
}
