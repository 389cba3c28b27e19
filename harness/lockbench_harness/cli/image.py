"""`lockbench image`: make firmware images, sign and spoil them, and say what a file is and what is wrong."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

import click
from lockbench_emulator.boot.board import load_board
from lockbench_protocol import LocalError
from lockbench_protocol.telink.image import declared_size, make_image
from lockbench_protocol.telink.inspect import Inspection, inspect_image
from lockbench_protocol.telink.mutate import flip_bit, put, sign, spoil_trailer

from lockbench_harness import whole_file

_LARGEST_FILE = 16 << 20  # the largest Telink flash is 8 MiB; more is surely no image


@click.group()
def command() -> None:
    """Make, inspect, sign and spoil firmware images."""


@command.command()
@click.option("--size", type=int, required=True, help="Length of the file in bytes.")
@click.option("--version", required=True, help="Firmware version, such as 6.4.34.")
@click.option("--seed", type=int, default=0, show_default=True, help="Same seed, same bytes.")
@click.option("--board", default="b87", show_default=True, help="The board it is meant for.")
@click.option("--algorithm", type=int, default=2, show_default=True, help="1 CRC16-sum, 2 CRC-32.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def make(
    size: int,
    version: str,
    seed: int,
    board: str,
    algorithm: int,
    output: Path,
    *,
    as_json: bool,
) -> None:
    """Make a Telink firmware image."""
    mark = load_board(board).mark_offset
    data = make_image(size, version, seed, algorithm=algorithm, mark_offset=mark)
    _write(output, data)
    facts: dict[str, str | int] = {
        "file": str(output),
        "size": size,
        "declared_size": declared_size(data),
        "version": version,
        "seed": seed,
        "sha256": hashlib.sha256(data).hexdigest(),
    }
    _tell(facts, as_json=as_json)


@command.command("sign-crc")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--algorithm", type=int, default=2, show_default=True, help="1 CRC16-sum, 2 CRC-32.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def sign_crc(file: Path, algorithm: int, output: Path, *, as_json: bool) -> None:
    """Give FILE its check value: fill it to whole rows, write the size, bytes 6 and 7 and the trailer."""
    data = sign(_telink(file), algorithm)
    _write(output, data)
    _tell(_facts(output, data), as_json=as_json)


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--put", "puts", multiple=True, metavar="OFFSET=HEX", help="Write bytes; may be repeated.")
@click.option("--flip", "flips", multiple=True, metavar="OFFSET.BIT", help="Turn a bit; may be repeated.")
@click.option("--bad-crc", is_flag=True, help="Spoil the check value.")
@click.option("--shorten", type=click.IntRange(min=1), metavar="BYTES", help="Keep the first bytes only.")
@click.option("--append", metavar="HEX", help="Add bytes at the end.")
@click.option("--sign", "signs", is_flag=True, help="Then make the check value right again.")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, help="The file to write.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def mutate(file: Path, output: Path, *, as_json: bool, **changes: Any) -> None:
    """Change FILE, in the order of these options. Offsets may be hexadecimal, as in 0x18."""
    data = _changed(_read(file), changes)
    _write(output, data)
    _tell(_facts(output, data), as_json=as_json)


def _changed(data: bytes, changes: dict[str, Any]) -> bytes:
    for text in changes["puts"]:
        offset, _, value = text.partition("=")
        data = put(data, _number(offset), _bytes(value))
    for text in changes["flips"]:
        offset, _, bit = text.partition(".")
        data = flip_bit(data, _number(offset) * 8 + _number(bit, below=8))
    if changes["bad_crc"]:
        data = spoil_trailer(data)
    if changes["shorten"]:
        data = data[: changes["shorten"]]
    if changes["append"]:
        data += _bytes(changes["append"])
    return sign(data) if changes["signs"] else data


def _number(text: str, *, below: int = 1 << 32) -> int:
    try:
        number = int(text, 0)
    except ValueError:
        number = -1
    if not 0 <= number < below:
        raise LocalError(f"{text!r} is no number below {below}")
    return number


def _bytes(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise LocalError(f"{text!r} is no hex text") from None


def _telink(file: Path) -> bytes:
    """The bytes of a file with a Telink mark; LocalError for any other."""
    data = _read(file)
    inspect_image(data, load_board())
    return data


def _facts(output: Path, data: bytes) -> dict[str, str | int]:
    return {"file": str(output), "size": len(data), "sha256": hashlib.sha256(data).hexdigest()}


def _tell(facts: dict[str, str | int], *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(facts))
    else:
        click.echo("\n".join(f"{name.replace('_', ' '):<14}{value}" for name, value in facts.items()))


@command.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--board", default="b87", show_default=True, help="The board it is meant for.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
@click.pass_context
def inspect(context: click.Context, file: Path, board: str, *, as_json: bool) -> None:
    """Say what FILE is and what is wrong with it. Exit 1 when a lock would refuse or not survive it."""
    layout = load_board(board)
    found = inspect_image(_read(file), layout)
    if as_json:
        click.echo(json.dumps({"file": str(file), "board": board, **_as_json(found)}))
    elif sys.stdout.isatty():
        _show(found)
    else:
        click.echo(_plain(found))
    context.exit(0 if found.sound else 1)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as stream:
            data = stream.read(_LARGEST_FILE + 1)
    except OSError as error:
        raise LocalError(f"{file} cannot be read: {error.strerror}") from None
    if len(data) > _LARGEST_FILE:
        raise LocalError(f"{file} is no Telink image: it has more than {_LARGEST_FILE} bytes")
    return data


def _write(file: Path, data: bytes) -> None:
    try:
        whole_file.replace(file, data)
    except OSError as error:
        raise LocalError(f"{file} cannot be written: {error.strerror}") from None


def _as_json(found: Inspection) -> dict[str, object]:
    return {
        "sound": found.sound,
        "facts": [{"name": fact.name, "value": fact.value, "offset": fact.offset} for fact in found.facts],
        "findings": [
            {"severity": finding.severity, "offset": finding.offset, "text": finding.text}
            for finding in found.findings
        ],
    }


def _rows(found: Inspection) -> list[tuple[str, str, str]]:
    return [(fact.name, _hex(fact.offset), str(fact.value)) for fact in found.facts]


def _hex(offset: int | None) -> str:
    return "" if offset is None else f"{offset:#x}"


def _plain(found: Inspection) -> str:
    lines = [f"{name:<23}{offset:<9}{value}" for name, offset, value in _rows(found)]
    lines += [f"{finding.severity:<23}{finding.offset:<#9x}{finding.text}" for finding in found.findings]
    return "\n".join(lines)


def _show(found: Inspection) -> None:
    from rich.console import Console
    from rich.table import Column, Table
    from rich.text import Text

    console = Console()
    facts = Table("fact", "offset", Column("value", overflow="fold"))
    for name, offset, value in _rows(found):
        facts.add_row(name, offset, Text(value))
    console.print(facts)
    colours = {"error": "bold red", "warning": "yellow", "note": "dim"}
    for finding in found.findings:
        line = f"{finding.severity} at {finding.offset:#x}: {finding.text}"
        console.print(Text(line, colours[finding.severity]))
    if not found.findings:
        console.print(Text("nothing wrong with it", "green"))
