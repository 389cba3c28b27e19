"""A piece of decoded input and its fields. Data only; offsets count in the whole input."""

from __future__ import annotations

from dataclasses import dataclass, field

from lockbench_protocol.lock.frame import FrameError

SCENES = {  # ttlock-ble 1.4
    **dict.fromkeys((1, 2, 3), "room lock"),
    4: "glass or gate lock",
    5: "safe lock",
    6: "bicycle lock",
    7: "parking lock",
    8: "padlock",
    9: "cylinder",
    10: "remote control",
    11: "safe lock with one passcode",
    12: "lift",
    13: "power saver",
}


def scene(number: int) -> str:
    return f"{number} ({SCENES.get(number, 'no known scene')})"


@dataclass(frozen=True, slots=True)
class Field:
    offset: int
    raw: bytes
    name: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Mend:
    """One byte that, changed, would make the CRC fit."""

    offset: int
    field: str
    found: int
    wanted: int


@dataclass(slots=True)
class Piece:
    """`values` are the fields of the plaintext: dotted name, value, meaning."""

    kind: str
    offset: int
    raw: bytes
    fields: list[Field] = field(default_factory=list)
    plain: bytes | None = None
    values: list[tuple[str, object, str]] = field(default_factory=list)
    error: FrameError | None = None
    mends: list[Mend] = field(default_factory=list)

    def as_json(self) -> dict[str, object]:
        made: dict[str, object] = {
            "kind": self.kind,
            "offset": self.offset,
            "size": len(self.raw),
            "ok": self.error is None,
            "fields": [
                {"offset": row.offset, "bytes": row.raw.hex(), "name": row.name, "meaning": row.meaning}
                for row in self.fields
            ],
        }
        if self.plain is not None:
            made["plaintext"] = {
                "bytes": self.plain.hex(),
                "fields": {
                    name: value.hex() if isinstance(value, bytes) else value for name, value, _ in self.values
                },
            }
        if self.error is not None:
            made["error"] = {
                "field": self.error.field,
                "offset": self.error.offset,
                "text": str(self.error),
                "mends": [
                    {"offset": mend.offset, "field": mend.field, "is": mend.found, "should_be": mend.wanted}
                    for mend in self.mends
                ],
            }
        return made
