"""What all contenders are given: the same bytes in every run, and enough of them that no cache knows all."""

from __future__ import annotations

from random import Random

from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.frame import Frame, chunks, encode
from lockbench_protocol.telink.dialects import TT
from lockbench_protocol.telink.ota import data_pdus

COUNT = 64
DIALECT = TT
_random = Random(7)  # noqa: S311 - the same bytes in every run

KEY = _random.randbytes(16)
PLAINS = [_random.randbytes(15) for _ in range(COUNT)]
FRAMES = [Frame(_random.randrange(256), cipher(KEY).encrypt(plain)) for plain in PLAINS]
RAWS = [encode(frame) for frame in FRAMES]
CHUNKS = chunks(b"".join(RAWS))
IMAGE = _random.randbytes(128 << 10)
IMAGES = [IMAGE[at : at + 16] for at in range(0, COUNT * 16, 16)]
PDUS = data_pdus(IMAGE[: COUNT * 16])
