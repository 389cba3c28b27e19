"""The challenge (ttlock-ble 5.3). The order of the checks is that of the profile key there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock import envelope
from lockbench_protocol.lock.commands.login import MODULUS
from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.refused import Refused
from lockbench_emulator.lock.session import AFTER_RANDOM, Login

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock

_HIGHEST_PS = 0x7FFFFFFF  # a client in JavaScript needs it positive


def _challenge(lock: Lock, login: Login, uid: int) -> dict[str, int]:
    ps = lock.chance.randint(1, _HIGHEST_PS)
    while lock.profile.session.agreeable and not lock.agrees(_reply(login, ps)):
        ps = lock.chance.randint(1, _HIGHEST_PS)
    lock.session.challenge(login, ps, uid)
    return {"ps": ps}


def _reply(login: Login, ps: int) -> bytes:
    opcode = 0x41 if login is Login.CHALLENGED_ADMIN else 0x55
    return envelope.pack(envelope.Reply(opcode, ps.to_bytes(4, "big")))


def check_admin(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    memory = lock.memory
    if memory.admin is None:
        raise Refused(Status.NO_ADMIN)
    if request.admin_ps != memory.admin.admin_ps:
        raise Refused(Status.WRONG_ADMIN_PASSWORD)
    if request.lock_flag_pos < memory.flag_position:
        raise Refused(Status.FLAG_POSITION_LOW)
    memory.flag_position = request.lock_flag_pos
    return _challenge(lock, Login.CHALLENGED_ADMIN, request.uid)


def check_user_time(lock: Lock, request: Any, now: float) -> dict[str, int]:
    memory = lock.memory
    if request.lock_flag_pos < memory.flag_position:
        raise Refused(Status.FLAG_POSITION_LOW)
    if memory.frozen:
        raise Refused(Status.FROZEN)
    if lock.clock.valid:  # without a clock no key is too early or too late
        local = lock.date5(now)
        if local < request.start:
            raise Refused(Status.KEY_NOT_YET)
        if local > request.end:
            raise Refused(Status.KEY_EXPIRED)
    if lock.profile.session.larger_flag_position == "store":
        memory.flag_position = request.lock_flag_pos
    return _challenge(lock, Login.CHALLENGED_USER, request.uid)


def check_random(lock: Lock, request: Any, _now: float) -> None:
    if not sum_is_right(lock, request.sum):
        raise Refused(lock.profile.session.random_mismatch)
    lock.session.login = AFTER_RANDOM[lock.session.login]


def sum_is_right(lock: Lock, answer: int) -> bool:
    """(ps + unlock key) mod 2^32, against the challenge of this connection."""
    admin = lock.memory.admin
    if admin is None or not lock.session.ps:
        return False
    return answer == (lock.session.ps + admin.unlock_key) % MODULUS


HANDLERS = {0x41: check_admin, 0x55: check_user_time, 0x30: check_random}
