"""The callbacks of the dding SaaS on their way out (dding V1.6 9): which answer takes one, what is shown.

The document prints no retry: order, tries and times are those of all clouds.
"""

from __future__ import annotations

import json

from lockbench_emulator.cloud import outbox
from lockbench_emulator.cloud.dding.core import CLOUD, Core
from lockbench_emulator.cloud.outbox import Answer, brief


class Outbox(outbox.Outbox):
    def __init__(self, core: Core) -> None:
        def wrong(answer: Answer) -> str:
            return judge(answer, text_counts=core.policy.ack_text)

        super().__init__(core.store, CLOUD, core.millis, wrong)

    def taken(self, answer: Answer) -> str:
        return judge(answer, text_counts=False) or "taken"

    def journal(self, owner: str) -> list[dict[str, object]]:
        """With events and bodies, passwords masked."""
        bodies = self._store.all(
            "SELECT number, body FROM letters WHERE cloud = ? AND owner = ?", CLOUD, owner
        )
        shown = {row["number"]: masked(json.loads(row["body"])) for row in bodies}
        return [row | {"event": row["kind"], "body": shown[row["number"]]} for row in super().journal(owner)]

    def count(self, owner: str) -> int:
        """How many letters there are."""
        return self._store.count("letters WHERE cloud = ? AND owner = ?", CLOUD, owner)


def judge(answer: Answer, *, text_counts: bool) -> str:
    """What is wrong with an answer, "" when it takes the letter (dding V1.6 9.1: ErrNo 0)."""
    if answer.status is None or not 200 <= answer.status < 300:
        return f"HTTP {answer.status}"
    try:
        body = json.loads(answer.body)
    except (ValueError, RecursionError):
        return "" if text_counts else "no JSON"
    number = body.get("ErrNo") if isinstance(body, dict) else None
    if number == 0 and not isinstance(number, bool):
        return ""
    return f"ErrNo {brief(number)}"


def masked(value: object) -> object:
    """The same with every password hidden."""
    if isinstance(value, dict):
        return {
            key: "***" if key == "password" and isinstance(inner, str) else masked(inner)
            for key, inner in value.items()
        }
    return [masked(inner) for inner in value] if isinstance(value, list) else value
