"""The locks that a phone lists while it scans (plug-in documents: startScan; ttlock-ble 1)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from lockbench_protocol.lock.advertising import Flag, LockState, read_manufacturer

from lockbench_harness.links import Sighting

GONE = 0  # the RSSI of a lock that was heard before, and no longer


@dataclass(frozen=True, slots=True)
class NearbyLock:
    """One row of the list."""

    address: str
    name: str
    rssi: int  # dBm; GONE when it is not heard
    state: LockState

    @property
    def in_setting_mode(self) -> bool:
        return Flag.SETTING in self.state.flags


def nearby(seen: Iterable[Sighting], before: Iterable[NearbyLock] = ()) -> list[NearbyLock]:
    """The locks of this scan: those in setting mode first, then the strongest; whatever is gone stands last.

    A sighting without a state of its own, as in DFU mode, is no row.
    """
    rows = {row.address: replace(row, rssi=GONE) for row in before}
    for sighting in seen:
        state = read_manufacturer(sighting.manufacturer, sighting.address)
        if state is not None:
            rows[sighting.address] = NearbyLock(sighting.address, sighting.name, sighting.rssi, state)
    return sorted(rows.values(), key=lambda row: (row.rssi == GONE, not row.in_setting_mode, -row.rssi))
