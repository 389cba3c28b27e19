"""What a cloud was asked, as the bench reads it: the last lines, and whether what should have come came."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping

from lockbench_emulator.cloud.store import Store

Json = dict[str, object]
Observer = Callable[[str, str, int, int | None], None]
"""Told of each request: method, path, HTTP status of the answer, the cloud's own code in it."""


class Journal:
    """The lines of one cloud, secrets masked."""

    def __init__(self, store: Store, cloud: str) -> None:
        self._store = store
        self._cloud = cloud

    def lines(self, last: int = 100) -> list[Json]:
        """The last calls as they were understood and answered, oldest first."""
        rows = self._store.all(
            "SELECT * FROM journal WHERE cloud = ? ORDER BY number DESC LIMIT ?", self._cloud, max(last, 0)
        )
        return [dict(row) for row in reversed(rows)]

    def verify(
        self,
        path: str,
        method: str | None = None,
        status: int | None = None,
        errcode: int | None = None,
        parameters: Mapping[str, str] | None = None,
        times: int | None = None,
    ) -> Json:
        """How many calls were like this, and whether as many as `times` says; without it, one at least.

        `parameters` are some of the call's own, as the journal shows them.
        """
        rows = self._store.all(
            "SELECT parameters FROM journal WHERE cloud = ? AND path = ? AND method = coalesce(?, method)"
            " AND status = coalesce(?, status) AND (? IS NULL OR errcode = ?)",
            *(self._cloud, path, method, status, errcode, errcode),
        )
        wanted = (parameters or {}).items()
        met = sum(wanted <= json.loads(row["parameters"]).items() for row in rows)
        return {"met": met, "holds": met > 0 if times is None else met == times}

    def forget(self) -> None:
        self._store.run("DELETE FROM journal WHERE cloud = ?", self._cloud)
