"""What a lock keeps when it restarts: owner, passcodes, log, settings."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field, replace

from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.dates import PERMANENT_END


@dataclass(frozen=True, slots=True)
class Passcode:
    """One keypad code. `start` and `end` are date5 bytes; `uses` counts openings."""

    type: int
    code: str
    original: str
    start: bytes
    end: bytes | None = None
    uses: int = 0

    def opens(self, local: bytes, count_uses: int) -> bool:
        """Inside its window, both minutes included, and not used up. `local` is date5."""
        if self.type == PasscodeType.COUNT and self.uses >= count_uses:
            return False
        return self.start <= local <= (self.end or PERMANENT_END[:1] + b"\xff" * 4)


@dataclass(frozen=True, slots=True)
class Admin:
    """The owner's secrets (ttlock-ble 5.2)."""

    admin_ps: int
    unlock_key: int


@dataclass(frozen=True, slots=True)
class LogEntry:
    """One record: its sequence, and the bytes of RECORD without the length."""

    sequence: int
    body: bytes


@dataclass(slots=True)
class Memory:
    """Everything that outlives a restart. A lock that nobody has paired has no key."""

    auto_lock: int
    log: deque[LogEntry]
    key: bytes | None = None
    admin: Admin | None = None
    flag_position: int = 0
    admin_passcode: str = ""
    passcodes: dict[str, Passcode] = field(default_factory=dict)  # by code, in order of writing
    last_sequence: int = 0
    bookmark: int = 0
    unlocked: bool = False
    privacy: bool = False  # the bolt inside is thrown
    wrong_codes: tuple[float, ...] = ()
    keypad_locked_until: float = 0.0

    @classmethod
    def blank(cls, log_capacity: int, auto_lock: int) -> Memory:
        return cls(auto_lock, deque(maxlen=log_capacity))

    @property
    def unread(self) -> bool:
        return self.last_sequence > self.bookmark

    def write_log(self, body: bytes) -> LogEntry:
        self.last_sequence += 1
        entry = LogEntry(self.last_sequence, body)
        self.log.append(entry)
        return entry

    def use(self, code: str) -> None:
        passcode = self.passcodes[code]
        self.passcodes[code] = replace(passcode, uses=passcode.uses + 1)

    def forget_owner(self) -> None:
        """Back to setting mode: no key, no owner, no codes; the log stays."""
        self.key = self.admin = None
        self.flag_position = 0
        self.admin_passcode = ""
        self.passcodes.clear()
