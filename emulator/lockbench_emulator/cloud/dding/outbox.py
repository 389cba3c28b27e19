"""The callbacks of the dding SaaS on their way out (dding V1.6 9).

Ordered per device, at least once, four tries. The document prints no retry; the times
are ours. The courier that posts them is elsewhere: it takes what is due, and says what became of it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from lockbench_emulator.cloud.dding.core import Core

PAUSES = (1_000, 5_000, 30_000)
"""After a failed try, ms until the next; after the last, the dead letters."""

_OLDEST = (
    "state = 'waiting' AND NOT EXISTS (SELECT 1 FROM dding_outbox e WHERE e.tenant = o.tenant"
    " AND e.uuid = o.uuid AND e.state = 'waiting' AND e.number < o.number)"
)


@dataclass(frozen=True, slots=True)
class Letter:
    """One body for one address. The bytes that are sent are the bytes that were signed."""

    number: int
    url: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """How an address answered."""

    status: int | None  # HTTP; None: it did not answer
    body: bytes = b""
    trouble: str = ""  # "timed out", "refused"


class Outbox:
    def __init__(self, core: Core) -> None:
        self._core = core

    def next_due(self) -> int | None:
        """When a letter is due next, ms since 1970."""
        row = self._core.store.one(f"SELECT min(due) FROM dding_outbox o WHERE {_OLDEST}")  # noqa: S608 - our own words
        return None if row is None else row[0]

    def due(self) -> list[Letter]:
        """The letters to post now: of each device only the oldest."""
        rows = self._core.store.all(
            f"SELECT * FROM dding_outbox o WHERE due <= ? AND {_OLDEST} ORDER BY due, number",  # noqa: S608 - our own words
            self._core.millis(),
        )
        return [Letter(row["number"], row["url"], row["body"].encode()) for row in rows]

    def settle(self, number: int, answer: Answer) -> None:
        """A try is over: delivered, to be tried again, or dead."""
        taken, words = judge(answer, text_counts=self._core.policy.ack_text)
        store, now = self._core.store, self._core.millis()
        with store.transaction():
            row = store.one("SELECT * FROM dding_outbox WHERE number = ? AND state = 'waiting'", number)
            if row is None:
                return
            store.run(
                "INSERT INTO dding_attempts (outbox, at, status, outcome) VALUES (?, ?, ?, ?)",
                *(number, now, answer.status, words),
            )
            tries = row["tries"] + 1
            if taken:
                state, due = "delivered", None
            elif tries > len(PAUSES):
                state, due = "dead", None
            else:
                state, due = "waiting", now + PAUSES[tries - 1]
            store.run(
                "UPDATE dding_outbox SET state = ?, due = ?, tries = ? WHERE number = ?",
                *(state, due, tries, number),
            )

    def redeliver(self, number: int) -> bool:
        """Send a letter that is not on its way once more; False: it is, or has no address."""
        changed = self._core.store.run(
            "UPDATE dding_outbox SET state = 'waiting', tries = 0, due = ?"
            " WHERE number = ? AND state IN ('dead', 'delivered')",
            *(self._core.millis(), number),
        )
        self._core.news()
        return changed == 1

    def journal(self, tenant: str) -> list[dict[str, object]]:
        """All letters of a tenant with their tries, passwords masked."""
        store = self._core.store
        return [
            {
                "number": row["number"],
                "event": row["event"],
                "url": row["url"],
                "body": masked(json.loads(row["body"])),
                "state": row["state"],
                "tries": [
                    {"at": row["at"], "status": row["status"], "outcome": row["outcome"]}
                    for row in store.all(
                        "SELECT * FROM dding_attempts WHERE outbox = ? ORDER BY number", row["number"]
                    )
                ],
            }
            for row in store.all("SELECT * FROM dding_outbox WHERE tenant = ? ORDER BY number", tenant)
        ]


def judge(answer: Answer, *, text_counts: bool) -> tuple[bool, str]:
    """Whether the answer takes the letter, and in words why (dding V1.6 9.1: ErrNo 0)."""
    if answer.status is None:
        return False, answer.trouble
    if not 200 <= answer.status < 300:
        return False, f"HTTP {answer.status}"
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return text_counts, "no JSON"
    number = body.get("ErrNo") if isinstance(body, dict) else None
    if number == 0 and not isinstance(number, bool):
        return True, "taken"
    return False, f"ErrNo {number!r:.40}"


def masked(value: object) -> object:
    """The same with every password hidden."""
    if isinstance(value, dict):
        return {
            key: "***" if key == "password" and isinstance(inner, str) else masked(inner)
            for key, inner in value.items()
        }
    return [masked(inner) for inner in value] if isinstance(value, list) else value
