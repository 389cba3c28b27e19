"""Reading the operation log (ttlock-ble 5.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.commands.log import RECORD_BODY, SINCE_LAST_READ

from lockbench_emulator.lock.pages import fitting

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock


def operate_log(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    """A cursor N means the records after sequence N; 0xFFFF those after the bookmark, which it moves."""
    memory = lock.memory
    marks = request.cursor == SINCE_LAST_READ
    cursor = memory.bookmark if marks else request.cursor
    entries = [entry for entry in memory.log if entry.sequence > cursor]
    count = fitting([len(entry.body) + 1 for entry in entries], lock.profile.log.page)
    if not count:
        return {"page": None}
    last = entries[count - 1].sequence
    if marks:
        memory.bookmark = last
    return {"page": {"next": last, "records": [RECORD_BODY.parse(entry.body) for entry in entries[:count]]}}


HANDLERS = {0x25: operate_log}
