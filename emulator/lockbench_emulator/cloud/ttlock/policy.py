"""What no document of the TTLock platform settles, as named keys."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Policy:
    region: str = ""  # of this host; users of another region are 30008. "": users of every region
    refuse_simple: bool = False  # codes of one digit, or that only count up or down, are -2032
    state_seconds: int = 0  # for so long queryOpenState answers what it last heard, s
    digits: tuple[int, int] = (4, 9)  # of a custom passcode; newer documents say 6 to 9
    ack_text: bool = False  # an answer to a webhook must be the word success; else any 2xx takes it
    private_webhooks: bool = False  # addresses other than loopback
