"""How an OTA server behaves: the choices that tell one dialect's server from another (telink-ota 1, 4, 7.4).

What is seen on the wire is `lockbench_protocol.telink.dialects.Dialect`; here is what the firmware does with
it. Dialects are TOML profiles, every assumption a named key.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from lockbench_protocol.telink.dialects import Dialect, dialect

from lockbench_emulator.boot import toml
from lockbench_emulator.gatt import Characteristic, Properties, Service

__all__ = ["ServerDialect", "dialect_names", "load_dialect"]


@dataclass(frozen=True, slots=True)
class ServerDialect:
    name: str
    wire: str  # name of the wire dialect
    properties: tuple[
        Literal["read", "write-without-response", "write", "notify"], ...
    ]  # of the OTA characteristic
    description: str  # its 2901; none when empty
    repeated_index: Literal["error", "ignore"]
    idle_timeout: float  # seconds from the last VERSION, START or data PDU in sequence
    disconnect_after: float  # seconds from the verdict until the device ends the link
    commit_after: float  # seconds from the end of the link until flash is touched
    commit_at_latest: float  # seconds from the verdict, even if the link does not end
    invalidate: Literal[1, 4]  # bytes of the old mark that are zeroed
    commit_readback: bool  # does the commit look whether the new mark took, before it clears the old one?
    clean_failed_row: bool  # does the failure erase cover the sector of a row that did not read back?
    wipe_probes: tuple[int, ...]  # offsets of the u32 that the start-up wipe samples in each sector
    wipe_forced: int  # sectors that it erases unseen after a dirty one
    wipe_clamp: bool  # do these stop at the limit?
    mark_recheck: bool  # does the start-up check the full mark word of the running image before wiping?

    def on_the_wire(self) -> Dialect:
        return dialect(self.wire)

    def service(self) -> Service:
        """The GATT service of this dialect (telink-ota 2)."""
        wire = self.on_the_wire()
        properties = Properties(0)
        for name in self.properties:
            properties |= Properties[name.upper().replace("-", "_")]
        return Service(wire.service, (Characteristic(wire.characteristic, properties, self.description),))


def dialect_names() -> list[str]:
    return toml.names("dialects")


def load_dialect(name: str = "tt") -> ServerDialect:
    """The server dialect of that name; LocalError names the known ones."""
    return toml.load("dialects", name, ServerDialect)
