"""The lock: frames and hands in, effects out.

No asyncio, no wall clock, no chance but the generator that is passed in. Every request gets one answer, or
silence where a policy of the profile says so; no input raises.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from random import Random
from typing import Any, ClassVar

from lockbench_protocol.lock import envelope
from lockbench_protocol.lock.cipher import DEFAULT_KEY, CipherError
from lockbench_protocol.lock.commands import COMMANDS, Command, PayloadError
from lockbench_protocol.lock.commands.cards import CredentialOp
from lockbench_protocol.lock.commands.info import RECORD_PUSH, STATE_PUSH
from lockbench_protocol.lock.commands.log import RECORD_BODY, TAILS, LogType
from lockbench_protocol.lock.crc import TEXTBOOK, VENDOR, crc8
from lockbench_protocol.lock.dates import date5, date6
from lockbench_protocol.lock.frame import AES, REPLY, Frame, Reassembler, chunks, decode, encode, is_legacy
from lockbench_protocol.lock.status import Status
from lockbench_protocol.schema import codec

from lockbench_emulator.gatt import Disconnect, Effect, Happened, Notify
from lockbench_emulator.lock.clock import LockClock
from lockbench_emulator.lock.codec import codec_of
from lockbench_emulator.lock.handlers import HANDLERS, Handler
from lockbench_emulator.lock.keypad import Keypad
from lockbench_emulator.lock.memory import Memory
from lockbench_emulator.lock.refused import Refused
from lockbench_emulator.lock.schedule import passage_holds
from lockbench_emulator.lock.session import Mode, Session, refusal
from lockbench_emulator.lock.store import StoreFault, StoreFull
from lockbench_emulator.profiles import LockProfile

WRITE, NOTIFY = "fff2", "fff4"
STATUS_ECHO = 0x14
PROTOCOL = 5  # the protocol type of every lock of ours
SHAKY = (0x62, 0x90)  # what some locks fail at while they are paired (ttlock-ble 10)
MALFORMED = {0x31: Status.INIT_PASSWORDS_FAILED}  # a wrong length; to all others PAYLOAD_LENGTH (4)
FRAMES = {0x19: 0x19}  # whose answers, refusals too, come in frames of their own (5.2); all others in REPLY
PASSAGE_LOOK = 60.0  # seconds between two looks at whether a passage time is over


class Lock:
    """The application of a V3 lock. `firmware` is the revision that it reports."""

    # what it is made of
    handlers: ClassVar[Mapping[int, Handler]] = HANDLERS
    keypad_class: ClassVar[type[Keypad]] = Keypad
    stream_class: ClassVar[type[Reassembler]] = Reassembler
    codec_of = staticmethod(codec_of)

    def __init__(
        self,
        profile: LockProfile,
        memory: Memory,
        clock: LockClock,
        chance: Random,
        address: str,
        firmware: str,
    ) -> None:
        self.profile = profile
        self.memory = memory
        self.clock = clock
        self.chance = chance
        self.address = address
        self.firmware = firmware
        self.battery = profile.advertising.battery
        self.mode = Mode.READY if memory.admin else Mode.SETTING
        self.session = Session()
        self.online = False
        self.enters_dfu = False  # set by 02; the device looks at it
        self.awake_until = 0.0
        self.relock_at: float | None = None
        self.enrolling: int | None = None  # the opcode whose `add` waits for a card or a finger
        self.scans = 0
        self.template: Any = None  # the head of a fingerprint template that is being sent
        self.template_data = b""
        self.template_seq = 0
        self.door_closed: bool | None = None  # None: no sensor has spoken
        self.obstructed = False  # something stands in the way of a parking lock
        self._features = frozenset((None, *profile.features))  # what a command may need
        policy = profile.session
        self._codes: dict[int, int] = {
            Status.NOT_LOGGED_IN: policy.not_logged_in,
            Status.NOT_ADMIN: policy.not_admin,
        }
        self._hiccups = 0
        self._tables = (VENDOR, TEXTBOOK) if profile.session.accept_textbook_crc else (VENDOR,)
        self.keypad = self.keypad_class(self)
        self._stream = self.stream_class(self._tables)
        self._codec = self.codec_of(profile.model.protocol_version, chance)
        self._version = bytes((PROTOCOL, profile.model.protocol_version))
        self._last_frame = 0.0
        self._pushes: deque[Callable[[], envelope.Reply | envelope.Refusal]] = deque()  # made when sent
        self._effects: list[Effect] = []

    # the air

    def connected(self, now: float) -> list[Effect]:
        self.session = Session()
        self._stream.reset()
        self._pushes.clear()
        self.online = True
        self._last_frame = now
        return self.take()

    def disconnected(self, now: float) -> list[Effect]:  # noqa: ARG002 - the shape of all events
        self.online = False
        self.session = Session()
        self._pushes.clear()
        self.enrolling = self.template = None
        if self.mode is Mode.PAIRING and self.profile.session.forget_on_drop:
            self.forget_owner()
        return self.finish()

    def receive(self, chunk: bytes, now: float, *, busy: bool = False) -> list[Effect]:
        """A write to FFF2. `busy`: a firmware transfer runs, every command is refused."""
        for raw in self._stream.feed(chunk):
            self._last_frame = now
            self._answer(raw, now, busy=busy)
        return self.finish()

    def heard(self, now: float) -> None:
        """Something else than a frame came over the link: it is not idle."""
        self._last_frame = now

    def deadline(self) -> float | None:
        due = [] if self.relock_at is None else [self.relock_at]
        if self.awake_until:
            due.append(self.awake_until)
        if self.online:
            due.append(self._last_frame + self.profile.session.idle_seconds)
            if self._pushes:
                due.append(self._last_frame + self.profile.session.push_quiet)
        return min(due, default=None)

    def advance(self, now: float) -> list[Effect]:
        if self.relock_at is not None and now >= self.relock_at:
            self._relock(now)
        if self.awake_until and now >= self.awake_until:
            self.awake_until = 0.0
        if self.online and self._pushes and now >= self._last_frame + self.profile.session.push_quiet:
            self._send(envelope.pack(self._pushes.popleft()()), self.key, now)
        if self.online and now >= self._last_frame + self.profile.session.idle_seconds:
            self._effects.append(Disconnect())
            self._last_frame = now
        return self.finish()

    # what handlers and hands use

    @property
    def key(self) -> bytes:
        """The AES key in force."""
        return self.memory.key or DEFAULT_KEY

    def date5(self, now: float) -> bytes:
        return date5(self.clock.local(now))

    def date6(self, now: float) -> bytes:
        return date6(self.clock.local(now))

    def happened(self, what: str, **detail: str | int | bool | None) -> None:
        self._effects.append(Happened(what, detail))

    def write_log(self, kind: LogType, tail: dict[str, object] | None, now: float) -> None:
        shown = tail if kind in TAILS else b""
        body = codec(RECORD_BODY).build(
            {"type": kind, "date": self.date6(now), "battery": self.battery, "tail": shown}
        )
        self.happened("log", sequence=self.memory.write_log(body), type=int(kind))

    def move_bolt(self, *, unlocked: bool, now: float) -> None:
        """Move the bolt; opening starts the auto-lock timer, which nobody is told of but by advertising."""
        self.memory.unlocked = unlocked
        self.relock_at = now + self.memory.auto_lock if unlocked and self.memory.auto_lock else None
        if unlocked:
            self.memory.privacy = False
        self.happened("bolt", unlocked=unlocked)

    def _relock(self, now: float) -> None:
        """The auto-lock timer ran out; in a passage time it waits for its end."""
        if passage_holds(self.memory.passages, self.clock.local(now)):
            self.relock_at = now + PASSAGE_LOOK
        else:
            self.move_bolt(unlocked=False, now=now)

    def push_status(self) -> None:
        def state() -> envelope.Reply:
            values = {"battery": self.battery, "state": self.memory.unlocked, "flag": 0}
            return envelope.Reply(STATUS_ECHO, codec(STATE_PUSH).build(values))

        self._pushes.append(state)

    def push_record(self, uid: int, record_id: int, date: bytes) -> None:
        def record() -> envelope.Reply:
            values = {"battery": self.battery, "uid": uid, "record_id": record_id, "date": date}
            return envelope.Reply(STATUS_ECHO, codec(RECORD_PUSH).build(values))

        self._pushes.append(record)

    def push_added(self, opcode: int, status: int, detail: dict[str, Any]) -> None:
        """How the enrolment of a card or finger goes on (5.12)."""

        def added() -> envelope.Reply:
            result = {"status": status, "detail": detail}
            values = {"battery": self.battery, "op": CredentialOp.ADD, "result": result}
            return envelope.Reply(opcode, COMMANDS[opcode].build_reply(values))

        self._pushes.append(added)

    def push_refusal(self, opcode: int, status: int) -> None:
        self._pushes.append(lambda: envelope.Refusal(opcode, status, CredentialOp.ADD))

    def forget_owner(self) -> None:
        self.memory.forget_owner()
        self.mode = Mode.SETTING
        self.session = Session()

    def finish(self) -> list[Effect]:
        """The end of an event: what changed goes into the flash, and the effects go out."""
        try:
            self.memory.commit()
        except (StoreFull, StoreFault):
            self.memory.reload()
            self.happened("memory", lost=True)
        return self.take()

    def take(self) -> list[Effect]:
        """The effects so far, handed over once."""
        effects, self._effects = self._effects, []
        return effects

    # one request

    def _answer(self, raw: bytes, now: float, *, busy: bool) -> None:
        """The checks in the order of ttlock-ble 6, then the handler."""
        key = self.key  # the answer uses the key in force when the request came
        policy = self.profile.session
        legacy = is_legacy(raw)
        opcode = raw[3] if legacy else raw[9]
        table = next((t for t in self._tables if crc8(raw[:-3], t) == raw[-3]), None)
        if table is None:
            if policy.bad_crc == "refuse":
                self._refuse(opcode, Status.CRC, None, key, now)
            return
        if legacy or (policy.check_version and raw[2:4] != self._version):
            self._refuse(opcode, policy.version_code, None, key, now)
            return
        try:
            plain = self._codec.open(decode(raw, table), key)
        except CipherError:
            if policy.unreadable == "empty":
                self._send(None, key, now)
            return
        if busy:
            self._refuse(opcode, self.profile.dfu.busy_code, None, key, now)
        else:
            self._obey(opcode, plain, key, now)

    def _obey(self, opcode: int, plain: bytes, key: bytes, now: float) -> None:
        command = COMMANDS.get(opcode)
        lacking = command is not None and command.feature not in self._features
        if command is None or lacking or opcode not in self.handlers:
            self._refuse(opcode, Status.INVALID_COMMAND, None, key, now)
            return
        op = plain[0] if command.ops and plain else None
        try:
            body = self._execute(command, plain, now)
        except Refused as refused:
            self._refuse(opcode, refused.status, op, key, now)
        else:
            self._send(envelope.pack(envelope.Reply(opcode, body)), key, now, FRAMES.get(opcode, REPLY))

    def refusal(self, command: Command) -> Status | None:
        """The status with which this command is refused to this session, None when it is allowed."""
        is_open = self.profile.session.login == "open"
        return refusal(self.mode, self.session.login, command.opcode, command.level, is_open=is_open)

    def _execute(self, command: Command, plain: bytes, now: float) -> bytes:
        status = self.refusal(command)
        if status is not None:
            raise Refused(self._codes.get(status, status))
        if self.mode is Mode.PAIRING and command.opcode in SHAKY and self.profile.quirks.pairing_hiccups:
            self._hiccups += 1
            if self._hiccups % 2:
                raise Refused(Status.FAILED)
        if command.ops and plain and plain[0] not in command.ops:
            raise Refused(Status.INVALID_COMMAND)
        try:
            request = command.parse_request(plain)
        except PayloadError:
            raise Refused(MALFORMED.get(command.opcode, Status.PAYLOAD_LENGTH)) from None
        values = self.handlers[command.opcode](self, request, now)
        try:
            self.memory.commit()  # before the answer: what was confirmed survives a power cut
        except (StoreFull, StoreFault) as error:
            self.memory.reload()
            full = isinstance(error, StoreFull)
            raise Refused(Status.OUT_OF_MEMORY if full else Status.FAILED) from None
        return command.build_reply(values)

    def _refuse(self, opcode: int, status: int, op: int | None, key: bytes, now: float) -> None:
        answer = envelope.pack(envelope.Refusal(opcode, status, op))
        self._send(answer, key, now, FRAMES.get(opcode, REPLY))

    def _send(self, plain: bytes | None, key: bytes, now: float, command: int = REPLY) -> None:
        """One frame in notifications of at most 20 bytes; None is a frame without data."""
        encrypt, data = (AES, b"") if plain is None else self._codec.seal(plain, key)
        frame = self.frame(command, data, encrypt)
        table = TEXTBOOK if self.profile.session.reply_textbook_crc else VENDOR
        self._effects.extend(Notify(NOTIFY, chunk) for chunk in chunks(encode(frame, table)))
        self._last_frame = now

    def agrees(self, plain: bytes) -> bool:
        """Has the frame of this reply the same CRC by both tables?"""
        encrypt, data = self._codec.seal(plain, self.key)
        frame = self.frame(REPLY, data, encrypt)
        return encode(frame, VENDOR) == encode(frame, TEXTBOOK)

    def frame(self, command: int, data: bytes, encrypt: int) -> Frame:
        """Under the lock's own header."""
        model = self.profile.model
        return Frame(
            command, data, PROTOCOL, model.protocol_version, model.scene, model.group, model.org, encrypt
        )
