"""How many requests a lock answers: frames in, frames out, through AES and the table of opcodes.

One core, no link and no loop: the writes of a client go into the device, and its notifications come out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from lockbench_emulator.device import LockDevice
from lockbench_emulator.lock.memory import Admin
from lockbench_emulator.lock.session import Login
from lockbench_emulator.profiles import load_profile
from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.frame import Frame, chunks, encode

from lockbench_benchmarks.interleave import SECONDS, measure
from lockbench_benchmarks.row import NS, Row, within

GOAL_RATE = 10_000  # exchanges a second and core
AGAINST = "10,000 a second"
WRITE = "fff2"
CHECK = bytes(5) + b"\x63" * 5 + bytes(7)  # 55 with a window of for ever

# name, opcode, plaintext; the answers change nothing in the flash
QUESTIONS: tuple[tuple[str, int, bytes], ...] = (
    ("14 status", 0x14, b"SCIENER"),
    ("34 time", 0x34, b""),
    ("55 challenge", 0x55, CHECK),
    ("01 features", 0x01, b""),
    ("25 log, a page", 0x25, b"\x00\x00"),
    ("07 passcodes, a page", 0x07, b"\x00\x00"),
)


def lock_with_records() -> LockDevice:
    """A paired lock with some passcodes and records, connected, its administrator logged in."""
    device = LockDevice(load_profile("strict"), seed=1)
    device.memory.admin = Admin(1, 2)
    for number in range(8):
        device.enter_code(f"{number:04}", 1000.0 * number)
    device.connected(0.0)
    device.lock.session.login = Login.ADMIN
    for number in range(8):
        values = {"type": 3, "code": f"{number:06}", "start": bytes(5), "end": b"\x63" * 5}
        ask(device, 0x03, COMMANDS[0x03].build_request({"op": 2, "args": values}))
    return device


def ask(device: LockDevice, opcode: int, plain: bytes) -> None:
    for piece in request(device, opcode, plain):
        device.write(WRITE, piece, 0.0)


def request(device: LockDevice, opcode: int, plain: bytes) -> list[bytes]:
    data = cipher(device.memory.key).encrypt(plain) if plain else b""
    return chunks(encode(Frame(opcode, data)))


def exchange(device: LockDevice, opcode: int, plain: bytes) -> Callable[[], object]:
    """One request, cut as a client cuts it, and all that the lock says to it."""
    pieces = request(device, opcode, plain)

    def run() -> None:
        for piece in pieces:
            device.write(WRITE, piece, 0.0)

    return run


def rows(seconds: float = SECONDS) -> Iterator[Row]:
    """One row for each question, as they are measured."""
    device = lock_with_records()
    for name, opcode, plain in QUESTIONS:
        device.lock.session.login = Login.ADMIN
        (ns,) = measure({name: exchange(device, opcode, plain)}, seconds).values()
        yield within(name, AGAINST, ns, NS / GOAL_RATE, goal=opcode != 0x07)


def missing() -> list[str]:
    """No peer is known."""
    return []
