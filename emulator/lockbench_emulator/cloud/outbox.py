"""Letters of a cloud on their way out: ordered per device, at least once, four tries.

No document prints a retry; the times are ours. The courier that posts them is elsewhere: it takes what is
due, and says what became of it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from lockbench_emulator.cloud.store import Store

PAUSES = (1_000, 5_000, 30_000)
"""After a failed try, ms until the next; after the last, the dead letters."""

LOOPBACK = ("localhost", "127.0.0.1", "::1")

_OLDEST = (
    "cloud = ? AND state = 'waiting' AND NOT EXISTS (SELECT 1 FROM letters e WHERE e.state = 'waiting'"
    " AND e.cloud = o.cloud AND e.owner = o.owner AND e.device = o.device AND e.number < o.number)"
)


@dataclass(frozen=True, slots=True)
class Letter:
    number: int
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """How an address answered."""

    status: int | None  # HTTP; None: it did not answer
    body: bytes = b""
    trouble: str = ""  # "timed out", "refused"


Judge = Callable[[Answer], str]
"""What is wrong with an answer, in words; "" when it takes the letter."""


class Outbox:
    """The letters of one cloud. `millis` gives ms since 1970."""

    def __init__(self, store: Store, cloud: str, millis: Callable[[], int], judge: Judge) -> None:
        self._store = store
        self._cloud = cloud
        self._millis = millis
        self._judge = judge
        self.news: Callable[[], None] = lambda: None  # told of letters

    def post(
        self,
        owner: str,
        device: str,
        kind: str,
        url: str,
        headers: Mapping[str, str],
        body: str,
        *,
        once: bool = False,
    ) -> int:
        """Put a letter in; its number. Without an address it is noted as unsent. `once`: one try only."""
        number = self._store.insert(
            "INSERT INTO letters (cloud, owner, device, kind, url, headers, body, due, tries, state)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            *(self._cloud, owner, device, kind, url, json.dumps(dict(headers)), body),
            *(self._millis() if url else None, len(PAUSES) if once else 0, "waiting" if url else "unsent"),
        )
        self.news()
        return number

    def state(self, number: int) -> str:
        """waiting, delivered, dead or unsent; "" for no letter."""
        row = self._store.one("SELECT state FROM letters WHERE number = ?", number)
        return "" if row is None else str(row["state"])

    def next_due(self) -> int | None:
        """When a letter is due next, ms since 1970."""
        return self._store.number(f"SELECT min(due) FROM letters o WHERE {_OLDEST}", self._cloud)  # noqa: S608 - our own words

    def due(self) -> list[Letter]:
        """The letters to post now: of each device only the oldest."""
        rows = self._store.all(
            f"SELECT * FROM letters o WHERE {_OLDEST} AND due <= ? ORDER BY due, number",  # noqa: S608 - our own words
            *(self._cloud, self._millis()),
        )
        return [
            Letter(row["number"], row["url"], json.loads(row["headers"]), row["body"].encode())
            for row in rows
        ]

    def settle(self, number: int, answer: Answer) -> None:
        """A try is over: delivered, to be tried again, or dead."""
        store, now = self._store, self._millis()
        wrong = answer.trouble if answer.status is None else self._judge(answer)
        with store.transaction():
            row = store.one("SELECT tries FROM letters WHERE number = ? AND state = 'waiting'", number)
            if row is None:
                return
            store.run(
                "INSERT INTO letter_tries (letter, at, status, outcome) VALUES (?, ?, ?, ?)",
                *(number, now, answer.status, wrong or self.taken(answer)),
            )
            tries = row["tries"] + 1
            state, due = "delivered", None
            if wrong:
                state, due = ("dead", None) if tries > len(PAUSES) else ("waiting", now + PAUSES[tries - 1])
            store.run(
                "UPDATE letters SET state = ?, due = ?, tries = ? WHERE number = ?", state, due, tries, number
            )

    def taken(self, answer: Answer) -> str:  # noqa: ARG002 - a cloud may look closer
        """How the journal says that an answer took its letter."""
        return "taken"

    def redeliver(self, number: int) -> bool:
        """Send a letter that is not on its way once more; False: it is, or has no address."""
        changed = self._store.run(
            "UPDATE letters SET state = 'waiting', tries = 0, due = ?"
            " WHERE number = ? AND cloud = ? AND state IN ('dead', 'delivered')",
            *(self._millis(), number, self._cloud),
        )
        self.news()
        return changed == 1

    def forget(self, owner: str) -> None:
        """Drop all letters of an owner, those on their way too."""
        mine = "SELECT number FROM letters WHERE cloud = ? AND owner = ?"
        self._store.run(f"DELETE FROM letter_tries WHERE letter IN ({mine})", self._cloud, owner)  # noqa: S608 - our own words
        self._store.run("DELETE FROM letters WHERE cloud = ? AND owner = ?", self._cloud, owner)

    def journal(self, owner: str) -> list[dict[str, object]]:
        """All letters of an owner with their tries, without headers and bodies, which may hold secrets."""
        tries = "SELECT at, status, outcome FROM letter_tries WHERE letter = ? ORDER BY number"
        return [
            {name: row[name] for name in ("number", "device", "kind", "url", "state")}
            | {"tries": [dict(one) for one in self._store.all(tries, row["number"])]}
            for row in self._store.all(
                "SELECT * FROM letters WHERE cloud = ? AND owner = ? ORDER BY number", self._cloud, owner
            )
        ]


def brief(code: object) -> str:
    """A code that an address answered with, for the journal; it may have sent anything as one."""
    plain = code is None or isinstance(code, str | int | float)
    return f"{code!r:.40}" if plain else f"of type {type(code).__name__}"


def host_of(url: str) -> str | None:
    """The host of an http address; None when it is no such address."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return None
    return parts.hostname if parts.scheme in ("http", "https") and " " not in url else None
