"""Locks that let in who may not, or keep out who may (ttlock-ble 5.2, 5.3, 5.4, 6)."""

from __future__ import annotations

from typing import Any

from lockbench_protocol.lock.commands import Command, Level
from lockbench_protocol.lock.commands.login import MODULUS
from lockbench_protocol.lock.status import Status

from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Effect
from lockbench_emulator.lock.handlers import Handler
from lockbench_emulator.lock.lock import Lock
from lockbench_emulator.lock.session import Login, Mode
from lockbench_emulator.mutants.row import Mutant, faulty, handling, misled

_PS = 0x01234567
_LARGEST = MODULUS - 1


def _same_challenge(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        sound(lock, request, now)
        lock.session.ps = _PS
        return {"ps": _PS}

    return handle


def _right_sum(lock: Lock) -> int:
    return lock.session.ps + (lock.memory.admin.unlock_key if lock.memory.admin else 0)


def _any_sum(lock: Lock, request: Any, _now: float) -> None:
    request.sum = _right_sum(lock) % MODULUS


def _saturated_sum(lock: Lock, request: Any, _now: float) -> None:
    if request.sum == min(_right_sum(lock), _LARGEST):
        request.sum = _right_sum(lock) % MODULUS


def _any_password(lock: Lock, request: Any, _now: float) -> None:
    if lock.memory.admin is not None:
        request.admin_ps = lock.memory.admin.admin_ps


def _any_position(lock: Lock, _request: Any, _now: float) -> None:
    lock.memory.flag_position = 0


def _any_vendor(lock: Lock, request: Any, _now: float) -> None:
    request.vendor = lock.profile.model.vendor.encode()


def _never_too_late(_lock: Lock, request: Any, _now: float) -> None:
    request.end = b"\xff" * 5


def _never_too_early(_lock: Lock, request: Any, _now: float) -> None:
    request.start = bytes(5)


def _never_frozen(lock: Lock, _request: Any, _now: float) -> None:
    lock.memory.frozen = 0


def _never_private(lock: Lock, _request: Any, _now: float) -> None:
    lock.memory.privacy = False


def _without_record_id(_lock: Lock, request: Any, _now: float) -> None:
    request.time = 0


def _stays_open(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        reply = sound(lock, request, now)
        lock.move_bolt(unlocked=True, now=now)
        return reply

    return handle


class _SessionOutlivesLink(Lock):
    def connected(self, now: float) -> list[Effect]:
        kept = self.session
        effects = super().connected(now)
        self.session = kept
        return effects

    def disconnected(self, now: float) -> list[Effect]:
        kept = self.session
        effects = super().disconnected(now)
        self.session = kept
        return effects


class _FlagPositionForgotten(Lock):
    def disconnected(self, now: float) -> list[Effect]:
        self.memory.flag_position = 0
        return super().disconnected(now)


class _UserIsAdmin(Lock):
    def refusal(self, command: Command) -> Status | None:
        if self.session.login is Login.USER and command.level is Level.ADMIN:
            return None
        return super().refusal(command)


class _ChallengeIsLogin(Lock):
    def refusal(self, command: Command) -> Status | None:
        if self.session.login is Login.CHALLENGED_ADMIN and command.level is Level.ADMIN:
            return None
        return super().refusal(command)


class _ClockForAll(Lock):
    def refusal(self, command: Command) -> Status | None:
        return None if command.level is Level.CLOCK else super().refusal(command)


class _PairedAgain(Lock):
    def refusal(self, command: Command) -> Status | None:
        return None if command.level is Level.PAIRING else super().refusal(command)


class _OwnerlessAsksForLogin(Lock):
    def refusal(self, command: Command) -> Status | None:
        if self.mode is Mode.SETTING and command.level is not Level.PAIRING:
            return None if command.level is Level.ANYONE else Status.NOT_LOGGED_IN
        return super().refusal(command)


class _ResetKeepsKey(Lock):
    def forget_owner(self) -> None:
        key = self.memory.key
        super().forget_owner()
        self.memory.key = key


class _DeadButton(LockDevice):
    def press_reset(self, now: float) -> list[Effect]:  # noqa: ARG002 - the shape of the sound one
        return []


class _DropsBusyLink(Lock):
    def receive(self, chunk: bytes, now: float, *, busy: bool = False) -> list[Effect]:
        heard = self._last_frame
        effects = super().receive(chunk, now, busy=busy)
        self._last_frame = heard
        return effects


def _only_once_recorded(sound: Handler) -> Handler:
    def handle(lock: Lock, request: Any, now: float) -> Any:
        was_open, before = lock.memory.unlocked, lock.memory.last_sequence
        reply = sound(lock, request, now)
        if was_open and lock.memory.last_sequence > before:
            del lock.memory.log[lock.memory.last_sequence]
            lock.memory.last_sequence = before
        return reply

    return handle


SESSION = (
    faulty(
        "challenge-constant",
        "the challenge is always the same, so an answer can be replayed",
        "SES/5 COD/13 SEC/1",
        handling(0x41, 0x55, by=_same_challenge),
    ),
    faulty(
        "session-outlives-link",
        "the challenge of the last connection still counts",
        "SES/5 SES/6",
        _SessionOutlivesLink,
    ),
    faulty(
        "any-sum-opens",
        "the sum in an unlock request is not compared",
        "SES/4 SES/3 ADV/15 COD/17 SEC/1 SEC/2",
        misled(0x47, 0x58, by=_any_sum),
    ),
    faulty(
        "sum-saturates",
        "the sum stops at the largest number where it should wrap",
        "SES/3",
        misled(0x47, 0x58, by=_saturated_sum),
    ),
    faulty("wrong-login-sum", "the sum of 30 is not compared", "SES/6", misled(0x30, by=_any_sum)),
    faulty(
        "challenge-is-login", "41 is enough for the commands of an administrator", "SES/6", _ChallengeIsLogin
    ),
    faulty(
        "user-is-admin",
        "the commands of an administrator are obeyed with a user key",
        "SES/7 SES/6 PWD/24",
        _UserIsAdmin,
    ),
    faulty(
        "admin-password-unchecked",
        "the password of the administrator is not compared",
        "SES/8 COD/17",
        misled(0x41, by=_any_password),
    ),
    faulty(
        "flag-position-ignored",
        "keys that were withdrawn by a larger flag position still work",
        "SES/9",
        misled(0x41, 0x55, by=_any_position),
    ),
    faulty(
        "flag-position-forgotten",
        "the flag position is forgotten when the link ends",
        "SES/9",
        _FlagPositionForgotten,
    ),
    faulty(
        "key-never-expires", "the end of a key is not looked at", "SES/10", misled(0x55, by=_never_too_late)
    ),
    faulty(
        "key-always-begun", "the start of a key is not looked at", "SES/10", misled(0x55, by=_never_too_early)
    ),
    faulty(
        "freeze-ignored",
        "a frozen lock lets users in",
        "SES/10",
        misled(0x55, by=_never_frozen),
        profile="full",
    ),
    faulty("privacy-ignored", "the privacy bolt keeps nobody out", "SES/11", misled(0x47, by=_never_private)),
    faulty(
        "reset-keeps-key", "a reset leaves the AES key in force", "SES/12 SES/14 ADV/6 SOK/2", _ResetKeepsKey
    ),
    faulty("paired-again", "a lock that has an owner can be paired", "SES/13 ADV/6", _PairedAgain),
    faulty(
        "ownerless-asks-for-login",
        "a lock without an owner answers 18 instead of 5 and 6",
        "SES/14",
        _OwnerlessAsksForLogin,
    ),
    faulty(
        "vendor-unchecked",
        "the vendor string of pairing is not compared",
        "SES/15",
        misled(0x19, by=_any_vendor),
    ),
    Mutant(
        "half-paired-keeps-owner",
        "pairing that was cut short is not undone",
        ("SES/16",),
        keys={"session.forget_on_drop": False},
    ),
    Mutant("reset-button-dead", "the button inside does nothing", ("SES/17", "ADV/6"), device=_DeadButton),
    Mutant(
        "idle-never-dropped",
        "a silent link is never dropped",
        ("SES/18", "SEC/10"),
        keys={"session.idle_seconds": 1e6},
    ),
    faulty("busy-link-dropped", "a link is dropped after a while, used or not", "SES/18", _DropsBusyLink),
    faulty(
        "record-id-lost",
        "answer and record of an unlocking have no record id",
        "SES/1 LOG/1",
        misled(0x47, by=_without_record_id),
    ),
    faulty(
        "lock-stays-open",
        "58 is answered and the bolt stays open",
        "SES/2 ADV/3",
        handling(0x58, by=_stays_open),
    ),
    faulty(
        "second-unlock-unrecorded",
        "opening an open lock is answered and not recorded",
        "SES/27",
        handling(0x47, by=_only_once_recorded),
    ),
    faulty("clock-without-login", "anybody may set the clock", "CLK/3 SES/6", _ClockForAll),
)
