"""Reading the operation log (ttlock-ble 5.17)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.commands.log import RECORD_BODY, SINCE_LAST_READ
from lockbench_protocol.schema import codec

from lockbench_emulator.lock.pages import fitting

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock

_MOST = 16  # records that one reply could hold


def operate_log(lock: Lock, request: Any, _now: float) -> dict[str, Any]:
    """A cursor N means the records after sequence N; 0xFFFF those after the bookmark, which it moves."""
    memory = lock.memory
    marks = request.cursor == SINCE_LAST_READ
    cursor = memory.bookmark if marks else request.cursor
    first = next(iter(memory.log), 0)
    sequences = range(max(cursor + 1, first), memory.last_sequence + 1)[:_MOST]
    bodies = [memory.log[sequence] for sequence in sequences]
    count = fitting([len(body) + 1 for body in bodies], lock.profile.log.page)
    if not count:
        return {"page": None}
    last = sequences[count - 1]
    if marks:
        memory.bookmark = last
    return {"page": {"next": last, "records": [codec(RECORD_BODY).parse(body) for body in bodies[:count]]}}


HANDLERS = {0x25: operate_log}
