"""`lockbench decode`: what bytes of a lock say, field by field, and where broken ones stop making sense.

Here are the command, its input and its output; what the bytes mean is read in `decoding`. The cipher is
loaded only with a key, rich only on a terminal.
"""

from __future__ import annotations

import json
import sys

import click
from lockbench_protocol import LocalError
from lockbench_protocol.lock.crc import TEXTBOOK, VENDOR

from lockbench_harness.cli.decoding import KEY_SIZE, read
from lockbench_harness.cli.pieces import Field, Piece

_WIDTH = 16  # bytes of a field in one line
_LONGEST = 1 << 20  # hex digits; a capture of that size is no frame to look at
_IGNORED = str.maketrans("", "", ":-,")


def bytes_of(text: str, what: str) -> bytes:
    """The bytes that hex digits name; blanks, colons, dashes, commas and a leading 0x do not count."""
    digits = "".join(word.removeprefix("0x").translate(_IGNORED) for word in text.split())
    for place, digit in enumerate(digits):
        if digit not in "0123456789abcdefABCDEF":
            raise LocalError(f"{what} is hex digits, and digit {place + 1} is {digit!r}")
    if len(digits) % 2:
        raise LocalError(f"{what} has {len(digits)} hex digits, so half a byte is missing")
    if not digits:
        raise LocalError(f"{what} is empty")
    return bytes.fromhex(digits)


def _input(words: tuple[str, ...]) -> bytes:
    if words != ("-",):
        return bytes_of(" ".join(words), "the input")
    text = sys.stdin.buffer.read(_LONGEST + 1)
    if len(text) > _LONGEST:
        raise LocalError(f"the input has more than {_LONGEST} characters")
    return bytes_of(text.decode("ascii", "replace"), "the input")


def _key(text: str | None) -> bytes | None:
    if text is None:
        return None
    key = bytes_of(text, "the key")
    if len(key) != KEY_SIZE:
        raise LocalError(f"an AES key has {KEY_SIZE} bytes, not {len(key)}")
    return key


@click.command()
@click.argument("words", metavar="HEX...", nargs=-1, required=True)
@click.option("--key", "key_text", metavar="HEX", help="AES key, 16 bytes: explain the plaintext too.")
@click.option("--textbook", is_flag=True, help="Judge the CRC by the textbook table, not the vendor's.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def command(
    context: click.Context, words: tuple[str, ...], key_text: str | None, *, textbook: bool, as_json: bool
) -> None:
    """Explain frames, advertisements and OTA PDUs given as HEX (- reads them from standard input).

    Exit 1 when a part of the input is broken; it names the field and the offset.
    """
    pieces = read(_input(words), TEXTBOOK if textbook else VENDOR, _key(key_text))
    whole = all(piece.error is None for piece in pieces)
    if as_json:
        click.echo(json.dumps({"ok": whole, "pieces": [piece.as_json() for piece in pieces]}))
    elif sys.stdout.isatty():
        _show(pieces)
    else:
        click.echo("\n\n".join(_plain(piece) for piece in pieces))
    context.exit(0 if whole else 1)


def _title(piece: Piece) -> str:
    return f"{piece.kind}, {len(piece.raw)} bytes at offset {piece.offset}"


def _lines(raw: bytes) -> list[str]:
    return [raw[at : at + _WIDTH].hex(" ") for at in range(0, len(raw), _WIDTH)] or [""]


def _verdict(piece: Piece) -> list[str]:
    """What is wrong, and each change of one byte that would mend it."""
    if piece.error is None:
        return []
    lines = [f"broken: {piece.error}"]
    if piece.mends:
        lines.append("one of these changes would mend it:")
    return lines + [
        f"  offset {mend.offset:<4} {mend.field:<17} {mend.found:02x} -> {mend.wanted:02x}"
        for mend in piece.mends
    ]


def _plain(piece: Piece) -> str:
    lines = [_title(piece)]
    for field in piece.fields:
        first, *more = _lines(field.raw)
        lines.append(
            f"{field.offset:>5}  {first:<{3 * _WIDTH - 1}}  {field.name:<17} {field.meaning}".rstrip()
        )
        lines += [f"{'':>5}  {line}" for line in more]
    if piece.plain is not None:
        lines.append(f"plaintext, {len(piece.plain)} bytes: {piece.plain.hex() or '(empty)'}")
        lines += [f"       {name:<24} {meaning}" for name, _, meaning in piece.values]
    return "\n".join(lines + _verdict(piece))


def _show(pieces: list[Piece]) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    console = Console(highlight=False)
    for piece in pieces:
        table = Table(Column("offset", justify="right"), "bytes", "name", "meaning", title=_title(piece))
        for field in piece.fields:
            table.add_row(*_cells(field))
        console.print(table)
        if piece.plain is not None:
            values = Table("name", "meaning", title=f"plaintext, {len(piece.plain)} bytes")
            for name, _, meaning in piece.values:
                values.add_row(name, Text(meaning))
            console.print(values)
        for number, line in enumerate(_verdict(piece)):
            console.print(Text(line, "" if number else "bold red"))


def _cells(field: Field) -> tuple[str, str, str, str]:
    from rich.markup import escape

    return str(field.offset), "\n".join(_lines(field.raw)), field.name, escape(field.meaning)
