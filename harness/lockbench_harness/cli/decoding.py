"""Bytes cut into pieces, and each piece into fields with a meaning. Nothing is printed here.

A piece is a frame, an advertisement, manufacturer data, an OTA PDU, or bytes that are none of these. What is
broken becomes the error of its piece; nothing is raised.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from lockbench_protocol import RemoteError
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.commands.info import RECORD_PUSH
from lockbench_protocol.lock.crc import TEXTBOOK, VENDOR, crc8
from lockbench_protocol.lock.dates import read_date
from lockbench_protocol.lock.frame import (
    AES,
    MAGIC,
    REPLY,
    TAIL,
    FrameError,
    diagnose,
    header_fields,
    is_legacy,
    mends,
)

from lockbench_harness.cli.decoding_others import bad_pdu, no_frame
from lockbench_harness.cli.pieces import Field, Mend, Piece, scene

KEY_SIZE = 16
_BLOCK = 16
_GENERATIONS = {  # ttlock-ble 1.5
    (5, 1): "V2S",
    (5, 3): "V3",
    (5, 4): "V2S+",
    (10, 1): "car",
    (11, 1): "Mobi",
}
_DATES = frozenset({"date", "start", "end", "delete_date"})
_PUSHING = 0x14  # the echo of unsolicited frames
_RECORD_PUSH_SIZE = 15


def read(data: bytes, table: bytes = VENDOR, key: bytes | None = None) -> list[Piece]:
    """The pieces of `data` in order. `table` judges the CRC-8; with `key` the plaintext is explained too."""
    other = no_frame(data)
    return [other] if other else list(_frames(data, table, key))


# frames


def _frames(data: bytes, table: bytes, key: bytes | None) -> Iterator[Piece]:
    at = 0
    while at < len(data):
        begin = data.find(MAGIC, at)
        if begin != at:
            end = len(data) if begin < 0 else begin
            yield _no_frame(data[at:end], at, table)
            at = end
            continue
        end = _end(data, at, table)
        yield _frame(data[at:end], at, table, key)
        at = end


def _declared(raw: bytes) -> int | None:
    length_at = header_fields(raw)[-1][1]
    return length_at + 4 + raw[length_at] if len(raw) > length_at else None


def _end(data: bytes, at: int, table: bytes) -> int:
    """Where the frame at `at` ends: as declared if CR LF stands there, else before the next sound frame."""
    size = _declared(data[at : at + 12])
    if size is not None and data[at + size - 2 : at + size] == TAIL:
        return at + size
    later = data.find(MAGIC, at + 1)
    while later > 0:
        size = _declared(data[later : later + 12])
        if size is not None and _sound(data[later : later + size], table):
            return later
        later = data.find(MAGIC, later + 1)
    return len(data)


def _sound(raw: bytes, table: bytes) -> bool:
    return len(raw) == _declared(raw) and raw[-2:] == TAIL and crc8(raw[:-3], table) == raw[-3]


def _frame(raw: bytes, at: int, table: bytes, key: bytes | None) -> Piece:
    piece = Piece("legacy frame" if is_legacy(raw) else "frame", at, raw)
    piece.fields = [Field(at + offset, value, name, text) for name, offset, value, text in _parts(raw, table)]
    if not _sound(raw, table):
        error = diagnose(raw, table)
        piece.error = _moved(error, at)
        if error.field == "crc":
            piece.mends = [
                Mend(at + offset, _name_at(piece, at + offset), found, wanted)
                for offset, found, wanted in mends(raw, table)
            ]
    elif key is not None and not is_legacy(raw):
        _explain_plaintext(piece, key)
    return piece


def _no_frame(raw: bytes, at: int, table: bytes) -> Piece:
    piece = Piece("bytes", at, raw, [Field(at, raw, "bytes", "no frame begins here")])
    piece.error = _moved(diagnose(raw, table), at, "" if at else bad_pdu(raw))
    return piece


def _moved(error: FrameError, at: int, hint: str = "") -> FrameError:
    """The same error with its offset in the whole input."""
    message = str(error).partition(": ")[2]
    return FrameError(error.field, error.offset + at, message + hint)


def _name_at(piece: Piece, offset: int) -> str:
    for row in piece.fields:
        if row.offset <= offset < row.offset + len(row.raw):
            return row.name if len(row.raw) == 1 else f"{row.name}[{offset - row.offset}]"
    return ""


def _parts(raw: bytes, table: bytes) -> Iterator[tuple[str, int, bytes, str]]:
    """The fields as far as the bytes go: name, offset, bytes, meaning."""
    fields = header_fields(raw)
    for name, offset, size in fields:
        value = raw[offset : offset + size]
        if value:
            yield name, offset, value, _header_meaning(name, value, raw)
    start = fields[-1][1] + 1
    if len(raw) < start:
        return
    crc_at = start + raw[start - 1]
    if data := raw[start:crc_at]:
        yield "data", start, data, _data_meaning(data, raw)
    if crc := raw[crc_at : crc_at + 1]:
        yield "crc", crc_at, crc, _crc_meaning(crc[0], raw[:crc_at], table)
    if tail := raw[crc_at + 1 : crc_at + 3]:
        yield "tail", crc_at + 1, tail, "CR LF" if tail == TAIL else "should be CR LF"
    if rest := raw[crc_at + 3 :]:
        yield "end", crc_at + 3, rest, "beyond the declared length"


def _header_meaning(name: str, value: bytes, raw: bytes) -> str:
    number = int.from_bytes(value, "big")
    if name == "magic":
        return "a frame begins" if value == MAGIC else f"should be {MAGIC.hex()}"
    if name == "protocol_type":
        generation = "V2" if is_legacy(raw) else _GENERATIONS.get((number, raw[3] if len(raw) > 3 else 0))
        return f"{number} ({generation or 'of no known generation'})"
    if name == "scene":
        return scene(number)
    if name == "command":
        return _command_meaning(number)
    if name == "encrypt":
        if is_legacy(raw):
            return f"XOR seed {number}"
        return "AES" if number == AES else "should be aa (AES) in V3"
    if name == "length":
        return f"{number} bytes of data"
    return str(number)


def _command_meaning(opcode: int) -> str:
    if opcode == REPLY:
        return "reply, or unsolicited"
    if opcode == 0x19:
        return "GET_AES_KEY, request or the reply to it"
    return f"{COMMANDS[opcode].name}, request" if opcode in COMMANDS else "request of no known command"


def _data_meaning(data: bytes, raw: bytes) -> str:
    if is_legacy(raw):
        return f"{len(data)} bytes, XOR-coded"
    blocks, rest = divmod(len(data), _BLOCK)
    return (
        f"{len(data)} bytes, no whole number of AES blocks" if rest else f"ciphertext, AES blocks: {blocks}"
    )


def _crc_meaning(found: int, covered: bytes, table: bytes) -> str:
    wanted = crc8(covered, table)
    other, name = (TEXTBOOK, "textbook") if table is VENDOR else (VENDOR, "vendor")
    if found == wanted:
        return f"fits the {'vendor' if table is VENDOR else 'textbook'} table"
    hint = f"; it fits the {name} table" if found == crc8(covered, other) else ""
    return f"should be {wanted:02x}{hint}"


# plaintext


def _explain_plaintext(piece: Piece, key: bytes) -> None:
    from lockbench_protocol.lock.cipher import CipherError, cipher

    data = next((row for row in piece.fields if row.name == "data"), None)
    if data is None:
        piece.plain = b""
    else:
        try:
            piece.plain = cipher(key).decrypt(data.raw)
        except CipherError as error:
            piece.error = FrameError("data", data.offset, str(error))
            return
    opcode = piece.raw[9]
    try:
        if opcode == REPLY or (opcode == 0x19 and piece.plain[:1] == b"\x19"):
            piece.values = list(_reply_values(piece.plain))
        else:
            piece.values = list(_request_values(opcode, piece.plain))
    except RemoteError as error:
        piece.error = FrameError("plaintext", piece.offset + 12, " ".join(str(error).split()))


def _request_values(opcode: int, plain: bytes) -> Iterator[tuple[str, object, str]]:
    if opcode in COMMANDS:
        yield "request", COMMANDS[opcode].name, COMMANDS[opcode].name
        yield from _flat("", COMMANDS[opcode].parse_request(plain))


def _reply_values(plain: bytes) -> Iterator[tuple[str, object, str]]:
    from lockbench_protocol.lock.envelope import Refusal, unpack
    from lockbench_protocol.lock.status import Status

    if not plain:
        return
    answer = unpack(plain)
    row = COMMANDS.get(answer.echo)
    name = row.name if row else "no known command"
    yield "echo", answer.echo, f"0x{answer.echo:02x} {name}"
    if isinstance(answer, Refusal):
        status = Status(answer.code).name if answer.code in list(Status) else "no known status"
        yield "status", 0, "0 refused"
        yield "code", answer.code, f"{answer.code} {status}"
        if answer.op is not None:
            yield "op", answer.op, str(answer.op)
        return
    yield "status", 1, "1 success"
    if answer.echo == _PUSHING and len(answer.body) == _RECORD_PUSH_SIZE:
        yield from _flat("", RECORD_PUSH.parse(answer.body))
    elif row is not None:
        yield from _flat("", row.parse_reply(answer.body))
    elif answer.body:
        yield "body", answer.body, answer.body.hex()


def _flat(name: str, value: object) -> Iterator[tuple[str, object, str]]:
    """Nested structures and lists as one row a leaf, named `page.records[0].type`."""
    if isinstance(value, Mapping):
        for key, inner in value.items():
            if not key.startswith("_"):
                yield from _flat(f"{name}.{key}" if name else key, inner)
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _flat(f"{name}[{place}]", inner)
    elif value is not None:
        yield name or "body", value, _text(name, value)


def _text(name: str, value: object) -> str:
    if isinstance(value, int):
        return f"{value} (0x{value:x})" if value > 9 else str(value)
    if not isinstance(value, bytes):
        return repr(value)  # a passcode of a hostile lock may hold control characters
    if name.rpartition(".")[2] in _DATES:
        try:
            return f"{read_date(value)} ({value.hex()})"
        except RemoteError:
            return f"{value.hex()}, no date"
    return f"{value.hex()} {value.decode('ascii')!r}" if value.isascii() and value else value.hex()
