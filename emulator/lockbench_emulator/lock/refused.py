"""How a handler says no."""

from __future__ import annotations


class Refused(Exception):
    """The request is refused with this status (`lockbench_protocol.lock.status.Status`)."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status
