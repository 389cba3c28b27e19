"""The same schemas as construct runs them: what the codec would cost without its fast functions."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from construct import StreamError, Struct
from Crypto.Cipher import AES
from Crypto.Util.Padding import pad, unpad
from lockbench_protocol.lock.frame import FRAME, Frame
from lockbench_protocol.telink.ota import data_schema

PDU = data_schema(16)
_UNENDED = Struct(*FRAME.subcons[:-1])  # without Terminated: the stream goes on


def encode(frame: Frame) -> bytes:
    values = {name: getattr(frame, name) for name in Frame.__slots__}
    raw: bytes = FRAME.build({"body": {"value": values}})
    return raw


def decode(raw: bytes) -> Frame:
    return _frame(FRAME.parse(raw).body.value)


def _frame(value: Any) -> Frame:
    return Frame(
        value.command,
        value.data,
        value.protocol_type,
        value.protocol_version,
        value.scene,
        value.group,
        value.org,
        value.encrypt,
    )


def encrypt(key: bytes, plain: bytes) -> bytes:
    """A new cipher for each message, as the construct documentation's recipes do."""
    return AES.new(key, AES.MODE_CBC, iv=key).encrypt(pad(plain, 16))


def decrypt(key: bytes, data: bytes) -> bytes:
    return unpad(AES.new(key, AES.MODE_CBC, iv=key).decrypt(data), 16)


def frames(chunks: list[bytes]) -> Iterator[Frame]:
    """A parse at each chunk, repeated while the bytes are too few."""
    buffer = b""
    for chunk in chunks:
        buffer += chunk
        while buffer:
            stream = io.BytesIO(buffer)
            try:
                parsed = _UNENDED.parse_stream(stream)
            except StreamError:
                break
            yield _frame(parsed.body.value)
            buffer = buffer[stream.tell() :]


def encode_pdu(index: int, image: bytes) -> bytes:
    raw: bytes = PDU.build({"covered": {"value": {"index": index, "image": image}}})
    return raw


def decode_pdu(raw: bytes) -> tuple[int, bytes]:
    value = PDU.parse(raw).covered.value
    return value.index, value.image


def pdus(image: bytes) -> list[bytes]:
    return [encode_pdu(at >> 4, image[at : at + 16]) for at in range(0, len(image), 16)]
