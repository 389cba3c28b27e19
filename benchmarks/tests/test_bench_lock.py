"""The benchmark of the lock measures exchanges that succeed."""

from lockbench_benchmarks.lock import QUESTIONS, lock_with_records, request, rows
from lockbench_emulator.gatt import Notify
from lockbench_emulator.lock.session import Login
from lockbench_protocol.lock.cipher import cipher
from lockbench_protocol.lock.frame import Reassembler, decode


def test_every_question_of_the_benchmark_is_answered_with_success() -> None:
    device = lock_with_records()
    for _, opcode, plain in QUESTIONS:
        stream = Reassembler()
        device.lock.session.login = Login.ADMIN
        effects = [
            effect for piece in request(device, opcode, plain) for effect in device.write("fff2", piece, 0.0)
        ]
        (raw,) = [
            raw for effect in effects if isinstance(effect, Notify) for raw in stream.feed(effect.value)
        ]
        assert cipher(device.memory.key).decrypt(decode(raw).data)[:2] == bytes((opcode, 1))


def test_a_lock_answers_more_than_a_hundred_thousand_requests_a_minute() -> None:
    """In processor time, which other work on the machine does not take."""
    assert max(row.ours for row in rows(0.02)) < 60e9 / 100_000
