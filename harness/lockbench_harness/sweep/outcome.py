"""What became of one simulated upgrade (telink-ota 12)."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple

from lockbench_protocol.telink.dialects import Result

__all__ = ["INVARIANTS", "SIGNS", "Outcome", "Stage", "Verdict"]


class Verdict(StrEnum):
    OLD = "old"  # the whole old image runs, the next upgrade succeeds
    NEW = "new"  # the whole new image runs
    RECOVERABLE = "recoverable"  # it takes more than one more attempt, or the copying code finishes
    STUCK = "stuck"  # a whole image runs, and no later upgrade succeeds
    SUCCESS_OLD = "success-seen-but-old"
    FAILURE_NEW = "failure-seen-but-new"
    BRICK = "BRICK"  # no image, a mixture, or a reboot loop


SIGNS: Mapping[Verdict, str] = {
    Verdict.OLD: "o",
    Verdict.NEW: "n",
    Verdict.RECOVERABLE: "r",
    Verdict.STUCK: "s",
    Verdict.SUCCESS_OLD: "?",
    Verdict.FAILURE_NEW: "!",
    Verdict.BRICK: "X",
}
"""One letter each, for pictures and for strings of outcomes."""


class Stage(StrEnum):
    """Where in the story a flash operation stands."""

    FIRST_WIPE = "first wipe"  # what the running image does before it serves
    DATA = "data"
    NEW_MARK = "new mark"
    OLD_MARK = "old mark"
    COPY = "copy"  # over bank 0, where the board overwrites
    NEW_WIPE = "wipe by the new image"
    FAILURE_ERASE = "failure erase"
    OLD_WIPE = "wipe by the old image"


# telink-ota 12, in short
INVARIANTS: Mapping[str, str] = {
    "I1": "exactly one whole image runs, the old or the new one",
    "I2": "what runs carries a valid check value",
    "I3": "before all checks pass no write makes the new bank's mark 4B",
    "I4": "once the new version was read back, the new image runs after any cut",
    "I5": "after any failed attempt a later one with another image succeeds",
    "I6": "no program that needs 0 to 1 ends in success, no operation outside bank and limit",
    "I7": "time-outs fire, and the device returns to lock service",
    "I8": "the lock's data are unchanged",
    "I9": "no sector is erased more often than twice an attempt",
    "I10": "no result outside the dialect's table is told",
}


class Outcome(NamedTuple):
    """One simulation's; a tuple, because hundreds of thousands are made in a minute."""

    verdict: Verdict
    stage: Stage | None = None  # where the last cut fell
    result: Result | None = None  # the server's verdict on the last attempt
    believed: bool = False  # the client took the attempt for a success
    bank: int | None = None  # where an image runs; None: nowhere
    broken: tuple[str, ...] = ()  # names of INVARIANTS that do not hold
    retries: int | None = None  # attempts a real retry took, 0: it never succeeded; None: not tried
    state: int = 0  # digest of the flash at the cut, or at the end where there was none
    why: str = ""  # of a brick, one sentence
