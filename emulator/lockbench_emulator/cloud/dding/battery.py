"""When a battery reading alarms: once below 10 percent, once at 7, daily below 5; clear above 10 (9.2.1)."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Literal

DAY = 86_400_000
"""ms"""
CLEAR_ABOVE = 10
DAILY_BELOW = 5


@dataclass(frozen=True, slots=True)
class Alarms:
    """What was told in this episode; an episode ends above 10 percent."""

    latched: tuple[int, ...] = ()  # thresholds that alarmed
    last: int = 0  # ms since 1970, of the last alarm

    def text(self) -> str:
        return json.dumps(asdict(self))

    @staticmethod
    def of(text: str) -> Alarms:
        row = json.loads(text)
        return Alarms(tuple(row["latched"]), row["last"])

    def due(self, level: int) -> int | None:
        """When the daily alarm is due at this level; None: there is none."""
        return self.last + DAY if 0 <= level < DAILY_BELOW else None


def read_battery(
    alarms: Alarms, level: int, now: int, *, at_ten: bool
) -> tuple[Alarms, Literal["alarm", "clear"] | None]:
    """What a reading of `level` percent (-1: unknown) at `now` ms tells. A jump tells once."""
    if level < 0:
        return alarms, None
    if level > CLEAR_ABOVE:
        return Alarms(), "clear" if alarms.latched else None
    reached = {10: level < 10 or at_ten, 7: level <= 7, 5: level < DAILY_BELOW}
    fresh = [mark for mark, hit in reached.items() if hit and mark not in alarms.latched]
    due = alarms.due(level)
    if not fresh and (due is None or now < due):
        return alarms, None
    return Alarms((*alarms.latched, *fresh), now), "alarm"
