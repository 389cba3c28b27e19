"""What a firmware file is and what is wrong with it: named facts, and findings with their offsets.

A file that is no Telink image at all is a LocalError; a Telink image with faults is an inspection with
findings (telink-ota 6, 7.2).
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from lockbench_protocol import LocalError
from lockbench_protocol.telink.image import (
    ALGORITHMS,
    CHECKED,
    HEADER,
    MARK,
    MARK_BYTE,
    ROW,
    ZIGBEE_CONTAINER,
    Layout,
    check_value,
    version_of,
)

__all__ = ["Fact", "Finding", "Inspection", "Severity", "inspect_image"]

_HEADER_LENGTH = 0x24
_FAMILIES = {0x08: "TC32 (826x, B85, B87, TC321X)", 0x20: "RISC-V (B91, B92, TL321X, TL721X)"}


class Severity(StrEnum):
    ERROR = "error"  # a lock refuses it, or does not survive it
    WARNING = "warning"  # it can go wrong
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Fact:
    name: str
    value: str | int
    offset: int | None = None  # where it stands in the file


@dataclass(frozen=True, slots=True)
class Finding:
    severity: Severity
    offset: int
    text: str


@dataclass(frozen=True, slots=True)
class Inspection:
    facts: tuple[Fact, ...]
    findings: tuple[Finding, ...]  # by offset

    @property
    def sound(self) -> bool:
        """No finding is an error."""
        return all(finding.severity is not Severity.ERROR for finding in self.findings)


def inspect_image(data: bytes, board: Layout) -> Inspection:
    """Facts and findings of a firmware file, for a lock on `board`.

    LocalError for a Zigbee container, a file too short for a header, and a file with no Telink mark at 0x08
    or 0x20; a mark whose first byte is FF or 00 (taken from flash before or after its life) still counts.
    """
    mark = _mark_offset(data, board)
    findings = [*_mark_findings(data, mark, board), *_size_findings(data, board), *_rom_findings(data, board)]
    check, check_findings = _check(data)
    findings.extend(check_findings)
    header = HEADER.parse(data)
    facts = (
        Fact("family", _FAMILIES[mark]),
        Fact("version", version_of(data)),
        Fact("version bytes", header.version.hex(), 0x02),
        Fact("check algorithm", header.algorithm, 0x07),
        Fact("mark", data[mark : mark + 4].hex(), mark),
        Fact("declared size", header.size, 0x18),
        Fact("file length", len(data)),
        Fact("trailing bytes", max(len(data) - header.size, 0)),
        Fact("data PDUs of 16 bytes", -(-header.size // ROW)),
        *check,
        Fact("sha256", hashlib.sha256(data).hexdigest()),
    )
    return Inspection(facts, tuple(sorted(findings, key=lambda finding: finding.offset)))


def _mark_offset(data: bytes, board: Layout) -> int:
    """Where the mark stands: the board's place first, then the other family's."""
    if data.startswith(ZIGBEE_CONTAINER):
        raise LocalError("this is a Zigbee OTA container, not a Telink image: take the image out of it first")
    if len(data) < _HEADER_LENGTH:
        raise LocalError(f"this is no Telink image: it has {len(data)} bytes, a header {_HEADER_LENGTH}")
    for offset in sorted(_FAMILIES, key=lambda offset: offset != board.mark_offset):
        if data[offset] in (MARK_BYTE, 0xFF, 0x00) and data[offset + 1 : offset + 4] == MARK[1:]:
            return offset
    raise LocalError("this is no Telink image: there is no mark KNLT at 0x08 or 0x20")


def _mark_findings(data: bytes, mark: int, board: Layout) -> Iterator[Finding]:
    if mark != board.mark_offset:
        text = f"made for {_FAMILIES[mark]}: board {board.name} has its mark at {board.mark_offset:#04x}"
        yield Finding(Severity.ERROR, mark, text)
    if data[mark] != MARK_BYTE:
        text = f"the mark begins with {data[mark]:02x} instead of 4b: read from flash, not made by a linker?"
        yield Finding(Severity.ERROR, mark, text)


def _size_findings(data: bytes, board: Layout) -> Iterator[Finding]:
    size = HEADER.parse(data).size
    if size > len(data):
        yield Finding(Severity.ERROR, 0x18, f"declares {size} bytes, the file has {len(data)}")
    if size > board.limit:
        text = f"declares {size} bytes, a bank of board {board.name} takes {board.limit}"
        yield Finding(Severity.ERROR, 0x18, text)
    if -(-size // ROW) < 3:
        text = f"declares {size} bytes: servers refuse fewer than three data PDUs"
        yield Finding(Severity.ERROR, 0x18, text)
    elif size % ROW != 4:
        text = f"declares {size} bytes, {size % ROW} modulo 16: the vendor's tool leaves 4"
        yield Finding(Severity.WARNING, 0x18, text)
    if 0 < size < len(data):
        filling = "all FF" if not data[size:].strip(b"\xff") else "not all FF"
        text = f"{len(data) - size} bytes follow the declared size ({filling}) and are not to be sent"
        yield Finding(Severity.NOTE, size, text)


def _rom_findings(data: bytes, board: Layout) -> Iterator[Finding]:
    """Bytes that the boot ROM would take for the mark of a bank in between (telink-ota 7.2)."""
    reach = min(HEADER.parse(data).size, board.limit, len(data))
    for bank in board.banks:
        for candidate in board.rom_candidates:
            offset = candidate - bank + board.mark_offset
            if candidate <= bank or offset >= reach:
                continue
            where = f"in bank {bank:#x} this byte lies where the ROM of board {board.name} looks for a mark"
            if data[offset] == MARK_BYTE:
                yield Finding(Severity.ERROR, offset, f"a mark byte 4b: {where}; the upgrade would brick")
            elif data[offset] & ~MARK_BYTE == 0:
                text = f"{data[offset]:02x}: {where}, and a torn write can leave 4b there"
                yield Finding(Severity.WARNING, offset, text)


def _check(data: bytes) -> tuple[list[Fact], list[Finding]]:
    header = HEADER.parse(data)
    if header.checked != CHECKED:
        text = f"{header.checked:02x} instead of 5d: the image carries no check value, servers refuse it"
        return [], [Finding(Severity.ERROR, 0x06, text)]
    if header.algorithm not in ALGORITHMS:
        text = f"check algorithm {header.algorithm} is unknown: 1 is the CRC16-sum, 2 the CRC-32"
        return [], [Finding(Severity.ERROR, 0x07, text)]
    at = header.size - 4
    if at < _HEADER_LENGTH or header.size > len(data):
        return [], []
    stored = int.from_bytes(data[at : at + 4], "little")
    wanted = check_value(data, header.algorithm)
    facts = [Fact("check value stored", f"{stored:08x}", at), Fact("check value computed", f"{wanted:08x}")]
    if stored == wanted:
        return facts, []
    return facts, [
        Finding(Severity.ERROR, at, f"the check value is {stored:08x}, the image gives {wanted:08x}")
    ]
