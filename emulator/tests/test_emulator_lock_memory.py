"""What a lock keeps: a power cut at any flash operation leaves the old state or the new one, whole."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lockbench_emulator.boot import power
from lockbench_emulator.device import LockDevice
from lockbench_emulator.gatt import Effect
from lockbench_emulator.lock import hands
from lockbench_emulator.lock.memory import Memory
from lockbench_emulator.profiles import load_profile
from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.commands import COMMANDS
from lockbench_protocol.lock.frame import Frame, chunks, encode

FULL = load_profile("full")
EVER = {"start": bytes((0, 2, 1, 1, 0)), "end": bytes((99, 12, 1, 1, 0))}
PERIOD = {"cycle": 1, "day": 1, "start_hour": 9, "start_minute": 0, "end_hour": 17, "end_minute": 0}
PASSAGE = {"type": 1, "day": 1, "month": 0} | {
    name: value for name, value in PERIOD.items() if name.startswith(("start", "end"))
}
Step = Callable[[LockDevice, float], list[Effect]]


def command(opcode: int, values: Any) -> Step:
    """One request of the administrator, who is logged in for it."""

    def act(device: LockDevice, now: float) -> list[Effect]:
        device.connected(now)
        admin = device.memory.admin
        assert admin is not None
        check = {"admin_ps": admin.admin_ps, "lock_flag_pos": 0, "uid": 0}
        effects = send(device, 0x41, check, now)
        sum_ = (device.lock.session.ps + admin.unlock_key) % 2**32
        effects += send(device, 0x30, {"sum": sum_}, now)
        effects += send(device, opcode, values, now)
        return effects + list(device.disconnected(now))

    return act


def send(device: LockDevice, opcode: int, values: Any, now: float) -> list[Effect]:
    plain = COMMANDS[opcode].build_request(values)
    raw = encode(Frame(opcode, cipher(device.memory.key).encrypt(plain)))
    return [effect for chunk in chunks(raw) for effect in device.write("fff2", chunk, now)]


def hand(function: Callable[..., list[Effect]], *args: Any, **options: Any) -> Step:
    return lambda device, now: device.by_hand(lambda lock, at: function(lock, *args, now=at, **options), now)


def code(op: int, code: str, kind: int = 3, **more: Any) -> Step:
    return command(0x03, {"op": op, "args": {"type": kind, "code": code, **more}})


HISTORY: tuple[Step, ...] = (
    code(2, "1111", 3, **EVER),
    code(2, "2222", 2, **EVER),
    hand(hands.enter_code, "2222"),
    hand(hands.enter_code, "9999"),
    code(5, "1111", 3, new="123456", window=EVER),
    command(0x05, {"op": 2, "args": {"number": b"card", **EVER}}),
    command(0x70, {"op": 2, "user_type": 2, "user": b"card", "period": PERIOD}),
    command(0x06, {"op": 2, "args": {"number": b"finger", **EVER}}),
    hand(hands.present_card, b"card"),
    command(0x36, {"op": 2, "seconds": 30, "door_sensor": None}),
    command(0x62, {"op": 2, "value": {"on": 0, "volume": 5, "language": 2}}),
    command(0x66, {"op": 2, "args": PASSAGE}),
    command(0x73, {"op": 2, "args": {"mac": b"abcdef", **EVER}}),
    command(0x53, {"digits": [7, 7, 7, 7, 7]}),
    code(3, "123456"),
    command(0x31, {"year": 26, "pairs": [{"code": at, "secret": 123456789} for at in range(10)]}),
    command(0x25, {"cursor": 0xFFFF}),
    hand(hands.turn_key, unlocked=True),
    command(0x05, {"op": 4, "args": None}),
    command(0x52, None),
)


def kept(memory: Memory) -> list[Any]:
    """All of it, each table in its order."""
    return [list(table.items()) for table in memory._tables()]


def play(device: LockDevice, history: tuple[Step, ...] | list[Step]) -> list[Any]:
    """What the memory holds before each step and after the last; ends early when the power goes."""
    states = [kept(device.memory)]
    for number, step in enumerate(history):
        step(device, float(number))
        if not device.alive:
            break
        states.append(kept(device.memory))
    return states


def new_lock() -> LockDevice:
    return LockDevice(FULL, seed=3)


def count_operations(history: tuple[Step, ...] | list[Step]) -> tuple[range, list[Any]]:
    device = new_lock()
    first = device.flash.operations
    states = play(device, history)
    return range(first, device.flash.operations), states


def check_cut(
    history: tuple[Step, ...] | list[Step], at: int, style: power.Settling, states: list[Any]
) -> None:
    device = new_lock()
    device.flash.hook = power.cut_at(at, style)
    done = len(play(device, history)) - 1
    assert not device.alive
    device.flash.hook = None
    device.restore_power(100.0)
    assert device.alive
    left = kept(device.memory)
    assert left in (states[done], states[done + 1])
    if states[done + 1][0] != states[-1][0]:  # it still has its owner: the rest of the history goes on
        play(device, history[done + 1 :])
        assert device.alive


@pytest.mark.parametrize("style", [power.not_done, power.half, power.done])
def test_a_cut_at_any_operation_leaves_the_old_state_or_the_new_one(style: power.Settling) -> None:
    operations, states = count_operations(HISTORY)
    assert len(operations) > 2 * len(HISTORY)
    for at in operations:
        check_cut(HISTORY, at, style, states)


@settings(max_examples=60)
@given(st.lists(st.sampled_from(HISTORY[:-1]), min_size=1, max_size=12), st.data())
def test_whatever_happened_a_torn_operation_loses_no_neighbour(history: list[Step], data: Any) -> None:
    operations, states = count_operations(history)
    if operations:
        at = data.draw(st.sampled_from(operations))
        check_cut(history, at, power.subset(data.draw(st.integers(0, 2**64))), states)


def test_an_answer_means_that_it_is_kept() -> None:
    """Cut right after the reply to each command: what was confirmed is there after the restart."""
    for length in range(1, len(HISTORY)):
        device = new_lock()
        states = play(device, HISTORY[:length])
        device.cut_power(50.0)
        device.restore_power(51.0)
        assert kept(device.memory) == states[-1]


def test_a_flash_that_takes_nothing_makes_the_lock_refuse_and_changes_nothing() -> None:
    device = new_lock()
    device.flash.protected = range(device.board.data_region, device.board.flash_size)
    before = kept(device.memory)
    effects = code(2, "1111", 3, **EVER)(device, 1.0)
    assert effects
    assert kept(device.memory) == before
    device.flash.protected = range(0)
    code(2, "1111", 3, **EVER)(device, 2.0)
    assert "1111" in device.memory.passcodes
