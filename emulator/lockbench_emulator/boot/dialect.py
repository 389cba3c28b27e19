"""How an OTA server behaves: the choices that tell one dialect's server from another (telink-ota 1, 4, 7.4).

What is seen on the wire is `lockbench_protocol.telink.dialects.Dialect`; here is what the firmware does with
it. Dialects are TOML profiles, every assumption a named key. No key is read by its dialect's name.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from lockbench_protocol import LocalError
from lockbench_protocol.telink.dialects import Dialect, dialect
from lockbench_protocol.telink.image import ROW
from lockbench_protocol.telink.ota import MAX_PDU_LENGTH

from lockbench_emulator import toml
from lockbench_emulator.gatt import Characteristic, Properties, Service

__all__ = ["PROPERTY_SETS", "ServerDialect", "dialect_names", "load_dialect"]

_BASIC = Properties.READ | Properties.WRITE_WITHOUT_RESPONSE
PROPERTY_SETS = {  # of the OTA characteristic (telink-ota 2.1)
    "tl_ble_sdk": _BASIC | Properties.NOTIFY,
    "b85m": _BASIC | Properties.NOTIFY | Properties.WRITE,
    "pvvx": _BASIC,
}
_LONGEST_GAP = 20.0  # seconds that the SDK takes (telink-ota 1)
_PROCESS = (5.0, 1000.0)


@dataclass(frozen=True, slots=True)
class ServerDialect:
    name: str
    wire: str  # name of the wire dialect

    # GATT
    properties: Literal["tl_ble_sdk", "b85m", "pvvx"]  # a row of PROPERTY_SETS
    description: str  # its 2901; none when empty

    # The order of PDUs
    unstarted: Literal["written", "refused"]  # data before START
    unstarted_ends: Literal["by timer", "with link"]  # when are rows written without START cleaned?
    restart: Literal["rewinds", "refused"]  # START during a transfer
    unknown_command: Literal["data", "refused"]  # an opcode that the dialect lacks
    repeated_index: Literal["error", "ignore"]
    beyond_size: Literal["written", "refused"]  # a data PDU beyond the declared size
    after_verdict: Literal["heard", "ignored"]  # PDUs that still come
    end_index: Literal["six-byte END", "first six bytes"]  # when is the index in END compared?

    # Data PDUs
    checks: tuple[
        Literal["length", "range", "index", "crc", "limit"], ...
    ]  # in this order, then header and flash
    last_pdu: Literal["rows", "rows or full"]  # is a last PDU padded to the agreed length taken too?
    largest_pdu: int  # bytes of image that START_EXT may ask for
    program: Literal["rows", "pdu"]  # what one flash operation writes
    header_limit: bool  # is the declared size held against the limit as soon as it is seen?
    error_stops_row: bool  # is a PDU whose content is wrong kept from the flash?
    flash_protection: bool  # is the flag at 0x15 of old and new image compared?
    same_product: (
        bool  # must the new image have the manufacturer code and image type of the old one, at 0x12?
    )
    check_init: int  # where the CRC-32 of the whole image begins; a maker may choose it

    # What it tells besides the result
    schedule: Literal["off", "pdus", "bytes"]
    schedule_step: int  # data PDUs
    reports_unlock: bool  # does it say when it unlocks the flash and locks it again?

    # Time, in seconds; 0 is never
    idle_timeout: float  # from the last VERSION, START or data PDU in sequence
    data_interval: float  # from START or the last accepted data PDU
    process_timeout: float  # from START
    timeout_notified: bool
    link_loss: Literal["waits", "fails"]  # before the verdict
    after_success: Literal["disconnect, reboot", "reboot"]
    after_failure: Literal["disconnect, reboot", "reboot", "disconnect", "stay"]
    disconnect_after: float  # from the verdict until the device ends the link
    commit_after: (
        float  # from then (or from the verdict, where it does not disconnect) until flash is touched
    )
    commit_at_latest: float  # from the verdict, even if the link does not end

    # Flash
    invalidate: Literal[1, 4]  # bytes of the old mark that are zeroed
    commit_readback: bool  # does the commit look whether the new mark took, before it clears the old one?
    clean_failed_row: bool  # does the failure erase cover the sector of a row that did not read back?
    wipe_probes: tuple[int, ...]  # offsets of the u32 that the start-up wipe samples in each sector
    wipe_forced: int  # sectors that it erases unseen after a dirty one
    wipe_clamp: bool  # do these stop at the limit?
    mark_recheck: bool  # does the start-up check the full mark word of the running image before wiping?

    def __post_init__(self) -> None:
        if self.data_interval and not 1 <= self.data_interval <= _LONGEST_GAP:
            raise LocalError(f"dialect {self.name}: data_interval is 0 or 1 to {_LONGEST_GAP:g} s")
        low, high = _PROCESS
        if self.process_timeout and not low <= self.process_timeout <= high:
            raise LocalError(f"dialect {self.name}: process_timeout is 0 or {low:g} to {high:g} s")
        if self.largest_pdu % ROW or not ROW <= self.largest_pdu <= MAX_PDU_LENGTH:
            raise LocalError(f"dialect {self.name}: largest_pdu is a multiple of 16 up to {MAX_PDU_LENGTH}")
        if self.schedule != "off" and self.schedule_step < 1:
            raise LocalError(f"dialect {self.name}: schedule_step is 1 or more")

    def on_the_wire(self) -> Dialect:
        return dialect(self.wire)

    def service(self) -> Service:
        """The GATT service of this dialect (telink-ota 2)."""
        wire = self.on_the_wire()
        properties = PROPERTY_SETS[self.properties]
        return Service(wire.service, (Characteristic(wire.characteristic, properties, self.description),))


def dialect_names() -> list[str]:
    return toml.names("dialects")


@lru_cache
def load_dialect(name: str = "tt") -> ServerDialect:
    """The server dialect of that name; LocalError names the known ones."""
    return toml.load("dialects", name, ServerDialect)
