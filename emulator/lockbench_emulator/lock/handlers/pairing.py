"""Pairing and reset (ttlock-ble 5.2, 5.11, 5.21)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lockbench_protocol.lock.status import Status

from lockbench_emulator.lock.memory import Admin
from lockbench_emulator.lock.refused import Refused
from lockbench_emulator.lock.session import Mode

if TYPE_CHECKING:
    from lockbench_emulator.lock.lock import Lock


def initialization(lock: Lock, _request: Any, _now: float) -> bytes:
    return bytes.fromhex(lock.profile.session.init_body)


def check_vendor(lock: Lock, vendor: bytes) -> None:
    if vendor != lock.profile.model.vendor.encode():
        raise Refused(Status.INVALID_VENDOR)


def get_aes_key(lock: Lock, request: Any, _now: float) -> dict[str, bytes]:
    check_vendor(lock, request.vendor)
    lock.memory.key = lock.chance.randbytes(16)
    lock.mode = Mode.PAIRING
    return {"key": lock.memory.key}


def add_admin(lock: Lock, request: Any, _now: float) -> dict[str, bytes]:
    check_vendor(lock, request.vendor)
    lock.memory.admin = Admin(request.admin_ps, request.unlock_key)
    return {"vendor": request.vendor}


def code_of(lock: Lock, digits: Sequence[int]) -> str:
    """The code that is sent as the values of its digits (5.11)."""
    policy = lock.profile.passcodes
    if not policy.shortest <= len(digits) <= policy.longest or any(digit > 9 for digit in digits):
        raise Refused(Status.PASSCODE_LENGTH)
    return "".join(map(str, digits))


def set_admin_passcode(lock: Lock, request: Any, _now: float) -> dict[str, int]:
    code = code_of(lock, request.digits)
    if code in lock.memory.passcodes:
        raise Refused(Status.PASSCODE_EXISTS)
    if code == lock.memory.erase_code:
        raise Refused(Status.ADMIN_EQUALS_ERASE)
    lock.memory.admin_passcode = code
    return {"battery": lock.battery}


def get_admin_code(lock: Lock, _request: Any, _now: float) -> dict[str, Any]:
    return {"battery": lock.battery, "code": lock.memory.admin_passcode}


def operation_finished(lock: Lock, _request: Any, _now: float) -> dict[str, int]:
    if lock.memory.admin is None:
        raise Refused(Status.NO_ADMIN)
    lock.mode = Mode.READY
    lock.happened("paired")
    return {"battery": lock.battery}


def reset(lock: Lock, _request: Any, _now: float) -> dict[str, int]:
    lock.forget_owner()
    lock.happened("reset")
    return {"battery": lock.battery}


HANDLERS = {
    0x45: initialization,
    0x19: get_aes_key,
    0x56: add_admin,
    0x53: set_admin_passcode,
    0x65: get_admin_code,
    0x57: operation_finished,
    0x52: reset,
}
