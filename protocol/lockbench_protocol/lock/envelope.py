"""The plaintext of a reply: `[echo] 01 body`, or `[echo] 00 code [op]` (ttlock-ble 4)."""

from __future__ import annotations

from dataclasses import dataclass

from lockbench_protocol import RemoteError

OK, FAILED = 1, 0


@dataclass(frozen=True, slots=True)
class Reply:
    """A success: the opcode it answers, and the body."""

    echo: int
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A failure: the opcode it answers, the status code, and the operation where the lock names it."""

    echo: int
    code: int
    op: int | None = None


def pack(answer: Reply | Refusal) -> bytes:
    if isinstance(answer, Reply):
        return bytes((answer.echo, OK)) + answer.body
    tail = b"" if answer.op is None else bytes((answer.op,))
    return bytes((answer.echo, FAILED, answer.code)) + tail


def unpack(plain: bytes) -> Reply | Refusal:
    """RemoteError when it is neither. A failure without a code (as of 0x56) has code 0."""
    if len(plain) < 2 or plain[1] not in (OK, FAILED):
        raise RemoteError(f"no reply begins like {plain.hex() or '(empty)'}")
    if plain[1] == OK:
        return Reply(plain[0], plain[2:])
    return Refusal(plain[0], plain[2] if len(plain) > 2 else 0, plain[3] if len(plain) > 3 else None)
