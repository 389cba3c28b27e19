"""Who is on the line, and what may they do: the session of one connection as tables (ttlock-ble 5.1, 6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from lockbench_protocol.lock.commands import Level
from lockbench_protocol.lock.status import Status


class Mode(Enum):
    """The life of a lock."""

    SETTING = auto()  # no administrator, default key
    PAIRING = auto()  # after 19, until 57
    READY = auto()


class Login(Enum):
    """How far the challenge of this connection has come."""

    NONE = auto()
    CHALLENGED_USER = auto()  # 55 was answered
    CHALLENGED_ADMIN = auto()  # 41 was answered
    USER = auto()  # 30 after 55
    ADMIN = auto()  # 30 after 41


AFTER_RANDOM = {
    Login.CHALLENGED_USER: Login.USER,
    Login.CHALLENGED_ADMIN: Login.ADMIN,
    Login.USER: Login.USER,
    Login.ADMIN: Login.ADMIN,
}
ADMINS = {Login.CHALLENGED_ADMIN, Login.ADMIN}  # 41 was answered in this connection
_ADMIN_ONLY = {
    Login.NONE: Status.NOT_LOGGED_IN,
    Login.CHALLENGED_USER: Status.NOT_LOGGED_IN,
    Login.CHALLENGED_ADMIN: Status.NOT_LOGGED_IN,
    Login.USER: Status.NOT_ADMIN,
}
_LOGGED_IN = {
    Login.NONE: Status.NOT_LOGGED_IN,
    Login.CHALLENGED_USER: Status.NOT_LOGGED_IN,
    Login.CHALLENGED_ADMIN: Status.NOT_LOGGED_IN,
}
_CHALLENGED = {Login.NONE: Status.NOT_LOGGED_IN}

# level -> login -> refusal; what is not here is allowed
REFUSALS: dict[Level, dict[Login, Status]] = {
    Level.ANYONE: {},
    Level.PAIRING: dict.fromkeys(Login, Status.NOT_IN_SETTING_MODE),
    Level.CHECKED: _CHALLENGED,
    Level.MOVER: _CHALLENGED,
    Level.CLOCK: _LOGGED_IN,
    Level.USER: _LOGGED_IN,
    Level.ADMIN: _ADMIN_ONLY,
    Level.ADMIN_OR_PAIRING: _ADMIN_ONLY,
}
OPENED = {Level.CLOCK, Level.USER, Level.ADMIN, Level.ADMIN_OR_PAIRING}  # count as 0 where login is open
WHILE_PAIRING = {Level.ANYONE, Level.PAIRING, Level.CLOCK, Level.ADMIN_OR_PAIRING}

IN_SETTING = {
    0x45: None,
    0x19: None,
    0x41: Status.NO_ADMIN,
    0x56: Status.NOT_LOGGED_IN,
    0x57: Status.NOT_LOGGED_IN,
}
"""What a lock without an administrator says to each command; to all others IN_SETTING_MODE."""


@dataclass(slots=True)
class Session:
    """One connection. Nothing of it outlives a disconnect."""

    login: Login = Login.NONE
    ps: int = 0  # the challenge that was given; 0 is none
    uid: int = 0  # as sent in 41 or 55

    def challenge(self, login: Login, ps: int, uid: int) -> None:
        self.login, self.ps, self.uid = login, ps, uid


def refusal(mode: Mode, login: Login, opcode: int, level: Level, *, is_open: bool) -> Status | None:
    """The status with which this command is refused here, None when it is allowed."""
    if mode is Mode.SETTING:
        return IN_SETTING.get(opcode, Status.IN_SETTING_MODE)
    if mode is Mode.PAIRING and level in WHILE_PAIRING:
        return None
    if is_open and level in OPENED:
        return None
    return REFUSALS[level].get(login)
