"""What a lock should do: credentials, keypad, clock and log, as the documents say and no more.

The machines of several groups hold a lock against it. Times are seconds of the loop.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from lockbench_harness.client.enrolment import CARD, FINGERPRINT
from lockbench_harness.client.operations import ListedPasscode, LogRecord
from lockbench_protocol.lock.commands.log import LogType
from lockbench_protocol.lock.commands.passcode import PasscodeType
from lockbench_protocol.lock.dates import PERMANENT_END, PERMANENT_START, date5, date6

Window = tuple[bytes, bytes]
Event = tuple[int, bytes, tuple[tuple[str, object], ...]]  # type, date6, what the tail says

LOST = datetime(2000, 1, 1)  # noqa: DTZ001 - a lock's time has no zone
LAST = datetime(2099, 12, 31, 23, 59, 59)  # noqa: DTZ001 - where two digits of a year end, a clock stays
LAST_MINUTE = b"\x63\x0c\x1f\x17\x3b"  # 2099-12-31 23:59
WRONG_CODES, WITHIN_SECONDS, LOCKED_SECONDS = 5, 300.0, 90.0  # GA 374
USES = 1  # of a type 2 code
ADDED = {CARD: LogType.CARD_ADDED, FINGERPRINT: LogType.FINGERPRINT_ADDED}
OPENED = {CARD: LogType.CARD_UNLOCK, FINGERPRINT: LogType.FINGERPRINT_UNLOCK}
REFUSED = {CARD: LogType.WRONG_CARD, FINGERPRINT: LogType.WRONG_FINGERPRINT}
DELETED = {CARD: LogType.CARD_DELETED, FINGERPRINT: LogType.FINGERPRINT_DELETED}
CLEARED = {CARD: LogType.CARDS_CLEARED, FINGERPRINT: LogType.FINGERPRINTS_CLEARED}
TAIL = {CARD: "card", FINGERPRINT: "fingerprint"}


def event(record: LogRecord) -> Event:
    """A record as the model writes them: without the battery and what is not there."""
    return record.type, record.date, _tail(dict(record.tail))


def _tail(fields: dict[str, object]) -> tuple[tuple[str, object], ...]:
    return tuple((name, value) for name, value in sorted(fields.items()) if value is not None)


def holds(window: Window, local: datetime) -> bool:
    """Both minutes belong to a window."""
    return window[0] <= date5(local) <= window[1]


def always(window: Window) -> bool:
    return window[0] <= PERMANENT_START and window[1] >= PERMANENT_END


@dataclass(frozen=True, slots=True)
class Code:
    kind: PasscodeType
    original: str
    window: Window
    uses: int = 0

    @property
    def used_up(self) -> bool:
        return self.kind is PasscodeType.COUNT and self.uses >= USES


@dataclass(slots=True)
class LockModel:
    admin_passcode: str
    started: datetime  # what the clock shows at 0 s
    is_open: bool = False
    frozen: bool = False
    bolted: bool = False  # the privacy bolt inside
    knows_time: bool = True
    codes: dict[str, Code] = field(default_factory=dict)
    cards: dict[bytes, Window] = field(default_factory=dict)
    fingerprints: dict[bytes, Window] = field(default_factory=dict)
    log: list[Event] = field(default_factory=list)
    read: int = 0  # records that were read as new ones
    _since: float = 0.0
    _wrong: list[float] = field(default_factory=list)
    _locked_until: float = -1.0

    # the clock

    def local(self, now: float) -> datetime:
        return min(LAST, self.started + timedelta(seconds=int(now - self._since + 1e-6)))

    def set_clock(self, local: datetime, now: float) -> None:
        self.started, self._since, self.knows_time = local, now, True

    def lose_clock(self, now: float) -> None:
        self.started, self._since, self.knows_time = LOST, now, False

    def _valid(self, window: Window, now: float) -> bool:
        return holds(window, self.local(now)) if self.knows_time else always(window)

    # the bolt

    def move(self, *, unlocked: bool) -> None:
        self.is_open = unlocked
        self.bolted = self.bolted and not unlocked

    def write(self, kind: LogType, now: float, **tail: object) -> None:
        self.log.append((kind, date6(self.local(now)), _tail(tail)))

    # the keypad

    def type_code(self, code: str, now: float) -> bool:
        """Whether it opens."""
        if now < self._locked_until:
            return False
        known = self.codes.get(code)
        if code == self.admin_passcode:
            return self._opened(code, code, now)
        if self.frozen or self.bolted:
            return False
        if known is not None and not known.used_up and self._valid(known.window, now):
            self.codes[code] = replace(known, uses=known.uses + 1)
            return self._opened(known.original, code, now)
        self.write(LogType.WRONG_PASSCODE, now, code=code)
        self._wrong = [*(at for at in self._wrong if now - at < WITHIN_SECONDS), now]
        if len(self._wrong) >= WRONG_CODES:
            self._wrong = []
            self._locked_until = now + LOCKED_SECONDS
        return False

    def _opened(self, original: str, code: str, now: float) -> bool:
        self._wrong = []
        self.move(unlocked=True)
        self.write(LogType.KEYPAD_UNLOCK, now, original=original, code=code)
        return True

    # passcodes by app

    def add(self, kind: PasscodeType, code: str, window: Window, now: float) -> None:
        permanent = kind is PasscodeType.PERMANENT
        self.codes[code] = Code(kind, code, (window[0], LAST_MINUTE) if permanent else window)
        end = None if permanent else window[1]
        self.write(LogType.PASSCODE_ADDED, now, code=code, start=window[0], end=end)

    def change(self, old: str, new: str, window: Window | None, now: float) -> None:
        """The code, the window, or both; its place in the list stays only with the code."""
        changed = self.codes[old]
        if window is not None:
            changed = replace(changed, window=window)
        if new != old:
            del self.codes[old]
        self.codes[new] = changed
        self.write(LogType.PASSCODE_MODIFIED, now, old=old, new=new)

    def delete(self, code: str, now: float) -> None:
        self.write(LogType.PASSCODE_DELETED, now, old=self.codes.pop(code).original, new=code)

    def clear(self, now: float) -> None:
        self.codes.clear()
        self.write(LogType.PASSCODES_CLEARED, now, delete_date=date5(self.local(now)))

    def fits(self, listed: list[ListedPasscode]) -> list[str]:
        """What the lock's list says otherwise, sorted; the order of a list is the lock's own."""
        seen = {(row.code, row.type, row.original, row.start, _shown_end(row)) for row in listed}
        wanted = {
            (code, int(row.kind), row.original, row.window[0], _end(row)) for code, row in self.codes.items()
        }
        return sorted(map(str, seen ^ wanted))

    # cards and fingerprints

    def numbers(self, kind: int) -> dict[bytes, Window]:
        return self.cards if kind == CARD else self.fingerprints

    def enroll(self, kind: int, number: bytes, window: Window, now: float) -> None:
        self.numbers(kind)[number] = window
        self.write(ADDED[kind], now, **{TAIL[kind]: number})

    def present(self, kind: int, number: bytes, now: float) -> bool:
        """Whether it opens."""
        window = self.numbers(kind).get(number)
        opens = window is not None and not self.frozen and not self.bolted and self._valid(window, now)
        if opens:
            self.move(unlocked=True)
        self.write(OPENED[kind] if opens else REFUSED[kind], now, **{TAIL[kind]: number})
        return opens

    def forget(self, kind: int, number: bytes, now: float) -> None:
        del self.numbers(kind)[number]
        self.write(DELETED[kind], now, **{TAIL[kind]: number})

    def forget_all(self, kind: int, now: float) -> None:
        self.numbers(kind).clear()
        self.write(CLEARED[kind], now)


def _shown_end(row: ListedPasscode) -> bytes:
    return LAST_MINUTE if row.end is None else row.end


def _end(row: Code) -> bytes:
    return LAST_MINUTE if row.kind is PasscodeType.PERMANENT else row.window[1]
